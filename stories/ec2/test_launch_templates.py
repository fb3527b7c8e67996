"""Launch templates: versions that inherit, the default one, what launches from them, who may; and developers who may start one type
in one subnet with a tag; instance types and attributes."""

import base64
import os
import shutil
import time

import pytest

from asserting import refused
from people import Person, allow


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


def image(ec2):
    found = ec2.describe_images(Filters=[{"Name": "name", "Values": ["al2023-ami-*"]}])["Images"]
    return next(one["ImageId"] for one in found if one["Architecture"] == "x86_64")


def launch(ec2, **more):
    return ec2.run_instances(MinCount=1, MaxCount=1, **more)["Instances"][0]


def tags(of):
    return {tag["Key"]: tag["Value"] for tag in of.get("Tags", [])}


def tagged(kind, **pairs):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}]


def subnets(ec2):
    return sorted(ec2.describe_subnets()["Subnets"], key=lambda subnet: subnet["AvailabilityZone"])


def numbers(ec2, **which):
    return [one["VersionNumber"] for one in ec2.describe_launch_template_versions(**which)["LaunchTemplateVersions"]]


def test_versions_inherit_and_one_is_the_default(ec2):
    data = {"InstanceType": "t3.micro", "ImageId": image(ec2), "UserData": base64.b64encode(b"#!/bin/sh\n").decode()}
    made = ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData=data, TagSpecifications=tagged("launch-template", team="a"),
        ClientToken="once",
    )["LaunchTemplate"]  # fmt: skip
    assert (made["DefaultVersionNumber"], made["LatestVersionNumber"], tags(made)) == (1, 1, {"team": "a"})
    id = made["LaunchTemplateId"]
    small = {"LaunchTemplateData": {"InstanceType": "t3.small"}, "LaunchTemplateId": id}
    second = ec2.create_launch_template_version(SourceVersion="1", VersionDescription="larger", **small)
    said = second["LaunchTemplateVersion"]["LaunchTemplateData"]
    assert said == {**data, "InstanceType": "t3.small"}
    third = ec2.create_launch_template_version(**small)["LaunchTemplateVersion"]
    assert third["LaunchTemplateData"] == {"InstanceType": "t3.small"} and not third["DefaultVersion"]
    web = {"LaunchTemplateName": "web"}
    assert numbers(ec2, **web) == [3, 2, 1] and numbers(ec2, MinVersion="2", **web) == [3, 2]
    assert numbers(ec2, Versions=["$Latest", "$Default"], **web) == [3, 1]
    assert numbers(ec2, Versions=["$Default"]) == [1]
    changed = ec2.modify_launch_template(DefaultVersion="2", **web)["LaunchTemplate"]
    assert changed["DefaultVersionNumber"] == 2

    outcome = ec2.delete_launch_template_versions(Versions=["3", "2", "9"], **web)
    gone = outcome["SuccessfullyDeletedLaunchTemplateVersions"]
    kept = outcome["UnsuccessfullyDeletedLaunchTemplateVersions"]
    assert [one["VersionNumber"] for one in gone] == [3]
    assert {one["VersionNumber"]: one["ResponseError"]["Code"] for one in kept} == {
        2: "unexpectedError",
        9: "launchTemplateVersionDoesNotExist",
    }
    # A number is never given twice.
    assert ec2.create_launch_template_version(**small)["LaunchTemplateVersion"]["VersionNumber"] == 4
    for code, call, more in (
        ("InvalidLaunchTemplateName.AlreadyExistsException", ec2.create_launch_template, {**web, "LaunchTemplateData": data}),
        (
            "InvalidLaunchTemplateName.MalformedException",
            ec2.create_launch_template,
            {"LaunchTemplateName": "a b c", "LaunchTemplateData": data},
        ),
        ("InvalidLaunchTemplateId.NotFound", ec2.delete_launch_template, {"LaunchTemplateId": "lt-00000000000000000"}),
        ("InvalidLaunchTemplateId.Malformed", ec2.delete_launch_template, {"LaunchTemplateId": "web"}),
        ("InvalidLaunchTemplateId.VersionNotFound", ec2.modify_launch_template, {**web, "DefaultVersion": "9"}),
        ("InvalidLaunchTemplateName.NotFoundException", ec2.describe_launch_templates, {"LaunchTemplateNames": ["none"]}),
        ("MissingParameter", ec2.describe_launch_template_versions, {}),
    ):
        with refused(code):
            call(**more)
    ec2.delete_launch_template(**web)
    assert not ec2.describe_launch_templates()["LaunchTemplates"]


