"""Volumes and snapshots: what is written inside survives its instance, is copied at one moment and read elsewhere; exact refusals,
another account and another region, and nothing that is left."""

import subprocess

from asserting import refused
from instances import becomes, instance, run, runs, says, until
from terraform import prepare, tell, terraform  # noqa: F401

WRITES = """#!/bin/sh
echo "root of $(df -m / | tail -1 | awk '{print $2}')"
echo kept >/mnt/sdf/file
echo "data of $(df -m /mnt/sdf | tail -1 | awk '{print $2}')"
"""
READS = """#!/bin/sh
(while ! cat /mnt/sdg/file 2>/dev/null; do sleep 0.1; done; echo "was read") &
"""


def volume(ec2, id):
    return ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]


def volume_becomes(ec2, id, state):
    until(lambda: volume(ec2, id)["State"] == state, f"{id} {state}")
    return volume(ec2, id)


def completed(ec2, id):
    until(lambda: ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"][0]["State"] == "completed", id)
    return id


def gone(ec2, id):
    try:
        ec2.describe_volumes(VolumeIds=[id])
    except ec2.exceptions.ClientError as caught:
        return caught.response["Error"]["Code"] == "InvalidVolume.NotFound"
    return False


def files(cloud):
    """The files of volumes and snapshots in the cloud's machine."""
    found = subprocess.run(
        ["find", str(cloud.data_dir), "-name", "*.img", "-path", "*/volumes/*"], capture_output=True, text=True, check=True
    ).stdout.split()
    return {path.rsplit("/", 1)[1].removesuffix(".img") for path in found}


@runs
def test_what_is_written_outlives_its_instance(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    cloud_files = lambda: files(cloud)  # noqa: E731
    ec2 = cloud.client("ec2")
    tag = [{"ResourceType": "volume", "Tags": [{"Key": "for", "Value": "test"}]}]
    mappings = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3", "Encrypted": False, "Iops": 3000}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}},
    ]
    writer = run(ec2, UserData=WRITES, BlockDeviceMappings=mappings, TagSpecifications=tag)
    becomes(ec2, writer, "running")
    says(ec2, writer, "data of 9")
    says(ec2, writer, "root of 8")
    shown = {one["DeviceName"]: one["Ebs"] for one in instance(ec2, writer)["BlockDeviceMappings"]}
    assert shown["/dev/xvda"]["DeleteOnTermination"] and not shown["/dev/sdf"]["DeleteOnTermination"]
    root, data = shown["/dev/xvda"]["VolumeId"], shown["/dev/sdf"]["VolumeId"]
    assert volume(ec2, root)["Size"] == 9 and volume(ec2, root)["Iops"] == 3000
    assert volume(ec2, data)["State"] == "in-use" and volume(ec2, data)["Tags"] == tag[0]["Tags"]

    # A snapshot of the moment, while it runs.
    snapshot = ec2.create_snapshot(VolumeId=data, Description="of data")
    assert snapshot["State"] == "pending" and snapshot["VolumeSize"] == 1
    completed(ec2, snapshot["SnapshotId"])
    with refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=data)
    with refused("OperationNotPermitted"):
        ec2.detach_volume(VolumeId=root)

    # The cloud is killed; the disks are as they were. Then the instance ends.
    cloud.kill()
    cloud.start()
    ec2 = cloud.client("ec2")
    ec2.stop_instances(InstanceIds=[writer])
    becomes(ec2, writer, "stopped")
    ec2.start_instances(InstanceIds=[writer])
    becomes(ec2, writer, "running")
    ec2.terminate_instances(InstanceIds=[writer])
    becomes(ec2, writer, "terminated")
    assert gone(ec2, root)
    assert volume_becomes(ec2, data, "available")["Attachments"] == []

    # Another instance, which runs already, reads what was written: from the volume, and from a volume of the snapshot.
    reader = run(ec2, UserData=READS)
    zone = becomes(ec2, reader, "running")["Placement"]["AvailabilityZone"]
    assert volume(ec2, data)["AvailabilityZone"] == zone
    made = ec2.create_volume(AvailabilityZone=zone, SnapshotId=snapshot["SnapshotId"], Size=2, VolumeType="gp3")["VolumeId"]
    volume_becomes(ec2, made, "available")
    attached = ec2.attach_volume(VolumeId=made, InstanceId=reader, Device="/dev/sdg")
    assert attached["State"] == "attaching"
    says(ec2, reader, "kept")
    says(ec2, reader, "was read")
    with refused("InvalidParameterValue"):
        ec2.attach_volume(VolumeId=data, InstanceId=reader, Device="/dev/sdg")
    with refused("InvalidParameterValue"):
        ec2.attach_volume(VolumeId=data, InstanceId=reader, Device="sdg/../x")
    with refused("VolumeInUse"):
        ec2.attach_volume(VolumeId=made, InstanceId=reader, Device="/dev/sdh")

    # It grows while it is in use, never shrinks, and comes off.
    assert ec2.modify_volume(VolumeId=made, Size=3)["VolumeModification"]["TargetSize"] == 3
    until(lambda: volume(ec2, made)["Size"] == 3)
    change = ec2.describe_volumes_modifications(VolumeIds=[made])["VolumesModifications"][0]
    assert change["ModificationState"] == "completed" and change["OriginalSize"] == 2
    with refused("InvalidParameterValue"):
        ec2.modify_volume(VolumeId=made, Size=1)
    assert ec2.detach_volume(VolumeId=made)["State"] == "detaching"
    volume_becomes(ec2, made, "available")
    with refused("IncorrectState"):
        ec2.detach_volume(VolumeId=made)

    # What nobody has any more leaves no file.
    ec2.terminate_instances(InstanceIds=[reader])
    becomes(ec2, reader, "terminated")
    ec2.delete_volume(VolumeId=made)
    ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
    until(lambda: cloud_files() == {data}, "only the volume that is left has a file")


