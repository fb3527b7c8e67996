"""Transit gateways: attachments, route tables, associations, propagations, routes, and what they lead VPCs' routes to."""

import time

import pytest

from asserting import refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


def network(ec2, cidr, *zones):
    """A VPC with one subnet in each of these zones."""
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    part = lambda n: cidr.replace(".0.0/16", f".{n}.0/24")  # noqa: E731
    make = lambda n, zone: ec2.create_subnet(VpcId=vpc, CidrBlock=part(n), AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"]  # noqa: E731
    return vpc, [make(n, zone) for n, zone in enumerate(zones)]


@pytest.fixture(scope="module")
def one(ec2):
    return network(ec2, "10.1.0.0/16", "a", "b", "a")


@pytest.fixture(scope="module")
def two(ec2):
    return network(ec2, "10.2.0.0/16", "a")


@pytest.fixture
def gateway(ec2):
    """A transit gateway as it is by default."""
    made = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    yield made
    end(ec2, made)


def end(ec2, gateway):
    """Deletes a gateway after its attachments."""
    mine = [{"Name": "transit-gateway-id", "Values": [gateway]}, {"Name": "state", "Values": ["available"]}]
    for found in ec2.describe_transit_gateway_attachments(Filters=mine)["TransitGatewayAttachments"]:
        ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=found["TransitGatewayAttachmentId"])
    ec2.delete_transit_gateway(TransitGatewayId=gateway)


def attach(ec2, gateway, vpc, subnets, **more):
    made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=subnets, **more)
    return made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]


def default_table(ec2, gateway):
    [found] = ec2.describe_transit_gateways(TransitGatewayIds=[gateway])["TransitGateways"]
    return found["Options"]["AssociationDefaultRouteTableId"]


def routes(ec2, table, name="type", *values):
    """Block, type, state and attachment of the routes of a table."""
    filters = [{"Name": name, "Values": list(values) or ["static", "propagated"]}]
    found = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=filters)["Routes"]
    leads = lambda route: [to["TransitGatewayAttachmentId"] for to in route.get("TransitGatewayAttachments", [])]  # noqa: E731
    return [(route["DestinationCidrBlock"], route["Type"], route["State"], *leads(route)) for route in found]


