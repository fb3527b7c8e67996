"""VPC peering: two owners agree, routes and rules may name the other side, and either one ends it."""

import time

import pytest

from asserting import refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def other(cloud):
    """Another account in another region."""
    return cloud.client("ec2", key="222222222222", region="eu-west-1")


@pytest.fixture(scope="module")
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def theirs(other):
    made = other.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    yield made
    other.delete_vpc(VpcId=made)


def ask(ec2, vpc, theirs, **more):
    """A request to the other account."""
    return ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=theirs, PeerOwnerId="222222222222", PeerRegion="eu-west-1", **more)[
        "VpcPeeringConnection"
    ]


def read(ec2, peering):
    return ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"][0]


def code(ec2, peering):
    return read(ec2, peering)["Status"]["Code"]


def test_two_accounts_and_regions_agree(ec2, other, vpc, theirs):
    made = ask(ec2, vpc, theirs, TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "Name", "Value": "ours"}]}])
    peering = made["VpcPeeringConnectionId"]
    assert made["Status"]["Code"] == "initiating-request"
    for side in (ec2, other):
        found = read(side, peering)
        assert found["Status"] == {"Code": "pending-acceptance", "Message": "Pending Acceptance by 222222222222"}
        assert found["RequesterVpcInfo"]["CidrBlock"] == "10.0.0.0/16" and "ExpirationTime" in found
        assert found["AccepterVpcInfo"] == {"OwnerId": "222222222222", "VpcId": theirs, "Region": "eu-west-1"}
    with refused("VpcPeeringConnectionAlreadyExists"):
        ask(ec2, vpc, theirs)
    with refused("OperationNotPermitted", f"User 000000000000 cannot accept peering {peering}"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    accepted = other.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)["VpcPeeringConnection"]
    assert accepted["Status"]["Code"] == "provisioning"
    for side in (ec2, other):
        found = read(side, peering)
        assert found["Status"] == {"Code": "active", "Message": "Active"} and "ExpirationTime" not in found
        assert found["AccepterVpcInfo"]["CidrBlockSet"] == [{"CidrBlock": "10.1.0.0/16"}]
    # Tags are each owner's own.
    assert (read(ec2, peering)["Tags"], read(other, peering)["Tags"]) == ([{"Key": "Name", "Value": "ours"}], [])
    other.create_tags(Resources=[peering], Tags=[{"Key": "Name", "Value": "theirs"}])
    assert read(ec2, peering)["Tags"] == [{"Key": "Name", "Value": "ours"}]
    with refused("InvalidStateTransition"):
        other.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    by_status = ec2.describe_vpc_peering_connections(Filters=[{"Name": "status-code", "Values": ["active"]}])
    assert [p["VpcPeeringConnectionId"] for p in by_status["VpcPeeringConnections"]] == [peering]
    other.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    for side in (ec2, other):
        assert read(side, peering)["Status"] == {"Code": "deleted", "Message": "Deleted by 222222222222"}
    with refused("InvalidStateTransition"):
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_each_owner_says_whose_names_are_shared(cloud, ec2, iam, other, vpc, theirs):
    peering = ask(ec2, vpc, theirs)["VpcPeeringConnectionId"]
    one = {"VpcPeeringConnectionId": peering}
    on, off = {"AllowDnsResolutionFromRemoteVpc": True}, {"AllowDnsResolutionFromRemoteVpc": False}
    with refused("OperationNotPermitted", f"Peering {peering} is not active. Peering options can be added only to active peerings."):
        ec2.modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=on)
    other.accept_vpc_peering_connection(**one)
    shared = lambda side: tuple(  # noqa: E731
        read(side, peering)[f"{end}VpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"] for end in ("Requester", "Accepter")
    )
    with refused("OperationNotPermitted", "User 000000000000 does not have permission to modify the accepter side peering options"):
        ec2.modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=on, AccepterPeeringConnectionOptions=on)
    with refused("OperationNotPermitted", "User 222222222222 does not have permission to modify the requester side peering options"):
        other.modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=on)
    with refused("DryRunOperation"):
        ec2.modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=on, DryRun=True)
    person, arn = Person(cloud, iam, "names"), f"arn:aws:ec2:*:*:vpc-peering-connection/{peering}"
    person.put("may", allow("ec2:ModifyVpcPeeringConnectionOptions"), deny("ec2:ModifyVpcPeeringConnectionOptions", arn))
    with refused("UnauthorizedOperation"):
        person.service("ec2").modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=on)
    assert shared(ec2) == (False, False)
    person.put("may", allow("ec2:ModifyVpcPeeringConnectionOptions", arn))
    answer = person.service("ec2").modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=on)
    assert answer["RequesterPeeringConnectionOptions"]["AllowDnsResolutionFromRemoteVpc"] and "AccepterPeeringConnectionOptions" not in answer
    assert shared(ec2) == shared(other) == (True, False)
    other.modify_vpc_peering_connection_options(**one, AccepterPeeringConnectionOptions=on)
    assert shared(ec2) == shared(other) == (True, True)
    ec2.modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions=off)
    assert shared(ec2) == (False, True)
    ec2.delete_vpc_peering_connection(**one)
    # One account in two regions: each side's in its region.
    abroad = cloud.client("ec2", region="eu-west-1")
    far = abroad.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=far, PeerRegion="eu-west-1")["VpcPeeringConnection"]
    one = {"VpcPeeringConnectionId": made["VpcPeeringConnectionId"]}
    abroad.accept_vpc_peering_connection(**one)
    with refused("OperationNotPermitted", "Accepter's VPC Peering connection options cannot be modified for a different region"):
        ec2.modify_vpc_peering_connection_options(**one, AccepterPeeringConnectionOptions=on)
    abroad.modify_vpc_peering_connection_options(**one, AccepterPeeringConnectionOptions=on)
    ec2.delete_vpc_peering_connection(**one)
    abroad.delete_vpc(VpcId=far)


