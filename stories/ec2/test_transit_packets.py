"""What transit gateways do to packets: two VPCs reach each other, a third with another table does not, a blackhole stops."""

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
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{n}.1.0/24")["Subnet"]["SubnetId"]
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
