"""What stories with instances have in common: start one, wait for it, read its console."""

import os
import shutil
import time
import urllib.request

import pytest

runs = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="instances need root, ip and nft"
)


def until(wanted, what="it"):
    """Waits for something that is true, and gives it."""
    end = time.monotonic() + 180
    while not (found := wanted()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return found


def instance(ec2, id):
    """What DescribeInstances says of one."""
    return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]


def becomes(ec2, id, state):
    """Waits until it is in a state."""
    end = time.monotonic() + 180
    while (found := instance(ec2, id))["State"]["Name"] != state:
        assert time.monotonic() < end, f"{found['State']}, {found.get('StateReason')}, {console(ec2, id)}"
        time.sleep(0.05)
    return found


def image(ec2, name="al2023-ami-2023*"):
    """The newest of Amazon's images of a name."""
    found = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": [name]}])["Images"]
    return max(found, key=lambda one: one["CreationDate"])["ImageId"]


def console(ec2, id):
    """What it has written to its console."""
    return ec2.get_console_output(InstanceId=id).get("Output", "")


def run(ec2, **more):
    """Starts one of the newest Amazon image, unless something else is said."""
    wanted = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
    wanted.setdefault("ImageId", None)
    wanted["ImageId"] = wanted["ImageId"] or image(ec2)
    return ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]


def says(ec2, id, text):
    """Waits until its console has a text."""
    return until(lambda: text in console(ec2, id), f"{text!r} in {console(ec2, id)!r}")


def page(address):
    """What its web server answers, if it does."""
    try:
        return urllib.request.urlopen(f"http://{address}/", timeout=3).read().decode()
    except OSError:
        return None


def open_port(ec2, port, group=None):
    """Lets everybody reach a port of a group; what is given shuts it again."""
    group = group or ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    web = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[web])
    return lambda: ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[web])