def test_what_a_template_launches_the_request_can_change(ec2):
    first, second = subnets(ec2)[:2]
    data = {
        "ImageId": image(ec2),
        "InstanceType": "t3.micro",
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": second["SubnetId"], "AssociatePublicIpAddress": False}],
        "MetadataOptions": {"HttpTokens": "required"},
        "TagSpecifications": tagged("instance", team="web", stage="test"),
    }
    template = ec2.create_launch_template(LaunchTemplateName="fleet", LaunchTemplateData=data)["LaunchTemplate"]
    by = {"LaunchTemplate": {"LaunchTemplateName": "fleet"}}
    plain = launch(ec2, **by)
    assert (plain["SubnetId"], plain["InstanceType"]) == (second["SubnetId"], "t3.micro")
    assert plain["MetadataOptions"]["HttpTokens"] == "required"
    marks = {
        "aws:ec2launchtemplate:id": template["LaunchTemplateId"],
        "aws:ec2launchtemplate:version": "1",
    }
    assert tags(plain) == {"team": "web", "stage": "test", **marks}
    other = launch(ec2, InstanceType="t3.small", TagSpecifications=tagged("instance", stage="live"), **by)
    assert other["InstanceType"] == "t3.small" and tags(other) == {"team": "web", "stage": "live", **marks}
    with refused("InvalidParameterCombination"):
        launch(ec2, SubnetId=first["SubnetId"], **by)
    with refused("InvalidLaunchTemplateId.VersionNotFound"):
        launch(ec2, LaunchTemplate={"LaunchTemplateName": "fleet", "Version": "7"})
    # The instance as a template would say it.
    said = ec2.get_launch_template_data(InstanceId=plain["InstanceId"])["LaunchTemplateData"]
    assert said["InstanceType"] == "t3.micro" and said["NetworkInterfaces"][0]["SubnetId"] == second["SubnetId"]
    ec2.create_launch_template(LaunchTemplateName="copy", LaunchTemplateData={"InstanceType": said["InstanceType"]})
    for name in ("fleet", "copy"):
        ec2.delete_launch_template(LaunchTemplateName=name)
    ec2.terminate_instances(InstanceIds=[plain["InstanceId"], other["InstanceId"]])


def test_types_and_attributes_are_true(ec2):
    pages = ec2.get_paginator("describe_instance_types").paginate(Filters=[{"Name": "instance-type", "Values": ["t4g.*"]}])
    arm = [kind["InstanceType"] for page in pages for kind in page["InstanceTypes"]]
    assert "t4g.micro" in arm and not [name for name in arm if not name.startswith("t4g.")]
    with refused("InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["t9.huge"])
    zones = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["m5.large"]}]
    )["InstanceTypeOfferings"]
    assert len(zones) == len(ec2.describe_availability_zones()["AvailabilityZones"])
    with refused("InvalidParameterValue"):  # the architectures are not the same
        launch(ec2, ImageId=image(ec2), InstanceType="t4g.micro")
    with refused("Unsupported"):
        launch(ec2, ImageId=image(ec2), InstanceType="t2.micro", EbsOptimized=True)
    with refused("NotImplemented"):  # nobody counts credits
        launch(ec2, ImageId=image(ec2), InstanceType="t3.micro", CreditSpecification={"CpuCredits": "standard"})

    id = launch(ec2, ImageId=image(ec2), InstanceType="t3.micro")["InstanceId"]
    credits = ec2.describe_instance_credit_specifications(InstanceIds=[id])["InstanceCreditSpecifications"]
    assert credits == [{"InstanceId": id, "CpuCredits": "unlimited"}]

    def attribute(name):
        return ec2.describe_instance_attribute(InstanceId=id, Attribute=name)

    assert attribute("disableApiTermination")["DisableApiTermination"] == {"Value": False}
    ec2.modify_instance_attribute(InstanceId=id, DisableApiTermination={"Value": True})
    ec2.modify_instance_attribute(InstanceId=id, Attribute="disableApiStop", Value="true")
    assert attribute("disableApiStop")["DisableApiStop"] == {"Value": True}
    with refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[id])
    ec2.modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    ec2.reset_instance_attribute(InstanceId=id, Attribute="sourceDestCheck")
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    vpc = subnets(ec2)[0]["VpcId"]
    group = ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc)["GroupId"]
    ec2.modify_instance_attribute(InstanceId=id, Groups=[group])
    assert [one["GroupId"] for one in attribute("groupSet")["Groups"]] == [group]
    for code, more in (
        ("IncorrectInstanceState", {"InstanceType": {"Value": "t3.small"}}),
        ("IncorrectInstanceState", {"UserData": {"Value": b"x"}}),
        ("InvalidParameterCombination", {}),
        ("InvalidParameterCombination", {"DisableApiStop": {"Value": True}, "DisableApiTermination": {"Value": True}}),
        ("InvalidGroup.NotFound", {"Groups": ["sg-00000000000000000"]}),
        ("NotImplemented", {"Kernel": {"Value": "aki-1"}}),
    ):
        with refused(code):
            ec2.modify_instance_attribute(InstanceId=id, **more)
    for name in ("DisableApiTermination", "DisableApiStop"):
        ec2.modify_instance_attribute(InstanceId=id, **{name: {"Value": False}})
    ec2.terminate_instances(InstanceIds=[id])


