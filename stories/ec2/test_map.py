"""`yakumo map` draws what is: everything of the VPC, nothing of another, in text and in SVG."""

import json
import re
import urllib.error
import urllib.request

import pytest
from lxml import etree

SVG = "{http://www.w3.org/2000/svg}"
BAD = 'a</text>&"<b>'


def named(kind, name):
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


@pytest.fixture(scope="module")
def made(cloud):
    """A VPC with a public and a private subnet, and another VPC that it is peered with."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=named("vpc", "shop"))["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]

    def subnet(vpc, block, name, zone="us-east-1a"):
        tags = named("subnet", name)
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone, TagSpecifications=tags)
        return made["Subnet"]["SubnetId"]

    public, private = subnet(vpc, "10.7.1.0/24", "front"), subnet(vpc, "10.7.2.0/24", BAD, "us-east-1b")
    hidden = subnet(other, "10.8.1.0/24", "hidden")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    interface = ec2.create_network_interface(SubnetId=public, Groups=[group], PrivateIpAddress="10.7.1.10")
    interface = interface["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    peering = peering["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    there = [vpc, "shop", public, "front", private, gateway, table, group, interface, peering]
    there += ["10.7.1.0/24", "10.7.1.10", address["PublicIp"], "tcp 443 from 0.0.0.0/0", "us-east-1b", "10.8.0.0/16"]
    return {"vpc": vpc, "other": other, "there": there, "absent": [hidden, "hidden", "10.8.1.0/24"]}


def test_text_shows_the_vpc_and_no_other(cloud, made):
    text = cloud.command("map", made["vpc"])
    assert [word for word in made["there"] if word not in text] == []
    assert [word for word in made["absent"] if word in text] == []
    front = next(line for line in text.splitlines() if "front" in line and "subnet" in line)
    back = next(line for line in text.splitlines() if BAD in line)
    assert "public" in front and "isolated" in back
    assert text == cloud.command("map", made["vpc"])
    # The other VPC's map has what this one's has not, and so has the whole cloud's.
    for whole in (cloud.command("map", made["other"]), cloud.command("map")):
        assert [word for word in made["absent"] if word not in whole] == []


def test_the_picture_is_xml(cloud, made, tmp_path):
    file = tmp_path / "vpc.svg"
    assert cloud.command("map", made["vpc"], "--file", str(file)) == ""
    root = etree.fromstring(file.read_bytes())
    assert root.tag == f"{SVG}svg"
    text = "\n".join(root.itertext())
    assert BAD in text and "shop" in text and "10.7.1.10" in text and "internet gateway" in text
    assert [word for word in made["absent"] if word in text] == []
    # A line for the way to the Internet, of the subnet whose routes have it.
    assert any("V" in path.get("d") for path in root.iter(f"{SVG}path"))


def test_what_is_not_there_is_an_error(cloud, made):
    for vpc in ("vpc-0123456789abcdef0", "no/vpc?at=all"):
        with pytest.raises(RuntimeError, match=f"ended with 8:\nerror: there is no VPC {re.escape(vpc)}"):
            cloud.command("map", vpc)


def test_the_topology_is_behind_the_control_gate(cloud, made):
    url = f"{cloud.url}/_yakumo/network/topology?vpc={made['vpc']}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url)
    assert refused.value.code == 403
    answer = urllib.request.urlopen(urllib.request.Request(url, headers={"x-yakumo-control": "1"}))
    assert made["vpc"] in json.load(answer)["vpcs"]
    assert json.loads(cloud.command("map", made["vpc"], "--output", "json"))["vpcs"]
