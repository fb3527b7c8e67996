"""Network interfaces: their addresses, groups and attributes; who may have them, and what they hold back."""

import pytest

from asserting import Prefix, refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2):
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    return made


@pytest.fixture(scope="module")
def subnet(ec2, vpc):
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    block = block.replace("/56", "/64")
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block)["Subnet"]["SubnetId"]


@pytest.fixture
def make(ec2, subnet):
    """Makes interfaces that are gone after the test."""
    made = []

    def make(**more):
        interface = ec2.create_network_interface(**{"SubnetId": subnet, **more})["NetworkInterface"]
        made.append(interface["NetworkInterfaceId"])
        return interface

    yield make
    for interface in made:
        try:
            ec2.delete_network_interface(NetworkInterfaceId=interface)
        except ec2.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "InvalidNetworkInterfaceID.NotFound"


def read(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


def free(ec2, subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


def test_an_interface_is_chosen_for_whoever_asks_for_nothing(ec2, vpc, subnet, make):
    before = free(ec2, subnet)
    made = make(Description="first", TagSpecifications=[{"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": "one"}]}])
    assert made["Status"] == "pending"
    found = read(ec2, made["NetworkInterfaceId"])
    [default] = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    assert (found["Status"], found["VpcId"], found["SubnetId"], found["Description"]) == ("available", vpc, subnet, "first")
    assert found["Groups"] == [{"GroupId": default["GroupId"], "GroupName": "default"}]
    # The first four addresses of a subnet are AWS's own.
    assert found["PrivateIpAddress"] == "10.0.1.4"
    assert found["PrivateDnsName"] == "ip-10-0-1-4.ec2.internal"
    assert found["PrivateIpAddresses"] == [
        {"Primary": True, "PrivateIpAddress": "10.0.1.4", "PrivateDnsName": "ip-10-0-1-4.ec2.internal"}
    ]
    assert (found["SourceDestCheck"], found["InterfaceType"], found["RequesterManaged"]) == (True, "interface", False)
    assert found["MacAddress"].startswith("06:") and len(found["MacAddress"]) == 17
    assert found["TagSet"] == [{"Key": "Name", "Value": "one"}] and "Attachment" not in found
    assert free(ec2, subnet) == before - 1
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    with refused("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{made['NetworkInterfaceId']}' does not exist"):
        read(ec2, made["NetworkInterfaceId"])
    assert free(ec2, subnet) == before


def test_addresses_are_named_or_chosen(ec2, subnet, make):
    one = make(PrivateIpAddress="10.0.1.20", SecondaryPrivateIpAddressCount=2)
    assert one["PrivateIpAddress"] == "10.0.1.20"
    assert [a["PrivateIpAddress"] for a in one["PrivateIpAddresses"]] == ["10.0.1.20", "10.0.1.4", "10.0.1.5"]
    assert [a["Primary"] for a in one["PrivateIpAddresses"]] == [True, False, False]
    two = make(PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.30"}, {"PrivateIpAddress": "10.0.1.31", "Primary": True}])
    assert [a["PrivateIpAddress"] for a in two["PrivateIpAddresses"]] == ["10.0.1.31", "10.0.1.30"]
    with refused("InvalidIPAddress.InUse", "Address 10.0.1.30 is in use."):
        make(PrivateIpAddress="10.0.1.30")
    for address, text in [
        ("10.0.2.4", "Address does not fall within the subnet's address range"),
        ("10.0.1.3", "Address is in subnet's reserved address range"),
        ("10.0.1.255", "Address is in subnet's reserved address range"),
        ("10.0.1", Prefix("Value (10.0.1) for parameter privateIpAddress is invalid.")),
    ]:
        with refused("InvalidParameterValue", text):
            make(PrivateIpAddress=address)
    with refused("InvalidParameterCombination"):
        make(PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.40"}], SecondaryPrivateIpAddressCount=1)
    with refused("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"):
        make(SubnetId="subnet-1")
    with refused("NotImplemented", Prefix("yakumo does not implement the interface type efa"), status=501):
        make(InterfaceType="efa")
    with refused("NotImplemented", status=501):
        make(Ipv4PrefixCount=1)
    with refused("DryRunOperation", status=412):
        make(DryRun=True)


def test_secondary_addresses_come_go_and_move(ec2, subnet, make):
    one, two = (make()["NetworkInterfaceId"] for _ in range(2))
    answer = ec2.assign_private_ip_addresses(NetworkInterfaceId=one, PrivateIpAddresses=["10.0.1.50", "10.0.1.51"])
    assert answer["AssignedPrivateIpAddresses"] == [{"PrivateIpAddress": "10.0.1.50"}, {"PrivateIpAddress": "10.0.1.51"}]
    with refused("InvalidIPAddress.InUse", "Address 10.0.1.50 is in use."):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=two, PrivateIpAddresses=["10.0.1.50"])
    ec2.assign_private_ip_addresses(NetworkInterfaceId=two, PrivateIpAddresses=["10.0.1.50"], AllowReassignment=True)
    addresses = {i: [a["PrivateIpAddress"] for a in read(ec2, i)["PrivateIpAddresses"]] for i in (one, two)}
    assert addresses[one][1:] == ["10.0.1.51"] and addresses[two][1:] == ["10.0.1.50"]
    with refused("InvalidIPAddress.InUse"):
        # A primary address stays where it is.
        ec2.assign_private_ip_addresses(NetworkInterfaceId=two, PrivateIpAddresses=addresses[one][:1], AllowReassignment=True)
    with refused("InvalidParameterValue"):
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=one, PrivateIpAddresses=addresses[one][:1])
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=one, PrivateIpAddresses=["10.0.1.51"])
    assert len(read(ec2, one)["PrivateIpAddresses"]) == 1
    with refused("PrivateIpAddressLimitExceeded"):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=one, SecondaryPrivateIpAddressCount=50)


