"""VPC endpoints as the API has them: what is offered, how they come and go, what they are made of, and what is refused."""

import json
import time

import pytest

from asserting import refused
from people import Person, allow

S3 = "com.amazonaws.us-east-1.s3"
SQS = "com.amazonaws.us-east-1.sqs"


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def vpc(ec2):
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    return made


@pytest.fixture(scope="module")
def subnets(ec2, vpc):
    places = [("10.0.1.0/24", "us-east-1a"), ("10.0.2.0/24", "us-east-1b"), ("10.0.3.0/24", "us-east-1a")]
    make = lambda cidr, zone: ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]  # noqa: E731
    return [make(*place) for place in places]


@pytest.fixture
def endpoints(ec2):
    """Makes endpoints and sees them gone."""
    made = []

    def make(**more):
        endpoint = ec2.create_vpc_endpoint(**more)["VpcEndpoint"]
        made.append(endpoint["VpcEndpointId"])
        return endpoint

    yield make
    if made:
        ec2.delete_vpc_endpoints(VpcEndpointIds=made)
        for endpoint in made:
            until(lambda: not found(ec2, endpoint))


def denied(call, code, text=None):
    """A call that must fail so."""
    with refused(code, text):
        call()


def found(ec2, endpoint):
    named = [{"Name": "vpc-endpoint-id", "Values": [endpoint]}]
    return ec2.describe_vpc_endpoints(Filters=named)["VpcEndpoints"]


def until(wanted):
    for _ in range(600):
        if wanted():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def available(ec2, endpoint):
    until(lambda: found(ec2, endpoint)[0]["State"] == "available")
    return found(ec2, endpoint)[0]


def table_of(ec2, vpc):
    return ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]


def routes_of(ec2, table):
    return ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]


def test_what_is_offered_is_what_is_there(ec2):
    told = ec2.describe_vpc_endpoint_services()
    assert {S3, SQS, "com.amazonaws.us-east-1.ec2", "com.amazonaws.us-east-1.sts"} <= set(told["ServiceNames"])
    # No room, no endpoint: what would answer there?
    assert "com.amazonaws.us-east-1.dynamodb" not in told["ServiceNames"]
    kinds = [(one["ServiceName"], one["ServiceType"][0]["ServiceType"]) for one in told["ServiceDetails"]]
    assert (S3, "Gateway") in kinds and (S3, "Interface") in kinds and (SQS, "Gateway") not in kinds
    one = ec2.describe_vpc_endpoint_services(
        ServiceNames=[SQS], Filters=[{"Name": "service-type", "Values": ["Interface"]}]
    )["ServiceDetails"]
    assert [(it["PrivateDnsName"], it["Owner"], it["VpcEndpointPolicySupported"]) for it in one] == [
        ("sqs.us-east-1.amazonaws.com", "amazon", True)
    ]
    text = "The Vpc Endpoint Service 'com.amazonaws.us-east-1.none' does not exist"
    denied(lambda: ec2.describe_vpc_endpoint_services(ServiceNames=["com.amazonaws.us-east-1.none"]), "InvalidServiceName", text)
    denied(lambda: ec2.describe_vpc_endpoint_services(Filters=[{"Name": "color", "Values": ["x"]}]), "InvalidParameterValue")


