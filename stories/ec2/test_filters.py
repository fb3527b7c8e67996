"""Filters: every one that AWS documents is known to the operation that has it, and finds what is so and nothing else."""

import re

import pytest
from botocore import xform_name

from asserting import refused
from instances import becomes, run, runs


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


# What says of every image whether it is in an offer of AWS's, or allowed by settings that are not here; templates for dedicated hosts.
UNKNOWN = {
    ("DescribeImages", "free-tier-eligible"),
    ("DescribeImages", "image-allowed"),
    ("DescribeLaunchTemplateVersions", "host-resource-group-arn"),
}


def documented(ec2):
    """The filters of operations that demand nothing else, from the client's own documentation."""
    model = ec2.meta.service_model
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        filters = shape and (shape.members.get("Filters") or shape.members.get("Filter"))
        if filters and not shape.required_members:
            # In the description, each one's name begins an item.
            names = re.findall(r"<li>\s*<p>\s*<code>([a-zA-Z0-9.-]+)</code>\s*[-–(]", filters.documentation)
            yield operation, "Filters" if "Filters" in shape.members else "Filter", names


def test_all_that_are_documented_are_known(ec2):
    asked, unknown = 0, []
    for operation, member, names in documented(ec2):
        for name in names:
            if name == "tag" or (operation, name) in UNKNOWN:
                continue
            try:
                getattr(ec2, xform_name(operation))(**{member: [{"Name": name, "Values": ["none is so"]}]})
                asked += 1
            except ec2.exceptions.ClientError as caught:
                error = caught.response["Error"]
                if error["Code"] == "NotImplemented":
                    break
                if "filter" in error["Message"]:
                    unknown.append((operation, name))
    assert not unknown and asked > 400, (asked, unknown)
    with refused("InvalidParameterValue", "The filter 'flavour' is invalid"):
        ec2.describe_instances(Filters=[{"Name": "flavour", "Values": ["*"]}])


@runs
def test_instances_are_found_by_what_they_are(ec2):
    address = ec2.allocate_address()
    subnet = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]["SubnetId"]
    interfaces = [
        {"DeviceIndex": 0, "SubnetId": subnet, "Description": "front"},
        {"DeviceIndex": 1, "SubnetId": subnet, "Description": "back", "DeleteOnTermination": True},
    ]
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "of", "Value": "web"}]}]
    preference = {"CapacityReservationPreference": "none"}
    web = run(ec2, NetworkInterfaces=interfaces, TagSpecifications=tags, CapacityReservationSpecification=preference)
    plain = run(ec2, InstanceType="t2.micro", EbsOptimized=False)
    front = next(own for own in becomes(ec2, web, "running")["NetworkInterfaces"] if own["Description"] == "front")
    becomes(ec2, plain, "running")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=front["NetworkInterfaceId"])

    def found(name, *values):
        reservations = ec2.describe_instances(Filters=[{"Name": name, "Values": list(values)}])["Reservations"]
        return {one["InstanceId"] for reservation in reservations for one in reservation["Instances"]}

    for name, value, expected in (
        ("network-interface.description", "back", {web}),
        ("network-interface.tag-value", "w?b", {web}),
        ("network-interface.association.allocation-id", address["AllocationId"], {web}),
        ("network-interface.addresses.association.public-ip", address["PublicIp"], {web}),
        ("network-interface.addresses.primary", "true", {web, plain}),
        ("network-interface.addresses.primary", "false", set()),
        ("network-interface.attachment.device-index", "1", {web}),
        ("network-interface.attachment.instance-id", plain, {plain}),
        ("network-interface.status", "in-use", {web, plain}),
        ("network-interface.requester-managed", "true", set()),
        ("capacity-reservation-specification.capacity-reservation-preference", "none", {web}),
        ("capacity-reservation-specification.capacity-reservation-preference", "open", {plain}),
        ("maintenance-options.auto-recovery", "default", {web, plain}),
        ("ena-support", "true", {web}),
        ("ebs-optimized", "true", set()),
        ("private-dns-name-options.hostname-type", "ip-name", {web, plain}),
        ("metadata-options.state", "applied", {web, plain}),
        ("platform-details", "Linux/*", {web, plain}),
        # What none of them has passes nothing.
        ("platform", "windows", set()),
        ("instance-lifecycle", "spot", set()),
        ("spot-instance-request-id", "*", set()),
        ("product-code", "*", set()),
    ):
        assert found(name, value) == expected, (name, value)

    status = {one["InstanceId"]: one for one in ec2.describe_instance_status(InstanceIds=[web, plain])["InstanceStatuses"]}
    assert status[web]["AttachedEbsStatus"] == {"Details": [{"Name": "reachability", "Status": "passed"}], "Status": "ok"}
    assert "AttachedEbsStatus" not in status[plain], "only instances on Nitro have this check"
    by_check = ec2.describe_instance_status(Filters=[{"Name": "attached-ebs-status.status", "Values": ["ok"]}])["InstanceStatuses"]
    assert [one["InstanceId"] for one in by_check] == [web]
    assert not ec2.describe_instance_status(Filters=[{"Name": "event.code", "Values": ["*"]}])["InstanceStatuses"]
    ec2.terminate_instances(InstanceIds=[web, plain])
    for id in (web, plain):
        becomes(ec2, id, "terminated")
    ec2.release_address(AllocationId=address["AllocationId"])