def test_ipv6_addresses(ec2, vpc, subnet, make):
    one = make(Ipv6AddressCount=1)
    [first] = [a["Ipv6Address"] for a in one["Ipv6Addresses"]]
    interface = one["NetworkInterfaceId"]
    [second] = ec2.assign_ipv6_addresses(NetworkInterfaceId=interface, Ipv6AddressCount=1)["AssignedIpv6Addresses"]
    assert second != first
    with refused("InvalidIPAddress.InUse"):
        make(Ipv6Addresses=[{"Ipv6Address": first}])
    [association] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["Ipv6CidrBlockAssociationSet"]
    with refused(("DependencyViolation", "InvalidCidrBlock.InUse")):
        ec2.disassociate_subnet_cidr_block(AssociationId=association["AssociationId"])
    gone = ec2.unassign_ipv6_addresses(NetworkInterfaceId=interface, Ipv6Addresses=[first, second])
    assert sorted(gone["UnassignedIpv6Addresses"]) == sorted([first, second])
    assert read(ec2, interface)["Ipv6Addresses"] == []
    bare = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.6.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidParameterValue", "Subnet does not contain any IPv6 CIDR block ranges"):
        make(SubnetId=bare, Ipv6AddressCount=1)
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    assert len(make()["Ipv6Addresses"]) == 1
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": False})


def test_attributes_and_groups(ec2, vpc, make):
    interface = make()["NetworkInterfaceId"]
    group = ec2.create_security_group(GroupName="web", Description="d", VpcId=vpc)["GroupId"]
    modify = ec2.modify_network_interface_attribute
    modify(NetworkInterfaceId=interface, Groups=[group])
    modify(NetworkInterfaceId=interface, Description={"Value": "changed"})
    modify(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    found = read(ec2, interface)
    assert found["Groups"] == [{"GroupId": group, "GroupName": "web"}]
    assert (found["Description"], found["SourceDestCheck"]) == ("changed", False)
    describe = ec2.describe_network_interface_attribute
    assert describe(NetworkInterfaceId=interface, Attribute="description")["Description"] == {"Value": "changed"}
    assert describe(NetworkInterfaceId=interface, Attribute="groupSet")["Groups"][0]["GroupId"] == group
    assert describe(NetworkInterfaceId=interface, Attribute="sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    assert "Attachment" not in describe(NetworkInterfaceId=interface, Attribute="attachment")
    ec2.reset_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck="true")
    assert read(ec2, interface)["SourceDestCheck"] is True
    with refused("InvalidParameterCombination"):
        modify(NetworkInterfaceId=interface, Groups=[group], Description={"Value": "both"})
    with refused("InvalidGroup.NotFound", "The security group 'sg-1' does not exist"):
        modify(NetworkInterfaceId=interface, Groups=["sg-1"])
    [elsewhere] = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [default_vpc(ec2)]}]
    )["SecurityGroups"]
    with refused("InvalidParameter", Prefix(f"Security group {elsewhere['GroupId']} and subnet")):
        modify(NetworkInterfaceId=interface, Groups=[elsewhere["GroupId"]])
    with refused("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.delete_security_group(GroupId=group)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)


def default_vpc(ec2):
    return ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]


def test_there_is_no_instance_to_attach_to(ec2, make):
    interface = make()["NetworkInterfaceId"]
    with refused("InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist"):
        ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId="i-0123456789abcdef0", DeviceIndex=1)
    with refused("InvalidAttachmentID.NotFound"):
        ec2.detach_network_interface(AttachmentId="eni-attach-0123456789abcdef0")


def test_a_token_makes_one(ec2, subnet, make):
    one = make(ClientToken="a", Description="x")
    assert make(ClientToken="a", Description="x")["NetworkInterfaceId"] == one["NetworkInterfaceId"]
    with refused("IdempotentParameterMismatch"):
        make(ClientToken="a", Description="y")


