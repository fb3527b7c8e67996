"""The resolver of a VPC and its clock, asked from network interfaces by the C library and by hand."""

import ipaddress
import json
import os
import shutil
import subprocess
import time
import urllib.request

import pytest

from packets import twice

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="networks need root, ip and nft"
    ),
    twice("cloud"),
]

# What the C library finds: addresses of one family, or the name of an address; else its error.
LOOK = """
import socket, sys
for asked in sys.argv[1:]:
    try:
        if asked[0].isdigit():
            print(socket.gethostbyaddr(asked)[0])
        else:
            print(*sorted({found[4][0] for found in socket.getaddrinfo(asked, 1, socket.AF_INET)}))
    except OSError as error:
        print(type(error).__name__)
"""
# Bytes by a datagram or a connection, and what comes back within two seconds.
SEND = """
import socket, sys
by, server, port, sent = sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4])
family = socket.AF_INET6 if ":" in server else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM if by == "udp" else socket.SOCK_STREAM) as asking:
    asking.settimeout(2)
    try:
        asking.connect((server, port))
        asking.sendall(sent if by == "udp" else len(sent).to_bytes(2) + sent)
        print(asking.recv(4096)[0 if by == "udp" else 2:].hex())
    except OSError as error:
        print(type(error).__name__)
"""
NOTHING = "TimeoutError"


