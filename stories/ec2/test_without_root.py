"""Networks of somebody who is not root: packets obey, nothing of the host changes, nothing is left; and what is not there says so."""

import json
import os
import subprocess
import time
import urllib.request

import pytest

import ordinary
from cloud import Cloud
from instances import instance, run
from packets import TELL, heard, on, until

pytestmark = pytest.mark.skipif(bool(ordinary.lacking()), reason=str(ordinary.lacking()))


@pytest.fixture
def workshop(workshop):
    workshop.without_root = True
    return workshop


def web(cloud):
    """A server's interface with a public address in a VPC of its own, a neighbour of it, its group, and who is to be let in."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    make = lambda: ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]  # noqa: E731
    client, server = make(), make()
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=server["NetworkInterfaceId"])
    rule = {"GroupId": group, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    return client, server, address["PublicIp"], rule


def serve(cloud, server):
    """A server on an interface, once networks know it."""
    until(lambda: on(cloud, server, "true").wait(timeout=60) == 0)
    return on(cloud, server, "python3", "-c", TELL, stdout=subprocess.DEVNULL)


def host():
    """What of this host's network somebody else would see."""
    look = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: E731
    routes = [line for line in look("ip", "route").splitlines() if "198.1" not in line]
    return routes, look("ip", "rule"), sorted(os.listdir("/proc/sys/net/ipv4/conf"))


def agents(cloud):
    """The network agents of a cloud."""
    text = subprocess.run(["ps", "-ww", "-o", "pid=,args=", "--ppid", str(cloud.process.pid)], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in text.splitlines() if "--network-agent" in line]


