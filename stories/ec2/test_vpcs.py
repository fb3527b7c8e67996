"""VPCs and what is in them, as boto3 sees them: what is made, read, changed, refused and left."""

import pytest

from asserting import refused


@pytest.fixture(scope="module")
def ec2(cloud):
    """EC2 as the root user of an account of this file."""
    return cloud.client("ec2", key="111111111111")


@pytest.fixture
def vpc(ec2):
    """A VPC that is gone after the test, with all that is in it."""
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    yield made
    clear(ec2, made)


def of_vpc(vpc):
    return [{"Name": "vpc-id", "Values": [vpc]}]


def clear(ec2, vpc):
    """Deletes a VPC after everything in it."""
    for gateway in ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    for gateway in ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]:
        if gateway["Attachments"][0]["VpcId"] == vpc:
            ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway["EgressOnlyInternetGatewayId"])
    for subnet in ec2.describe_subnets(Filters=of_vpc(vpc))["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for table in ec2.describe_route_tables(Filters=of_vpc(vpc))["RouteTables"]:
        if not any(found["Main"] for found in table["Associations"]):
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    for acl in ec2.describe_network_acls(Filters=of_vpc(vpc))["NetworkAcls"]:
        if not acl["IsDefault"]:
            ec2.delete_network_acl(NetworkAclId=acl["NetworkAclId"])
    for group in ec2.describe_security_groups(Filters=of_vpc(vpc))["SecurityGroups"]:
        if group["GroupName"] != "default":
            ec2.delete_security_group(GroupId=group["GroupId"])
    ec2.delete_vpc(VpcId=vpc)


def test_the_default_vpc_is_there_and_can_be_made_again(cloud):
    ec2 = cloud.client("ec2", key="222222222222")
    [vpc] = ec2.describe_vpcs()["Vpcs"]
    assert (vpc["CidrBlock"], vpc["IsDefault"], vpc["State"]) == ("172.31.0.0/16", True, "available")
    subnets = ec2.describe_subnets()["Subnets"]
    assert sorted(s["CidrBlock"] for s in subnets) == ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"]
    assert all(s["DefaultForAz"] and s["MapPublicIpOnLaunch"] and s["AvailableIpAddressCount"] == 4091 for s in subnets)
    [table] = ec2.describe_route_tables()["RouteTables"]
    [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
    assert {(r["DestinationCidrBlock"], r["GatewayId"]) for r in table["Routes"]} == {
        ("172.31.0.0/16", "local"),
        ("0.0.0.0/0", gateway["InternetGatewayId"]),
    }
    [acl] = ec2.describe_network_acls()["NetworkAcls"]
    assert acl["IsDefault"] and len(acl["Associations"]) == 3
    [options] = ec2.describe_dhcp_options()["DhcpOptions"]
    assert options["DhcpConfigurations"][0] == {"Key": "domain-name", "Values": [{"Value": "ec2.internal"}]}
    attributes = {a["AttributeName"]: a["AttributeValues"][0]["AttributeValue"] for a in ec2.describe_account_attributes()["AccountAttributes"]}
    assert attributes["default-vpc"] == vpc["VpcId"] and attributes["supported-platforms"] == "VPC"
    with refused("DefaultSubnetAlreadyExistsInAvailabilityZone", "Default subnet already exists in us-east-1a."):
        ec2.create_default_subnet(AvailabilityZone="us-east-1a")
    with refused("DefaultVpcAlreadyExists"):
        ec2.create_default_vpc()
    clear(ec2, vpc["VpcId"])
    assert ec2.describe_vpcs()["Vpcs"] == []
    with refused("DefaultVpcDoesNotExist"):
        ec2.create_default_subnet(AvailabilityZone="us-east-1a")
    again = ec2.create_default_vpc()["Vpc"]
    assert again["IsDefault"] and again["VpcId"] != vpc["VpcId"]
    gone = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1b"]}])["Subnets"][0]
    ec2.delete_subnet(SubnetId=gone["SubnetId"])
    assert ec2.create_default_subnet(AvailabilityZone="us-east-1b")["Subnet"]["CidrBlock"] == gone["CidrBlock"]


def test_regions_and_zones(ec2):
    regions = {r["RegionName"]: r for r in ec2.describe_regions()["Regions"]}
    assert {"us-east-1", "eu-west-1", "af-south-1"} <= set(regions) and "cn-north-1" not in regions
    assert regions["eu-west-1"]["Endpoint"] == "ec2.eu-west-1.amazonaws.com"
    zones = ec2.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert [z["ZoneId"] for z in ec2.describe_availability_zones(ZoneNames=["us-east-1b"])["AvailabilityZones"]] == ["use1-az2"]
    with refused("InvalidParameterValue", "Invalid availability zone: [eu-west-1a]"):
        ec2.describe_availability_zones(ZoneNames=["eu-west-1a"])
    with refused("InvalidParameterValue"):
        ec2.describe_regions(RegionNames=["us-east-11"])


def test_a_vpc_from_beginning_to_end(ec2):
    made = ec2.create_vpc(CidrBlock="10.9.0.0/16", InstanceTenancy="dedicated")["Vpc"]
    vpc = made["VpcId"]
    assert made["State"] == "pending" and len(vpc) == len("vpc-") + 17
    [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert (found["State"], found["InstanceTenancy"], found["IsDefault"]) == ("available", "dedicated", False)
    for attribute, key, before in [
        ("enableDnsSupport", "EnableDnsSupport", True),
        ("enableDnsHostnames", "EnableDnsHostnames", False),
    ]:
        assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[key]["Value"] is before
        ec2.modify_vpc_attribute(VpcId=vpc, **{key: {"Value": not before}})
        assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[key]["Value"] is not before
    with refused("InvalidParameterCombination"):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True})
    with refused("NotImplemented", status=501):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableNetworkAddressUsageMetrics={"Value": True})
    ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["InstanceTenancy"] == "default"
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    with refused("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted."):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    with refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist"):
        ec2.delete_vpc(VpcId=vpc)
    left = ec2.describe_security_groups(Filters=of_vpc(vpc))["SecurityGroups"]
    assert left == [] and ec2.describe_route_tables(Filters=of_vpc(vpc))["RouteTables"] == []