def test_a_gateway_lives(ec2):
    tags = [{"ResourceType": "transit-gateway", "Tags": [{"Key": "Name", "Value": "hub"}]}]
    made = ec2.create_transit_gateway(Description="hub", TagSpecifications=tags, Options={"AmazonSideAsn": 65000})["TransitGateway"]
    gateway, table = made["TransitGatewayId"], made["Options"]["AssociationDefaultRouteTableId"]
    assert made["State"] == "pending" and made["TransitGatewayArn"].endswith(f":transit-gateway/{gateway}")
    [found] = ec2.describe_transit_gateways(Filters=[{"Name": "tag:Name", "Values": ["hub"]}])["TransitGateways"]
    assert found == made | {"State": "available"}
    assert made["Options"] == {
        "AmazonSideAsn": 65000, "AutoAcceptSharedAttachments": "disable", "DefaultRouteTableAssociation": "enable",
        "AssociationDefaultRouteTableId": table, "DefaultRouteTablePropagation": "enable", "PropagationDefaultRouteTableId": table,
        "VpnEcmpSupport": "enable", "DnsSupport": "enable", "SecurityGroupReferencingSupport": "disable", "MulticastSupport": "disable",
    }
    [shown] = ec2.describe_transit_gateway_route_tables(TransitGatewayRouteTableIds=[table])["TransitGatewayRouteTables"]
    assert (shown["DefaultAssociationRouteTable"], shown["DefaultPropagationRouteTable"], shown["State"]) == (True, True, "available")
    with refused("IncorrectState"):
        ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=table)
    with refused("InvalidParameterValue"):
        ec2.create_transit_gateway(Options={"AmazonSideAsn": 1})
    for options in ({"SecurityGroupReferencingSupport": "enable"}, {"MulticastSupport": "enable"}, {"TransitGatewayCidrBlocks": ["10.0.0.0/24"]}):
        with refused("NotImplemented", status=501):
            ec2.create_transit_gateway(Options=options)
    with refused("DryRunOperation"):
        ec2.delete_transit_gateway(TransitGatewayId=gateway, DryRun=True)
    off = {"DefaultRouteTableAssociation": "disable", "DefaultRouteTablePropagation": "disable"}
    changed = ec2.modify_transit_gateway(TransitGatewayId=gateway, Description="spoke", Options=off)["TransitGateway"]
    assert changed["State"] == "modifying" and changed["Description"] == "spoke"
    # Nothing is shared, so there is nothing to accept; what was said is kept.
    accepts = lambda value: ec2.modify_transit_gateway(TransitGatewayId=gateway, Options={"AutoAcceptSharedAttachments": value})  # noqa: E731
    for value in ("enable", "disable"):
        assert accepts(value)["TransitGateway"]["Options"]["AutoAcceptSharedAttachments"] == value
    assert "AssociationDefaultRouteTableId" not in changed["Options"] and "PropagationDefaultRouteTableId" not in changed["Options"]
    with refused("InvalidParameterCombination", "enable DefaultRouteTablePropagation conflicts with PropagationDefaultRouteTableId null"):
        ec2.modify_transit_gateway(TransitGatewayId=gateway, Options={"DefaultRouteTablePropagation": "enable"})
    other = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    on = {"DefaultRouteTablePropagation": "enable", "PropagationDefaultRouteTableId": other}
    assert ec2.modify_transit_gateway(TransitGatewayId=gateway, Options=on)["TransitGateway"]["Options"]["PropagationDefaultRouteTableId"] == other
    ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=table)
    assert ec2.delete_transit_gateway(TransitGatewayId=gateway)["TransitGateway"]["State"] == "deleting"
    assert ec2.describe_transit_gateways(TransitGatewayIds=[gateway])["TransitGateways"][0]["State"] == "deleted"
    tables = ec2.describe_transit_gateway_route_tables(Filters=[{"Name": "transit-gateway-id", "Values": [gateway]}])["TransitGatewayRouteTables"]
    assert {found["State"] for found in tables} == {"deleted"} and len(tables) == 2
    for again in (lambda: ec2.delete_transit_gateway(TransitGatewayId=gateway), lambda: ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)):
        with refused("InvalidTransitGatewayID.NotFound", f"Transit Gateway {gateway} was deleted or does not exist."):
            again()


def test_a_vpc_is_attached(ec2, gateway, one, two):
    vpc, [a, b, a2] = one
    with refused("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ"):
        attach(ec2, gateway, vpc, [a, a2])
    with refused("InvalidSubnetID.NotFound", "Subnet subnet-0123456789abcdef0 was deleted or does not exist."):
        attach(ec2, gateway, vpc, ["subnet-0123456789abcdef0"])
    with refused("InvalidParameterValue"):
        attach(ec2, gateway, vpc, two[1])
    with refused("InvalidTransitGatewayID.NotFound"):
        attach(ec2, "tgw-0123456789abcdef0", vpc, [a])
    made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[a])["TransitGatewayVpcAttachment"]
    attachment = made["TransitGatewayAttachmentId"]
    assert made["State"] == "pending" and made["Options"] == {
        "DnsSupport": "enable", "SecurityGroupReferencingSupport": "enable", "Ipv6Support": "disable", "ApplianceModeSupport": "disable",
    }
    with refused("DuplicateTransitGatewayAttachment", f"{gateway} has non-deleted Transit Gateway Attachments with same VPC ID."):
        attach(ec2, gateway, vpc, [b])
    with refused("IncorrectState", f"{gateway} has non-deleted Transit Gateway Attachments: {attachment}."):
        ec2.delete_transit_gateway(TransitGatewayId=gateway)
    [seen] = ec2.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[attachment])["TransitGatewayAttachments"]
    table = default_table(ec2, gateway)
    assert (seen["ResourceType"], seen["ResourceId"], seen["State"]) == ("vpc", vpc, "available")
    assert seen["Association"] == {"TransitGatewayRouteTableId": table, "State": "associated"}

    # It stands in the subnet with an interface of its own, and the subnet does not go before it.
    mine = [{"Name": "description", "Values": [f"Network Interface for Transit Gateway Attachment {attachment}"]}]
    places = lambda: {found["SubnetId"]: found["InterfaceType"] for found in ec2.describe_network_interfaces(Filters=mine)["NetworkInterfaces"]}  # noqa: E731
    assert places() == {a: "transit_gateway"}
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=a)
    change = lambda **how: ec2.modify_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment, **how)["TransitGatewayVpcAttachment"]  # noqa: E731
    with refused("DuplicateSubnetsInSameZone"):
        change(AddSubnetIds=[a2])
    with refused("InvalidParameterValue"):
        change(RemoveSubnetIds=[a])
    assert change(AddSubnetIds=[b], RemoveSubnetIds=[a], Options={"ApplianceModeSupport": "enable"})["State"] == "modifying"
    [found] = ec2.describe_transit_gateway_vpc_attachments(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "state", "Values": ["available"]}])["TransitGatewayVpcAttachments"]
    assert found["SubnetIds"] == [b] and found["Options"]["ApplianceModeSupport"] == "enable" and places() == {b: "transit_gateway"}

    # AWS: to a VPC that is not attached, the gateway is not there.
    [main] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    [theirs] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [two[0]]}])["RouteTables"]
    lead = lambda table: ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="10.0.0.0/8", TransitGatewayId=gateway)  # noqa: E731
    with refused("InvalidTransitGatewayID.NotFound", f"The transitGateway ID '{gateway}' does not exist"):
        lead(theirs)
    lead(main)
    state = lambda: [route["State"] for route in ec2.describe_route_tables(RouteTableIds=[main["RouteTableId"]])["RouteTables"][0]["Routes"] if route.get("TransitGatewayId") == gateway]  # noqa: E731
    assert state() == ["active"]
    assert ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment)["TransitGatewayVpcAttachment"]["State"] == "deleting"
    assert state() == ["blackhole"] and places() == {}
    [seen] = ec2.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[attachment])["TransitGatewayAttachments"]
    assert seen["State"] == "deleted" and "Association" not in seen
    with refused("InvalidTransitGatewayAttachmentID.NotFound", f"Transit Gateway Attachment {attachment} was deleted or does not exist."):
        change(AddSubnetIds=[a])
    ec2.delete_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock="10.0.0.0/8")


