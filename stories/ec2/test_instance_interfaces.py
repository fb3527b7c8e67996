"""Several interfaces of an instance: at its launch, while it runs and while it rests. Each has its own groups, and packets know it."""

import os
import socket
import subprocess

import pytest

from asserting import refused
from cloud import BINARY
from instances import becomes, image, instance, run, runs, until
from packets import TELL, heard, on
from people import Person, allow

pytestmark = runs

# Tells whoever connects to port 80 who it is.
TELLS = f"#!/bin/sh\npython3 -c \"{TELL}\" >/dev/null 2>&1 &\n"


class Place:
    """A VPC with two subnets, a group that port 80 is open in and one that lets nobody in, and a client on an interface."""

    def __init__(self, cloud):
        self.cloud, self.ec2 = cloud, cloud.client("ec2")
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"][0]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        make = lambda n, zone="us-east-1a": ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)  # noqa: E731
        self.one, self.two, self.far = (
            made["Subnet"]["SubnetId"] for made in (make(1), make(2), make(3, "us-east-1b"))
        )
        group = lambda name: ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]  # noqa: E731
        self.open, self.shut = group("open"), group("shut")
        self.admit(self.open)
        self.client = self.interface(self.one, self.shut, "10.0.1.200")

    def admit(self, group, end=False):
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        change = self.ec2.revoke_security_group_ingress if end else self.ec2.authorize_security_group_ingress
        change(GroupId=group, IpPermissions=[rule])

    def interface(self, subnet, group, address=None, **more):
        wanted = {"SubnetId": subnet, "Groups": [group], **more}
        if address:
            wanted["PrivateIpAddress"] = address
        return self.ec2.create_network_interface(**wanted)["NetworkInterface"]["NetworkInterfaceId"]

    def hears(self, address):
        """Who the client is to what listens there; nothing when nobody answers."""
        return heard(self.cloud, self.client, address)

    def inside(self, id, *command):
        done = yakumo(self.cloud, "exec", id, "--", *command)
        assert done.returncode == 0, done
        return done.stdout

    def links(self, id):
        """The links inside an instance, with their addresses."""
        lines = self.inside(id, "ip", "-br", "-4", "address").splitlines()
        return {line.split()[0].split("@")[0]: line.split()[2] for line in lines if not line.startswith("lo")}


@pytest.fixture(scope="module")
def place(cloud):
    return Place(cloud)


