"""Tags on everything, tags at creation, and what policies say about them."""

import pytest

from asserting import Prefix, refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def alice(cloud, iam):
    return Person(cloud, iam, "alice")


def spec(kind, **tags):
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]


def tags_of(ec2, resource):
    found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
    return {t["Key"]: t["Value"] for t in found}


def test_every_kind_of_resource_has_tags(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("vpc", Name="all"))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=spec("subnet", Name="all"))["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(TagSpecifications=spec("internet-gateway", Name="all"))["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table", Name="all"))["RouteTable"]["RouteTableId"]
    acl = ec2.create_network_acl(VpcId=vpc, TagSpecifications=spec("network-acl", Name="all"))["NetworkAcl"]["NetworkAclId"]
    egress = ec2.create_egress_only_internet_gateway(VpcId=vpc, TagSpecifications=spec("egress-only-internet-gateway", Name="all"))
    egress = egress["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc, TagSpecifications=spec("security-group", Name="all"))["GroupId"]
    options = [{"Key": "domain-name", "Values": ["a.example"]}]
    options = ec2.create_dhcp_options(DhcpConfigurations=options, TagSpecifications=spec("dhcp-options", Name="all"))["DhcpOptions"]["DhcpOptionsId"]
    prefixes = ec2.create_managed_prefix_list(
        PrefixListName="p", MaxEntries=1, AddressFamily="IPv4", TagSpecifications=spec("prefix-list", Name="all")
    )["PrefixList"]["PrefixListId"]
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    [rule] = ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[rule], TagSpecifications=spec("security-group-rule", Name="all")
    )["SecurityGroupRules"]
    everything = [vpc, subnet, gateway, table, acl, egress, group, options, prefixes, rule["SecurityGroupRuleId"]]
    named = ec2.describe_tags(Filters=[{"Name": "tag:Name", "Values": ["all"]}])["Tags"]
    assert sorted(t["ResourceId"] for t in named) == sorted(everything)
    assert len({t["ResourceType"] for t in named}) == len(everything)
    ec2.create_tags(Resources=everything, Tags=[{"Key": "Team", "Value": "net"}, {"Key": "Name", "Value": "new"}])
    assert all(tags_of(ec2, resource) == {"Name": "new", "Team": "net"} for resource in everything)
    ec2.delete_tags(Resources=everything, Tags=[{"Key": "Team"}, {"Key": "Name", "Value": "other"}])
    assert all(tags_of(ec2, resource) == {"Name": "new"} for resource in everything)
    ec2.delete_tags(Resources=[vpc])
    assert tags_of(ec2, vpc) == {}
    page = ec2.describe_tags(MaxResults=5)
    assert len(page["Tags"]) == 5 and page["NextToken"]


def test_tags_have_rules(ec2):
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    vpc = vpc["VpcId"]
    reserved = "Value ( aws:x ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
    with refused("InvalidParameterValue", reserved):
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "aws:x", "Value": ""}])
    with refused("TagLimitExceeded"):
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": str(n), "Value": ""} for n in range(51)])
    with refused("InvalidID", "The ID 'thing-1' is not valid"):
        ec2.create_tags(Resources=["thing-1"], Tags=[{"Key": "a", "Value": ""}])
    with refused("InvalidSubnetID.NotFound"):
        ec2.create_tags(Resources=[vpc, "subnet-1"], Tags=[{"Key": "a", "Value": ""}])
    with refused("DryRunOperation", status=412):
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": ""}], DryRun=True)
    assert tags_of(ec2, vpc) == {}
    with refused("InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation."):
        ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec("subnet", Name="x"))


def test_tags_at_creation_need_a_permission_of_their_own(ec2, alice):
    hers = alice.service("ec2")
    text = f"You are not authorized to perform this operation. User: {alice.arn} is not authorized to perform: "
    with refused("UnauthorizedOperation", Prefix(text + "ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:000000000000:vpc/*"), status=403):
        hers.create_vpc(CidrBlock="10.7.0.0/16")
    alice.put("make", allow(["ec2:CreateVpc", "ec2:DescribeVpcs"]))
    with refused("UnauthorizedOperation", Prefix(text + "ec2:CreateTags")):
        hers.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=spec("vpc", Team="net"))
    with refused("UnauthorizedOperation"):
        hers.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=spec("vpc", Team="net"), DryRun=True)
    mine = [{"Name": "cidr", "Values": ["10.7.0.0/16"]}]
    assert hers.describe_vpcs(Filters=mine)["Vpcs"] == [], "what was refused was made nevertheless"
    on_creation = {"StringEquals": {"ec2:CreateAction": "CreateVpc", "aws:RequestTag/Team": "net"}}
    alice.put("tag", allow("ec2:CreateTags", "arn:aws:ec2:*:*:vpc/*", Condition=on_creation))
    with refused("UnauthorizedOperation", Prefix(text + "ec2:CreateTags")):
        hers.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=spec("vpc", Team="other"))
    vpc = hers.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=spec("vpc", Team="net"))["Vpc"]["VpcId"]
    with refused("UnauthorizedOperation"):
        hers.create_tags(Resources=[vpc], Tags=[{"Key": "Team", "Value": "net"}])
    ec2.delete_vpc(VpcId=vpc)
    alice.drop("make"), alice.drop("tag")


def test_policies_see_tags_vpcs_and_regions(cloud, ec2, alice, iam):
    hers = alice.service("ec2")
    mine = ec2.create_vpc(CidrBlock="10.8.0.0/16", TagSpecifications=spec("vpc", Owner="alice"))["Vpc"]["VpcId"]
    theirs = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    alice.put(
        "own",
        allow("ec2:*", "arn:aws:ec2:*:*:vpc/*", Condition={"StringEquals": {"ec2:ResourceTag/Owner": "alice"}}),
        allow("ec2:CreateSubnet", "arn:aws:ec2:*:*:subnet/*"),
        allow("ec2:DeleteSubnet", Condition={"ArnEquals": {"ec2:Vpc": f"arn:aws:ec2:us-east-1:000000000000:vpc/{mine}"}}),
        allow(["ec2:DescribeSubnets", "ec2:CreateSecurityGroup"]),
        deny("ec2:*", Condition={"StringNotEquals": {"ec2:Region": "us-east-1"}}),
    )
    subnet = hers.create_subnet(VpcId=mine, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    with refused("UnauthorizedOperation"):
        hers.create_subnet(VpcId=theirs, CidrBlock="10.9.0.0/24")
    other = ec2.create_subnet(VpcId=theirs, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    with refused("UnauthorizedOperation") as caught:
        hers.delete_subnet(SubnetId=other)
    encoded = caught.value.response["Error"]["Message"].rpartition("Encoded authorization failure message: ")[2]
    decoded = cloud.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    assert '"action":"ec2:DeleteSubnet"' in decoded and f"vpc/{theirs}" in decoded
    hers.delete_subnet(SubnetId=subnet)
    assert hers.describe_subnets()["Subnets"]
    with refused("UnauthorizedOperation") as caught:
        alice.service("ec2", region="eu-west-1").describe_subnets()
    assert "Encoded" not in caught.value.response["Error"]["Message"]
    # Who may not ask does not learn whether it is there.
    with refused("UnauthorizedOperation"):
        hers.delete_vpc(VpcId="vpc-00000000000000000")
    with refused("UnauthorizedOperation"):
        hers.modify_vpc_attribute(VpcId=theirs, EnableDnsSupport={"Value": False})
    hers.modify_vpc_attribute(VpcId=mine, EnableDnsSupport={"Value": False})
