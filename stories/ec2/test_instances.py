"""Instances run: a web server that the host reaches and its group can shut, the console, stop and start, reboot, protection, ends
from inside, a kill of the cloud, and nothing that is left."""

import os
import signal
import subprocess
import time

from asserting import refused
from instances import becomes, console, image, instance, open_port, page, run, runs, until

pytestmark = runs

WEB = """#!/bin/sh
echo "user data runs on $(hostname)"
mkdir -p /srv/www && echo "boot of $(hostname)" >/srv/www/index.html
cat >/etc/rc.local <<'END'
cd /srv/www && exec python3 -m http.server 80
END
sh /etc/rc.local >/dev/null 2>&1 &
"""


def test_a_web_server_runs_as_long_as_it_is_wanted(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    ec2 = cloud.client("ec2")
    shut = open_port(ec2, 80)
    web = run(ec2, UserData=WEB, ClientToken="once")
    assert run(ec2, UserData=WEB, ClientToken="once") == web
    with refused("IdempotentParameterMismatch"):
        run(ec2, ClientToken="once")
    address = becomes(ec2, web, "running")["PublicIpAddress"]
    served = until(lambda: page(address), "the page")
    assert served.startswith("boot of ip-172-31-")
    assert "user data runs on ip-172-31-" in console(ec2, web)
    status = ec2.describe_instance_status(InstanceIds=[web])["InstanceStatuses"][0]
    assert status["InstanceStatus"]["Status"] == "ok" and status["SystemStatus"]["Status"] == "ok"

    # Its group closes: the server runs, and nobody reaches it.
    shut()
    until(lambda: page(address) is None)
    open_port(ec2, 80)
    until(lambda: page(address) == served)

    # The cloud is killed: the server serves on, and the next start finds it.
    cloud.kill()
    assert page(address) == served
    cloud.start()
    ec2 = cloud.client("ec2")
    assert becomes(ec2, web, "running")["PublicIpAddress"] == address and page(address) == served

    # Stopped it has its disk, and no public address.
    ec2.stop_instances(InstanceIds=[web])
    stopped = becomes(ec2, web, "stopped")
    assert "PublicIpAddress" not in stopped and stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert page(address) is None
    ec2.start_instances(InstanceIds=[web])
    assert becomes(ec2, web, "running")["PublicIpAddress"]
    assert console(ec2, web).count("user data runs") == 1
    ec2.reboot_instances(InstanceIds=[web])
    assert becomes(ec2, web, "running")

    ec2.terminate_instances(InstanceIds=[web])
    gone = becomes(ec2, web, "terminated")
    assert not gone["NetworkInterfaces"]
    with refused("IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[web])
    cloud.stop()
    left = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert web not in left


def test_what_is_protected_or_wrong_is_refused(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    kept = run(ec2, DisableApiTermination=True, DisableApiStop=True)
    becomes(ec2, kept, "running")
    for call in (ec2.terminate_instances, ec2.stop_instances):
        with refused("OperationNotPermitted"):
            call(InstanceIds=[kept])
    assert instance(ec2, kept)["State"]["Name"] == "running"
    good = {"ImageId": image(ec2), "MinCount": 1, "MaxCount": 1}
    subnets = {one["AvailabilityZone"]: one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]}
    for code, more in (
        ("InvalidAMIID.NotFound", {"ImageId": "ami-00000000000000000"}),
        ("InvalidAMIID.Malformed", {"ImageId": "image"}),
        ("InvalidParameterValue", {"InstanceType": "t9.huge"}),
        ("InvalidParameterValue", {"MinCount": 2}),
        ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-0"}),
        ("InvalidGroup.NotFound", {"SecurityGroupIds": ["sg-0"]}),
        ("InstanceLimitExceeded", {"MinCount": 5000, "MaxCount": 5000}),
        ("DryRunOperation", {"DryRun": True}),
        # Terraform names an empty zone where it means any.
        ("InvalidParameterValue", {"Placement": {"AvailabilityZone": "us-east-1z"}}),
        ("InvalidParameterValue", {"SubnetId": subnets["us-east-1a"], "Placement": {"AvailabilityZone": "us-east-1b"}}),
        ("DryRunOperation", {"DryRun": True, "SubnetId": subnets["us-east-1a"], "Placement": {"AvailabilityZone": "us-east-1a"}}),
        ("DryRunOperation", {"DryRun": True, "Placement": {"AvailabilityZone": ""}}),
        # There are no reservations: to use open ones and to keep away from them is what happens anyway.
        ("DryRunOperation", {"DryRun": True, "CapacityReservationSpecification": {"CapacityReservationPreference": "open"}}),
        ("NotImplemented", {"CapacityReservationSpecification": {"CapacityReservationPreference": "capacity-reservations-only"}}),
        ("NotImplemented", {"CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}}),
        ("NotImplemented", {"MaintenanceOptions": {"AutoRecovery": "disabled"}}),
        ("InvalidParameterValue", {"MaintenanceOptions": {"AutoRecovery": "perhaps"}}),
        ("InvalidParameterValue", {"CapacityReservationSpecification": {"CapacityReservationPreference": "perhaps"}}),
    ):
        with refused(code):
            ec2.run_instances(**{**good, **more})
    with refused("InvalidInstanceID.NotFound"):
        ec2.terminate_instances(InstanceIds=[kept, "i-0123456789abcdef0"])
    absent = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
    for call in (ec2.terminate_instances, ec2.describe_instances, ec2.describe_instance_status):
        with refused("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(absent)}' do not exist"):
            call(InstanceIds=absent)
    # Linux has no administrator's password.
    assert ec2.get_password_data(InstanceId=kept)["PasswordData"] == ""
    with refused("InvalidInstanceID.NotFound"):
        ec2.get_password_data(InstanceId=absent[0])
    with refused("DryRunOperation"):
        ec2.get_password_data(InstanceId=kept, DryRun=True)
    found = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])["Reservations"]
    assert [one["Instances"][0]["InstanceId"] for one in found] == [kept]
    assert not cloud.client("ec2", region="eu-west-1").describe_instances()["Reservations"]
    other = cloud.client("ec2", key="222222222222")
    with refused("InvalidInstanceID.NotFound"):
        other.stop_instances(InstanceIds=[kept])


def test_instances_end_from_inside_as_they_were_told(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    off = "#!/bin/sh\nkill -TERM 1\n"
    stops, ends = run(ec2, UserData=off), run(ec2, UserData=off, InstanceInitiatedShutdownBehavior="terminate")
    assert becomes(ec2, stops, "stopped")["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    becomes(ec2, ends, "terminated")


def test_instances_start_although_the_agent_is_killed(workshop):
    """Who started them is gone in the middle, several times; the next one starts them, and each boots once."""
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    group = cloud.command("status", json_output=True)["cloud"]
    started = []
    for wait in (0.05, 0.15, 0.3):
        wanted = {"ImageId": image(ec2), "InstanceType": "t3.nano", "MinCount": 4, "MaxCount": 4}
        started += [one["InstanceId"] for one in ec2.run_instances(**wanted)["Instances"]]
        agent = until(lambda: agents(group), "the sandbox agent")
        time.sleep(wait)
        os.kill(agent[0], signal.SIGKILL)
    for id in started:
        found = becomes(ec2, id, "running")
        assert "StateReason" not in found, found
    # The twin: what ends, ends.
    ec2.terminate_instances(InstanceIds=started)
    for id in started:
        becomes(ec2, id, "terminated")


def agents(cloud):
    """The processes that start sandboxes for a cloud."""
    lines = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if f"--machine-agent bound {cloud} " in line]


def test_an_elastic_ip_takes_the_place_of_the_lent_one(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    open_port(ec2, 80)
    web = run(ec2, UserData=WEB)
    lent = becomes(ec2, web, "running")["PublicIpAddress"]
    until(lambda: page(lent))
    # The model says the same of the instance as packets do.
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    for port, found in ((80, True), (22, False)):
        path = ec2.create_network_insights_path(
            Source=gateway, SourceIp="203.0.113.9", Destination=web, Protocol="tcp", DestinationPort=port
        )["NetworkInsightsPath"]["NetworkInsightsPathId"]
        ec2.start_network_insights_analysis(NetworkInsightsPathId=path)
        seen = ec2.describe_network_insights_analyses(NetworkInsightsPathId=path)["NetworkInsightsAnalyses"][0]
        assert seen["NetworkPathFound"] is found, seen
    elastic = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=web)
    assert ec2.describe_addresses()["Addresses"][0]["InstanceId"] == web
    assert instance(ec2, web)["PublicIpAddress"] == elastic["PublicIp"]
    until(lambda: page(elastic["PublicIp"]))
    assert page(lent) is None


FORWARD = """#!/bin/sh
echo 1 >/proc/sys/net/ipv4/ip_forward
nft add table ip nat
nft 'add chain ip nat out { type nat hook postrouting priority srcnat; }'
nft add rule ip nat out oifname eth0 masquerade && echo "it forwards"
"""
FETCH = """#!/bin/sh
python3 - <<'END'
import time, urllib.request
while True:
    try:
        print("update:", urllib.request.urlopen("http://HOST/", timeout=2).read().decode(), flush=True)
        break
    except OSError as error:
        print("no way out", flush=True)
        time.sleep(1)
END
"""


def test_a_private_server_updates_through_a_nat_instance(workshop):
    """The way out is an instance that rules its network because its interface forwards; without the route there is none."""
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    public, private = (ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    group = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0]["GroupId"]

    # Somebody in the Internet: another instance, with a public address, in another VPC.
    open_port(ec2, 80)
    target = run(ec2, UserData=WEB)
    host = becomes(ec2, target, "running")["PublicIpAddress"]
    until(lambda: page(host))

    way = ec2.create_network_interface(SubnetId=public)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=way, SourceDestCheck={"Value": False})
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=way)
    nat = run(ec2, NetworkInterfaces=[{"NetworkInterfaceId": way, "DeviceIndex": 0}], UserData=FORWARD)
    until(lambda: "it forwards" in console(ec2, nat), "the NAT instance")
    server = run(ec2, SubnetId=private, SecurityGroupIds=[group], UserData=FETCH.replace("HOST", host))
    until(lambda: "no way out" in console(ec2, server), "the private server")
    assert "update:" not in console(ec2, server)
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}])
    main = main["RouteTables"][0]["RouteTableId"]
    for absent, code in (("i-0123456789abcdef0", "InvalidInstanceID.NotFound"), ("box", "InvalidInstanceID.Malformed")):
        with refused(code):
            ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", InstanceId=absent)
    with refused("InvalidParameterValue"):
        ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", InstanceId=target)
    # The instance means its only interface.
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", InstanceId=nat)
    [found] = ec2.describe_route_tables(Filters=[{"Name": "route.instance-id", "Values": [nat]}])["RouteTables"]
    route = next(one for one in found["Routes"] if one["DestinationCidrBlock"] == "0.0.0.0/0")
    assert (found["RouteTableId"], route["InstanceId"], route["NetworkInterfaceId"]) == (main, nat, way)
    assert route["InstanceOwnerId"] == "000000000000" and route["State"] == "active"
    ec2.replace_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", InstanceId=nat)
    until(lambda: "update: boot of" in console(ec2, server), "the update")
    # An instance whose interface does not forward may not rule its network.
    plain = run(ec2, UserData=FORWARD)
    until(lambda: console(ec2, plain), "the plain instance")
    assert "it forwards" not in console(ec2, plain)
