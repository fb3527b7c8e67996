"""What an instance does with its user data and its key pair: cloud-init's parts, users and keys, the SSH server with its security group,
a fleet that is told what to do over SSH, shutdown and reboot from inside."""

import base64
import gzip
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

import cloud as clouds

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="instances need root, ip and nft"
)
needs_ssh = pytest.mark.skipif(
    not shutil.which("ssh") or not (shutil.which("dropbear") or os.path.exists("/usr/sbin/sshd")),
    reason="this host has no SSH server (dropbear-bin) or client",
)


@pytest.fixture(scope="module")
def ec2(cloud):
    return cloud.client("ec2")


def until(wanted, what="it", seconds=180):
    end = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.05)
    return found


def yakumo(cloud, *args, given=None):
    command = [str(clouds.BINARY), *args[:1], "--endpoint", cloud.url, *args[1:]]
    return subprocess.run(command, capture_output=True, text=True, input=given, timeout=60)


def inside(cloud, id, script):
    done = yakumo(cloud, "exec", id, "--", "sh", "-c", script)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def image(ec2, name):
    return ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": [name]}])["Images"][0]["ImageId"]


def state(ec2, id):
    return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]


def run(ec2, image_name="al2023-ami-*", count=1, **more):
    made = ec2.run_instances(
        ImageId=image(ec2, image_name), InstanceType="t3.micro", MinCount=count, MaxCount=count, **more
    )["Instances"]
    ids = [one["InstanceId"] for one in made]
    for id in ids:
        until(lambda id=id: state(ec2, id) == "running", f"{id} runs")
    return ids if count > 1 else ids[0]


def booted(cloud, id):
    finished = "cat /var/lib/cloud/instance/boot-finished"
    until(lambda: yakumo(cloud, "exec", id, "--", "sh", "-c", finished).returncode == 0, lambda: console(cloud, id))


def console(cloud, id):
    return yakumo(cloud, "logs", id).stdout


CONFIG = """#cloud-config
hostname: bee
users:
- default
- name: ann
  groups: [adm]
  shell: /bin/sh
write_files:
- path: /etc/motd.d/bee
  content: aGVsbG8K
  encoding: b64
  permissions: '0640'
  owner: ann:adm
  defer: true
- {path: /srv/list, content: "one\\n"}
- {path: /srv/list, content: "two\\n", append: true}
bootcmd: ["echo bootcmd >>/srv/order"]
runcmd:
- echo runcmd >>/srv/order
- [sh, -c, 'echo "$0" >>/srv/order', a b]
- "false"
growpart: {mode: auto}
final_message: "bees fly"
"""


def many_parts():
    whole = MIMEMultipart()
    for text, kind in (
        (CONFIG, "cloud-config"),
        ("#!/bin/sh\necho script >>/srv/order\nexit 3\n", "x-shellscript"),
        ("#!/bin/sh\necho boot >>/srv/boots\n", "x-shellscript-per-boot"),
        ("#!/bin/sh\necho hook >>/srv/order\n", "cloud-boothook"),
    ):
        whole.attach(MIMEText(text, kind))
    return gzip.compress(whole.as_bytes())


def test_every_part_does_what_cloud_init_does(cloud, ec2):
    bee = run(ec2, UserData=many_parts())
    booted(cloud, bee)
    assert inside(cloud, bee, "cat /srv/order").splitlines() == ["hook", "bootcmd", "script", "runcmd", "a b"]
    assert inside(cloud, bee, "cat /srv/list; hostname; stat -c '%a %U %G' /etc/motd.d/bee; cat /etc/motd.d/bee") == (
        "one\ntwo\nbee\n640 ann adm\nhello\n"
    )
    said = console(cloud, bee)
    assert "part-002 ended with exit code 3" in said or "ended with exit code 3" in said, said
    assert "yakumo: cloud-config: growpart: it is not done here" in said and "bees fly" in said, said
    assert "bees fly" in inside(cloud, bee, "cat /var/log/cloud-init-output.log")
    # It boots again: what is per instance is not done again.
    assert inside(cloud, bee, "wc -l </srv/boots").strip() == "1"
    yakumo(cloud, "exec", bee, "--", "reboot")
    again = lambda: yakumo(cloud, "exec", bee, "--", "sh", "-c", "wc -l </srv/boots").stdout.strip() == "2"
    until(again, lambda: console(cloud, bee))
    booted(cloud, bee)
    order = inside(cloud, bee, "cat /srv/order").splitlines()
    assert order == ["hook", "bootcmd", "script", "runcmd", "a b", "hook", "bootcmd"], order
    ec2.terminate_instances(InstanceIds=[bee])


def test_the_smallest_image_knows_user_data_too(cloud, ec2):
    small = run(ec2, "yakumo/busybox", UserData=base64.b64encode(CONFIG.encode()).decode())
    booted(cloud, small)
    assert inside(cloud, small, "cat /srv/order /srv/list") == "bootcmd\nruncmd\na b\none\ntwo\n"
    assert "no SSH server" in console(cloud, small)
    wrong = run(ec2, "yakumo/busybox", UserData="#cloud-config\nruncmd: [\n")
    booted(cloud, wrong)
    assert "it is not done" in console(cloud, wrong)
    ec2.terminate_instances(InstanceIds=[small, wrong])


