"""NAT gateways: they come up with an interface and an address of their own, fail with AWS's reasons, and go."""

import time

import pytest

from asserting import refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2):
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=made)
    return made


@pytest.fixture
def subnet(ec2, vpc):
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    yield made
    for gateway in ec2.describe_nat_gateways(Filters=[{"Name": "subnet-id", "Values": [made]}])["NatGateways"]:
        if gateway["State"] != "deleted":
            gone(ec2, gateway["NatGatewayId"])
    ec2.delete_subnet(SubnetId=made)
    for address in ec2.describe_addresses()["Addresses"]:
        ec2.release_address(AllocationId=address["AllocationId"])


def read(ec2, gateway):
    return ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]


def settled(ec2, gateway, passing=("pending", "deleting")):
    """The gateway when it has come to rest; polled, with a bound."""
    for _ in range(600):
        found = read(ec2, gateway)
        if found["State"] not in passing:
            return found
        time.sleep(0.05)
    raise AssertionError(f"the gateway stays {found['State']}")


def gone(ec2, gateway):
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert settled(ec2, gateway)["State"] == "deleted"


def test_a_public_gateway_lives_and_goes(ec2, vpc, subnet):
    address = ec2.allocate_address()
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "out"}]}]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address["AllocationId"], TagSpecifications=tags)["NatGateway"]
    assert (made["State"], made["VpcId"], made["ConnectivityType"]) == ("pending", vpc, "public")
    gateway = made["NatGatewayId"]
    found = settled(ec2, gateway)
    assert found["State"] == "available" and found["Tags"] == [{"Key": "Name", "Value": "out"}]
    [own] = found["NatGatewayAddresses"]
    assert (own["PublicIp"], own["AllocationId"], own["IsPrimary"]) == (address["PublicIp"], address["AllocationId"], True)
    # Its interface is seen and cannot be had.
    [interface] = ec2.describe_network_interfaces(NetworkInterfaceIds=[own["NetworkInterfaceId"]])["NetworkInterfaces"]
    assert (interface["InterfaceType"], interface["RequesterManaged"], interface["Status"]) == ("nat_gateway", True, "in-use")
    assert interface["Description"] == f"Interface for NAT Gateway {gateway}"
    assert interface["Association"]["PublicIp"] == address["PublicIp"]
    assert interface["Attachment"]["InstanceOwnerId"] == "amazon-aws"
    with refused("InvalidParameterValue", f"Network interface '{own['NetworkInterfaceId']}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=own["NetworkInterfaceId"])
    with refused("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments."):
        ec2.detach_network_interface(AttachmentId=interface["Attachment"]["AttachmentId"])
    with refused("AuthFailure"):
        ec2.disassociate_address(AssociationId=own["AssociationId"])
    with refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=address["AllocationId"])
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnet)
    # Routes lead to it, and to nothing when it has gone.
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    with refused("NatGatewayNotFound"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId="nat-1")
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    assert route(ec2, table) == (gateway, "active")
    gone(ec2, gateway)
    assert "DeleteTime" in read(ec2, gateway)
    assert route(ec2, table) == (gateway, "blackhole")
    ec2.delete_route_table(RouteTableId=table)
    assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"][0]
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=[own["NetworkInterfaceId"]])


def route(ec2, table):
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return next((r["NatGatewayId"], r["State"]) for r in found["Routes"] if "NatGatewayId" in r)


def test_a_private_gateway_has_no_public_address(ec2, subnet):
    made = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.77")["NatGateway"]
    found = settled(ec2, made["NatGatewayId"])
    [own] = found["NatGatewayAddresses"]
    assert (found["State"], own["PrivateIp"], "PublicIp" in own) == ("available", "10.0.1.77", False)
    with refused("InvalidIPAddress.InUse"):
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.77")
    with refused("MissingParameter"):
        ec2.create_nat_gateway(SubnetId=subnet)
    with refused("InvalidSubnetID.NotFound"):
        ec2.create_nat_gateway(SubnetId="subnet-1", ConnectivityType="private")
    with refused("NotImplemented", status=501):
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", SecondaryPrivateIpAddressCount=1)
    with refused("DryRunOperation"):
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", DryRun=True)


