"""CreateSnapshots: all volumes of an instance at once, as of one moment; which are left out, whose tags they have, and who may."""

import pytest

from asserting import refused
from instances import becomes, console, run, runs, says, until
from people import Person, allow, deny

# Counts on the second data volume after it has counted on the first one, from file to file so that none is ever half written.
COUNTS = """#!/bin/sh
n=0
while true; do
  n=$((n + 1))
  for disk in sdf sdg; do
    echo $n >/mnt/$disk/new && mv /mnt/$disk/new /mnt/$disk/n
  done
  test $n = 1 && echo "it counts"
done
"""
# Says how far apart they were.
COMPARES = """#!/bin/sh
(while ! test -e /mnt/sdg/n; do sleep 0.1; done
 while ! test -e /mnt/sdh/n; do sleep 0.1; done
 echo "apart: $(($(cat /mnt/sdg/n) - $(cat /mnt/sdh/n)))") &
"""
MAPPINGS = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}, {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 2}}]
UNKNOWN = "vol-00000000000000000"


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def server(ec2):
    """An instance with a root volume and two data volumes: its id, and its volumes by device."""
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "server"}, {"Key": "kind", "Value": "volume"}]}]
    id = run(ec2, UserData=COUNTS, BlockDeviceMappings=MAPPINGS, TagSpecifications=tags)
    found = becomes(ec2, id, "running")["BlockDeviceMappings"]
    says(ec2, id, "it counts")
    yield id, {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in found}
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")


def create(ec2, id, description="together", boot=None, but=None, **more):
    """What CreateSnapshots answers, by volume."""
    wanted = {"InstanceId": id}
    wanted |= {"ExcludeBootVolume": boot} if boot is not None else {}
    wanted |= {"ExcludeDataVolumeIds": but} if but is not None else {}
    made = ec2.create_snapshots(InstanceSpecification=wanted, Description=description, **more)["Snapshots"]
    return {one["VolumeId"]: one for one in made}


def tags(one):
    return {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}


@runs
def test_they_are_of_one_moment(ec2, server):
    id, volumes = server
    made = create(ec2, id)
    assert set(made) == set(volumes.values()) and {one["State"] for one in made.values()} == {"pending"}
    snapshots = [made[volumes[device]]["SnapshotId"] for device in ("/dev/sdf", "/dev/sdg")]
    states = lambda: {one["State"] for one in ec2.describe_snapshots(SnapshotIds=snapshots)["Snapshots"]}  # noqa: E731
    until(lambda: states() == {"completed"})
    assert made[volumes["/dev/sdg"]]["VolumeSize"] == 2 and made[volumes["/dev/sdf"]]["Description"] == "together"
    disks = [{"DeviceName": f"/dev/sd{letter}", "Ebs": {"SnapshotId": snapshot}} for letter, snapshot in zip("gh", snapshots)]
    reader = run(ec2, UserData=COMPARES, BlockDeviceMappings=disks)
    says(ec2, reader, "apart: ")
    apart = int(console(ec2, reader).split("apart: ")[1].split()[0])
    assert apart in (0, 1), apart
    ec2.terminate_instances(InstanceIds=[reader])
    becomes(ec2, reader, "terminated")


@runs
def test_volumes_are_left_out_and_tags_are_copied(ec2, server):
    id, volumes = server
    root, data, other = (volumes[device] for device in ("/dev/xvda", "/dev/sdf", "/dev/sdg"))
    assert set(create(ec2, id, boot=True)) == {data, other}
    own = [{"ResourceType": "snapshot", "Tags": [{"Key": "kind", "Value": "snapshot"}]}]
    made = create(ec2, id, boot=False, but=[other], CopyTagsFromSource="volume", TagSpecifications=own)
    assert set(made) == {root, data}
    assert tags(made[root]) == tags(made[data]) == {"of": "server", "kind": "snapshot"}
    assert tags(create(ec2, id, but=[other])[data]) == {}
    for code, more in (
        ("InvalidParameterValue", {"but": [root]}),
        ("InvalidParameterValue", {"but": [UNKNOWN]}),
        ("InvalidParameterValue", {"but": [data, other], "boot": True}),
        ("InvalidParameterValue", {"but": [UNKNOWN] * 41}),
        ("NotImplemented", {"OutpostArn": "arn:aws:outposts:us-east-1:000000000000:outpost/op-1"}),
        ("DryRunOperation", {"DryRun": True}),
    ):
        before = len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
        with refused(code):
            create(ec2, id, **more)
        assert len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == before
    with refused("InvalidInstanceID.NotFound"):
        create(ec2, "i-00000000000000000")


@runs
def test_every_volume_is_asked_about(cloud, ec2, iam, server):
    id, volumes = server
    person = Person(cloud, iam, "keeper")
    theirs = person.service("ec2")
    person.put("may", allow("ec2:CreateSnapshots"), deny("ec2:CreateSnapshots", f"arn:aws:ec2:*:*:volume/{volumes['/dev/sdg']}"))
    with refused("UnauthorizedOperation"):
        create(theirs, id)
    assert len(create(theirs, id, but=[volumes["/dev/sdg"]])) == 2
    # Tags of volumes are tags at creation, too.
    with refused("UnauthorizedOperation"):
        create(theirs, id, but=[volumes["/dev/sdg"]], CopyTagsFromSource="volume")
    person.put("tags", allow("ec2:CreateTags", Condition={"StringEquals": {"ec2:CreateAction": "CreateSnapshots"}}))
    assert len(create(theirs, id, but=[volumes["/dev/sdg"]], CopyTagsFromSource="volume")) == 2