def test_what_is_no_vpc_is_refused(ec2):
    for cidr, code in [("10.0.0.0/15", "InvalidVpc.Range"), ("10.0.0.0/29", "InvalidVpc.Range"), ("10.0.0.0", "InvalidParameterValue")]:
        with refused(code):
            ec2.create_vpc(CidrBlock=cidr)
    for nobodys in ("0.0.0.0/16", "127.0.0.0/16", "169.254.0.0/16", "224.0.0.0/16"):
        with refused("InvalidVpc.Range", f"The CIDR '{nobodys}' is invalid."):
            ec2.create_vpc(CidrBlock=nobodys)
    absent = ["vpc-0123456789abcdef0", "vpc-0123456789abcdef1"]
    with refused("InvalidVpcID.NotFound", f"The vpc IDs '{', '.join(absent)}' do not exist"):
        ec2.describe_vpcs(VpcIds=absent)
    with refused("MissingParameter", "The request must contain the parameter cidrBlock"):
        ec2.create_vpc()
    with refused("NotImplemented", status=501):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", Ipv4IpamPoolId="ipam-pool-1")
    with refused("InvalidVpcID.Malformed", 'Invalid id: "mine" (expecting "vpc-...")'):
        ec2.delete_vpc(VpcId="mine")
    with refused("InvalidInstanceID.Malformed", 'Invalid id: "mine"'):
        ec2.describe_instances(InstanceIds=["mine"])


def test_what_is_far_too_long_to_be_an_id_is_refused(ec2, vpc):
    def endless(prefix):
        return prefix + "0" * 70_000

    group = ec2.describe_security_groups(Filters=of_vpc(vpc))["SecurityGroups"][0]["GroupId"]
    listed = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": endless("pl-")}]}]
    for call, code in [
        (lambda: ec2.delete_vpc(VpcId=endless("vpc-")), "InvalidVpcID.Malformed"),
        (lambda: ec2.describe_vpcs(VpcIds=[endless("vpc-")]), "InvalidVpcID.Malformed"),
        (lambda: ec2.create_subnet(VpcId=endless("vpc-"), CidrBlock="10.0.0.0/24"), "InvalidVpcID.Malformed"),
        (lambda: ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=endless("pcx-")), "InvalidVpcPeeringConnectionId.Malformed"),
        (lambda: ec2.create_tags(Resources=[endless("subnet-")], Tags=[{"Key": "a", "Value": "b"}]), "InvalidSubnetID.Malformed"),
        (lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=listed), "InvalidPrefixListId.Malformed"),
        (lambda: ec2.create_tags(Resources=[vpc + "/"], Tags=[{"Key": "a", "Value": "b"}]), "InvalidVpcID.Malformed"),
    ]:
        with refused(code):
            call()
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "b"}])


