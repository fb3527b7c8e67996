"""What the options of a peering connection do: the public name of one end leads to its private address when the other end asks."""

import os
import shutil

import pytest

from packets import on, twice, until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
)

RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"


def end(ec2, n):
    """A VPC with names and a public interface: the VPC, the interface, its private address and its public one."""
    vpc = ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{n}.1.0/24")["Subnet"]["SubnetId"]
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    public = ec2.allocate_address()
    ec2.associate_address(AllocationId=public["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"])
    return vpc, interface["NetworkInterfaceId"], interface["PrivateIpAddress"], public["PublicIp"]


@twice("workshop")
def test_names_of_one_side_are_shared_with_the_other(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    ends = [end(ec2, n) for n in (1, 2)]
    name = lambda of: f"ec2-{ends[of][3].replace('.', '-')}.compute-1.amazonaws.com"  # noqa: E731
    asked = lambda by, of: on(cloud, ends[by][1], "python3", "-c", RESOLVE, name(of))  # noqa: E731
    means = lambda by, of: asked(by, of).communicate(timeout=60)[0].decode().strip()  # noqa: E731
    made = ec2.create_vpc_peering_connection(VpcId=ends[0][0], PeerVpcId=ends[1][0])["VpcPeeringConnection"]
    one = {"VpcPeeringConnectionId": made["VpcPeeringConnectionId"]}
    ec2.accept_vpc_peering_connection(**one)
    assert means(0, 0) == ends[0][2], "the first program of a network finds its resolver"
    assert (means(0, 1), means(1, 0)) == (ends[1][3], ends[0][3])
    ec2.modify_vpc_peering_connection_options(**one, RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True})
    until(lambda: means(1, 0) == ends[0][2])
    assert means(0, 1) == ends[1][3], "the other side shares nothing"
    ec2.modify_vpc_peering_connection_options(
        **one,
        RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": False},
        AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True},
    )
    until(lambda: (means(1, 0), means(0, 1)) == (ends[0][3], ends[1][2]))
    ec2.delete_vpc_peering_connection(**one)
    until(lambda: means(0, 1) == ends[1][3])