def read(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


def is_attached(ec2, interface):
    return read(ec2, interface).get("Attachment", {}).get("Status") == "attached"


def is_free(ec2, interface):
    return read(ec2, interface)["Status"] == "available"


def test_a_launch_brings_several(place):
    ec2 = place.ec2
    there = place.interface(place.two, place.shut, "10.0.2.50")
    first = {"DeviceIndex": 0, "SubnetId": place.one, "Groups": [place.open], "PrivateIpAddress": "10.0.1.50"}
    second = {"DeviceIndex": 1, "NetworkInterfaceId": there}
    id = run(ec2, InstanceType="t3.small", UserData=TELLS, NetworkInterfaces=[second, first])
    found = becomes(ec2, id, "running")
    interfaces = sorted(found["NetworkInterfaces"], key=lambda one: one["Attachment"]["DeviceIndex"])
    assert [one["PrivateIpAddress"] for one in interfaces] == ["10.0.1.50", "10.0.2.50"]
    assert [one["Attachment"]["DeleteOnTermination"] for one in interfaces] == [True, False]
    assert (found["PrivateIpAddress"], found["SubnetId"]) == ("10.0.1.50", place.one)
    assert [group["GroupId"] for group in found["SecurityGroups"]] == [place.open]
    assert read(ec2, there)["Attachment"]["InstanceId"] == id and read(ec2, there)["Status"] == "in-use"
    assert place.links(id) == {"eth0": "10.0.1.50/24", "eth1": "10.0.2.50/24"}

    # Each interface obeys its own groups; what answers on the second one answers from there, or nobody would hear it.
    assert until(lambda: place.hears("10.0.1.50")) == "10.0.1.200"
    assert place.hears("10.0.2.50") == ""
    assert "stopped by" in place.cloud.command("trace", place.client, "10.0.2.50:80", check=False)
    place.admit(place.shut)
    until(lambda: place.hears("10.0.2.50") == "10.0.1.200")
    assert "there and back" in place.cloud.command("trace", place.client, "10.0.2.50:80")
    place.admit(place.shut, end=True)
    until(lambda: place.hears("10.0.2.50") == "")

    # The instance knows all of them, and so does the resolver.
    known = "import urllib.request as u; print(u.urlopen('http://169.254.169.254/latest/meta-data/%s').read().decode())"
    macs = place.inside(id, "python3", "-c", known % "network/interfaces/macs/").split()
    assert sorted(macs) == sorted(one["MacAddress"] + "/" for one in interfaces)
    number = place.inside(id, "python3", "-c", known % f"network/interfaces/macs/{interfaces[1]['MacAddress']}/device-number")
    assert number.strip() == "1"
    name = "import socket; print(socket.gethostbyname('ip-10-0-2-50.ec2.internal'))"
    assert place.inside(id, "python3", "-c", name).strip() == "10.0.2.50"

    # `exec` on one more interface of an instance is a process beside it, whose packets are what their address says.
    ask = "import socket as s; print(s.create_connection(('10.0.1.50', 80), 3, (%r, 0)).recv(99).decode())"
    done = yakumo(place.cloud, "exec", there, "--", "ip", "-br", "address")
    assert done.returncode == 0 and "eth1" in done.stdout and f"note: {there} is eth1 here; packets from 10.0.2.50 leave by it" in done.stderr
    assert on(place.cloud, there, "python3", "-c", ask % "10.0.2.50").communicate(timeout=60)[0].strip() == b"10.0.2.50"

    # What an instance is asked for that has one interface, an instance with two must be asked by interface.
    text = f"There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
    with refused("InvalidInstanceID", text):
        ec2.modify_instance_attribute(InstanceId=id, Groups=[place.open])
    with refused("InvalidInstanceID", text):
        ec2.modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    with refused("InvalidInstanceID", text):
        ec2.associate_address(AllocationId=address, InstanceId=id)
    ec2.release_address(AllocationId=address)

    # What came with it goes, what was there stays.
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")
    with refused("InvalidNetworkInterfaceID.NotFound"):
        read(ec2, interfaces[0]["NetworkInterfaceId"])
    assert is_free(ec2, there)
    ec2.delete_network_interface(NetworkInterfaceId=there)


def yakumo(cloud, *arguments):
    """The command, with both of what it writes."""
    environ = {**os.environ, "YAKUMO_ENDPOINT": cloud.url}
    return subprocess.run([str(BINARY), *arguments], env=environ, capture_output=True, text=True)


def test_a_launch_is_checked(place):
    ec2 = place.ec2
    at = lambda index, subnet=place.one, **more: {"DeviceIndex": index, "SubnetId": subnet, **more}  # noqa: E731
    far = place.interface(place.far, place.shut)
    for listed, code, text in [
        ([at(0), at(1), at(2)], "AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro"),
        ([at(1)], "InvalidParameterCombination", "When specifying network interfaces, you must include a device at index 0."),
        ([at(0), {"SubnetId": place.one}], "InvalidParameterValue", "Each network interface requires a device index."),
        ([at(0), at(0)], "InvalidParameterValue", None),
        (
            [at(0, AssociatePublicIpAddress=True), at(1)],
            "InvalidParameterCombination",
            "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces",
        ),
        ([at(0), at(1, place.far)], "InvalidParameterCombination", None),
        ([at(0), {"DeviceIndex": 1, "NetworkInterfaceId": far}], "InvalidParameterCombination", None),
        ([{"DeviceIndex": 0, "NetworkInterfaceId": far, "SubnetId": place.far}], "InvalidParameterCombination", None),
    ]:
        with refused(code, text):
            run(ec2, NetworkInterfaces=listed)
    with refused(
        "InvalidParameterCombination",
        "Network interfaces and an instance-level subnet ID may not be specified on the same request",
    ):
        run(ec2, SubnetId=place.one, NetworkInterfaces=[at(0)])
    made = ec2.create_launch_template(
        LaunchTemplateName="two",
        LaunchTemplateData={"InstanceType": "t3.micro", "NetworkInterfaces": [at(0), at(1, place.two, DeleteOnTermination=True)]},
    )["LaunchTemplate"]["LaunchTemplateId"]
    template = {"LaunchTemplateId": made, "Version": "1"}
    found = ec2.run_instances(LaunchTemplate=template, MinCount=1, MaxCount=1, ImageId=image(ec2))
    [launched] = found["Instances"]
    assert {one["SubnetId"] for one in launched["NetworkInterfaces"]} == {place.one, place.two}
    assert "PublicIpAddress" not in launched
    becomes(ec2, launched["InstanceId"], "running")
    said = ec2.get_launch_template_data(InstanceId=launched["InstanceId"])["LaunchTemplateData"]
    assert [one["DeviceIndex"] for one in said["NetworkInterfaces"]] == [0, 1]
    ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])
    becomes(ec2, launched["InstanceId"], "terminated")
    for one in launched["NetworkInterfaces"]:
        with refused("InvalidNetworkInterfaceID.NotFound"):
            read(ec2, one["NetworkInterfaceId"])
    ec2.delete_launch_template(LaunchTemplateId=made)
    ec2.delete_network_interface(NetworkInterfaceId=far)