def test_tables_decide(ec2, gateway, one, two):
    first, second = (attach(ec2, gateway, vpc, subnets[:1]) for vpc, subnets in (one, two))
    default = default_table(ec2, gateway)
    assert routes(ec2, default) == [("10.1.0.0/16", "propagated", "active", first), ("10.2.0.0/16", "propagated", "active", second)]
    tags = [{"ResourceType": "transit-gateway-route-table", "Tags": [{"Key": "Name", "Value": "own"}]}]
    made = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway, TagSpecifications=tags)["TransitGatewayRouteTable"]
    own = made["TransitGatewayRouteTableId"]
    assert made["State"] == "pending" and made["DefaultAssociationRouteTable"] is False

    both = {"TransitGatewayRouteTableId": own, "TransitGatewayAttachmentId": first}
    with refused("Resource.AlreadyAssociated", f"Transit Gateway Attachment {first} is already associated to a route table."):
        ec2.associate_transit_gateway_route_table(**both)
    with refused("InvalidAssociation.NotFound"):
        ec2.disassociate_transit_gateway_route_table(**both)
    ended = ec2.disassociate_transit_gateway_route_table(TransitGatewayRouteTableId=default, TransitGatewayAttachmentId=first)["Association"]
    assert ended["State"] == "disassociating" and ended["ResourceId"] == one[0]
    assert ec2.associate_transit_gateway_route_table(**both)["Association"]["State"] == "associating"
    of = lambda table: [found["TransitGatewayAttachmentId"] for found in ec2.get_transit_gateway_route_table_associations(TransitGatewayRouteTableId=table)["Associations"]]  # noqa: E731
    assert (of(own), of(default)) == ([first], [second])
    with refused("IncorrectState"):
        ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=own)

    told = {"TransitGatewayRouteTableId": own, "TransitGatewayAttachmentId": second}
    with refused("TransitGatewayRouteTablePropagation.NotFound"):
        ec2.disable_transit_gateway_route_table_propagation(**told)
    assert ec2.enable_transit_gateway_route_table_propagation(**told)["Propagation"]["State"] == "enabled"
    with refused("TransitGatewayRouteTablePropagation.Duplicate"):
        ec2.enable_transit_gateway_route_table_propagation(**told)
    [found] = ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=own)["TransitGatewayRouteTablePropagations"]
    assert (found["TransitGatewayAttachmentId"], found["State"]) == (second, "enabled")
    tables = ec2.get_transit_gateway_attachment_propagations(TransitGatewayAttachmentId=second)["TransitGatewayAttachmentPropagations"]
    assert {found["TransitGatewayRouteTableId"] for found in tables} == {own, default}

    # A static route takes the place of a propagated one, and gives it back.
    write = lambda cidr, **to: ec2.create_transit_gateway_route(TransitGatewayRouteTableId=own, DestinationCidrBlock=cidr, **to)["Route"]  # noqa: E731
    assert write("10.2.0.0/16", Blackhole=True)["State"] == "blackhole"
    assert write("10.2.7.0/24", TransitGatewayAttachmentId=second)["State"] == "active"
    with refused("RouteAlreadyExists", f"Route 10.2.7.0/24 already exists in Transit Gateway Route Table {own}."):
        write("10.2.7.0/24", Blackhole=True)
    with refused("MissingParameter", "Missing required parameter in request: TransitGatewayAttachmentId."):
        write("10.9.0.0/16")
    with refused("InvalidParameterValue"):
        write("10.9", Blackhole=True)
    replace = lambda cidr, **to: ec2.replace_transit_gateway_route(TransitGatewayRouteTableId=own, DestinationCidrBlock=cidr, **to)  # noqa: E731
    with refused("InvalidRoute.NotFound"):
        replace("10.9.0.0/16", Blackhole=True)
    replace("0.0.0.0/0", TransitGatewayAttachmentId=first) if write("0.0.0.0/0", Blackhole=True) else None
    assert routes(ec2, own) == [
        ("0.0.0.0/0", "static", "active", first), ("10.2.0.0/16", "static", "blackhole"), ("10.2.7.0/24", "static", "active", second),
    ]
    for name, value, expected in (
        ("route-search.exact-match", "10.2.0.0/16", ["10.2.0.0/16"]),
        ("route-search.longest-prefix-match", "10.2.7.9", ["10.2.7.0/24"]),
        ("route-search.longest-prefix-match", "10.3.0.0/16", ["0.0.0.0/0"]),
        ("route-search.subnet-of-match", "10.0.0.0/8", ["10.2.0.0/16", "10.2.7.0/24"]),
        ("route-search.supernet-of-match", "10.2.7.0/24", ["0.0.0.0/0", "10.2.0.0/16", "10.2.7.0/24"]),
        ("state", "blackhole", ["10.2.0.0/16"]),
        ("attachment.resource-id", two[0], ["10.2.7.0/24"]),
        ("attachment.transit-gateway-attachment-id", first, ["0.0.0.0/0"]),
    ):
        assert [route[0] for route in routes(ec2, own, name, value)] == expected, (name, value)
    with refused("InvalidParameterValue"):
        routes(ec2, own, "route-search.any", "10.0.0.0/8")
    drop = lambda cidr: ec2.delete_transit_gateway_route(TransitGatewayRouteTableId=own, DestinationCidrBlock=cidr)["Route"]["State"]  # noqa: E731
    assert drop("10.2.0.0/16") == "deleting"
    assert routes(ec2, own, "type", "propagated") == [("10.2.0.0/16", "propagated", "active", second)]
    with refused("InvalidRoute.NotFound"):
        drop("10.2.0.0/16")

    # What led to an attachment that is gone drops packets; what it propagated is gone with it.
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=second)
    assert routes(ec2, own) == [("0.0.0.0/0", "static", "active", first), ("10.2.7.0/24", "static", "blackhole", second)]
    assert routes(ec2, default) == [("10.1.0.0/16", "propagated", "active", first)]
    ec2.disassociate_transit_gateway_route_table(**both)
    assert ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=own)["TransitGatewayRouteTable"]["State"] == "deleting"
    with refused("InvalidRouteTableID.NotFound", f"Transit Gateway Route Table {own} was deleted or does not exist."):
        routes(ec2, own)


