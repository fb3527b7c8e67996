"""What transit gateways do to packets: two VPCs reach each other, a third with another table does not, a blackhole stops; an egress VPC."""

import os
import shutil
import urllib.request

import pytest

from packets import TELL, heard, on, twice, until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
)


def spoke(ec2, n):
    """A VPC with an interface that admits everybody, and what leads everything else to the transit gateway later."""
    vpc = ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{n}.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    group = interface["Groups"][0]["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.0.0.0/8")
    [main] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return vpc, subnet, interface, main["RouteTableId"]


RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"


@twice("workshop")
def test_transit_gateways_carry_packets(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    spokes = [spoke(ec2, n) for n in (1, 2, 3)]
    ids = [interface["NetworkInterfaceId"] for _, _, interface, _ in spokes]
    addresses = [interface["PrivateIpAddress"] for _, _, interface, _ in spokes]
    gateway = ec2.create_transit_gateway()["TransitGateway"]
    default, gateway = gateway["Options"]["AssociationDefaultRouteTableId"], gateway["TransitGatewayId"]
    own = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    attachments = []
    for vpc, subnet, _, table in spokes:
        made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])
        attachments.append(made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"])
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/8", TransitGatewayId=gateway)
    # The third one's packets are decided about by a table without routes, although everybody knows the way to it.
    third = {"TransitGatewayAttachmentId": attachments[2]}
    ec2.disassociate_transit_gateway_route_table(TransitGatewayRouteTableId=default, **third)
    ec2.associate_transit_gateway_route_table(TransitGatewayRouteTableId=own, **third)

    trace = lambda a, b: cloud.command("trace", ids[a], f"{addresses[b]}:80", check=False)  # noqa: E731
    hears = lambda a, b: heard(cloud, ids[a], addresses[b]) == addresses[a]  # noqa: E731
    assert "there and back" in trace(0, 1) and f"10.2.0.0/16 leads to {attachments[1]}" in trace(0, 1)
    assert f"stopped by {own}" in trace(2, 0) and f"no route leads to {addresses[0]}" in trace(2, 0)
    until(lambda: on(cloud, ids[2], "true").wait(timeout=60) == 0)
    servers = [on(cloud, one, "python3", "-c", TELL) for one in ids]
    try:
        until(lambda: hears(0, 1) and hears(1, 0))
        assert not hears(2, 0) and not hears(0, 2)
        route = {"TransitGatewayRouteTableId": own, "DestinationCidrBlock": "10.1.0.0/16"}
        ec2.create_transit_gateway_route(**route, TransitGatewayAttachmentId=attachments[0])
        until(lambda: hears(2, 0) and hears(0, 2))
        assert not hears(2, 1)
        # The public name of what is attached means its private address, while both attachments support that.
        ec2.modify_vpc_attribute(VpcId=spokes[1][0], EnableDnsHostnames={"Value": True})
        internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=spokes[1][0])
        public = ec2.allocate_address()
        ec2.associate_address(AllocationId=public["AllocationId"], NetworkInterfaceId=ids[1])
        name = f"ec2-{public['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
        means = lambda: on(cloud, ids[0], "python3", "-c", RESOLVE, name).communicate(timeout=60)[0].decode().strip()  # noqa: E731
        until(lambda: means() == addresses[1])
        ec2.modify_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachments[0], Options={"DnsSupport": "disable"})
        until(lambda: means() == public["PublicIp"])
        # A static blackhole goes before what is propagated; without it the propagated route acts again.
        stop = {"TransitGatewayRouteTableId": default, "DestinationCidrBlock": "10.2.0.0/16"}
        ec2.create_transit_gateway_route(**stop, Blackhole=True)
        until(lambda: not hears(0, 1))
        assert "10.2.0.0/16 is a blackhole" in trace(0, 1) and hears(2, 0)
        ec2.delete_transit_gateway_route(**stop)
        until(lambda: hears(0, 1))
        ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachments[1])
        until(lambda: not hears(0, 1))
        assert hears(2, 0)
    finally:
        for server in servers:
            server.kill()
        urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_yakumo/network/clean", b"{}", {"x-yakumo-control": "1"}))


