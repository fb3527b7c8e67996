"""Network Insights: the model of the network says which packets come through, and what stands in the way."""

import pytest

from asserting import Prefix, refused
from people import Person, allow


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture(scope="module")
def net(ec2):
    """Two subnets of a VPC with an interface in each: the first may go out to everything, the second admits port 80."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)]
    web = ec2.create_security_group(GroupName="web", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=web, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
    client = ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    server = ec2.create_network_interface(SubnetId=subnets[1], Groups=[web])["NetworkInterface"]["NetworkInterfaceId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [table] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    [acl] = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    return {"vpc": vpc, "web": web, "subnet": subnets[0], "client": client, "server": server, "gateway": gateway,
            "table": table["RouteTableId"], "acl": acl["NetworkAclId"]}


def analyse(ec2, **path):
    """Makes a path, analyses it and gives the analysis."""
    made = ec2.create_network_insights_path(**{"Protocol": "tcp", **path})["NetworkInsightsPath"]
    started = ec2.start_network_insights_analysis(NetworkInsightsPathId=made["NetworkInsightsPathId"])["NetworkInsightsAnalysis"]
    assert started["Status"] == "running" and "NetworkPathFound" not in started
    [found] = ec2.describe_network_insights_analyses(NetworkInsightsPathId=made["NetworkInsightsPathId"])["NetworkInsightsAnalyses"]
    assert found["Status"] == "succeeded"
    return found


def explained(found):
    assert found["NetworkPathFound"] is False and found["ForwardPathComponents"] == []
    [one] = found["Explanations"]
    return one["ExplanationCode"], one.get("Direction"), one["Component"]["Id"]


def test_what_comes_through_and_what_does_not(ec2, net):
    way = {"Source": net["client"], "Destination": net["server"]}
    found = analyse(ec2, **way, DestinationPort=80)
    assert found["NetworkPathFound"] is True and found["Explanations"] == []
    ids = [part["Component"]["Id"] for part in found["ForwardPathComponents"]]
    assert ids[0] == net["client"] and ids[-1] == net["server"] and {net["table"], net["acl"]} <= set(ids)
    arn = f"arn:aws:ec2:us-east-1:000000000000:network-interface/{net['server']}"
    assert found["ForwardPathComponents"][-1]["Component"] == {"Id": net["server"], "Arn": arn}
    assert found["ReturnPathComponents"][0]["Component"]["Id"] == net["server"]
    # Each component with the rule, entry or route that let the packet pass.
    parts = {part["Component"]["Id"]: part for part in found["ForwardPathComponents"]}
    assert parts[net["web"]]["SecurityGroupRule"] == {
        "Cidr": "0.0.0.0/0", "Direction": "ingress", "PortRange": {"From": 80, "To": 80}, "Protocol": "tcp",
    }
    assert parts[net["table"]]["RouteTableRoute"] == {
        "DestinationCidr": "10.0.0.0/16", "GatewayId": "local", "Origin": "createroutetable", "State": "active",
    }
    acls = [part["AclRule"] for part in found["ForwardPathComponents"] if "AclRule" in part]
    assert acls == [
        {"Cidr": "0.0.0.0/0", "Egress": egress, "Protocol": "all", "RuleAction": "allow", "RuleNumber": 100} for egress in (True, False)
    ]
    assert parts[net["client"]]["Vpc"]["Id"] == net["vpc"] and parts[net["client"]]["Subnet"]["Arn"].startswith("arn:aws:ec2:")
    header = parts[net["client"]]["OutboundHeader"]
    assert header["Protocol"] == "6" and header["DestinationPortRanges"] == [{"From": 80, "To": 80}] and len(header["SourceAddresses"]) == 1
    # An answer is let pass by the group, and by no rule of it.
    [group] = [part for part in found["ReturnPathComponents"] if part["Component"]["Id"] == net["web"]]
    assert "SecurityGroupRule" not in group
    assert [part["AclRule"]["Egress"] for part in found["ReturnPathComponents"] if "AclRule" in part] == [True, False]
    assert [part["SequenceNumber"] for part in found["ForwardPathComponents"]] == list(range(1, len(found["ForwardPathComponents"]) + 1))
    stopped = analyse(ec2, **way, DestinationPort=81)
    assert explained(stopped) == ("ENI_SG_RULES_MISMATCH", "ingress", net["server"])
    assert [group["Id"] for group in stopped["Explanations"][0]["SecurityGroups"]] == [net["web"]]
    assert stopped["Explanations"][0]["Vpc"]["Id"] == net["vpc"] and stopped["Explanations"][0]["NetworkInterface"]["Id"] == net["server"]
    assert explained(analyse(ec2, **way, DestinationPort=80, Protocol="udp"))[0] == "ENI_SG_RULES_MISMATCH"
    # Without a port, one that comes through is enough.
    assert analyse(ec2, **way)["NetworkPathFound"] is True
    assert explained(analyse(ec2, Source=net["server"], Destination=net["client"])) == ("ENI_SG_RULES_MISMATCH", "ingress", net["client"])
    # A spoofed source is stopped where it is sent.
    spoofed = analyse(ec2, **way, DestinationPort=80, SourceIp="10.0.9.9")
    assert explained(spoofed) == ("ENI_SOURCE_DEST_CHECK_RESTRICTION", "egress", net["client"])


def test_acls_stop_what_comes_back_too(ec2, net):
    way = {"Source": net["client"], "Destination": net["server"], "DestinationPort": 80}
    entry = {"NetworkAclId": net["acl"], "RuleNumber": 50, "Protocol": "6", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"}
    # The answer's port: an entry that denies ephemeral ports stops no request, but every answer.
    ec2.create_network_acl_entry(**entry, Egress=False, PortRange={"From": 1024, "To": 65535})
    stopped = analyse(ec2, **way)
    assert explained(stopped) == ("SUBNET_ACL_RESTRICTION", "ingress", net["acl"])
    assert stopped["Explanations"][0]["AclRule"] == {
        "Cidr": "0.0.0.0/0", "Egress": False, "PortRange": {"From": 1024, "To": 65535}, "Protocol": "tcp", "RuleAction": "deny", "RuleNumber": 50,
    }
    assert stopped["Explanations"][0]["Vpc"]["Id"] == net["vpc"]
    ec2.delete_network_acl_entry(NetworkAclId=net["acl"], RuleNumber=50, Egress=False)
    assert analyse(ec2, **way)["NetworkPathFound"] is True


def test_the_internet_needs_routes_and_addresses(ec2, net):
    out = {"Source": net["client"], "Destination": net["gateway"], "DestinationIp": "203.0.113.7", "DestinationPort": 443}
    assert explained(analyse(ec2, **out)) == ("NO_ROUTE_TO_DESTINATION", None, net["table"])
    ec2.create_route(RouteTableId=net["table"], DestinationCidrBlock="0.0.0.0/0", GatewayId=net["gateway"])
    assert explained(analyse(ec2, **out)) == ("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", None, net["gateway"])
    # A route through what is gone is named.
    other = ec2.create_network_interface(SubnetId=net["subnet"])["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_route(RouteTableId=net["table"], DestinationCidrBlock="203.0.113.0/24", NetworkInterfaceId=other)
    ec2.delete_network_interface(NetworkInterfaceId=other)
    stopped = analyse(ec2, **out)
    assert explained(stopped) == ("BAD_STATE_ROUTE", None, net["table"])
    route = stopped["Explanations"][0]["RouteTableRoute"]
    assert (route["DestinationCidr"], route["NetworkInterfaceId"], route["State"]) == ("203.0.113.0/24", other, "blackhole")
    ec2.delete_route(RouteTableId=net["table"], DestinationCidrBlock="203.0.113.0/24")
    into = {"Source": net["gateway"], "SourceIp": "203.0.113.7", "Destination": net["server"]}
    assert explained(analyse(ec2, **into, DestinationPort=80))[0] == "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    for end in ("client", "server"):
        address = ec2.allocate_address()["AllocationId"]
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=net[end])
    assert analyse(ec2, **out)["NetworkPathFound"] is True
    assert analyse(ec2, **into, DestinationPort=80)["NetworkPathFound"] is True
    assert explained(analyse(ec2, **into, DestinationPort=22)) == ("ENI_SG_RULES_MISMATCH", "ingress", net["server"])


def test_paths_and_analyses_are_resources(cloud, ec2, iam, net):
    tags = [{"ResourceType": "network-insights-path", "Tags": [{"Key": "Name", "Value": "a"}]}]
    path = ec2.create_network_insights_path(
        Source=f"arn:aws:ec2:us-east-1:000000000000:network-interface/{net['client']}", Destination=net["server"], Protocol="tcp",
        TagSpecifications=tags, ClientToken="once",
    )["NetworkInsightsPath"]
    again = {"Source": f"arn:aws:ec2:us-east-1:000000000000:network-interface/{net['client']}", "Destination": net["server"],
             "Protocol": "tcp", "TagSpecifications": tags, "ClientToken": "once"}
    assert ec2.create_network_insights_path(**again)["NetworkInsightsPath"] == path
    with refused("IdempotentParameterMismatch"):
        ec2.create_network_insights_path(**again | {"Protocol": "udp"})
    assert path["Source"] == net["client"] and path["SourceArn"].endswith(net["client"])
    foreign = f"arn:aws:ec2:us-east-1:222222222222:network-interface/{net['client']}"
    for end, code in [(foreign, "NotImplemented"), (f"x/{net['client']}", "InvalidParameterValue")]:
        with refused(code, status=501 if code == "NotImplemented" else 400):
            ec2.create_network_insights_path(Source=end, Destination=net["server"], Protocol="tcp")
    nip = path["NetworkInsightsPathId"]
    assert ec2.describe_network_insights_paths(Filters=[{"Name": "tag:Name", "Values": ["a"]}])["NetworkInsightsPaths"] == [path]
    nia = ec2.start_network_insights_analysis(NetworkInsightsPathId=nip)["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
    with refused("AnalysisExistsForNetworkInsightsPath"):
        ec2.delete_network_insights_path(NetworkInsightsPathId=nip)
    person = Person(cloud, iam, "analyst")
    theirs = person.service("ec2")
    with refused("UnauthorizedOperation"):
        theirs.start_network_insights_analysis(NetworkInsightsPathId=nip)
    person.put("p", allow("ec2:StartNetworkInsightsAnalysis"))
    other = theirs.start_network_insights_analysis(NetworkInsightsPathId=nip)["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
    for analysis in (nia, other):
        with refused("UnauthorizedOperation"):
            theirs.delete_network_insights_analysis(NetworkInsightsAnalysisId=analysis)
        ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=analysis)
    ec2.delete_network_insights_path(NetworkInsightsPathId=nip)
    with refused("InvalidNetworkInsightsPathId.NotFound"):
        ec2.start_network_insights_analysis(NetworkInsightsPathId=nip)
    for bad, code in [
        ({"Source": "eni-1"}, "InvalidNetworkInterfaceID.NotFound"),
        ({"Source": "i-0123456789abcdef0"}, "InvalidInstanceID.NotFound"),
        ({"Source": net["vpc"]}, "InvalidParameterValue"),
        ({"Protocol": "smoke"}, "InvalidParameterValue"),
        ({"DestinationIp": "10.0.0"}, "InvalidParameterValue"),
    ]:
        with refused(code):
            ec2.create_network_insights_path(**{"Source": net["client"], "Destination": net["server"], "Protocol": "tcp", **bad})
    with refused("MissingParameter"):
        ec2.create_network_insights_path(Source=net["client"], Protocol="tcp")
    with refused("NotImplemented", Prefix("yakumo does not implement an internet gateway as Source without SourceIp"), status=501):
        ec2.create_network_insights_path(Source=net["gateway"], Destination=net["server"], Protocol="tcp")