def test_dry_runs_change_nothing_and_say_so(ec2, vpc):
    text = "Request would have succeeded, but DryRun flag is set."
    for call in [
        lambda: ec2.create_vpc(CidrBlock="10.5.0.0/16", DryRun=True),
        lambda: ec2.delete_vpc(VpcId=vpc, DryRun=True),
        lambda: ec2.describe_vpcs(DryRun=True),
        lambda: ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", DryRun=True),
    ]:
        with refused("DryRunOperation", text, status=412):
            call()
    with refused("InvalidVpc.Range"):
        ec2.create_vpc(CidrBlock="10.5.0.0/8", DryRun=True)
    assert ec2.describe_subnets(Filters=of_vpc(vpc))["Subnets"] == []


def test_there_may_be_five_vpcs(cloud):
    ec2 = cloud.client("ec2", key="333333333333")
    for n in range(4):
        ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")
    with refused("VpcLimitExceeded", "The maximum number of VPCs has been reached."):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")
    # Another region and another account have room.
    assert cloud.client("ec2", key="333333333333", region="eu-west-1").create_vpc(CidrBlock="10.9.0.0/16")


def test_blocks_of_a_vpc(ec2, vpc):
    added = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
    assert added["CidrBlockState"]["State"] == "associating"
    for cidr, code in [
        ("10.1.128.0/24", "InvalidVpc.Conflict"),
        ("192.168.0.0/16", "InvalidVpc.Range"),
        ("198.19.1.0/24", "InvalidVpc.Range"),
        ("10.2.0.0/15", "InvalidVpc.Range"),
    ]:
        with refused(code):
            ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=cidr)
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="100.64.0.0/24")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
    [found] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert [b["CidrBlock"] for b in found["CidrBlockAssociationSet"]] == ["10.0.0.0/16", "100.64.0.0/24"]
    primary = found["CidrBlockAssociationSet"][0]["AssociationId"]
    with refused("OperationNotPermitted"):
        ec2.disassociate_vpc_cidr_block(AssociationId=primary)
    with refused("InvalidVpcCidrBlockAssociationID.NotFound"):
        ec2.disassociate_vpc_cidr_block(AssociationId="vpc-cidr-assoc-00000000000000000")


def test_ipv6(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidParameterValue"):
        ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    block = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    assert block["Ipv6CidrBlock"].endswith("00::/56")
    part = block["Ipv6CidrBlock"].replace("00::/56", "05::/64")
    with refused("InvalidSubnet.Range"):
        ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock="2001:db8::/64")
    mine = ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=part)["Ipv6CidrBlockAssociation"]
    with refused("InvalidSubnet.Conflict"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=part)
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])
    gateway = ec2.create_egress_only_internet_gateway(VpcId=vpc, ClientToken="t")["EgressOnlyInternetGateway"]
    same = ec2.create_egress_only_internet_gateway(VpcId=vpc, ClientToken="t")["EgressOnlyInternetGateway"]
    assert gateway["EgressOnlyInternetGatewayId"] == same["EgressOnlyInternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    out = {"RouteTableId": table, "EgressOnlyInternetGatewayId": gateway["EgressOnlyInternetGatewayId"]}
    with refused("InvalidParameterValue"):
        ec2.create_route(**out, DestinationCidrBlock="0.0.0.0/0")
    ec2.create_route(**out, DestinationIpv6CidrBlock="::/0")
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway["EgressOnlyInternetGatewayId"])
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [r["State"] for r in found["Routes"] if r.get("DestinationIpv6CidrBlock") == "::/0"] == ["blackhole"]
    ec2.disassociate_subnet_cidr_block(AssociationId=mine["AssociationId"])
    [found] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert found["Ipv6CidrBlockAssociationSet"] == [] and not found["AssignIpv6AddressOnCreation"]
    with refused("InvalidSubnetCidrBlockAssociationID.NotFound"):
        ec2.disassociate_subnet_cidr_block(AssociationId=mine["AssociationId"])
    ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])