def becomes(ec2, id, state):
    end = time.monotonic() + 60
    while True:
        found = ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
        if found["State"]["Name"] == state:
            return found
        assert time.monotonic() < end, found["State"]
        time.sleep(0.1)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="instances need root, ip and nft"
)
def test_a_stopped_instance_changes_its_type(ec2):
    id = launch(ec2, ImageId=image(ec2), InstanceType="t3.micro")["InstanceId"]
    becomes(ec2, id, "running")
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.small"})
    ec2.stop_instances(InstanceIds=[id])
    becomes(ec2, id, "stopped")
    with refused("InvalidParameterValue"):
        ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t4g.small"})
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t3.small"})
    ec2.modify_instance_attribute(InstanceId=id, UserData={"Value": b"#!/bin/sh\n"})
    ec2.start_instances(InstanceIds=[id])
    ran = becomes(ec2, id, "running")
    assert ran["InstanceType"] == "t3.small"
    root = ran["RootDeviceName"]
    for device, keep in ((root, True), ("/dev/none", False)):
        change = [{"DeviceName": device, "Ebs": {"DeleteOnTermination": False}}]
        if keep:
            ec2.modify_instance_attribute(InstanceId=id, BlockDeviceMappings=change)
        else:
            with refused("InvalidInstanceAttributeValue"):
                ec2.modify_instance_attribute(InstanceId=id, BlockDeviceMappings=change)
    mapped = ec2.describe_instance_attribute(InstanceId=id, Attribute="blockDeviceMapping")["BlockDeviceMappings"]
    assert [one["Ebs"]["DeleteOnTermination"] for one in mapped if one["DeviceName"] == root] == [False]
    said = ec2.describe_instance_attribute(InstanceId=id, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(said) == b"#!/bin/sh\n"
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")
    kept = ec2.describe_volumes(VolumeIds=[one["Ebs"]["VolumeId"] for one in mapped])["Volumes"]
    assert [volume["State"] for volume in kept] == ["available"]


def test_developers_start_one_type_in_one_subnet_with_a_tag(cloud, ec2, iam):
    here, there = subnets(ec2)[:2]
    account = here["OwnerId"]
    arn = f"arn:aws:ec2:us-east-1:{account}"
    developer = Person(cloud, iam, "developer")
    developer.put(
        "start",
        allow("ec2:RunInstances", f"{arn}:instance/*", Condition={
            "StringEquals": {"ec2:InstanceType": "t3.micro", "aws:RequestTag/team": "web"},
        }),
        allow("ec2:RunInstances", f"{arn}:network-interface/*", Condition={
            "ArnEquals": {"ec2:Subnet": here["SubnetArn"], "ec2:Vpc": f"{arn}:vpc/{here['VpcId']}"},
        }),
        allow("ec2:RunInstances", [
            here["SubnetArn"], f"{arn}:security-group/*", f"{arn}:volume/*", "arn:aws:ec2:us-east-1::image/*",
        ]),
        allow("ec2:CreateTags", f"{arn}:instance/*", Condition={"StringEquals": {"ec2:CreateAction": "RunInstances"}}),
    )  # fmt: skip
    mine = developer.service("ec2")
    good = {
        "ImageId": image(ec2), "InstanceType": "t3.micro", "SubnetId": here["SubnetId"],
        "TagSpecifications": tagged("instance", team="web"),
    }  # fmt: skip
    started = launch(mine, **good)
    for other in (
        {"InstanceType": "t3.small"},
        {"SubnetId": there["SubnetId"]},
        {"TagSpecifications": tagged("instance", team="db")},
        {"TagSpecifications": []},
    ):
        with refused("UnauthorizedOperation"):
            launch(mine, **{**good, **other})
    with refused("DryRunOperation"):
        launch(mine, DryRun=True, **good)

    # Others may only take what one template says.
    data = {**good, "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": good["SubnetId"]}]}
    del data["SubnetId"]
    made = ec2.create_launch_template(LaunchTemplateName="only", LaunchTemplateData=data)["LaunchTemplate"]
    template = f"{arn}:launch-template/{made['LaunchTemplateId']}"
    guest = Person(cloud, iam, "guest")
    guest.put(
        "template",
        allow("ec2:RunInstances", Condition={
            "ArnEquals": {"ec2:LaunchTemplate": template}, "Bool": {"ec2:IsLaunchTemplateResource": "true"},
        }),
        allow("ec2:CreateTags", f"{arn}:instance/*"),
    )  # fmt: skip
    theirs = guest.service("ec2")
    by = {"LaunchTemplate": {"LaunchTemplateId": made["LaunchTemplateId"]}}
    second = launch(theirs, **by)
    assert second["SubnetId"] == here["SubnetId"]
    with refused("UnauthorizedOperation"):
        launch(theirs, **good)
    with refused("UnauthorizedOperation"):
        launch(theirs, ImageId=good["ImageId"], **by)
    with refused("UnauthorizedOperation"):
        theirs.describe_launch_templates()
    ec2.terminate_instances(InstanceIds=[started["InstanceId"], second["InstanceId"]])