def test_spokes_share_an_egress_vpc(workshop):
    """A spoke's default route leads to the gateway, from there to the NAT gateway of a VPC in which nothing runs, and into the Internet."""
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    zone = {"AvailabilityZone": "us-east-1a"}
    table = lambda vpc: ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]  # noqa: E731
    vpc, subnet, interface, main = spoke(ec2, 1)
    hub = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    inner, outer = (ec2.create_subnet(VpcId=hub, CidrBlock=f"10.9.{n}.0/24", **zone)["Subnet"]["SubnetId"] for n in (1, 2))
    inside, outside = table(hub), table(hub)
    for one, its in ((inner, inside), (outer, outside)):
        ec2.associate_route_table(RouteTableId=its, SubnetId=one)
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=hub)
    ec2.create_route(RouteTableId=outside, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    public = ec2.allocate_address()
    nat = ec2.create_nat_gateway(SubnetId=outer, AllocationId=public["AllocationId"])["NatGateway"]["NatGatewayId"]
    made = ec2.create_transit_gateway()["TransitGateway"]
    gateway, default = made["TransitGatewayId"], made["Options"]["AssociationDefaultRouteTableId"]
    attach = lambda vpc, subnet: ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])  # noqa: E731
    attach(vpc, subnet)
    out = attach(hub, inner)["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", TransitGatewayId=gateway)
    ec2.create_transit_gateway_route(TransitGatewayRouteTableId=default, DestinationCidrBlock="0.0.0.0/0", TransitGatewayAttachmentId=out)
    ec2.create_route(RouteTableId=inside, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    # A server that everybody in the Internet reaches: it tells who asked.
    there = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    its = ec2.create_subnet(VpcId=there, CidrBlock="10.3.1.0/24")["Subnet"]["SubnetId"]
    server = ec2.create_network_interface(SubnetId=its)["NetworkInterface"]
    ec2.authorize_security_group_ingress(GroupId=server["Groups"][0]["GroupId"], IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
    door = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=door, VpcId=there)
    [way] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [there]}])["RouteTables"]
    ec2.create_route(RouteTableId=way["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=door)
    site = ec2.allocate_address()
    ec2.associate_address(AllocationId=site["AllocationId"], NetworkInterfaceId=server["NetworkInterfaceId"])

    client = interface["NetworkInterfaceId"]
    hear = lambda: heard(cloud, client, site["PublicIp"])  # noqa: E731
    trace = lambda: cloud.command("trace", client, f"{site['PublicIp']}:80", check=False)  # noqa: E731
    until(lambda: on(cloud, server["NetworkInterfaceId"], "true").wait(timeout=60) == 0)
    serving = on(cloud, server["NetworkInterfaceId"], "python3", "-c", TELL)
    try:
        until(lambda: on(cloud, client, "true").wait(timeout=60) == 0)
        # The NAT gateway's subnet does not know the way back to the spoke.
        until(lambda: f"its answer is stopped by {internet}" in trace())
        assert hear() == ""
        ec2.create_route(RouteTableId=outside, DestinationCidrBlock="10.1.0.0/16", TransitGatewayId=gateway)
        until(lambda: hear() == public["PublicIp"])
        said = trace()
        assert "there and back" in said and f"enters {hub} by {inner}" in said and f"0.0.0.0/0 leads to {nat}" in said
        # Without the NAT gateway on the way, the internet gateway takes nothing from the spoke.
        ec2.replace_route(RouteTableId=inside, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
        until(lambda: hear() == "")
        assert "stopped by" in trace()
        ec2.replace_route(RouteTableId=inside, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        until(lambda: hear() == public["PublicIp"])
        # Reachability Analyzer names the routes by which it goes.
        path = ec2.create_network_insights_path(Source=client, DestinationIp=site["PublicIp"], Destination=server["NetworkInterfaceId"], Protocol="tcp", DestinationPort=80)
        path = path["NetworkInsightsPath"]["NetworkInsightsPathId"]
        ec2.start_network_insights_analysis(NetworkInsightsPathId=path)
        [found] = ec2.describe_network_insights_analyses(NetworkInsightsPathId=path)["NetworkInsightsAnalyses"]
        assert found["NetworkPathFound"] is True
        routes = [part["TransitGatewayRouteTableRoute"] for part in found["ForwardPathComponents"] if "TransitGatewayRouteTableRoute" in part]
        assert routes == [{"DestinationCidr": "0.0.0.0/0", "State": "active", "RouteOrigin": "static", "AttachmentId": out, "ResourceId": hub, "ResourceType": "vpc"}]
        through = [part["RouteTableRoute"].get("NatGatewayId") for part in found["ForwardPathComponents"] if "RouteTableRoute" in part]
        assert nat in through
        [translated] = [part for part in found["ForwardPathComponents"] if part["Component"]["Id"] == nat]
        assert translated["InboundHeader"]["SourceAddresses"] == [f"{interface['PrivateIpAddress']}/32"]
        assert translated["OutboundHeader"]["SourceAddresses"] != translated["InboundHeader"]["SourceAddresses"]
        back = [part["TransitGatewayRouteTableRoute"]["RouteOrigin"] for part in found["ReturnPathComponents"] if "TransitGatewayRouteTableRoute" in part]
        assert back == ["propagated"]
    finally:
        serving.kill()
        urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_yakumo/network/clean", b"{}", {"x-yakumo-control": "1"}))