def on(cloud, interface, *command):
    """What a command on an interface prints."""
    environ = {**os.environ, "YAKUMO_ENDPOINT": cloud.url}
    command = [*cloud.program, "exec", interface, "--", *command]
    return subprocess.run(command, env=environ, stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()


def look(cloud, interface, *names):
    """What the C library finds for each name."""
    return on(cloud, interface, "python3", "-c", LOOK, *names).splitlines()


def question(name, kind=1):
    """A question with the id 7, which wants recursion."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return (b"\0\7\1\0\0\1\0\0\0\0\0\0" + labels + b"\0" + kind.to_bytes(2) + b"\0\1").hex()


def send(cloud, interface, by, server, port, sent):
    """What comes back for bytes."""
    return on(cloud, interface, "python3", "-c", SEND, by, server, str(port), sent).strip()


def rcode(answer):
    """What an answer says: 0 is yes, 3 no such name."""
    assert answer[:4] == "0007", answer
    return int(answer[7], 16)


def until(wanted):
    """Waits for something that takes a moment."""
    end = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def vpcs(cloud):
    """Two VPCs of the same block in two regions; the first one's interface has a public address."""

    def make(region):
        ec2 = cloud.client("ec2", region=region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        until(lambda: subprocess.run([*cloud.program, "exec", interface["NetworkInterfaceId"], "--", "true"], env={**os.environ, "YAKUMO_ENDPOINT": cloud.url}, stderr=subprocess.DEVNULL).returncode == 0)
        return ec2, vpc, interface

    ours, theirs = make("eu-west-1"), make("us-east-1")
    ec2, vpc, interface = ours
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface["NetworkInterfaceId"])
    return ours, theirs, address["PublicIp"]


def test_names_lead_where_the_api_says(cloud, vpcs):
    (ec2, _, first), (_, _, second), public = vpcs
    one, other = first["NetworkInterfaceId"], second["NetworkInterfaceId"]
    seen = ec2.describe_network_interfaces(NetworkInterfaceIds=[one])["NetworkInterfaces"][0]
    private, private_name, public_name = seen["PrivateIpAddress"], seen["PrivateDnsName"], seen["Association"]["PublicDnsName"]
    # Its own names are the private address; from elsewhere there is the public one alone.
    until(lambda: look(cloud, one, public_name) == [private])
    assert look(cloud, one, private_name, private_name.split(".")[0], private) == [private, private, private_name]
    assert look(cloud, other, private_name, public_name, public) == ["gaierror", public, public_name]
    assert look(cloud, other, second["PrivateDnsName"]) == [second["PrivateIpAddress"]]
    # AWS's own names are there, those of the Internet are not.
    sqs, bucket, nothing, internet = look(
        cloud, other, "sqs.us-east-1.amazonaws.com", "a-bucket.s3.eu-west-1.amazonaws.com", "nothing.us-east-1.amazonaws.com", "example.com"
    )
    assert sqs.startswith("198.1") and bucket.startswith("198.1") and sqs != bucket
    assert (nothing, internet) == ("gaierror", "gaierror")


def test_every_address_of_the_resolver_answers_by_both_protocols(cloud, vpcs):
    interface = vpcs[0][2]["NetworkInterfaceId"]
    asked = urllib.request.Request(f"{cloud.url}/_yakumo/network", headers={"x-yakumo-control": "1"})
    block = ipaddress.ip_network(json.load(urllib.request.urlopen(asked))["ipv4"])
    found = "c00c000100010000003c0004" + block[3].packed.hex()
    for server in ("10.0.0.2", "169.254.169.253"):
        for by in ("udp", "tcp"):
            known = send(cloud, interface, by, server, 53, question("sqs.eu-west-1.amazonaws.com"))
            assert rcode(known) == 0 and known.endswith(found)
            assert rcode(send(cloud, interface, by, server, 53, question("example.com"))) == 3
    # What is no question is answered by nothing, or by an error, and does no harm.
    assert send(cloud, interface, "udp", "10.0.0.2", 53, "00") == NOTHING
    assert rcode(send(cloud, interface, "udp", "10.0.0.2", 53, "000701000001000000000000c00c")) == 1
    assert rcode(send(cloud, interface, "udp", "10.0.0.2", 53, question("example.com", 252))) == 5
    assert rcode(send(cloud, interface, "udp", "10.0.0.2", 53, question("localhost"))) == 0
    # Nothing else of the router answers.
    assert send(cloud, interface, "udp", "10.0.1.1", 53, question("localhost")) == NOTHING
    assert send(cloud, interface, "tcp", "169.254.169.123", 53, question("localhost")) == NOTHING


def test_a_vpc_without_dns_support_or_hostnames(cloud, vpcs):
    _, (ec2, vpc, interface), _ = vpcs
    name, interface = interface["PrivateDnsName"], interface["NetworkInterfaceId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    until(lambda: look(cloud, interface, name) == ["gaierror"])
    assert look(cloud, interface, "sqs.us-east-1.amazonaws.com")[0].startswith("198.1")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    ask = lambda: send(cloud, interface, "udp", "10.0.0.2", 53, question("localhost"))  # noqa: E731
    until(lambda: ask() == NOTHING)
    assert "stopped" in cloud.command("trace", interface, "10.0.0.2:53", check=False)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    until(lambda: ask() != NOTHING)


def test_an_interface_asks_whom_its_dhcp_options_name(cloud, vpcs):
    ec2, vpc, interface = vpcs[0]
    host = open("/etc/resolv.conf").read()
    told = lambda: on(cloud, interface["NetworkInterfaceId"], "cat", "/etc/resolv.conf")  # noqa: E731
    assert told() == "search eu-west-1.compute.internal\nnameserver 10.0.0.2\n"
    wanted = [{"Key": "domain-name", "Values": ["example.com"]}, {"Key": "domain-name-servers", "Values": ["10.0.1.9", "AmazonProvidedDNS"]}]
    options = ec2.create_dhcp_options(DhcpConfigurations=wanted)["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    until(lambda: told() == "search example.com\nnameserver 10.0.1.9\nnameserver 10.0.0.2\n")
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    until(lambda: told() == "")
    assert open("/etc/resolv.conf").read() == host, "the host's own is what it was"


def test_the_clock_is_the_clouds(cloud, vpcs):
    interface = vpcs[0][2]["NetworkInterfaceId"]
    asked = "23" + "00" * 39 + "0102030405060708"
    told = lambda: bytes.fromhex(send(cloud, interface, "udp", "169.254.169.123", 123, asked))  # noqa: E731
    seconds = lambda: int.from_bytes(told()[40:44]) - 2_208_988_800  # noqa: E731
    assert told()[24:32] == bytes(range(1, 9)) and told()[0] == 0x24
    before = seconds()
    cloud.advance("10d")
    assert seconds() - before >= 10 * 86_400
    assert send(cloud, interface, "udp", "169.254.169.123", 123, "24" + asked[2:]) == NOTHING