def test_interfaces_come_and_go_while_it_runs(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    place = Place(cloud)
    ec2 = place.ec2
    id = run(ec2, UserData=TELLS, SubnetId=place.one, SecurityGroupIds=[place.open], PrivateIpAddress="10.0.1.50")
    becomes(ec2, id, "running")
    until(lambda: place.hears("10.0.1.50"))
    more, third = place.interface(place.two, place.open, "10.0.2.60"), place.interface(place.two, place.open)
    far = place.interface(place.far, place.open)
    attach = lambda interface, index=1: ec2.attach_network_interface(  # noqa: E731
        NetworkInterfaceId=interface, InstanceId=id, DeviceIndex=index
    )

    # Who may not, does not; what cannot be, is not.
    amy = Person(cloud, cloud.client("iam"), "amy").service("ec2")
    with refused("UnauthorizedOperation"):
        amy.attach_network_interface(NetworkInterfaceId=more, InstanceId=id, DeviceIndex=1)
    with refused("DryRunOperation"):
        ec2.attach_network_interface(NetworkInterfaceId=more, InstanceId=id, DeviceIndex=1, DryRun=True)
    with refused("InvalidParameterValue", f"Instance '{id}' already has an interface attached at device index '0'."):
        attach(more, 0)
    with refused("InvalidParameterCombination"):
        attach(far)
    with refused("InvalidParameterValue"):
        attach(more, -1)
    with refused("InvalidInstanceID.NotFound"):
        ec2.attach_network_interface(NetworkInterfaceId=more, InstanceId="i-0123456789abcdef0", DeviceIndex=1)
    assert place.links(id) == {"eth0": "10.0.1.50/24"} and is_free(ec2, more)

    attachment = attach(more)["AttachmentId"]
    until(lambda: is_attached(ec2, more))
    assert place.links(id) == {"eth0": "10.0.1.50/24", "eth1": "10.0.2.60/24"}
    assert until(lambda: place.hears("10.0.2.60")) == "10.0.1.200"
    with refused("InvalidNetworkInterface.InUse", f"Interface: [{more}] in use."):
        attach(more, 2)
    with refused("AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro"):
        attach(third, 2)
    with refused("InvalidParameterValue", f"Network interface '{more}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=more)

    # Groups of the new interface decide about it, and about nothing else.
    ec2.modify_network_interface_attribute(NetworkInterfaceId=more, Groups=[place.shut])
    until(lambda: place.hears("10.0.2.60") == "")
    assert place.hears("10.0.1.50")
    ec2.modify_network_interface_attribute(NetworkInterfaceId=more, Groups=[place.open])
    until(lambda: place.hears("10.0.2.60"))

    # The cloud is killed: the instance keeps both, and the next start finds them.
    cloud.kill()
    cloud.start()
    ec2 = place.ec2 = cloud.client("ec2")
    until(lambda: place.hears("10.0.2.60"))
    assert place.links(id) == {"eth0": "10.0.1.50/24", "eth1": "10.0.2.60/24"}

    # The first one stays; the other one goes and is gone, inside as well.
    [first] = [one for one in instance(ec2, id)["NetworkInterfaces"] if one["Attachment"]["DeviceIndex"] == 0]
    with refused("OperationNotPermitted", "The network interface at device index 0 and networkCard index 0 cannot be detached."):
        ec2.detach_network_interface(AttachmentId=first["Attachment"]["AttachmentId"])
    with refused("InvalidAttachmentID.NotFound"):
        ec2.detach_network_interface(AttachmentId="eni-attach-0123456789abcdef0")
    bob = Person(cloud, cloud.client("iam"), "bob")
    bob.put("p", allow("ec2:DetachNetworkInterface", "arn:aws:ec2:*:*:network-interface/*"))
    with refused("UnauthorizedOperation"):
        bob.service("ec2").detach_network_interface(AttachmentId=attachment)
    ec2.detach_network_interface(AttachmentId=attachment, Force=True)
    until(lambda: is_free(ec2, more))
    assert place.links(id) == {"eth0": "10.0.1.50/24"} and place.hears("10.0.2.60") == ""
    assert len(instance(ec2, id)["NetworkInterfaces"]) == 1 and place.hears("10.0.1.50")

    # At rest, too; and the instance wakes with it. What goes with the instance can be changed.
    ec2.stop_instances(InstanceIds=[id])
    becomes(ec2, id, "stopped")
    attachment = attach(more)["AttachmentId"]
    until(lambda: is_attached(ec2, more))
    change = {"AttachmentId": attachment, "DeleteOnTermination": True}
    with refused("InvalidAttachmentID.NotFound"):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=third, Attachment=change)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=more, Attachment=change)
    assert read(ec2, more)["Attachment"]["DeleteOnTermination"]
    ec2.start_instances(InstanceIds=[id])
    becomes(ec2, id, "running")
    assert place.links(id) == {"eth0": "10.0.1.50/24", "eth1": "10.0.2.60/24"}
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")
    with refused("InvalidNetworkInterfaceID.NotFound"):
        read(ec2, more)


