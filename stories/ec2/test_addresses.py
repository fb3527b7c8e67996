"""Elastic IPs: they are the cloud's own addresses, stand for private ones, move, and are given back."""

import ipaddress

import pytest

from asserting import refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def subnet(ec2):
    """A subnet of the default VPC, which has an internet gateway."""
    return ec2.describe_subnets()["Subnets"][0]


@pytest.fixture
def interface(ec2, subnet):
    made = ec2.create_network_interface(SubnetId=subnet["SubnetId"], SecondaryPrivateIpAddressCount=1)["NetworkInterface"]
    yield made
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])


@pytest.fixture
def allocate(ec2):
    """Allocates addresses that are given back after the test."""
    made = []

    def allocate(**more):
        address = ec2.allocate_address(**more)
        made.append(address["AllocationId"])
        return address

    yield allocate
    for found in ec2.describe_addresses()["Addresses"]:
        if found["AllocationId"] in made:
            if "AssociationId" in found:
                ec2.disassociate_address(AssociationId=found["AssociationId"])
            ec2.release_address(AllocationId=found["AllocationId"])


def read(ec2, allocation):
    return ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]


def test_an_address_is_the_clouds_own(cloud, ec2, allocate):
    made = allocate(Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": "front"}]}])
    assert ipaddress.ip_address(made["PublicIp"]) in ipaddress.ip_network("198.18.0.0/15")
    assert (made["Domain"], made["PublicIpv4Pool"], made["NetworkBorderGroup"]) == ("vpc", "amazon", "us-east-1")
    found = read(ec2, made["AllocationId"])
    assert found["Tags"] == [{"Key": "Name", "Value": "front"}] and "AssociationId" not in found
    assert ec2.describe_addresses(PublicIps=[made["PublicIp"]])["Addresses"] == [found]
    assert ec2.describe_addresses(Filters=[{"Name": "tag:Name", "Values": ["fr*"]}])["Addresses"] == [found]
    assert ec2.describe_addresses_attribute(AllocationIds=[made["AllocationId"]], Attribute="domain-name")["Addresses"] == []
    with refused("InvalidAllocationID.NotFound", "The allocation ID 'eipalloc-1' does not exist"):
        read(ec2, "eipalloc-1")
    with refused("InvalidAddress.NotFound", "Address '198.51.100.1' not found."):
        ec2.describe_addresses(PublicIps=["198.51.100.1"])
    with refused("NotImplemented", status=501):
        ec2.allocate_address(Address="198.18.0.99")
    with refused("NotImplemented", status=501):
        ec2.modify_address_attribute(AllocationId=made["AllocationId"], DomainName="a.example")
    # Another account has other addresses, and this one is not there for it.
    other = cloud.client("ec2", key="222222222222")
    theirs = other.allocate_address()
    assert theirs["PublicIp"] != made["PublicIp"]
    with refused("InvalidAllocationID.NotFound"):
        other.release_address(AllocationId=made["AllocationId"])


def test_five_and_no_more(ec2, allocate):
    addresses = {allocate()["PublicIp"] for _ in range(5)}
    assert len(addresses) == 5
    with refused("AddressLimitExceeded", "The maximum number of addresses has been reached."):
        allocate()


def test_an_address_stands_for_a_private_one(ec2, interface, allocate):
    one, two = allocate(), allocate()
    eni = interface["NetworkInterfaceId"]
    secondary = interface["PrivateIpAddresses"][1]["PrivateIpAddress"]
    first = ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId=eni)["AssociationId"]
    # The same once more is the same.
    assert ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId=eni)["AssociationId"] == first
    found = read(ec2, one["AllocationId"])
    assert (found["AssociationId"], found["NetworkInterfaceId"], found["PrivateIpAddress"]) == (first, eni, interface["PrivateIpAddress"])
    shown = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]
    name = f"ec2-{one['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
    assert shown["Association"] == {
        "AllocationId": one["AllocationId"],
        "AssociationId": first,
        "IpOwnerId": "000000000000",
        "PublicDnsName": name,
        "PublicIp": one["PublicIp"],
    }
    by_ip = ec2.describe_network_interfaces(Filters=[{"Name": "association.public-ip", "Values": [one["PublicIp"]]}])
    assert [i["NetworkInterfaceId"] for i in by_ip["NetworkInterfaces"]] == [eni]
    with refused("Resource.AlreadyAssociated", f"resource {one['AllocationId']} is already associated with associate-id {first}"):
        ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId=eni, PrivateIpAddress=secondary, AllowReassociation=False)
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_address(AllocationId=two["AllocationId"], NetworkInterfaceId=eni, AllowReassociation=False)
    with refused("InvalidIPAddress.InUse", f"Address {one['PublicIp']} is in use."):
        ec2.release_address(AllocationId=one["AllocationId"])
    # Reassociation is automatic: the second one takes the first one's place, which then moves to the other address.
    ec2.associate_address(AllocationId=two["AllocationId"], NetworkInterfaceId=eni)
    assert "AssociationId" not in read(ec2, one["AllocationId"])
    moved = ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId=eni, PrivateIpAddress=secondary)["AssociationId"]
    assert read(ec2, one["AllocationId"])["PrivateIpAddress"] == secondary
    # An address that is taken from the interface is left by what stood for it.
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=[secondary])
    with refused("InvalidAssociationID.NotFound", f"The association ID '{moved}' does not exist"):
        ec2.disassociate_address(AssociationId=moved)
    with refused("InvalidParameterValue"):
        ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId=eni, PrivateIpAddress="10.9.9.9")
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.associate_address(AllocationId=one["AllocationId"], NetworkInterfaceId="eni-1")
    with refused("InvalidInstanceID.NotFound"):
        ec2.associate_address(AllocationId=one["AllocationId"], InstanceId="i-0123456789abcdef0")