def test_lists_have_pages_and_quotas(workshop):
    ec2 = workshop.cloud().client("ec2")
    gateways = [ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"] for _ in range(5)]
    with refused("TransitGatewayLimitExceeded"):
        ec2.create_transit_gateway()
    table = ec2.create_transit_gateway_route_table(TransitGatewayId=gateways[0])["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    for n in range(12):
        ec2.create_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock=f"10.{n}.0.0/16", Blackhole=True)
    ask = {"TransitGatewayRouteTableId": table, "Filters": [{"Name": "type", "Values": ["static"]}], "MaxResults": 5}
    seen, token = [], {}
    while True:
        page = ec2.search_transit_gateway_routes(**ask, **token)
        seen.append(len(page["Routes"]))
        assert page["AdditionalRoutesAvailable"] == ("NextToken" in page)
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert seen == [5, 5, 2]
    pages = ec2.get_paginator("describe_transit_gateway_route_tables").paginate(PaginationConfig={"PageSize": 5})
    assert [len(page["TransitGatewayRouteTables"]) for page in pages] == [5, 1]
    ec2.delete_transit_gateway(TransitGatewayId=gateways[0])
    ec2.create_transit_gateway()


def test_who_may(cloud, ec2, iam, gateway, one, two):
    person = Person(cloud, iam, "transit")
    client = person.service("ec2")
    for denied in (
        client.describe_transit_gateways,
        client.create_transit_gateway,
        lambda: client.create_transit_gateway_route_table(TransitGatewayId=gateway),
        lambda: attach(client, gateway, two[0], two[1]),
    ):
        with refused("UnauthorizedOperation"):
            denied()
    action = "ec2:CreateTransitGatewayVpcAttachment"
    person.put("p", allow(action), deny(action, f"arn:aws:ec2:*:*:subnet/{two[1][0]}"))
    with refused("UnauthorizedOperation"):
        attach(client, gateway, two[0], two[1])
    person.put("p", allow(action))
    with refused("UnauthorizedOperation"):
        tags = [{"ResourceType": "transit-gateway-attachment", "Tags": [{"Key": "a", "Value": "b"}]}]
        attach(client, gateway, two[0], two[1], TagSpecifications=tags)
    attachment = attach(client, gateway, two[0], two[1])
    # Routes by the tag of the table, and nothing without it.
    table = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    person.put("p", allow(["ec2:CreateTransitGatewayRoute", "ec2:SearchTransitGatewayRoutes"], Condition={"StringEquals": {"ec2:ResourceTag/Team": "net"}}))
    write = lambda: client.create_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock="10.9.0.0/16", TransitGatewayAttachmentId=attachment)  # noqa: E731
    with refused("UnauthorizedOperation"):
        write()
    ec2.create_tags(Resources=[table, attachment], Tags=[{"Key": "Team", "Value": "net"}])
    write()
    assert len(routes(client, table)) == 1
    # Another account and another region have gateways of their own.
    for other in (cloud.client("ec2", key="222222222222"), cloud.client("ec2", region="eu-west-1")):
        assert other.describe_transit_gateways()["TransitGateways"] == []
        with refused("InvalidTransitGatewayID.NotFound"):
            other.delete_transit_gateway(TransitGatewayId=gateway)


