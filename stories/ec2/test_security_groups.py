"""Security groups and their rules, old form and new, by id and by name."""

import pytest

from asserting import refused


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def vpc(ec2):
    """A VPC that is gone after the test, with its groups."""
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    yield made
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made]}])["SecurityGroups"]
    for group in groups:
        for side, revoke in (("IpPermissions", ec2.revoke_security_group_ingress), ("IpPermissionsEgress", ec2.revoke_security_group_egress)):
            if group[side]:
                revoke(GroupId=group["GroupId"], IpPermissions=group[side])
    for group in groups:
        if group["GroupName"] != "default":
            ec2.delete_security_group(GroupId=group["GroupId"])
    ec2.delete_vpc(VpcId=made)


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(GroupName="web", Description="the web", VpcId=vpc)["GroupId"]


def tcp(port, **peers):
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}


def block(cidr, **more):
    return {"IpRanges": [{"CidrIp": cidr, **more}]}


def test_groups(ec2, vpc, group):
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert (found["GroupName"], found["Description"], found["IpPermissions"]) == ("web", "the web", [])
    assert found["IpPermissionsEgress"] == [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    ]
    with refused("InvalidGroup.Duplicate", f"The security group 'web' already exists for VPC '{vpc}'"):
        ec2.create_security_group(GroupName="web", Description="d", VpcId=vpc)
    for bad in [{"GroupName": "sg-web"}, {"GroupName": "default"}, {"GroupName": "a<b"}, {"Description": "it's"}]:
        with refused("InvalidParameterValue"):
            ec2.create_security_group(**{"GroupName": "x", "Description": "d", "VpcId": vpc, **bad})
    with refused("InvalidGroup.NotFound", "The security group 'sg-1' does not exist"):
        ec2.describe_security_groups(GroupIds=["sg-1"])
    with refused("InvalidGroupId.Malformed", 'Invalid id: "web" (expecting "sg-...")'):
        ec2.describe_security_groups(GroupIds=["web"])
    [default] = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    own = default["GroupId"]
    assert default["IpPermissions"][0]["UserIdGroupPairs"] == [{"GroupId": own, "UserId": "000000000000"}]
    with refused("CannotDelete", f'the specified group: "{own}" name: "default" cannot be deleted by a user'):
        ec2.delete_security_group(GroupId=own)
    names = {g["GroupId"] for g in ec2.get_security_groups_for_vpc(VpcId=vpc)["SecurityGroupForVpcs"]}
    assert names == {own, group}


def test_rules_are_added_read_and_taken_away(ec2, group):
    made = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[tcp(22, **block("203.0.113.7/24", Description="office")), tcp(443, IpRanges=[{"CidrIp": "0.0.0.0/0"}], Ipv6Ranges=[{"CidrIpv6": "::/0"}])],
    )["SecurityGroupRules"]
    assert [(r["FromPort"], r.get("CidrIpv4"), r.get("CidrIpv6"), r["IsEgress"]) for r in made] == [
        (22, "203.0.113.0/24", None, False),
        (443, "0.0.0.0/0", None, False),
        (443, None, "::/0", False),
    ]
    text = 'the specified rule "peer: 203.0.113.0/24, TCP, from port: 22, to port: 22, ALLOW" already exists'
    with refused("InvalidPermission.Duplicate", text):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(80, **block("10.0.0.0/8")), tcp(22, **block("203.0.113.0/24"))])
    with refused("InvalidParameterValue", "The same permission must not appear multiple times"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(80, **block("10.0.0.0/8"))] * 2)
    [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [(p["FromPort"], len(p["IpRanges"]), len(p["Ipv6Ranges"])) for p in found["IpPermissions"]] == [(22, 1, 0), (443, 1, 1)]
    listed = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert len(listed) == 4 and sum(r["IsEgress"] for r in listed) == 1
    with refused("InvalidPermission.NotFound", "The specified rule does not exist in this security group."):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, **block("10.0.0.0/8"))])
    gone = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, **block("203.0.113.0/24"))])
    assert [r["SecurityGroupRuleId"] for r in gone["RevokedSecurityGroupRules"]] == [made[0]["SecurityGroupRuleId"]]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made[1]["SecurityGroupRuleId"]])
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made[1]["SecurityGroupRuleId"]])
    [left] = [r for r in listed if r["IsEgress"]]
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[left["SecurityGroupRuleId"]])
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[left["SecurityGroupRuleId"]])
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"] == []


@pytest.mark.parametrize(
    "permission, code",
    [
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 22, **block("10.0.0.0/8")}, "InvalidParameterValue"),
        ({"IpProtocol": "udp", "FromPort": 80, "ToPort": 65536, **block("10.0.0.0/8")}, "InvalidParameterValue"),
        ({"IpProtocol": "tcp", **block("10.0.0.0/8")}, "MissingParameter"),
        ({"IpProtocol": "ftp", "FromPort": 21, "ToPort": 21, **block("10.0.0.0/8")}, "InvalidParameterValue"),
        (tcp(22, **block("10.0.0.0")), "InvalidParameterValue"),
        (tcp(22, UserIdGroupPairs=[{"GroupId": "sg-1"}]), "InvalidGroup.NotFound"),
        (tcp(22, PrefixListIds=[{"PrefixListId": "pl-1"}]), "InvalidPrefixListID.NotFound"),
        (tcp(22), "InvalidParameterValue"),
    ],
)
def test_what_is_no_rule_is_refused(ec2, group, permission, code):
    with refused(code):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []


def test_protocols_have_one_spelling(ec2, group):
    for protocol, ports, expected in [
        ("17", (53, 53), ("udp", 53, 53)),
        ("icmp", (8, -1), ("icmp", 8, -1)),
        ("50", (1, 1), ("50", -1, -1)),
        ("-1", (1, 1), ("-1", -1, -1)),
    ]:
        rule = {"IpProtocol": protocol, "FromPort": ports[0], "ToPort": ports[1], **block("10.0.0.0/8")}
        [made] = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"]
        assert (made["IpProtocol"], made["FromPort"], made["ToPort"]) == expected


def test_groups_refer_to_groups(ec2, vpc, group):
    backend = ec2.create_security_group(GroupName="backend", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=backend, IpPermissions=[tcp(8080, UserIdGroupPairs=[{"GroupId": group}])])
    found = ec2.describe_security_groups(Filters=[{"Name": "ip-permission.group-id", "Values": [group]}])["SecurityGroups"]
    assert backend in [g["GroupId"] for g in found]
    with refused("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.delete_security_group(GroupId=group)
    elsewhere = ec2.create_security_group(GroupName="elsewhere", Description="d")["GroupId"]
    with refused("InvalidGroup.NotFound", "You have specified two resources that belong to different networks."):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(1, UserIdGroupPairs=[{"GroupId": elsewhere}])])
    ec2.delete_security_group(GroupId=elsewhere)
    ec2.delete_security_group(GroupId=backend)
    ec2.delete_security_group(GroupId=group)


def test_the_old_form_and_names_in_the_default_vpc(ec2):
    group = ec2.create_security_group(GroupName="old", Description="d")["GroupId"]
    ec2.authorize_security_group_ingress(GroupName="old", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8")
    ec2.authorize_security_group_ingress(GroupName="old", SourceSecurityGroupName="default")
    [found] = ec2.describe_security_groups(GroupNames=["old"])["SecurityGroups"]
    assert {p["IpProtocol"] for p in found["IpPermissions"]} == {"tcp", "-1"}
    answer = ec2.revoke_security_group_ingress(GroupName="old", IpProtocol="tcp", FromPort=23, ToPort=23, CidrIp="10.0.0.0/8")
    assert answer["UnknownIpPermissions"][0]["FromPort"] == 23
    ec2.revoke_security_group_ingress(GroupName="old", IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8")
    with refused("InvalidGroup.NotFound"):
        ec2.delete_security_group(GroupName="new")
    with refused("MissingParameter"):
        ec2.delete_security_group()
    with refused("InvalidParameterCombination"):
        ec2.authorize_security_group_egress(GroupId=group, IpProtocol="tcp", FromPort=1, ToPort=1, CidrIp="10.0.0.0/8")
    assert ec2.delete_security_group(GroupName="old")["GroupId"] == group


def test_rules_are_changed_in_place(ec2, group):
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(22, **block("10.0.0.0/8")), tcp(23, **block("10.0.0.0/8"))])
    ssh, telnet = (r["SecurityGroupRuleId"] for r in made["SecurityGroupRules"])

    def modify(rule, **content):
        update = [{"SecurityGroupRuleId": rule, "SecurityGroupRule": content}]
        ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=update)

    modify(ssh, IpProtocol="tcp", FromPort=2222, ToPort=2222, CidrIpv6="2001:db8::/32", Description="moved")
    [found] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[ssh])["SecurityGroupRules"]
    assert (found["FromPort"], found["CidrIpv6"], found["Description"]) == (2222, "2001:db8::/32", "moved")
    with refused("InvalidPermission.Duplicate"):
        modify(telnet, IpProtocol="tcp", FromPort=2222, ToPort=2222, CidrIpv6="2001:db8::/32")
    with refused("InvalidParameterCombination"):
        modify(telnet, IpProtocol="tcp", FromPort=1, ToPort=1, CidrIpv4="10.0.0.0/8", CidrIpv6="2001:db8::/32")
    with refused("InvalidSecurityGroupRuleId.NotFound"):
        modify("sgr-00000000000000000", IpProtocol="tcp", FromPort=1, ToPort=1, CidrIpv4="10.0.0.0/8")
    ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=[tcp(23, **block("10.0.0.0/8", Description="old"))])
    ec2.update_security_group_rule_descriptions_ingress(
        GroupId=group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": ssh, "Description": "new"}]
    )
    found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[ssh, telnet])["SecurityGroupRules"]
    assert {r["SecurityGroupRuleId"]: r["Description"] for r in found} == {ssh: "new", telnet: "old"}
    with refused("InvalidPermission.NotFound"):
        ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[tcp(23, **block("10.0.0.0/8"))])


def test_there_may_be_sixty_rules_of_each_family(ec2, group):
    rules = [tcp(port, **block("10.0.0.0/8")) for port in range(1, 61)]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    with refused("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(61, **block("10.0.0.0/8"))])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(61, Ipv6Ranges=[{"CidrIpv6": "::/0"}])])