def is_gone(process):
    """Whether a process has ended; somebody may still have to hear of it."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def hears(cloud, server):
    """Whether a client in the Internet is answered."""
    return heard(cloud, "internet", server)


def test_packets_obey_over_a_kill_and_nothing_is_left(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    until(lambda: "exec internet" in "".join(cloud.log) and "instances stay pending" in "".join(cloud.log))
    assert "networks are not enforced" not in "".join(cloud.log)
    client, server, public, rule = web(cloud)
    inside, near = client["NetworkInterfaceId"], server["PrivateIpAddress"]
    servers = [serve(cloud, server["NetworkInterfaceId"])]
    ec2 = cloud.client("ec2")
    # Before the rule nobody is let in; then from near and from the Internet, and never by this host itself.
    assert heard(cloud, inside, near) == "" and hears(cloud, public) == ""
    ec2.authorize_security_group_ingress(**rule)
    until(lambda: heard(cloud, inside, near) == client["PrivateIpAddress"])
    until(lambda: hears(cloud, public))
    assert hears(cloud, public).startswith("198.1")
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{public}/", timeout=1)

    # Killed, the cloud takes its networks along, and its next start has them again.
    [agent] = agents(cloud)
    cloud.kill()
    until(lambda: is_gone(agent))
    cloud.start()
    until(lambda: on(cloud, inside, "true").wait(timeout=60) == 0)
    assert heard(cloud, inside, near) == "", "what ran there has no network any more"
    servers.append(serve(cloud, server["NetworkInterfaceId"]))
    until(lambda: heard(cloud, inside, near) == client["PrivateIpAddress"])
    until(lambda: hears(cloud, public))

    # So it is when the agent alone is killed.
    [agent] = agents(cloud)
    os.kill(agent, 9)
    until(lambda: is_gone(agent))
    ec2 = cloud.client("ec2")
    ec2.revoke_security_group_ingress(**rule)
    servers.append(serve(cloud, server["NetworkInterfaceId"]))
    assert heard(cloud, inside, near) == "" and hears(cloud, public) == ""
    ec2.authorize_security_group_ingress(**rule)
    until(lambda: hears(cloud, public))

    for one in servers:
        one.kill()
        one.wait()
    [agent] = agents(cloud)
    assert cloud.stop() == 0
    until(lambda: is_gone(agent))


def test_nothing_of_the_host_changes_and_clouds_do_not_meet(workshop):
    before, clouds = host(), [workshop.cloud(args=["--seed", "7"]) for _ in range(2)]
    made = [web(cloud) for cloud in clouds]
    # Both give the same addresses, and each has its own.
    assert len({one["PrivateIpAddress"] for _, one, _, _ in made}) == 1
    one, other = clouds
    serving = serve(one, made[0][1]["NetworkInterfaceId"])
    other.client("ec2").authorize_security_group_ingress(**made[1][3])
    for cloud, (client, server, public, _) in zip(clouds, made):
        assert heard(cloud, client["NetworkInterfaceId"], server["PrivateIpAddress"]) == "" and hears(cloud, public) == ""
    one.client("ec2").authorize_security_group_ingress(**made[0][3])
    until(lambda: hears(one, made[0][2]))
    assert hears(other, made[1][2]) == ""
    names = {server["NetworkInterfaceId"] for _, server, _, _ in made}
    assert not names & {name[-21:] for name in os.listdir("/run/netns")} if os.path.isdir("/run/netns") else True
    [agent] = agents(one)
    one.kill()
    until(lambda: is_gone(agent))
    serving.kill()
    after = host()
    assert [line for line in after[0] if line not in before[0]] == []
    [agent] = agents(other)
    assert other.stop() == 0
    until(lambda: is_gone(agent))
    assert "nothing was left" in other.command("down", "--clean")


def test_the_command_is_of_its_user(workshop):
    cloud = workshop.cloud()
    client, _, _, _ = web(cloud)
    until(lambda: on(cloud, client["NetworkInterfaceId"], "true").wait(timeout=60) == 0)
    told = lambda *command: on(cloud, client["NetworkInterfaceId"], *command).communicate(timeout=60)[0].decode()  # noqa: E731
    assert told("id", "-u").strip() == "0"
    mine = workshop.directory()
    ordinary.owns(mine)
    told("touch", f"{mine}/made")
    assert (mine / "made").stat().st_uid == mine.stat().st_uid
    assert "nameserver 10.0.0.2" in told("cat", "/etc/resolv.conf")
    # What is not theirs stays so.
    if os.geteuid() == 0:
        secret = workshop.directory() / "secret"
        secret.write_text("x")
        secret.chmod(0o600)
        assert told("cat", str(secret)) == "" and told("sh", "-c", "mount -t tmpfs t /run && echo mounted >&2; ls /proc/1/root") == ""


def test_where_user_namespaces_are_forbidden_the_model_answers_and_the_setting_is_named(workshop):
    forbid = ["unshare", "-Ur", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', "sh"]
    done = subprocess.run([*ordinary.become(), *forbid, "unshare", "-U", "true"], capture_output=True, check=False)
    if done.returncode == 0:
        pytest.skip("no limit can be set for the story here")

    class Forbidden(Cloud):
        """A cloud that may make no user namespace."""

        def start(self):
            become = len(ordinary.become())
            self.program = [*self.program[:become], *forbid, *self.program[become:]]
            super().start()

    cloud = Forbidden(without_root=True)
    workshop.clouds.append(cloud)
    why = "making networks needs root, or a user namespace, which this system does not allow: the setting user.max_user_namespaces is 0"
    until(lambda: f"networks are not enforced: {why}" in "".join(cloud.log))
    answer = json.loads(urllib.request.urlopen(urllib.request.Request(f"{cloud.url}/_yakumo/network", headers={"x-yakumo-control": "1"})).read())
    assert answer["enforced"] is False and answer["why"] == why
    client, server, _, rule = web(cloud)
    trace = lambda: cloud.command("trace", client["NetworkInterfaceId"], f"{server['PrivateIpAddress']}:80", check=False)  # noqa: E731
    until(lambda: "stopped by" in trace())
    cloud.client("ec2").authorize_security_group_ingress(**rule)
    until(lambda: "there and back" in trace())
    assert on(cloud, client["NetworkInterfaceId"], "true").wait(timeout=60) != 0
    assert not agents(cloud)


def test_an_instance_stays_pending_and_says_why(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    id = run(ec2)
    end = time.monotonic() + 60
    while "StateReason" not in (found := instance(ec2, id)):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert found["State"]["Name"] == "pending" and "instances need root" in found["StateReason"]["Message"]
    ec2.terminate_instances(InstanceIds=[id])
    until(lambda: instance(ec2, id)["State"]["Name"] == "terminated")


def test_a_filter_larger_than_one_message_is_loaded(workshop):
    """What only root may send at once: all rules of a VPC when its networks are built again."""
    cloud = workshop.cloud(data_dir=workshop.directory())
    client, server, _, rule = web(cloud)
    ec2 = cloud.client("ec2")
    vpc, subnet = server["VpcId"], server["SubnetId"]
    groups = [ec2.create_security_group(GroupName=f"g{n}", Description="many", VpcId=vpc)["GroupId"] for n in range(12)]
    for n, group in enumerate(groups):
        ranges = [{"CidrIp": f"172.{n}.{k}.0/24"} for k in range(60)]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges}])
    made = [ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"] for group in groups]
    for interface in (*made, client["NetworkInterfaceId"]):
        until(lambda: on(cloud, interface, "true").wait(timeout=60) == 0)  # noqa: B023
    serve(cloud, server["NetworkInterfaceId"]).kill()
    cloud.kill()
    cloud.start()
    serving = serve(cloud, server["NetworkInterfaceId"])
    assert heard(cloud, client["NetworkInterfaceId"], server["PrivateIpAddress"]) == ""
    cloud.client("ec2").authorize_security_group_ingress(**rule)
    until(lambda: heard(cloud, client["NetworkInterfaceId"], server["PrivateIpAddress"]) == client["PrivateIpAddress"])
    serving.kill()