def test_filters_and_pages(ec2, subnet, make):
    ids = sorted(make(Description=f"page {n}")["NetworkInterfaceId"] for n in range(6))
    pages = ec2.get_paginator("describe_network_interfaces").paginate(
        Filters=[{"Name": "description", "Values": ["page *"]}], PaginationConfig={"PageSize": 5}
    )
    seen = [[i["NetworkInterfaceId"] for i in page["NetworkInterfaces"]] for page in pages]
    assert [len(page) for page in seen] == [5, 1] and sorted(sum(seen, [])) == ids
    one = read(ec2, ids[0])
    for name, value in [
        ("addresses.private-ip-address", one["PrivateIpAddress"]),
        ("mac-address", one["MacAddress"]),
        ("private-dns-name", one["PrivateDnsName"]),
        ("network-interface-id", ids[0]),
    ]:
        found = ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])["NetworkInterfaces"]
        assert [i["NetworkInterfaceId"] for i in found] == [ids[0]], name
    assert ec2.describe_network_interfaces(Filters=[{"Name": "status", "Values": ["in-use"]}])["NetworkInterfaces"] == []
    with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
        ec2.describe_network_interfaces(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_who_may_make_one(cloud, ec2, iam, subnet, make):
    person = Person(cloud, iam, "eni-maker")
    theirs = person.service("ec2")
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "team", "Value": "a"}]}]
    count = len(ec2.describe_network_interfaces()["NetworkInterfaces"])
    with refused("UnauthorizedOperation"):
        theirs.create_network_interface(SubnetId=subnet)
    person.put("p", allow("ec2:CreateNetworkInterface"))
    with refused("UnauthorizedOperation"):
        # To tag what is made is another permission; without it nothing is made.
        theirs.create_network_interface(SubnetId=subnet, TagSpecifications=tags)
    person.put("p", allow("ec2:CreateNetworkInterface"), deny("ec2:CreateNetworkInterface", f"arn:aws:ec2:*:*:subnet/{subnet}"))
    with refused("UnauthorizedOperation"):
        theirs.create_network_interface(SubnetId=subnet)
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == count
    only = {"StringEquals": {"ec2:CreateAction": "CreateNetworkInterface", "aws:RequestTag/team": "a"}}
    person.put("p", allow("ec2:CreateNetworkInterface"), allow("ec2:CreateTags", Condition=only))
    made = theirs.create_network_interface(SubnetId=subnet, TagSpecifications=tags)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("UnauthorizedOperation"):
        theirs.delete_network_interface(NetworkInterfaceId=made)
    person.put("p", allow("ec2:DeleteNetworkInterface", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}}))
    with refused("UnauthorizedOperation"):
        theirs.delete_network_interface(NetworkInterfaceId=make()["NetworkInterfaceId"])
    theirs.delete_network_interface(NetworkInterfaceId=made)


def test_other_accounts_and_regions_see_nothing(cloud, ec2, subnet, make):
    interface = make()["NetworkInterfaceId"]
    for other in (cloud.client("ec2", key="222222222222"), cloud.client("ec2", region="eu-west-1")):
        assert other.describe_network_interfaces()["NetworkInterfaces"] == []
        with refused("InvalidNetworkInterfaceID.NotFound"):
            other.delete_network_interface(NetworkInterfaceId=interface)
        with refused("InvalidSubnetID.NotFound"):
            other.create_network_interface(SubnetId=subnet)


def test_a_subnet_with_interfaces_stays(ec2, vpc, make):
    part = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/28")["Subnet"]["SubnetId"]
    interfaces = [make(SubnetId=part)["NetworkInterfaceId"] for _ in range(11)]
    text = "The specified subnet does not have enough free addresses to satisfy the request."
    with refused("InsufficientFreeAddressesInSubnet", text):
        make(SubnetId=part)
    with refused("DependencyViolation", f"The subnet '{part}' has dependencies and cannot be deleted."):
        ec2.delete_subnet(SubnetId=part)
    for interface in interfaces:
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_subnet(SubnetId=part)


def test_routes_lead_to_interfaces(ec2, vpc, make):
    interface = make()["NetworkInterfaceId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.168.0.0/16", NetworkInterfaceId="eni-1")
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.168.0.0/16", NetworkInterfaceId=interface)

    def state():
        [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return next(r["State"] for r in found["Routes"] if r.get("NetworkInterfaceId") == interface)

    assert state() == "active"
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    assert state() == "blackhole"
    ec2.delete_route_table(RouteTableId=table)


def test_interfaces_survive_a_restart(workshop):
    kept = workshop.cloud(data_dir=workshop.directory())
    ec2 = kept.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=1)["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address()["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=made)
    before = read(ec2, made)
    kept.kill()
    kept.start()
    ec2 = kept.client("ec2")
    assert read(ec2, made) == before and before["Association"]["AllocationId"] == address