def test_prefix_lists_of_aws_are_there_and_nobody_elses(ec2, vpc):
    (aws,) = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [S3]}])["PrefixLists"]
    assert aws["Cidrs"][0].startswith("198.") and aws["Cidrs"][0].endswith("/32")
    own = ec2.create_managed_prefix_list(PrefixListName="own", AddressFamily="IPv4", MaxEntries=1)["PrefixList"]["PrefixListId"]
    listed = {one["PrefixListId"]: one for one in ec2.describe_managed_prefix_lists()["PrefixLists"]}
    assert listed[aws["PrefixListId"]]["OwnerId"] == "AWS" and listed[own]["OwnerId"] == "000000000000"
    owned = ec2.describe_managed_prefix_lists(Filters=[{"Name": "owner-id", "Values": ["AWS"]}])["PrefixLists"]
    assert [one["PrefixListName"] for one in owned] == [S3]
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=aws["PrefixListId"])["Entries"]
    assert [one["Cidr"] for one in entries] == aws["Cidrs"]
    assert own not in str(ec2.describe_prefix_lists()["PrefixLists"])
    # Rules may name it; it counts as one.
    group = ec2.create_security_group(GroupName="lists", Description="d", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{**rule, "PrefixListIds": [{"PrefixListId": aws["PrefixListId"]}]}])
    elsewhere = "pl-00000000"
    denied(
        lambda: ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{**rule, "PrefixListIds": [{"PrefixListId": elsewhere}]}]),
        "InvalidPrefixListID.NotFound",
    )
    denied(lambda: ec2.modify_managed_prefix_list(PrefixListId=aws["PrefixListId"], PrefixListName="mine"), "InvalidPrefixListID.NotFound")
    ec2.delete_security_group(GroupId=group)


def test_a_gateway_endpoint_is_routes(ec2, vpc, endpoints):
    table = table_of(ec2, vpc)["RouteTableId"]
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    tags = [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "Name", "Value": "s3"}]}]
    made = endpoints(VpcId=vpc, ServiceName=S3, RouteTableIds=[table], TagSpecifications=tags)
    assert (made["VpcEndpointType"], made["State"], made["RouteTableIds"]) == ("Gateway", "available", [table])
    assert made["Tags"] == [{"Key": "Name", "Value": "s3"}] and json.loads(made["PolicyDocument"])["Statement"][0]["Action"] == "*"
    endpoint = made["VpcEndpointId"]
    (route,) = [route for route in routes_of(ec2, table) if "DestinationPrefixListId" in route]
    assert (route["GatewayId"], route["State"]) == (endpoint, "active")
    listed = ec2.describe_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    assert route["DestinationPrefixListId"] == listed
    # Such a route is the endpoint's: nobody makes or removes it by hand.
    denied(lambda: ec2.delete_route(RouteTableId=table, DestinationPrefixListId=listed), "InvalidParameterValue")
    denied(lambda: ec2.create_route(RouteTableId=other, DestinationPrefixListId=listed, VpcEndpointId=endpoint), "InvalidVpcEndpointId.NotFound")
    text = f"route table {table} already has a route with destination-prefix-list-id {listed}"
    denied(lambda: ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3, RouteTableIds=[table]), "RouteAlreadyExists", text)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[other], RemoveRouteTableIds=[table])
    assert found(ec2, endpoint)[0]["RouteTableIds"] == [other]
    assert not [route for route in routes_of(ec2, table) if "DestinationPrefixListId" in route]
    # A policy of its own, and back.
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(policy))
    assert json.loads(found(ec2, endpoint)[0]["PolicyDocument"]) == policy
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    assert json.loads(found(ec2, endpoint)[0]["PolicyDocument"])["Statement"][0]["Action"] == "*"
    denied(lambda: ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument="{"), "InvalidPolicyDocument")
    denied(lambda: ec2.delete_vpc(VpcId=vpc), "DependencyViolation")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until(lambda: not found(ec2, endpoint))
    assert not [route for route in routes_of(ec2, other) if "DestinationPrefixListId" in route]
    (unsuccessful,) = ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"]
    assert unsuccessful["Error"] == {
        "Code": "InvalidVpcEndpoint.NotFound",
        "Message": f"The Vpc Endpoint Id '{endpoint}' does not exist",
    }
    denied(
        lambda: ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint]),
        "InvalidVpcEndpointId.NotFound",
        f"The Vpc Endpoint Id '{endpoint}' does not exist",
    )