def test_subnets(ec2, vpc):
    one = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZoneId="use1-az2")["Subnet"]
    assert (one["AvailabilityZone"], one["AvailableIpAddressCount"], one["MapPublicIpOnLaunch"]) == ("us-east-1b", 251, False)
    assert one["SubnetArn"] == f"arn:aws:ec2:us-east-1:111111111111:subnet/{one['SubnetId']}"
    for cidr, code in [
        ("10.0.1.128/25", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.2.0/29", "InvalidSubnet.Range"),
        ("x", "InvalidParameterValue"),
    ]:
        with refused(code):
            ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)
    with refused("InvalidParameterValue"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", AvailabilityZone="eu-west-1a")
    ec2.modify_subnet_attribute(SubnetId=one["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=one["SubnetId"], PrivateDnsHostnameTypeOnLaunch="resource-name")
    [found] = ec2.describe_subnets(SubnetIds=[one["SubnetId"]])["Subnets"]
    assert found["MapPublicIpOnLaunch"] and found["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] == "resource-name"
    with refused("NotImplemented", status=501):
        ec2.modify_subnet_attribute(SubnetId=one["SubnetId"], EnableDns64={"Value": True})
    with refused("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"):
        ec2.delete_subnet(SubnetId="subnet-1")


def test_filters_and_pages(ec2, vpc):
    for n in range(7):
        tags = [{"Key": "Name", "Value": f"part-{n}"}, *([{"Key": "odd", "Value": ""}] if n % 2 else [])]
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}]
        )

    def cidrs(*filters):
        found = ec2.describe_subnets(Filters=[*of_vpc(vpc), *({"Name": n, "Values": v} for n, v in filters)])
        return sorted(s["CidrBlock"] for s in found["Subnets"])

    assert cidrs(("tag:Name", ["part-1", "part-2"])) == ["10.0.1.0/24", "10.0.2.0/24"]
    assert cidrs(("tag:Name", ["part-?"]), ("tag-key", ["odd"])) == ["10.0.1.0/24", "10.0.3.0/24", "10.0.5.0/24"]
    assert cidrs(("cidr-block", ["10.0.[0-3]*"])) == [] and len(cidrs(("cidr-block", ["10.0.*"]))) == 7
    assert cidrs(("tag:Name", ["PART-1"])) == []
    with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
        cidrs(("colour", ["red"]))
    pages = ec2.get_paginator("describe_subnets").paginate(Filters=of_vpc(vpc), PaginationConfig={"PageSize": 5})
    assert [len(page["Subnets"]) for page in pages] == [5, 2]
    with refused("InvalidParameterCombination"):
        ec2.describe_subnets(SubnetIds=["subnet-1"], MaxResults=5)
    with refused("InvalidPaginationToken"):
        ec2.describe_subnets(NextToken="*")
    with refused("FilterLimitExceeded"):
        cidrs(("cidr-block", [str(n) for n in range(201)]))


def test_route_tables(ec2, vpc):
    [main] = ec2.describe_route_tables(Filters=[*of_vpc(vpc), {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    table = ec2.create_route_table(VpcId=vpc, ClientToken="one")["RouteTable"]["RouteTableId"]
    assert ec2.create_route_table(VpcId=vpc, ClientToken="one")["RouteTable"]["RouteTableId"] == table
    with refused("IdempotentParameterMismatch"):
        tags = [{"ResourceType": "route-table", "Tags": [{"Key": "a", "Value": "b"}]}]
        ec2.create_route_table(VpcId=vpc, ClientToken="one", TagSpecifications=tags)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    with refused("InvalidParameterValue"):
        ec2.create_route(**route)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    with refused("Resource.AlreadyAssociated"):
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(**route)
    ec2.create_route(**route)
    with refused("RouteAlreadyExists", "The route identified by 10.0.0.0/16 already exists."):
        ec2.create_route(**{**route, "DestinationCidrBlock": "10.0.0.0/16"})
    # Where the router serves itself no route leads; a larger block may go around it.
    for own in ({"DestinationCidrBlock": "169.254.169.254/32"}, {"DestinationIpv6CidrBlock": "fd00:ec2::/64"}):
        with refused("InvalidParameterValue"):
            ec2.create_route(RouteTableId=table, GatewayId=gateway, **own)
    ec2.create_route(**{**route, "DestinationCidrBlock": "169.254.0.0/16"})
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="169.254.0.0/16")
    for target, code in [
        ({"NatGatewayId": "nat-1"}, "NatGatewayNotFound"),
        ({"TransitGatewayId": "tgw-1"}, "InvalidTransitGatewayID.NotFound"),
        ({"GatewayId": "igw-1"}, "InvalidInternetGatewayID.NotFound"),
        ({}, "MissingParameter"),
    ]:
        with refused(code):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", **target)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_route_table(RouteTableId=main["RouteTableId"], SubnetId=subnet)
    with refused("DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted."):
        ec2.delete_route_table(RouteTableId=table)
    moved = ec2.replace_route_table_association(AssociationId=association, RouteTableId=main["RouteTableId"])
    ec2.disassociate_route_table(AssociationId=moved["NewAssociationId"])
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_route_table(AssociationId=association)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [r["State"] for r in found["Routes"]] == ["active", "blackhole"]
    with refused("Gateway.NotAttached"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=other, VpcId=vpc)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=other)
    with refused("InvalidRoute.NotFound"):
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=other)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidRoute.NotFound"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    # Another main table: the old one can go then.
    [old] = [a for a in main["Associations"] if a["Main"]]
    ec2.replace_route_table_association(AssociationId=old["RouteTableAssociationId"], RouteTableId=table)
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])
    with refused("InvalidParameterValue"):
        [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        ec2.disassociate_route_table(AssociationId=found["Associations"][0]["RouteTableAssociationId"])
    with refused("DependencyViolation"):
        ec2.delete_internet_gateway(InternetGatewayId=other)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_network_acls(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    [default] = ec2.describe_network_acls(Filters=of_vpc(vpc))["NetworkAcls"]
    assert [(e["RuleNumber"], e["RuleAction"]) for e in default["Entries"] if e["Egress"]] == [(100, "allow"), (32767, "deny")]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    entry = {"NetworkAclId": acl, "RuleNumber": 10, "Protocol": "6", "RuleAction": "allow", "Egress": False}
    web = {**entry, "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 80, "To": 80}}
    ec2.create_network_acl_entry(**web)
    with refused("NetworkAclEntryAlreadyExists", "The network acl entry identified by 10 already exists."):
        ec2.create_network_acl_entry(**web)
    with refused("MissingParameter"):
        ec2.create_network_acl_entry(**{**entry, "RuleNumber": 20, "CidrBlock": "0.0.0.0/0"})
    ec2.replace_network_acl_entry(**{**web, "RuleAction": "deny"})
    with refused("InvalidNetworkAclEntry.NotFound"):
        ec2.replace_network_acl_entry(**{**web, "Egress": True})
    [found] = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
    assert found["Entries"][1] == {
        "CidrBlock": "0.0.0.0/0", "Egress": False, "PortRange": {"From": 80, "To": 80}, "Protocol": "6",
        "RuleAction": "deny", "RuleNumber": 10,
    }  # fmt: skip
    for n in range(11, 30):
        ec2.create_network_acl_entry(**{**web, "RuleNumber": n})
    with refused("NetworkAclEntryLimitExceeded"):
        ec2.create_network_acl_entry(**{**web, "RuleNumber": 30})
    old = default["Associations"][0]["NetworkAclAssociationId"]
    new = ec2.replace_network_acl_association(AssociationId=old, NetworkAclId=acl)["NewAssociationId"]
    with refused("InvalidAssociationID.NotFound"):
        ec2.replace_network_acl_association(AssociationId=old, NetworkAclId=acl)
    with refused("DependencyViolation", f"The networkAcl '{acl}' has dependencies and cannot be deleted."):
        ec2.delete_network_acl(NetworkAclId=acl)
    ec2.replace_network_acl_association(AssociationId=new, NetworkAclId=default["NetworkAclId"])
    [found] = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
    assert found["IsDefault"]
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=10, Egress=False)
    with refused("InvalidNetworkAclEntry.NotFound"):
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=10, Egress=False)
    with refused("InvalidParameterValue"):
        ec2.delete_network_acl(NetworkAclId=default["NetworkAclId"])
    ec2.delete_network_acl(NetworkAclId=acl)


def test_dhcp_options(ec2, vpc):
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["example.com"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.2", "AmazonProvidedDNS"]},
        ]
    )["DhcpOptions"]["DhcpOptionsId"]
    with refused("InvalidParameterValue"):
        ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "router", "Values": ["10.0.0.1"]}])
    ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
    with refused("DependencyViolation", f"The dhcpOptions '{made}' has dependencies and cannot be deleted."):
        ec2.delete_dhcp_options(DhcpOptionsId=made)
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == "default"
    ec2.delete_dhcp_options(DhcpOptionsId=made)
    with refused("InvalidDhcpOptionID.NotFound"):
        ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)