def test_instances_are_shut_down_from_inside(cloud, ec2):
    off = "#cloud-config\npower_state: {mode: poweroff, delay: now}\n"
    ends = run(ec2, "yakumo/busybox", InstanceInitiatedShutdownBehavior="terminate")
    stops = ec2.run_instances(
        ImageId=image(ec2, "al2023-ami-*"), InstanceType="t3.micro", MinCount=1, MaxCount=1, UserData=off
    )["Instances"][0]["InstanceId"]
    booted(cloud, ends)
    yakumo(cloud, "exec", ends, "--", "shutdown", "-h", "now")
    until(lambda: state(ec2, ends) == "terminated", "shutdown terminates it")
    until(lambda: state(ec2, stops) == "stopped", "poweroff stops it")
    ec2.terminate_instances(InstanceIds=[stops])


def open_port(ec2, port):
    group = ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    return lambda: ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])


def key(ec2, tmp_path, name, kind="ed25519"):
    path = tmp_path / f"{name}.pem"
    path.write_text(ec2.create_key_pair(KeyName=name, KeyType=kind)["KeyMaterial"] + "\n")
    path.chmod(0o600)
    return str(path)


def ssh(address, identity, user, command, seconds=5):
    options = ["IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"]
    options += [f"ConnectTimeout={seconds}", "LogLevel=ERROR"]
    flags = [flag for option in options for flag in ("-o", option)]
    return subprocess.run(
        ["ssh", "-i", identity, *flags, f"{user}@{address}", command], capture_output=True, text=True, timeout=60
    )


@needs_ssh
def test_people_log_in_with_their_key(cloud, ec2, tmp_path):
    mine, other = key(ec2, tmp_path, "mine", "rsa"), key(ec2, tmp_path, "other")
    host = run(ec2, "ubuntu/images/*", KeyName="mine")
    booted(cloud, host)
    found = ec2.describe_instances(InstanceIds=[host])["Reservations"][0]["Instances"][0]
    address = found["PublicIpAddress"]
    assert found["KeyName"] == "mine"
    assert "timed out" in ssh(address, mine, "ubuntu", "true", 2).stderr
    shut = open_port(ec2, 22)
    until(lambda: ssh(address, mine, "ubuntu", "true").returncode == 0, lambda: console(cloud, host))
    done = ssh(address, mine, "ubuntu", "id -un; sudo -n id -un; exit 7")
    assert (done.stdout, done.returncode) == ("ubuntu\nroot\n", 7), done
    refused = ssh(address, other, "ubuntu", "true")
    assert refused.returncode == 255 and "Permission denied" in refused.stderr
    told = subprocess.Popen(
        ["ssh", "-i", mine, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", f"root@{address}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    assert told.stdout.readline() == 'Please login as the user "ubuntu" rather than the user "root".\n'
    told.kill()
    told.wait()
    assert "SSH HOST KEY FINGERPRINTS" in console(cloud, host)
    by_name = yakumo(cloud, "ssh", "-i", mine, host, "--", "hostname")
    assert by_name.stdout.startswith("ip-172-31-"), by_name
    shut()
    until(lambda: "timed out" in ssh(address, mine, "ubuntu", "true", 1).stderr, "the closed group")
    ec2.delete_key_pair(KeyName="mine")
    ec2.terminate_instances(InstanceIds=[host])


TARGET = "#!/bin/sh\nmkdir /srv/www && echo honey >/srv/www/index.html\ncd /srv/www && exec python3 -m http.server 80\n"
LOAD = """python3 -c '
import sys, urllib.request
print(sum(urllib.request.urlopen("http://%s/").status == 200 for _ in range(25)))'"""


@needs_ssh
def test_bees_with_machine_guns(cloud, ec2, tmp_path):
    sting = key(ec2, tmp_path, "sting")
    shut = [open_port(ec2, port) for port in (22, 80)]
    flower = run(ec2, UserData=TARGET)
    bees = run(ec2, count=3, KeyName="sting")
    private = ec2.describe_instances(InstanceIds=[flower])["Reservations"][0]["Instances"][0]["PrivateIpAddress"]
    found = ec2.describe_instances(InstanceIds=bees)["Reservations"]
    addresses = [one["PublicIpAddress"] for group in found for one in group["Instances"]]

    def attack(address):
        until(lambda: ssh(address, sting, "ec2-user", "true").returncode == 0, f"{address} answers")
        until(lambda: ssh(address, sting, "ec2-user", LOAD % private).returncode == 0, f"{private} answers")
        if shutil.which("ab"):
            done = ssh(address, sting, "ec2-user", f"ab -q -n 25 -c 5 http://{private}/")
            return int(next(line for line in done.stdout.splitlines() if "Complete requests" in line).split()[-1])
        return int(ssh(address, sting, "ec2-user", LOAD % private).stdout)

    with ThreadPoolExecutor(3) as swarm:
        assert sum(swarm.map(attack, addresses)) == 75
    for close in shut:
        close()
    ec2.terminate_instances(InstanceIds=[flower, *bees])