def test_two_vpcs_and_public_addresses(place):
    """An instance with a foot in each of two VPCs; an Elastic IP at its second interface."""
    ec2 = place.ec2
    other = Place(place.cloud)
    id = run(ec2, UserData=TELLS, SubnetId=place.one, SecurityGroupIds=[place.shut], PrivateIpAddress="10.0.1.70")
    becomes(ec2, id, "running")
    # The blocks of both are the same, so that only the address of the interface tells them apart.
    foot = other.interface(other.two, other.open, "10.0.2.70")
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=foot)
    ec2.attach_network_interface(NetworkInterfaceId=foot, InstanceId=id, DeviceIndex=1)
    until(lambda: is_attached(ec2, foot))
    assert until(lambda: other.hears("10.0.2.70")) == "10.0.1.200"
    assert place.hears("10.0.2.70") == "" and place.hears("10.0.1.70") == ""
    assert until(lambda: from_host(address["PublicIp"]))
    ec2.modify_network_interface_attribute(NetworkInterfaceId=foot, Groups=[other.shut])
    until(lambda: from_host(address["PublicIp"]) is None)
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")


def from_host(address):
    """What a server at a public address says to this machine."""
    try:
        return socket.create_connection((address, 80), 3).recv(99).decode()
    except OSError:
        return None


def test_a_bare_interface_rests_again(place):
    """`exec` makes an interface live, `unplug` lets it rest."""
    bare = place.interface(place.two, place.open)
    listed = lambda: subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout  # noqa: E731
    assert bare not in listed()
    # The network hears of a new interface after the answer.
    until(lambda: on(place.cloud, bare, "true").wait(timeout=60) == 0)
    assert bare in listed()
    assert place.cloud.command("unplug", bare).strip() == f"nothing is plugged into {bare}"
    assert bare not in listed()
    again = yakumo(place.cloud, "unplug", bare)
    assert again.returncode == 8 and f"nothing was plugged into {bare}" in again.stderr
    assert on(place.cloud, bare, "true").wait(timeout=60) == 0 and bare in listed()
    place.cloud.command("unplug", bare)
    place.ec2.delete_network_interface(NetworkInterfaceId=bare)