def test_prefix_lists(ec2, vpc):
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=3, AddressFamily="IPv4", Entries=[{"Cidr": "192.0.2.0/24", "Description": "one"}]
    )["PrefixList"]
    list_id = made["PrefixListId"]
    assert (made["State"], made["Version"]) == ("create-in-progress", 1)

    def entries(**more):
        return [e["Cidr"] for e in ec2.get_managed_prefix_list_entries(PrefixListId=list_id, **more)["Entries"]]

    twice = {"Cidr": "192.0.2.0/24"}
    with refused("InvalidParameterValue", "Request cannot contain Cidr 192.0.2.0/24 in both AddPrefixListEntries and RemovePrefixListEntries"):
        ec2.modify_managed_prefix_list(PrefixListId=list_id, CurrentVersion=1, AddEntries=[twice], RemoveEntries=[twice])
    with refused("InvalidParameterCombination", "You cannot modify the entries and the maximum entries for the prefix list in the same request."):
        ec2.modify_managed_prefix_list(PrefixListId=list_id, CurrentVersion=1, RemoveEntries=[twice], MaxEntries=9)
    change = {"PrefixListId": list_id, "AddEntries": [{"Cidr": "198.51.100.0/24"}], "RemoveEntries": [{"Cidr": "192.0.2.0/24"}]}
    with refused("PrefixListVersionMismatch"):
        ec2.modify_managed_prefix_list(**change, CurrentVersion=2)
    ec2.modify_managed_prefix_list(**change, CurrentVersion=1)
    assert entries() == ["198.51.100.0/24"] and entries(TargetVersion=1) == ["192.0.2.0/24"]
    with refused("PrefixListMaxEntriesExceeded"):
        more = [{"Cidr": f"10.{n}.0.0/16"} for n in range(3)]
        ec2.modify_managed_prefix_list(PrefixListId=list_id, CurrentVersion=2, AddEntries=more)
    ec2.restore_managed_prefix_list_version(PrefixListId=list_id, PreviousVersion=1, CurrentVersion=2)
    [found] = ec2.describe_managed_prefix_lists(PrefixListIds=[list_id])["PrefixLists"]
    assert (found["Version"], found["State"]) == (3, "restore-complete") and entries() == ["192.0.2.0/24"]
    group = ec2.create_security_group(GroupName="offices", Description="d", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": list_id}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    [user] = ec2.get_managed_prefix_list_associations(PrefixListId=list_id)["PrefixListAssociations"]
    assert user == {"ResourceId": group, "ResourceOwner": "111111111111"}
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.modify_managed_prefix_list(PrefixListId=list_id, MaxEntries=61)
    with refused("DependencyViolation"):
        ec2.delete_managed_prefix_list(PrefixListId=list_id)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_managed_prefix_list(PrefixListId=list_id)
    with refused("InvalidPrefixListID.NotFound"):
        ec2.get_managed_prefix_list_entries(PrefixListId=list_id)


def test_accounts_and_regions_do_not_meet(cloud, ec2, vpc):
    for other in [cloud.client("ec2", key="444444444444"), cloud.client("ec2", key="111111111111", region="eu-west-1")]:
        with refused("InvalidVpcID.NotFound"):
            other.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")
        assert vpc not in [v["VpcId"] for v in other.describe_vpcs()["Vpcs"]]
    assert ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")


def test_a_kill_keeps_everything(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")

    def everything(ec2):
        return [
            ec2.describe_vpcs()["Vpcs"],
            ec2.describe_subnets()["Subnets"],
            ec2.describe_route_tables()["RouteTables"],
            ec2.describe_network_acls()["NetworkAcls"],
            ec2.describe_security_groups()["SecurityGroups"],
            ec2.describe_dhcp_options()["DhcpOptions"],
        ]

    before = everything(ec2)
    cloud.kill()
    cloud.start()
    assert everything(cloud.client("ec2")) == before
