"""Images: the names that people look for, images of instances with their files, in another region and, when it is shared, in another
account; what is denied beside what is allowed."""

from asserting import refused
from instances import becomes, console, image, instance, run, runs, says, until

MADE = """#!/bin/sh
echo baked >/etc/made-here
echo "is ready"
"""
SHOWS = """#!/bin/sh
cat /etc/made-here
echo "was shown"
"""


def one(ec2, id):
    return ec2.describe_images(ImageIds=[id])["Images"][0]


def available(ec2, id):
    until(lambda: one(ec2, id)["State"] == "available", id)
    return one(ec2, id)


def names(ec2, owner, pattern, **more):
    found = ec2.describe_images(Owners=[owner], Filters=[{"Name": "name", "Values": [pattern]}], **more)["Images"]
    return [one["Name"] for one in sorted(found, key=lambda one: one["CreationDate"], reverse=True)]


def test_the_names_that_people_look_for_are_there(workshop):
    ec2 = workshop.cloud().client("ec2")
    for owner, pattern, device in (
        ("amazon", "al2023-ami-2023.*-kernel-6.1-*", "/dev/xvda"),
        ("137112412989", "al2023-ami-minimal-*", "/dev/xvda"),
        ("amazon", "amzn2-ami-hvm-*-gp2", "/dev/xvda"),
        ("136693071363", "debian-12-*", "/dev/xvda"),
        ("136693071363", "debian-13-*", "/dev/xvda"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-*-server-*", "/dev/sda1"),
        ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-*-server-*", "/dev/sda1"),
    ):
        found = names(ec2, owner, pattern)
        assert len(found) > 1 and found == sorted(found, reverse=True), found
        filters = [
            {"Name": "name", "Values": [pattern]},
            {"Name": "state", "Values": ["available"]},
            {"Name": "image-type", "Values": ["machine"]},
            {"Name": "root-device-type", "Values": ["ebs"]},
            {"Name": "virtualization-type", "Values": ["hvm"]},
            {"Name": "root-device-name", "Values": [device]},
        ]
        assert len(ec2.describe_images(Filters=filters)["Images"]) == len(found)
    assert not names(ec2, "self", "*") and not names(ec2, "099720109477", "al2023*")
    assert all("yakumo" in one["Description"] for one in ec2.describe_images()["Images"])
    pages = ec2.get_paginator("describe_images").paginate(PaginationConfig={"PageSize": 5})
    assert sum(len(page["Images"]) for page in pages) == len(ec2.describe_images()["Images"])
    with refused("InvalidParameterValue"):
        ec2.describe_images(Filters=[{"Name": "colour", "Values": ["red"]}])
    snapshot = one(ec2, image(ec2))["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["OwnerAlias"] == "amazon"


@runs
def test_an_image_of_an_instance_brings_its_files(workshop):
    cloud = workshop.cloud()
    ec2, west = cloud.client("ec2"), cloud.client("ec2", region="eu-west-1")
    other = cloud.client("ec2", key="222222222222")
    source = run(ec2, UserData=MADE)
    becomes(ec2, source, "running")
    says(ec2, source, "is ready")
    made = ec2.create_image(InstanceId=source, Name="baked", NoReboot=True)["ImageId"]
    seen = available(ec2, made)
    assert seen["SourceInstanceId"] == source and not seen["Public"] and seen["RootDeviceName"] == "/dev/xvda"
    snapshot = seen["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with refused("InvalidAMIName.Duplicate"):
        ec2.create_image(InstanceId=source, Name="baked", NoReboot=True)
    with refused("InvalidAMIName.Malformed"):
        ec2.create_image(InstanceId=source, Name="a?b", NoReboot=True)
    with refused("InvalidSnapshot.InUse"):
        ec2.delete_snapshot(SnapshotId=snapshot)
    # With a restart the instance runs again afterwards.
    again = ec2.create_image(InstanceId=source, Name="baked again")["ImageId"]
    available(ec2, again)
    becomes(ec2, source, "running")
    ec2.terminate_instances(InstanceIds=[source])

    # Private to its account until it is shared; what it is shared with may launch, not change or copy it.
    assert not names(other, "000000000000", "baked")
    with refused("InvalidAMIID.NotFound"):
        run(other, ImageId=made)
    with refused("AuthFailure"):
        other.modify_image_attribute(ImageId=image(other), Description={"Value": "mine"})
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"UserId": "222222222222"}]})
    assert other.describe_images(ExecutableUsers=["self"])["Images"][0]["ImageId"] == made
    theirs = run(other, ImageId=made, UserData=SHOWS)
    with refused("AuthFailure"):
        other.deregister_image(ImageId=made)
    with refused("InvalidRequest"):
        other.copy_image(SourceRegion="us-east-1", SourceImageId=made, Name="copied")
    # Its files are there: for that account, and in another region.
    copy = west.copy_image(SourceRegion="us-east-1", SourceImageId=made, Name="baked")["ImageId"]
    available(west, copy)
    far = run(west, ImageId=copy, UserData=SHOWS)
    for client, id in ((other, theirs), (west, far)):
        says(client, id, "baked")
        says(client, id, "was shown")

    # An image that goes takes nothing from its instance.
    ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Remove": [{"UserId": "222222222222"}]})
    with refused("InvalidAMIID.NotFound"):
        run(other, ImageId=made)
    gone = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert gone["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=[made])
    other.stop_instances(InstanceIds=[theirs])
    becomes(other, theirs, "stopped")
    other.start_instances(InstanceIds=[theirs])
    becomes(other, theirs, "running")
    assert instance(other, theirs)["ImageId"] == made and console(other, theirs)

    # An image of a snapshot, described, out of date.
    root = one(ec2, again)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": root, "VolumeType": "gp3"}}]
    wanted = {"Name": "registered", "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": mapping}
    with refused("NotImplemented"):
        ec2.register_image(**wanted, VirtualizationType="paravirtual")
    registered = ec2.register_image(**wanted, VirtualizationType="hvm")["ImageId"]
    ec2.modify_image_attribute(ImageId=registered, Attribute="description", Value="by hand")
    described = ec2.describe_image_attribute(ImageId=registered, Attribute="description")
    assert described["Description"] == {"Value": "by hand"}
    ec2.modify_image_attribute(ImageId=registered, OperationType="add", UserGroups=["all"])
    assert names(other, "000000000000", "registered") == ["registered"]
    ec2.reset_image_attribute(ImageId=registered, Attribute="launchPermission")
    assert names(other, "000000000000", "registered") == []
    ec2.enable_image_deprecation(ImageId=registered, DeprecateAt="2099-01-01T00:00:00Z")
    assert one(ec2, registered)["DeprecationTime"] == "2099-01-01T00:00:00.000Z"
    ec2.disable_image_deprecation(ImageId=registered)
    assert "DeprecationTime" not in one(ec2, registered)
    fresh = run(ec2, ImageId=registered, UserData=SHOWS)
    says(ec2, fresh, "baked")
