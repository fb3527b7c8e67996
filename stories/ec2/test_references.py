"""What refers to what: security groups across peering connections, rules that went stale, and lists of what nobody has."""

import json

import pytest

from asserting import refused
from people import Person, allow, deny


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def other(cloud):
    """Another account in the same region."""
    return cloud.client("ec2", key="222222222222")


def group(ec2, vpc, name):
    return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]


def admit(ec2, own, named, owner):
    pair = {"GroupId": named, "UserId": owner}
    ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [pair]}])


def test_groups_are_referred_to_across_peering(cloud, iam, ec2, other):
    vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    theirs = other.create_vpc(CidrBlock="10.11.0.0/16")["Vpc"]["VpcId"]
    own, named, far = group(ec2, vpc, "own"), group(other, theirs, "named"), group(other, theirs, "far")
    # To who is nobody's peer, the group of another account is not there, whether it is or not.
    for unknown in (named, "sg-0123456789abcdef0"):
        with refused("InvalidGroup.NotFound", f"The security group '{unknown}' does not exist"):
            admit(ec2, own, unknown, "222222222222")
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=theirs, PeerOwnerId="222222222222")
    peering = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    other.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    admit(ec2, own, named, "222222222222")
    ask = lambda side, *ids: side.describe_security_group_references(GroupId=list(ids))["SecurityGroupReferenceSet"]  # noqa: E731
    assert ask(other, named, far) == [{"GroupId": named, "ReferencingVpcId": vpc, "VpcPeeringConnectionId": peering}]
    assert ask(ec2, own) == []
    with refused("InvalidGroup.NotFound"):
        ask(ec2, named)
    stale = lambda: ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]  # noqa: E731
    assert stale() == []
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    [found] = stale()
    assert (found["GroupId"], found["GroupName"], found["StaleIpPermissionsEgress"]) == (own, "own", [])
    [permission] = found["StaleIpPermissions"]
    assert (permission["IpProtocol"], permission["FromPort"], permission["ToPort"]) == ("tcp", 80, 80)
    assert permission["UserIdGroupPairs"] == [
        {"UserId": "222222222222", "GroupId": named, "VpcId": theirs, "VpcPeeringConnectionId": peering, "PeeringStatus": "deleted"}
    ]
    assert ask(other, named) == []
    with refused("InvalidVpcID.NotFound"):
        ec2.describe_stale_security_groups(VpcId="vpc-0123456789abcdef0")
    person = Person(cloud, iam, "reader")
    with refused("UnauthorizedOperation"):
        person.service("ec2").describe_stale_security_groups(VpcId=vpc)
    person.put("p", allow("ec2:Describe*"), deny("ec2:DescribeSecurityGroupReferences", f"arn:aws:ec2:*:*:security-group/{own}"))
    assert len(person.service("ec2").describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]) == 1
    with refused("UnauthorizedOperation"):
        ask(person.service("ec2"), own)


def test_nobody_has_a_vpn(ec2):
    of_vpc = [{"Name": "attachment.vpc-id", "Values": ["vpc-1"]}, {"Name": "attachment.state", "Values": ["attached"]}]
    assert ec2.describe_vpn_gateways(Filters=of_vpc)["VpnGateways"] == []
    assert ec2.describe_customer_gateways()["CustomerGateways"] == []
    assert ec2.describe_vpn_connections()["VpnConnections"] == []
    with refused("InvalidVpnGatewayID.NotFound", "The vpnGateway ID 'vgw-1' does not exist"):
        ec2.describe_vpn_gateways(VpnGatewayIds=["vgw-1"])
    with refused("InvalidCustomerGatewayID.NotFound"):
        ec2.describe_customer_gateways(CustomerGatewayIds=["cgw-1"])
    with refused("InvalidVpnConnectionID.NotFound"):
        ec2.describe_vpn_connections(VpnConnectionIds=["vpn-1"])
    with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
        ec2.describe_vpn_gateways(Filters=[{"Name": "colour", "Values": ["red"]}])
    with refused("NotImplemented", status=501):
        ec2.create_vpn_gateway(Type="ipsec.1")