def test_a_gateway_fails_with_its_reason(ec2, subnet):
    address = ec2.allocate_address()["AllocationId"]
    first = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    assert settled(ec2, first)["State"] == "available"
    second = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    found = settled(ec2, second)
    assert (found["State"], found["FailureCode"]) == ("failed", "Resource.AlreadyAssociated")
    assert found["FailureMessage"] == f"Elastic IP address {address} is already associated"
    alone = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    part = ec2.create_subnet(VpcId=alone, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    other = ec2.allocate_address()["AllocationId"]
    third = settled(ec2, ec2.create_nat_gateway(SubnetId=part, AllocationId=other)["NatGateway"]["NatGatewayId"])
    assert (third["State"], third["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert third["FailureMessage"] == f"Network {alone} has no Internet gateway attached"
    gone(ec2, first)
    ec2.delete_subnet(SubnetId=part)
    ec2.delete_vpc(VpcId=alone)


def test_a_token_makes_one_and_a_zone_has_five(ec2, subnet):
    make = lambda token, **more: ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", ClientToken=token, **more)  # noqa: E731
    one = make("a")["NatGateway"]["NatGatewayId"]
    assert make("a")["NatGateway"]["NatGatewayId"] == one
    with refused("IdempotentParameterMismatch"):
        make("a", PrivateIpAddress="10.0.1.200")
    for token in "bcde":
        make(token)
    with refused("NatGatewayLimitExceeded", "Performing this operation would exceed the limit of 5 NAT gateways"):
        make("f")


def test_who_may(cloud, ec2, iam, subnet):
    person = Person(cloud, iam, "nat-maker")
    theirs = person.service("ec2")
    make = lambda **more: theirs.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", **more)["NatGateway"]["NatGatewayId"]  # noqa: E731
    with refused("UnauthorizedOperation"):
        make()
    person.put("p", allow("ec2:CreateNatGateway"), deny("ec2:CreateNatGateway", f"arn:aws:ec2:*:*:subnet/{subnet}"))
    with refused("UnauthorizedOperation"):
        make()
    person.put("p", allow("ec2:CreateNatGateway"))
    with refused("UnauthorizedOperation"):
        make(TagSpecifications=[{"ResourceType": "natgateway", "Tags": [{"Key": "a", "Value": "b"}]}])
    assert ec2.describe_nat_gateways(Filters=[{"Name": "subnet-id", "Values": [subnet]}])["NatGateways"] == []
    made = make()
    with refused("UnauthorizedOperation"):
        theirs.delete_nat_gateway(NatGatewayId=made)
    other = cloud.client("ec2", key="222222222222")
    with refused("NatGatewayNotFound"):
        other.delete_nat_gateway(NatGatewayId=made)
    person.put("p", allow("ec2:DeleteNatGateway", f"arn:aws:ec2:*:*:natgateway/{made}"))
    theirs.delete_nat_gateway(NatGatewayId=made)
    assert settled(ec2, made)["State"] == "deleted"


def test_a_gateway_that_was_begun_comes_up_after_a_kill(workshop):
    kept = workshop.cloud(data_dir=workshop.directory())
    ec2 = kept.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    address = ec2.allocate_address()["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    kept.kill()
    kept.start()
    ec2 = kept.client("ec2")
    assert settled(ec2, made)["State"] == "available"
    # It is remembered for an hour after its end.
    gone(ec2, made)
    kept.command("clock", "advance", "61m")
    for _ in range(600):
        try:
            read(ec2, made)
        except ec2.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "NatGatewayNotFound"
            return
        time.sleep(0.05)
    raise AssertionError("a deleted gateway is remembered for more than an hour")
