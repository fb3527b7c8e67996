"""Placement groups: their strategies as far as one host can keep them, in instances, templates and metadata; denied and allowed."""

import pytest

from asserting import refused
from instances import becomes, image, instance, run, runs
from people import Person, allow
from terraform import prepare, tell, terraform  # noqa: F401


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


def end(ec2, *ids):
    ec2.terminate_instances(InstanceIds=list(ids))
    for id in ids:
        becomes(ec2, id, "terminated")


def test_groups_come_are_found_and_go(cloud, ec2):
    tags = [{"ResourceType": "placement-group", "Tags": [{"Key": "team", "Value": "a"}]}]
    made = ec2.create_placement_group(GroupName="hdfs", Strategy="partition", PartitionCount=5, TagSpecifications=tags)
    made = made["PlacementGroup"]
    assert made["GroupId"].startswith("pg-") and made["State"] == "available" and made["PartitionCount"] == 5
    assert made["GroupArn"] == "arn:aws:ec2:us-east-1:000000000000:placement-group/hdfs"
    with refused("InvalidPlacementGroup.Duplicate", "The placement group 'hdfs' already exists."):
        ec2.create_placement_group(GroupName="hdfs", Strategy="cluster")
    with refused("DryRunOperation"):
        ec2.create_placement_group(GroupName="other", Strategy="cluster", DryRun=True)
    for wrong, code in [
        ({"GroupName": "x", "Strategy": "cluster", "PartitionCount": 2}, "InvalidParameterCombination"),
        ({"GroupName": "x", "Strategy": "partition", "PartitionCount": 8}, "InvalidParameterValue"),
        ({"GroupName": "x", "Strategy": "spread", "SpreadLevel": "host"}, "NotImplemented"),
        ({"GroupName": "x"}, "MissingParameter"),
        ({"Strategy": "spread"}, "MissingParameter"),
    ]:
        with refused(code):
            ec2.create_placement_group(**wrong)
    racks = ec2.create_placement_group(GroupName="racks", Strategy="spread")["PlacementGroup"]
    assert racks["SpreadLevel"] == "rack" and "PartitionCount" not in racks
    named = lambda **asked: [one["GroupName"] for one in ec2.describe_placement_groups(**asked)["PlacementGroups"]]  # noqa: E731
    assert named() == ["hdfs", "racks"]
    assert named(GroupNames=["racks"]) == ["racks"] and named(GroupIds=[made["GroupId"]]) == ["hdfs"]
    assert named(Filters=[{"Name": "strategy", "Values": ["spread"]}]) == ["racks"]
    assert named(Filters=[{"Name": "tag:team", "Values": ["a"]}]) == ["hdfs"]
    with refused("InvalidPlacementGroup.Unknown", "The Placement Group 'none' is unknown."):
        named(GroupNames=["none"])
    ec2.create_tags(Resources=[racks["GroupId"]], Tags=[{"Key": "team", "Value": "b"}])
    assert named(Filters=[{"Name": "tag:team", "Values": ["b"]}]) == ["racks"]

    # Another account and another region have their own; a policy names a group by its name.
    assert not cloud.client("ec2", key="222222222222").describe_placement_groups()["PlacementGroups"]
    assert not cloud.client("ec2", region="eu-west-1").describe_placement_groups()["PlacementGroups"]
    amy = Person(cloud, cloud.client("iam"), "amy")
    amy.put("p", allow("ec2:DeletePlacementGroup", "arn:aws:ec2:*:*:placement-group/rack*"))
    with refused("UnauthorizedOperation"):
        amy.service("ec2").delete_placement_group(GroupName="hdfs")
    amy.service("ec2").delete_placement_group(GroupName="racks")
    ec2.delete_placement_group(GroupName="hdfs")
    with refused("InvalidPlacementGroup.Unknown", "The Placement Group 'hdfs' is unknown."):
        ec2.delete_placement_group(GroupName="hdfs")
    assert named() == []