def test_routes_lead_through_it(ec2, other, vpc, theirs):
    peering = ask(ec2, vpc, theirs)["VpcPeeringConnectionId"]
    tables = []
    for side, own, cidr in ((ec2, vpc, "10.1.0.0/16"), (other, theirs, "10.0.0.0/16")):
        [main] = side.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [own]}])["RouteTables"]
        with refused("InvalidVpcPeeringConnectionID.NotFound"):
            side.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock=cidr, VpcPeeringConnectionId="pcx-1")
        side.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock=cidr, VpcPeeringConnectionId=peering)
        tables.append((side, main["RouteTableId"], cidr))

    def states():
        found = [(cidr, side.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]) for side, table, cidr in tables]
        return [route["State"] for cidr, table in found for route in table["Routes"] if route["DestinationCidrBlock"] == cidr]

    assert states() == ["blackhole", "blackhole"]
    other.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert states() == ["active", "active"]
    elsewhere = ec2.describe_route_tables(Filters=[{"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    elsewhere = next(t["RouteTableId"] for t in elsewhere if t["VpcId"] != vpc)
    with refused("InvalidParameterValue"):
        ec2.create_route(RouteTableId=elsewhere, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=peering)
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert states() == ["blackhole", "blackhole"]
    for side, table, cidr in tables:
        side.delete_route(RouteTableId=table, DestinationCidrBlock=cidr)


def test_what_cannot_be_fails(ec2, other, vpc, theirs):
    failed = {"Code": "failed", "Message": "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"}
    same = other.create_vpc(CidrBlock="10.0.128.0/17")["Vpc"]["VpcId"]
    for peer in (same, "vpc-0123456789abcdef0"):
        peering = ask(ec2, vpc, peer)["VpcPeeringConnectionId"]
        assert read(ec2, peering)["Status"] == failed
        with refused("InvalidVpcPeeringConnectionID.NotFound", f"The vpcPeeringConnection ID '{peering}' does not exist"):
            read(other, peering)
    other.delete_vpc(VpcId=same)
    with refused("InvalidVpcID.NotFound"):
        ask(ec2, "vpc-1", theirs)
    with refused("InvalidParameterValue"):
        ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=vpc)
    with refused("InvalidParameterValue"):
        ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=theirs, PeerRegion="mars-1")
    peering = ask(ec2, vpc, theirs)["VpcPeeringConnectionId"]
    with refused("OperationNotPermitted"):
        ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=peering)
    other.reject_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert (code(ec2, peering), code(other, peering)) == ("rejected", "rejected")
    with refused("InvalidStateTransition"):
        other.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)


def test_a_vpc_takes_its_connections_with_it(ec2, other, vpc):
    gone = other.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    peering = ask(ec2, vpc, gone)["VpcPeeringConnectionId"]
    other.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    other.delete_vpc(VpcId=gone)
    assert code(ec2, peering) == "deleted"


def test_who_may(cloud, ec2, iam, other, vpc, theirs):
    person = Person(cloud, iam, "peer")
    client = person.service("ec2")
    with refused("UnauthorizedOperation"):
        ask(client, vpc, theirs)
    person.put("p", allow("ec2:CreateVpcPeeringConnection"), deny("ec2:CreateVpcPeeringConnection", f"arn:aws:ec2:*:*:vpc/{vpc}"))
    with refused("UnauthorizedOperation"):
        ask(client, vpc, theirs)
    # Only with that one account: AWS's own example of this condition.
    accepter = {"ArnLike": {"ec2:AccepterVpc": "arn:aws:ec2:eu-west-1:222222222222:vpc/*"}}
    person.put("p", allow("ec2:CreateVpcPeeringConnection", "arn:aws:ec2:*:*:vpc/*"),
               allow("ec2:CreateVpcPeeringConnection", "arn:aws:ec2:*:*:vpc-peering-connection/*", Condition=accepter))
    with refused("UnauthorizedOperation"):
        client.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=theirs, PeerOwnerId="333333333333", PeerRegion="eu-west-1")
    with refused("UnauthorizedOperation"):
        ask(client, vpc, theirs, TagSpecifications=[{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "a", "Value": "b"}]}])
    pending = [{"Name": "status-code", "Values": ["pending-acceptance"]}]
    assert ec2.describe_vpc_peering_connections(Filters=pending)["VpcPeeringConnections"] == []
    peering = ask(client, vpc, theirs)["VpcPeeringConnectionId"]
    with refused("UnauthorizedOperation"):
        client.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    person.put("p", allow("ec2:DeleteVpcPeeringConnection", Condition={"ArnEquals": {"ec2:RequesterVpc": f"arn:aws:ec2:us-east-1:000000000000:vpc/{vpc}"}}))
    client.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert code(other, peering) == "deleted"


def test_requests_expire_and_the_rest_survives_a_restart(workshop):
    kept = workshop.cloud(data_dir=workshop.directory())
    ec2 = kept.client("ec2")
    one, two, three = (ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(3))
    active = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=two)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=active)
    waiting = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=three)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    kept.kill()
    kept.start()
    ec2 = kept.client("ec2")
    assert (code(ec2, active), code(ec2, waiting)) == ("active", "pending-acceptance")
    kept.command("clock", "advance", "169h")
    with refused("InvalidStateTransition"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=waiting)
    for _ in range(600):
        if code(ec2, waiting) == "expired":
            break
        time.sleep(0.05)
    assert (code(ec2, active), code(ec2, waiting)) == ("active", "expired")