def test_it_survives_a_restart_and_what_is_deleted_is_forgotten(workshop):
    kept = workshop.cloud(data_dir=workshop.directory())
    ec2 = kept.client("ec2")
    vpc, subnets = network(ec2, "10.1.0.0/16", "a")
    stays, goes = (ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"] for _ in range(2))
    attachment = attach(ec2, stays, vpc, subnets)
    table = default_table(ec2, stays)
    ec2.create_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock="0.0.0.0/0", TransitGatewayAttachmentId=attachment)
    before = routes(ec2, table)
    ec2.delete_transit_gateway(TransitGatewayId=goes)
    kept.kill()
    kept.start()
    ec2 = kept.client("ec2")
    assert routes(ec2, table) == before == [("0.0.0.0/0", "static", "active", attachment), ("10.1.0.0/16", "propagated", "active", attachment)]
    states = lambda: {found["TransitGatewayId"]: found["State"] for found in ec2.describe_transit_gateways()["TransitGateways"]}  # noqa: E731
    assert states() == {stays: "available", goes: "deleted"}
    kept.command("clock", "advance", "61m")
    for _ in range(600):
        if states() == {stays: "available"}:
            break
        time.sleep(0.05)
    assert states() == {stays: "available"}
    with refused("InvalidTransitGatewayID.NotFound"):
        ec2.describe_transit_gateways(TransitGatewayIds=[goes])