def test_a_vpc_needs_a_gateway(ec2, allocate):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    address = allocate()["AllocationId"]
    with refused("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway"):
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=eni)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=eni)
    text = f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
    with refused("DependencyViolation", text):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    # The address stays allocated when its interface goes.
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    assert "AssociationId" not in read(ec2, address)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_who_may(cloud, ec2, iam, interface, allocate):
    person = Person(cloud, iam, "addresses")
    theirs = person.service("ec2")
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "team", "Value": "a"}]}]
    with refused("UnauthorizedOperation"):
        theirs.allocate_address()
    person.put("p", allow("ec2:AllocateAddress"))
    with refused("UnauthorizedOperation"):
        theirs.allocate_address(TagSpecifications=tags)
    assert ec2.describe_addresses()["Addresses"] == []
    person.put("p", allow("ec2:AllocateAddress"), allow("ec2:CreateTags", Condition={"StringEquals": {"ec2:CreateAction": "AllocateAddress"}}))
    mine = theirs.allocate_address(TagSpecifications=tags)["AllocationId"]
    eni = interface["NetworkInterfaceId"]
    person.put("p", allow("ec2:AssociateAddress"), deny("ec2:AssociateAddress", f"arn:aws:ec2:*:*:network-interface/{eni}"))
    with refused("UnauthorizedOperation"):
        theirs.associate_address(AllocationId=mine, NetworkInterfaceId=eni)
    mine_only = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    person.put("p", allow(["ec2:AssociateAddress", "ec2:ReleaseAddress"], "arn:aws:ec2:*:*:elastic-ip/*", Condition=mine_only),
               allow("ec2:AssociateAddress", "arn:aws:ec2:*:*:network-interface/*"))
    other = allocate()["AllocationId"]
    with refused("UnauthorizedOperation"):
        theirs.associate_address(AllocationId=other, NetworkInterfaceId=eni)
    association = theirs.associate_address(AllocationId=mine, NetworkInterfaceId=eni)["AssociationId"]
    with refused("UnauthorizedOperation"):
        theirs.disassociate_address(AssociationId=association)
    ec2.disassociate_address(AssociationId=association)
    with refused("UnauthorizedOperation"):
        theirs.release_address(AllocationId=other)
    theirs.release_address(AllocationId=mine)
