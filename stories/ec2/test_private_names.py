"""Names of instances: after their addresses or their ids, asked in the VPC, from inside, and when they change."""

import os
import subprocess

import pytest

from asserting import refused
from cloud import BINARY
from instances import becomes, instance, run, runs, until
from people import Person

pytestmark = runs


def inside(cloud, id, *command):
    """What a command in an instance prints."""
    environ = {**os.environ, "YAKUMO_ENDPOINT": cloud.url}
    done = subprocess.run([str(BINARY), "exec", id, "--", *command], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout.strip()


FIND = """
import socket, sys
try:
    print(*sorted({found[4][0] for found in socket.getaddrinfo(sys.argv[1], 80)}))
except OSError:
    print("none")
"""
CALL = "import socket, sys; print(socket.gethostbyaddr(sys.argv[1])[0])"


@pytest.mark.parametrize("region, domain", [("us-east-1", "ec2.internal"), ("eu-west-1", "eu-west-1.compute.internal")])
def test_an_instance_is_called_by_its_id(cloud, region, domain):
    ec2 = cloud.client("ec2", region=region)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block)["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})

    # What the subnet says, and what a launch says instead.
    by_id = run(ec2, SubnetId=subnet, Ipv6AddressCount=1)
    by_address = run(ec2, SubnetId=subnet, PrivateDnsNameOptions={"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False})
    one, other = becomes(ec2, by_id, "running"), becomes(ec2, by_address, "running")
    assert one["PrivateDnsNameOptions"] == {
        "HostnameType": "resource-name", "EnableResourceNameDnsARecord": True, "EnableResourceNameDnsAAAARecord": False,
    }
    assert other["PrivateDnsNameOptions"]["HostnameType"] == "ip-name"
    name, address = f"{by_id}.{domain}", one["PrivateIpAddress"]
    dashed = f"ip-{other['PrivateIpAddress'].replace('.', '-')}.{domain}"
    assert (one["PrivateDnsName"], other["PrivateDnsName"]) == (name, dashed)
    assert inside(cloud, by_id, "hostname") == by_id
    assert inside(cloud, by_address, "hostname") == dashed.split(".")[0]

    find = lambda wanted: inside(cloud, by_address, "python3", "-c", FIND, wanted)  # noqa: E731
    assert until(lambda: find(name)) == address
    # A name after an address is always answered, one after an id where it is switched on.
    assert find(f"ip-{address.replace('.', '-')}.{domain}") == address
    assert find(f"{by_address}.{domain}") == "none"
    assert inside(cloud, by_address, "python3", "-c", CALL, address) == name
    assert inside(cloud, by_id, "python3", "-c", CALL, other["PrivateIpAddress"]) == dashed

    modify = lambda id, **options: ec2.modify_private_dns_name_options(InstanceId=id, **options)  # noqa: E731
    amy = Person(cloud, cloud.client("iam"), f"amy-{region}").service("ec2", region=region)
    with refused("UnauthorizedOperation"):
        amy.modify_private_dns_name_options(InstanceId=by_id, EnableResourceNameDnsARecord=False)
    with refused("MissingParameter"):
        modify(by_id)
    with refused("InvalidInstanceID.NotFound"):
        modify("i-0123456789abcdef0", EnableResourceNameDnsARecord=True)
    assert modify(by_id, EnableResourceNameDnsARecord=False, EnableResourceNameDnsAAAARecord=True)["Return"]
    until(lambda: find(name) == one["Ipv6Address"])
    modify(by_address, EnableResourceNameDnsARecord=True)
    until(lambda: find(f"{by_address}.{domain}") == other["PrivateIpAddress"])

    # What an instance is called changes while it rests.
    with refused("IncorrectInstanceState", f"The instance '{by_address}' is not in the 'stopped' state."):
        modify(by_address, PrivateDnsHostnameType="resource-name")
    ec2.stop_instances(InstanceIds=[by_address])
    becomes(ec2, by_address, "stopped")
    modify(by_address, PrivateDnsHostnameType="resource-name")
    assert instance(ec2, by_address)["PrivateDnsName"] == f"{by_address}.{domain}"
    ec2.start_instances(InstanceIds=[by_address])
    becomes(ec2, by_address, "running")
    assert inside(cloud, by_address, "hostname") == by_address
    ask = "import urllib.request as u; print(u.urlopen('http://169.254.169.254/latest/meta-data/local-hostname').read().decode())"
    assert inside(cloud, by_address, "python3", "-c", ask) == f"{by_address}.{domain}"

    # Without names of the VPC there are none.
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    until(lambda: find(f"{by_address}.{domain}") == "none")
    ec2.terminate_instances(InstanceIds=[by_id, by_address])
    becomes(ec2, by_address, "terminated")