def test_both_acls_are_asked_about_when_a_subnet_changes_over(cloud, iam, ec2):
    vpc = ec2.create_vpc(CidrBlock="10.12.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.12.0.0/24")["Subnet"]["SubnetId"]
    new = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    [old] = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
    [association] = [found["NetworkAclAssociationId"] for found in old["Associations"] if found["SubnetId"] == subnet]
    person = Person(cloud, iam, "changer")
    change = lambda: person.service("ec2").replace_network_acl_association(AssociationId=association, NetworkAclId=new)  # noqa: E731
    action = "ec2:ReplaceNetworkAclAssociation"
    for guarded in (old["NetworkAclId"], new):
        person.put("p", allow(action), deny(action, f"arn:aws:ec2:*:*:network-acl/{guarded}"))
        with refused("UnauthorizedOperation"):
            change()
    person.put("p", allow(action))
    change()


def test_prefix_lists_keep_every_version(workshop):
    kept = workshop.cloud(data_dir=workshop.directory())
    ec2 = kept.client("ec2")
    made = ec2.create_managed_prefix_list(PrefixListName="p", MaxEntries=3, AddressFamily="IPv4", Entries=[{"Cidr": "10.1.0.0/16"}])
    listed = made["PrefixList"]["PrefixListId"]
    for version in range(1, 30):
        swap = {"AddEntries": [{"Cidr": f"10.{version + 1}.0.0/16"}], "RemoveEntries": [{"Cidr": f"10.{version}.0.0/16"}]}
        ec2.modify_managed_prefix_list(PrefixListId=listed, CurrentVersion=version, **swap)
    kept.kill()
    kept.start()
    ec2 = kept.client("ec2")
    of = lambda **version: [entry["Cidr"] for entry in ec2.get_managed_prefix_list_entries(PrefixListId=listed, **version)["Entries"]]  # noqa: E731
    assert (of(), of(TargetVersion=30), of(TargetVersion=1), of(TargetVersion=17)) == (["10.30.0.0/16"], ["10.30.0.0/16"], ["10.1.0.0/16"], ["10.17.0.0/16"])
    ec2.restore_managed_prefix_list_version(PrefixListId=listed, PreviousVersion=17, CurrentVersion=30)
    assert (of(), of(TargetVersion=30)) == (["10.17.0.0/16"], ["10.30.0.0/16"])
    for absent in (0, 32):
        with refused("InvalidParameterValue"):
            of(TargetVersion=absent)
    with refused("PrefixListVersionMismatch"):
        ec2.modify_managed_prefix_list(PrefixListId=listed, CurrentVersion=30, AddEntries=[{"Cidr": "10.9.0.0/16"}])
    ec2.delete_managed_prefix_list(PrefixListId=listed)
    with refused("InvalidPrefixListID.NotFound"):
        of(TargetVersion=1)


def test_descriptions_of_interfaces_have_a_limit(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.13.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.13.0.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidParameterValue"):
        ec2.create_network_interface(SubnetId=subnet, Description="d" * 256)
    made = ec2.create_network_interface(SubnetId=subnet, Description="d" * 255)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("InvalidParameterValue"):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Description={"Value": "d" * 256})


def test_tag_policies_act(workshop):
    cloud = workshop.cloud()
    org, ec2 = cloud.client("organizations"), cloud.client("ec2")
    org.create_organization(FeatureSet="ALL")
    [root] = org.list_roots()["Roots"]
    org.enable_policy_type(RootId=root["Id"], PolicyType="TAG_POLICY")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "CostCenter", "Value": "9"}])
    rule = {"tag_key": {"@@assign": "CostCenter"}, "tag_value": {"@@assign": ["100"]}, "enforced_for": {"@@assign": ["ec2:vpc", "ec2:transit-gateway"]}}
    made = org.create_policy(Content=json.dumps({"tags": {"costcenter": rule}}), Description="", Name="cost", Type="TAG_POLICY")
    org.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=root["Id"])
    spec = lambda kind, value: [{"ResourceType": kind, "Tags": [{"Key": "CostCenter", "Value": value}]}]  # noqa: E731
    text = "The tag policy does not allow the specified value for the following tag key: 'CostCenter'."
    for breaks in (
        lambda: ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=spec("vpc", "9")),
        lambda: ec2.create_transit_gateway(TagSpecifications=spec("transit-gateway", "9")),
        lambda: ec2.create_tags(Resources=[vpc], Tags=[{"Key": "CostCenter", "Value": "8"}]),
    ):
        with refused("TagPolicyViolation", text):
            breaks()
    # What breaks the rule may be taken away, and other types are free.
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "CostCenter", "Value": "9"}])
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "CostCenter", "Value": "100"}])
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", TagSpecifications=spec("subnet", "9"))
