"""What the API declares acts on packets: from an interface, from the Internet, after `kill -9`, and not where it is denied."""

import os
import shutil
import subprocess
import urllib.request

import pytest

from packets import TELL, heard, on, twice, until

SERVE = "import http.server as h; h.ThreadingHTTPServer(('', 80), h.SimpleHTTPRequestHandler).serve_forever()"
ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=3).status)"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
)


def answers(cloud, interface, url):
    """Whether a client on an interface is answered."""
    return on(cloud, interface, "python3", "-c", ASK, url).communicate(timeout=60)[0].strip() == b"200"


def answered(url):
    """Whether this machine is answered, a client in the Internet."""
    try:
        return urllib.request.urlopen(url, timeout=3).status == 200
    except OSError:
        return False


def test_what_is_declared_acts_on_packets_and_survives(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    web = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    make = lambda address: ec2.create_network_interface(SubnetId=subnet, Groups=[group], PrivateIpAddress=address)  # noqa: E731
    client, server = (make(address)["NetworkInterface"]["NetworkInterfaceId"] for address in ("10.0.1.10", "10.0.1.11"))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=server)
    public, private = f"http://{address['PublicIp']}/", "http://10.0.1.11/"

    serving = on(cloud, server, "python3", "-c", SERVE, stdout=subprocess.DEVNULL)
    try:
        # No rule yet: the model says so, and so do packets. With the rule both change their minds.
        assert "stopped by" in cloud.command("trace", client, "10.0.1.11:80", check=False)
        assert not answers(cloud, client, private) and not answered(public)
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=web)
        assert "there and back" in cloud.command("trace", client, "10.0.1.11:80")
        until(lambda: answers(cloud, client, private))
        until(lambda: answered(public))

        # The networks stand without the cloud, and its next start takes them up.
        cloud.kill()
        assert answered(public)
        cloud.start()
        until(lambda: answered(public))
        ec2 = cloud.client("ec2")
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=web)
        until(lambda: not answered(public))
        assert not answers(cloud, client, private)
    finally:
        serving.kill()
        urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_yakumo/network/clean", b"{}", {"x-yakumo-control": "1"}))
    left = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert client not in left and server not in left and vpc not in left


@twice("workshop")
def test_peering_and_nat_carry_packets(workshop):
    """Two accounts in two regions, and a private subnet's way out: each denied first, then allowed, then ended."""
    cloud = workshop.cloud()
    ours, theirs = cloud.client("ec2"), cloud.client("ec2", key="222222222222", region="eu-west-1")
    admit = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    vpc = ours.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    private, public = (ours.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2))
    other = theirs.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    part = theirs.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    make = lambda ec2, subnet: ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]  # noqa: E731
    client, front, far = make(ours, private), make(ours, public), make(theirs, part)
    ours.authorize_security_group_ingress(GroupId=front["Groups"][0]["GroupId"], CidrIp="0.0.0.0/0", **admit)
    theirs.authorize_security_group_ingress(GroupId=far["Groups"][0]["GroupId"], CidrIp="10.0.0.0/16", **admit)
    table = lambda ec2, vpc: ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]  # noqa: E731
    main, its = table(ours, vpc), table(theirs, other)
    # The networks have been told of what was made when the last of it can be plugged into.
    until(lambda: on(cloud, far["NetworkInterfaceId"], "true").wait(timeout=60) == 0)
    servers = [on(cloud, one["NetworkInterfaceId"], "python3", "-c", TELL, stdout=subprocess.DEVNULL) for one in (front, far)]
    hear = lambda address: heard(cloud, client["NetworkInterfaceId"], address)  # noqa: E731
    try:
        until(lambda: hear(front["PrivateIpAddress"]) == client["PrivateIpAddress"])
        peering = ours.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other, PeerOwnerId="222222222222", PeerRegion="eu-west-1")
        peering = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        ours.create_route(RouteTableId=main, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=peering)
        theirs.create_route(RouteTableId=its, DestinationCidrBlock="10.0.0.0/16", VpcPeeringConnectionId=peering)
        assert hear(far["PrivateIpAddress"]) == ""
        theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        until(lambda: hear(far["PrivateIpAddress"]) == client["PrivateIpAddress"])
        theirs.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
        until(lambda: hear(far["PrivateIpAddress"]) == "")

        gateway = ours.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ours.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        outside = ours.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ours.create_route(RouteTableId=outside, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ours.associate_route_table(RouteTableId=outside, SubnetId=public)
        fronts, nats = ours.allocate_address(), ours.allocate_address()
        ours.associate_address(AllocationId=fronts["AllocationId"], NetworkInterfaceId=front["NetworkInterfaceId"])
        assert hear(fronts["PublicIp"]) == ""
        nat = ours.create_nat_gateway(SubnetId=public, AllocationId=nats["AllocationId"])["NatGateway"]["NatGatewayId"]
        ours.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        # Whoever is outside sees the gateway's address, not the client's.
        until(lambda: hear(fronts["PublicIp"]) == nats["PublicIp"])
        ours.delete_nat_gateway(NatGatewayId=nat)
        until(lambda: hear(fronts["PublicIp"]) == "")
    finally:
        for server in servers:
            server.kill()
        urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_yakumo/network/clean", b"{}", {"x-yakumo-control": "1"}))