@runs
def test_spread_has_seven_running_instances_a_zone(ec2):
    ec2.create_placement_group(GroupName="seven", Strategy="spread")
    wanted = {"InstanceType": "t3.nano", "ImageId": image(ec2), "Placement": {"GroupName": "seven", "AvailabilityZone": "us-east-1a"}}
    with refused("InsufficientInstanceCapacity"):
        ec2.run_instances(**wanted, MinCount=8, MaxCount=8)
    found = ec2.run_instances(**wanted, MinCount=6, MaxCount=9)["Instances"]
    ids = [one["InstanceId"] for one in found]
    assert len(ids) == 7 and {one["Placement"]["GroupName"] for one in found} == {"seven"}
    with refused("InsufficientInstanceCapacity"):
        ec2.run_instances(**wanted, MinCount=1, MaxCount=1)
    elsewhere = {**wanted, "Placement": {"GroupName": "seven", "AvailabilityZone": "us-east-1b"}}
    other = ec2.run_instances(**elsewhere, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    with refused("InvalidPlacementGroup.InUse", "The placement group 'seven' is in use and may not be deleted."):
        ec2.delete_placement_group(GroupName="seven")

    # What rests takes no place; who would be the eighth to run does not start.
    becomes(ec2, ids[0], "running")
    ec2.stop_instances(InstanceIds=ids[:1])
    becomes(ec2, ids[0], "stopped")
    late = ec2.run_instances(**wanted, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    with refused("InsufficientInstanceCapacity"):
        ec2.start_instances(InstanceIds=ids[:1])
    assert instance(ec2, ids[0])["State"]["Name"] == "stopped"
    end(ec2, *ids, other, late)
    ec2.delete_placement_group(GroupName="seven")


@runs
def test_partitions_and_clusters(cloud, ec2):
    ec2.create_placement_group(GroupName="parts", Strategy="partition", PartitionCount=3)
    ec2.create_placement_group(GroupName="near", Strategy="cluster")
    wanted = {"InstanceType": "t3.nano", "ImageId": image(ec2)}
    with refused("InvalidParameterValue"):
        run(ec2, **wanted, Placement={"GroupName": "parts", "PartitionNumber": 4})
    with refused("InvalidParameterCombination"):
        run(ec2, **wanted, Placement={"PartitionNumber": 1})
    with refused("InvalidPlacementGroup.Unknown", "The Placement Group 'none' is unknown."):
        run(ec2, **wanted, Placement={"GroupName": "none"})
    second = run(ec2, **wanted, Placement={"GroupName": "parts", "PartitionNumber": 2})
    found = ec2.run_instances(**wanted, MinCount=3, MaxCount=3, Placement={"GroupName": "parts"})["Instances"]
    assert [one["Placement"]["PartitionNumber"] for one in found] == [1, 3, 1]
    few = ec2.describe_instances(Filters=[{"Name": "placement-partition-number", "Values": ["2"]}])["Reservations"]
    assert [one["InstanceId"] for each in few for one in each["Instances"]] == [second]

    # The instance knows where it stands; at rest it can be moved.
    becomes(ec2, second, "running")
    assert knows(cloud, second, "placement/group-name") == "parts" and knows(cloud, second, "placement/partition-number") == "2"
    with refused("IncorrectInstanceState", f"The instance '{second}' is not in the 'stopped' state."):
        ec2.modify_instance_placement(InstanceId=second, GroupName="")
    ec2.stop_instances(InstanceIds=[second])
    becomes(ec2, second, "stopped")
    ec2.modify_instance_placement(InstanceId=second, PartitionNumber=3)
    assert instance(ec2, second)["Placement"]["PartitionNumber"] == 3
    with refused("InvalidParameterCombination", "Placement groups may not be used with instances of type 't3.nano'."):
        ec2.modify_instance_placement(InstanceId=second, GroupName="near")
    ec2.modify_instance_placement(InstanceId=second, GroupName="")
    assert instance(ec2, second)["Placement"]["GroupName"] == ""

    # A cluster is in one zone, and a template may name the group.
    template = ec2.create_launch_template(
        LaunchTemplateName="near", LaunchTemplateData={"Placement": {"GroupName": "near"}, "InstanceType": "c5.large"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    launch = {"LaunchTemplate": {"LaunchTemplateId": template}, "ImageId": image(ec2), "MinCount": 1, "MaxCount": 1}
    close = ec2.run_instances(**launch, Placement={"AvailabilityZone": "us-east-1b"})["Instances"][0]
    assert close["Placement"]["GroupName"] == "near"
    text = "The placement group 'near' is in use in another availability zone: us-east-1b"
    with refused("InvalidPlacementGroup.InUse", text):
        ec2.run_instances(**launch, Placement={"AvailabilityZone": "us-east-1a"})
    said = ec2.get_launch_template_data(InstanceId=close["InstanceId"])["LaunchTemplateData"]
    assert said["Placement"]["GroupName"] == "near"

    # Who may launch only into one group, does.
    bob = Person(cloud, cloud.client("iam"), "bob")
    bob.put("p", allow("ec2:RunInstances"), allow("ec2:Describe*"), {
        "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:placement-group/near",
    })
    with refused("UnauthorizedOperation"):
        run(bob.service("ec2"), **{**wanted, "InstanceType": "c5.large"}, Placement={"GroupName": "near"})
    allowed = run(bob.service("ec2"), **wanted, Placement={"GroupName": "parts"})
    end(ec2, second, allowed, close["InstanceId"], *(one["InstanceId"] for one in found))
    ec2.delete_launch_template(LaunchTemplateId=template)
    for name in ("parts", "near"):
        ec2.delete_placement_group(GroupName=name)


def knows(cloud, id, path):
    """What an instance reads of itself."""
    import os
    import subprocess

    from cloud import BINARY

    ask = f"import urllib.request as u; print(u.urlopen('http://169.254.169.254/latest/meta-data/{path}').read().decode())"
    environ = {**os.environ, "YAKUMO_ENDPOINT": cloud.url}
    done = subprocess.run([str(BINARY), "exec", id, "--", "python3", "-c", ask], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout.strip()


GROUPS = """
resource "aws_placement_group" "all" {
  for_each        = { cluster = null, spread = null, partition = 3 }
  name            = "tf-${each.key}"
  strategy        = each.key
  partition_count = each.value
  tags            = { Name = each.key }
}
data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-*"]
  }
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}
resource "aws_instance" "one" {
  ami                        = data.aws_ami.linux.id
  instance_type              = "t3.nano"
  placement_group            = aws_placement_group.all["partition"].name
  placement_partition_number = 3
}
output "number" { value = aws_instance.one.placement_partition_number }
output "ids" { value = values(aws_placement_group.all)[*].placement_group_id }
"""


@runs
def test_terraform_makes_groups(ec2, cloud, terraform):  # noqa: F811
    prepare(terraform, GROUPS)
    [told] = tell(terraform)
    assert told["number"] == 3 and len(set(told["ids"])) == 3
    assert not ec2.describe_placement_groups()["PlacementGroups"]
