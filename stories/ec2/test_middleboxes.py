"""Routes inside of a VPC: what leaves a subnet for another one goes through an interface that forwards, and no group speaks of who is behind it."""

import os
import shutil
import subprocess
import urllib.request

import pytest

from asserting import Prefix, refused
from packets import TELL, heard, on, until

FORWARD = "echo 1 > /proc/sys/net/ipv4/ip_forward && exec sleep 600"


def made(ec2):
    """A VPC with an interface in each of three subnets, and the route tables of the first two. The third one's forwards."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="open", Description="open", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}])
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2, 3)]
    make = lambda subnet: ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]  # noqa: E731
    interfaces = [make(subnet) for subnet in subnets]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interfaces[2]["NetworkInterfaceId"], SourceDestCheck={"Value": False})
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    for table, subnet in zip(tables, subnets):
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return vpc, group, interfaces, tables


def routes(ec2, table):
    """Destinations and targets of a table's routes."""
    [found] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return {one["DestinationCidrBlock"]: one.get("NetworkInterfaceId") or one.get("GatewayId") for one in found["Routes"]}


def test_routes_inside_of_a_vpc(cloud):
    ec2 = cloud.client("ec2")
    vpc, _, (*_, box), (table, _) = made(ec2)
    box = box["NetworkInterfaceId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    route = {"RouteTableId": table, "DestinationCidrBlock": "10.0.2.0/24"}
    only = (
        "The destination CIDR block 10.0.2.0/24 is equal to or more specific than one of this VPC's CIDR blocks. "
        "This route can target only an interface or an instance."
    )
    with refused("InvalidParameterValue", only):
        ec2.create_route(**route, GatewayId=gateway)
    for part in ("10.0.2.0/25", "10.0.2.0/23", "10.0.9.0/24"):
        with refused("InvalidParameterValue", Prefix(f"The destination CIDR block {part} ")):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock=part, NetworkInterfaceId=box)
    ec2.create_route(**route, NetworkInterfaceId=box)
    assert routes(ec2, table) == {"10.0.0.0/16": "local", "10.0.2.0/24": box}
    with refused("InvalidParameterValue", only):
        ec2.replace_route(**route, GatewayId=gateway)
    with refused("InvalidParameterValue"):
        ec2.replace_route(**route, LocalTarget=True)
    ec2.delete_route(**route)

    # The local route is there always, and leads where it is told to.
    whole = {"RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/16"}
    with refused("RouteAlreadyExists"):
        ec2.create_route(**whole, NetworkInterfaceId=box)
    with refused("InvalidParameterValue"):
        ec2.replace_route(**whole, GatewayId=gateway)
    with refused("InvalidParameterCombination"):
        ec2.replace_route(**whole, NetworkInterfaceId=box, LocalTarget=True)
    ec2.replace_route(**whole, NetworkInterfaceId=box)
    assert routes(ec2, table) == {"10.0.0.0/16": box}
    with refused("InvalidParameterValue"):
        ec2.delete_route(**whole)
    ec2.replace_route(**whole, LocalTarget=True)
    assert routes(ec2, table) == {"10.0.0.0/16": "local"}
    ec2.replace_route(**whole, LocalTarget=True)
    other = {"RouteTableId": table, "DestinationCidrBlock": "10.9.0.0/16"}
    with refused("InvalidRoute.NotFound"):
        ec2.replace_route(**other, NetworkInterfaceId=box)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft")
def test_packets_go_through_a_middlebox(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    _, group, (client, server, box), (out, back) = made(ec2)
    middle = box["NetworkInterfaceId"]
    running = [
        on(cloud, server["NetworkInterfaceId"], "python3", "-c", TELL, stdout=subprocess.DEVNULL),
        on(cloud, middle, "sleep", "600", stdout=subprocess.DEVNULL),
    ]
    hear = lambda: heard(cloud, client["NetworkInterfaceId"], server["PrivateIpAddress"])  # noqa: E731
    try:
        until(lambda: hear() == client["PrivateIpAddress"])
        ec2.create_route(RouteTableId=out, DestinationCidrBlock="10.0.2.0/24", NetworkInterfaceId=middle)
        ec2.create_route(RouteTableId=back, DestinationCidrBlock="10.0.1.0/24", NetworkInterfaceId=middle)
        until(lambda: hear() == "")
        assert middle in cloud.command("trace", client["NetworkInterfaceId"], f"{server['PrivateIpAddress']}:80", check=False)
        running.append(on(cloud, middle, "sh", "-c", FORWARD, stdout=subprocess.DEVNULL))
        until(lambda: hear() == client["PrivateIpAddress"])

        # AWS: a rule that names a group does not let in what comes through a middlebox; one with the block does.
        block = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]
        own = ec2.create_security_group(GroupName="own", Description="own", VpcId=server["VpcId"])["GroupId"]
        named = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
        ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=named)
        ec2.modify_network_interface_attribute(NetworkInterfaceId=server["NetworkInterfaceId"], Groups=[own])
        until(lambda: hear() == "")
        ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=block)
        until(lambda: hear() == client["PrivateIpAddress"])
        ec2.revoke_security_group_ingress(GroupId=own, IpPermissions=block)
        until(lambda: hear() == "")
        # Without the detour the group is enough.
        ec2.delete_route(RouteTableId=out, DestinationCidrBlock="10.0.2.0/24")
        ec2.delete_route(RouteTableId=back, DestinationCidrBlock="10.0.1.0/24")
        until(lambda: hear() == client["PrivateIpAddress"])
    finally:
        for process in running:
            process.kill()
        urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_yakumo/network/clean", b"{}", {"x-yakumo-control": "1"}))