def test_an_interface_endpoint_has_interfaces_groups_and_names(ec2, vpc, subnets, endpoints):
    first, second, same_zone = subnets
    group = ec2.create_security_group(GroupName="endpoint", Description="d", VpcId=vpc)["GroupId"]
    asked = {"VpcId": vpc, "ServiceName": SQS, "VpcEndpointType": "Interface", "SubnetIds": [first], "SecurityGroupIds": [group]}
    made = endpoints(**asked, ClientToken="once")
    endpoint = made["VpcEndpointId"]
    assert (made["State"], made["PrivateDnsEnabled"], len(made["NetworkInterfaceIds"])) == ("pending", True, 1)
    assert ec2.create_vpc_endpoint(**asked, ClientToken="once")["VpcEndpoint"]["VpcEndpointId"] == endpoint
    denied(lambda: ec2.create_vpc_endpoint(**{**asked, "SubnetIds": [second]}, ClientToken="once"), "IdempotentParameterMismatch")
    seen = available(ec2, endpoint)
    names = [entry["DnsName"] for entry in seen["DnsEntries"]]
    assert names[0].startswith(f"{endpoint}-") and names[0].endswith(".sqs.us-east-1.vpce.amazonaws.com")
    assert names[1].endswith("-us-east-1a.sqs.us-east-1.vpce.amazonaws.com") and names[2:] == ["sqs.us-east-1.amazonaws.com"]
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=seen["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert (interface["InterfaceType"], interface["RequesterManaged"], interface["Status"]) == ("vpc_endpoint", True, "in-use")
    assert interface["Description"] == f"VPC Endpoint Interface {endpoint}" and interface["Groups"][0]["GroupId"] == group
    # It is AWS's: the customer manages the endpoint.
    denied(lambda: ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"]), "InvalidParameterValue")
    denied(lambda: ec2.delete_subnet(SubnetId=first), "DependencyViolation")
    denied(lambda: ec2.delete_security_group(GroupId=group), "DependencyViolation")
    text = f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for sqs.us-east-1.amazonaws.com in the VPC {vpc}"
    denied(lambda: ec2.create_vpc_endpoint(**asked), "InvalidParameter", text)
    text = (
        f"Found another VPC endpoint subnet in the availability zone of {same_zone}. VPC endpoint subnets should be in different "
        "availability zones supported by the VPC endpoint service."
    )
    denied(lambda: ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSubnetIds=[same_zone]), "DuplicateSubnetsInSameZone", text)
    default = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])
    default = default["SecurityGroups"][0]["GroupId"]
    ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint, AddSubnetIds=[second], AddSecurityGroupIds=[default], RemoveSecurityGroupIds=[group], PrivateDnsEnabled=False
    )
    seen = found(ec2, endpoint)[0]
    assert seen["SubnetIds"] == [first, second] and [one["GroupId"] for one in seen["Groups"]] == [default]
    assert len(seen["DnsEntries"]) == 3 and all(".vpce." in entry["DnsName"] for entry in seen["DnsEntries"])
    groups = ec2.describe_network_interfaces(NetworkInterfaceIds=seen["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert [one["Groups"][0]["GroupId"] for one in groups] == [default, default]
    ec2.delete_security_group(GroupId=group)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSubnetIds=[first])
    assert found(ec2, endpoint)[0]["SubnetIds"] == [second]
    denied(lambda: ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSecurityGroupIds=[default]), "InvalidParameter")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    until(lambda: not found(ec2, endpoint))
    left = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"]
    assert left == []


def test_private_names_need_names(ec2, subnets):
    bare = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    text = f"Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {bare}"
    asked = {"VpcId": bare, "ServiceName": SQS, "VpcEndpointType": "Interface"}
    denied(lambda: ec2.create_vpc_endpoint(**asked), "InvalidParameter", text)
    ec2.modify_vpc_attribute(VpcId=bare, EnableDnsHostnames={"Value": True})
    s3 = {**asked, "ServiceName": S3}
    text = f"To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {bare} must have a Gateway endpoint for the service."
    denied(lambda: ec2.create_vpc_endpoint(**s3), "InvalidParameter", text)
    everywhere = {"PrivateDnsOnlyForInboundResolverEndpoint": False}
    made = ec2.create_vpc_endpoint(**s3, DnsOptions=everywhere)["VpcEndpoint"]
    assert [entry["DnsName"] for entry in made["DnsEntries"]][1:3] == ["s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com"]
    text = "PrivateDnsOnlyForInboundResolverEndpoint not supported for this service."
    inbound = {"PrivateDnsOnlyForInboundResolverEndpoint": True}
    denied(lambda: ec2.create_vpc_endpoint(**asked, DnsOptions=inbound), "InvalidParameter", text)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    until(lambda: not found(ec2, made["VpcEndpointId"]))
    ec2.delete_vpc(VpcId=bare)