def test_what_is_wrong_is_refused_as_on_aws(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    good = {"AvailabilityZone": "us-east-1a", "Size": 4}
    for code, more in (
        ("InvalidZone.NotFound", {"AvailabilityZone": "us-west-2a"}),
        ("InvalidParameterValue", {"Size": 0}),
        ("InvalidParameterValue", {"Size": 20000}),
        ("InvalidParameterCombination", {"VolumeType": "gp2", "Iops": 300}),
        ("InvalidParameterCombination", {"VolumeType": "io1"}),
        ("InvalidParameterValue", {"VolumeType": "io1", "Iops": 201}),
        ("InvalidParameterValue", {"VolumeType": "st1"}),
        ("InvalidSnapshot.NotFound", {"SnapshotId": "snap-00000000000000000"}),
        ("NotImplemented", {"Encrypted": True}),
        ("DryRunOperation", {"DryRun": True}),
    ):
        with refused(code):
            ec2.create_volume(**{**good, **more})
    with refused("MissingParameter"):
        ec2.create_volume(AvailabilityZone="us-east-1a")
    made = ec2.create_volume(**good, ClientToken="once", Encrypted=False)["VolumeId"]
    assert ec2.create_volume(**good, ClientToken="once", Encrypted=False)["VolumeId"] == made
    with refused("IdempotentParameterMismatch"):
        ec2.create_volume(**{**good, "Size": 5}, ClientToken="once")
    volume_becomes(ec2, made, "available")
    for call in (ec2.delete_volume, ec2.describe_volume_attribute):
        with refused("InvalidVolume.NotFound"):
            call(VolumeId="vol-00000000000000000", **({} if call == ec2.delete_volume else {"Attribute": "autoEnableIO"}))
    ec2.modify_volume_attribute(VolumeId=made, AutoEnableIO={"Value": True})
    assert ec2.describe_volume_attribute(VolumeId=made, Attribute="autoEnableIO")["AutoEnableIO"] == {"Value": True}
    status = ec2.describe_volume_status(VolumeIds=[made])["VolumeStatuses"][0]["VolumeStatus"]
    assert status["Status"] == "ok"
    found = ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}, {"Name": "size", "Values": ["4"]}])
    assert [one["VolumeId"] for one in found["Volumes"]] == [made]

    # Another account, another region: none of it, until a snapshot is shared.
    other = cloud.client("ec2", key="222222222222")
    with refused("InvalidVolume.NotFound"):
        other.delete_volume(VolumeId=made)
    assert not cloud.client("ec2", region="eu-west-1").describe_volumes()["Volumes"]
    snapshot = completed(ec2, ec2.create_snapshot(VolumeId=made)["SnapshotId"])
    theirs = {"AvailabilityZone": "us-east-1a", "SnapshotId": snapshot}
    with refused("InvalidSnapshot.NotFound"):
        other.create_volume(**theirs)
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=["222222222222"]
    )
    shared = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    assert shared["CreateVolumePermissions"] == [{"UserId": "222222222222"}]
    assert other.describe_snapshots(RestorableByUserIds=["self"], OwnerIds=["000000000000"])["Snapshots"]
    assert other.create_volume(**theirs)["Size"] == 4
    with refused("InvalidSnapshot.NotFound"):
        other.delete_snapshot(SnapshotId=snapshot)
    ec2.reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    with refused("InvalidSnapshot.NotFound"):
        other.create_volume(**theirs)
    west = cloud.client("ec2", region="eu-west-1")
    copy = west.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot, Description="copy")["SnapshotId"]
    completed(west, copy)
    assert west.describe_snapshots(OwnerIds=["self"])["Snapshots"][0]["Description"] == "copy"
    ec2.delete_volume(VolumeId=made)
    with refused("InvalidVolume.NotFound"):
        ec2.describe_volumes(VolumeIds=[made])


def test_a_policy_says_who_deletes_which(workshop):
    cloud = workshop.cloud()
    ec2, iam = cloud.client("ec2"), cloud.client("iam")
    iam.create_user(UserName="keeper")
    statement = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DeleteVolume","Resource":"*",'
        '"Condition":{"StringEquals":{"aws:ResourceTag/may":"go"}}}]}'
    )
    iam.put_user_policy(UserName="keeper", PolicyName="may", PolicyDocument=statement)
    key = iam.create_access_key(UserName="keeper")["AccessKey"]
    limited = cloud.client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    tags = lambda value: [{"ResourceType": "volume", "Tags": [{"Key": "may", "Value": value}]}]  # noqa: E731
    made = [
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=tags(value))["VolumeId"]
        for value in ("go", "stay")
    ]
    limited.delete_volume(VolumeId=made[0])
    with refused("UnauthorizedOperation"):
        limited.delete_volume(VolumeId=made[1])


DISKS = """
data "aws_ami" "newest" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-kernel-6.1-*"]
  }
}
data "aws_availability_zones" "all" { state = "available" }
resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_availability_zones.all.names[0]
  size              = 4
  type              = "gp3"
  tags              = { Name = "data" }
}
resource "aws_ebs_snapshot" "data" {
  volume_id   = aws_ebs_volume.data.id
  description = "of data"
  tags        = { Name = "data" }
}
resource "aws_ebs_snapshot_copy" "data" {
  source_snapshot_id = aws_ebs_snapshot.data.id
  source_region      = "us-east-1"
}
resource "aws_snapshot_create_volume_permission" "data" {
  snapshot_id = aws_ebs_snapshot.data.id
  account_id  = "222222222222"
}
resource "aws_ami_copy" "mine" {
  name              = "mine"
  source_ami_id     = data.aws_ami.newest.id
  source_ami_region = "us-east-1"
  tags              = { Name = "mine" }
}
output "image" { value = data.aws_ami.newest.name }
"""


OF_INSTANCE = """
resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdh"
  volume_id   = aws_ebs_volume.data.id
  instance_id = "%(instance)s"
}
resource "aws_ami_from_instance" "made" {
  name               = "made"
  source_instance_id = "%(instance)s"
  depends_on         = [aws_volume_attachment.data]
}
"""


@runs
def test_terraform_has_nothing_to_do_twice(cloud, terraform):  # noqa: F811
    ec2 = cloud.client("ec2")
    host = run(ec2, Placement={"AvailabilityZone": "us-east-1a"})
    becomes(ec2, host, "running")
    prepare(terraform, DISKS, OF_INSTANCE % {"instance": host})
    for outputs in tell(terraform):
        assert outputs["image"].startswith("al2023-ami-2023.9.20251117.0-kernel-6.1-")
    root = instance(ec2, host)["BlockDeviceMappings"]
    assert [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]] == [one["Ebs"]["VolumeId"] for one in root]
    assert not ec2.describe_images(Owners=["self"])["Images"]