def test_what_does_not_fit_is_denied(ec2, vpc, subnets):
    asked = {"VpcId": vpc, "ServiceName": SQS}
    text = "Endpoint type (Gateway) does not match available service types ([Interface])."
    denied(lambda: ec2.create_vpc_endpoint(**asked), "InvalidParameter", text)
    text = "The Vpc Endpoint Service 'com.amazonaws.eu-west-1.s3' does not exist"
    denied(lambda: ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.s3"), "InvalidServiceName", text)
    denied(lambda: ec2.create_vpc_endpoint(VpcId="vpc-0123456789abcdef0", ServiceName=S3), "InvalidVpcID.NotFound")
    denied(lambda: ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3, SubnetIds=[subnets[0]]), "InvalidParameter")
    elsewhere = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    denied(lambda: ec2.create_vpc_endpoint(VpcId=elsewhere, ServiceName=S3, RouteTableIds=[table_of(ec2, vpc)["RouteTableId"]]), "InvalidParameter")
    away = {"VpcId": elsewhere, "ServiceName": SQS, "VpcEndpointType": "Interface"}
    denied(lambda: ec2.create_vpc_endpoint(**away, SubnetIds=[subnets[0]]), "InvalidParameter")
    for kind in ("GatewayLoadBalancer", "Resource", "ServiceNetwork"):
        denied(lambda: ec2.create_vpc_endpoint(**asked, VpcEndpointType=kind), "NotImplemented")
    denied(lambda: ec2.create_vpc_endpoint(**asked, VpcEndpointType="Interface", IpAddressType="dualstack"), "NotImplemented")
    denied(lambda: ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=["arn"]), "NotImplemented")
    denied(lambda: ec2.modify_vpc_endpoint(VpcEndpointId="vpce-0123456789abcdef0", ResetPolicy=True), "InvalidVpcEndpointId.NotFound")
    denied(lambda: ec2.modify_vpc_endpoint(VpcEndpointId="eni-1", ResetPolicy=True), "InvalidVpcEndpointId.Malformed")
    denied(lambda: ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3, DryRun=True), "DryRunOperation")
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []


def test_permissions_go_by_service_and_tags(cloud, iam, ec2, vpc, name):
    person = Person(cloud, iam, name)
    theirs = person.service("ec2")
    denied(lambda: theirs.create_vpc_endpoint(VpcId=vpc, ServiceName=S3), "UnauthorizedOperation")
    only_s3 = allow("ec2:CreateVpcEndpoint", Condition={"StringEquals": {"ec2:VpceServiceName": S3}})
    on_vpc = {**allow("ec2:CreateVpcEndpoint"), "Resource": "arn:aws:ec2:*:*:vpc/*"}
    only_blue = allow("ec2:DeleteVpcEndpoints", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}})
    person.put("p", only_s3, on_vpc, allow("ec2:CreateTags"), only_blue)
    denied(lambda: theirs.create_vpc_endpoint(VpcId=vpc, ServiceName=SQS, VpcEndpointType="Interface"), "UnauthorizedOperation")
    tagged = lambda team: [{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "team", "Value": team}]}]  # noqa: E731
    red, blue = (
        theirs.create_vpc_endpoint(VpcId=vpc, ServiceName=S3, TagSpecifications=tagged(team))["VpcEndpoint"]["VpcEndpointId"]
        for team in ("red", "blue")
    )
    denied(lambda: theirs.delete_vpc_endpoints(VpcEndpointIds=[red]), "UnauthorizedOperation")
    assert theirs.delete_vpc_endpoints(VpcEndpointIds=[blue])["Unsuccessful"] == []
    ec2.delete_vpc_endpoints(VpcEndpointIds=[red])
    until(lambda: not found(ec2, red))
