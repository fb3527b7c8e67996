"""`yakumo exec`, `ps`, `logs` and `down --clean` with instances, as their owner types them."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
import urllib.error
import urllib.request

import pytest

import cloud as clouds

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"), reason="instances need root, ip and nft"
)


def yakumo(cloud, *args, given=None):
    command = [str(clouds.BINARY), *args[:1], "--endpoint", cloud.url, *args[1:]]
    return subprocess.run(command, capture_output=True, input=given, timeout=60)


def until(wanted, what="it"):
    end = time.monotonic() + 180
    while not (found := wanted()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return found


def start(cloud, **more):
    ec2 = cloud.client("ec2")
    name = [{"Name": "name", "Values": ["yakumo/busybox"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=name)["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, **more)
    id = made["Instances"][0]["InstanceId"]
    state = lambda: ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]
    until(lambda: state() == "running", id)
    return id


@pytest.fixture(scope="module")
def box(cloud):
    return start(cloud, UserData="#!/bin/sh\necho line from inside\n")


def test_a_command_has_pipes_and_a_code(cloud, box):
    done = yakumo(cloud, "exec", box, "--", "sh", "-c", "id -u; echo bad >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"0\n", b"bad\n")
    done = yakumo(cloud, "exec", box, "--user", "nobody", "--env", "A=b c", "--", "sh", "-c", 'id -un; echo "$A"')
    assert done.stdout == b"nobody\nb c\n"
    much = os.urandom(3_000_000)
    assert yakumo(cloud, "exec", box, "--", "cat", given=much).stdout == much
    # It does not read: that is its affair.
    assert yakumo(cloud, "exec", box, "--", "true", given=much).returncode == 0
    # What it leaves behind does not keep us.
    assert yakumo(cloud, "exec", box, "--", "sh", "-c", "sleep 600 & echo gone").stdout == b"gone\n"


def test_a_command_has_a_terminal_of_its_size_and_ctrl_c(cloud, box):
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (33, 99))
    command = [str(clouds.BINARY), "exec", "--endpoint", cloud.url, box, "--", "sh"]
    shell = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, start_new_session=True)
    os.close(child)
    seen = b""

    def shows(text):
        nonlocal seen
        while text not in seen:
            assert select.select([parent], [], [], 60)[0], seen
            seen += os.read(parent, 4096)

    shows(b"# ")
    os.write(parent, b"stty size; sleep 1000; echo w$((40 + 2))\r")
    shows(b"33 99")
    # A shell that is between two commands takes it for itself.
    until(lambda: b"sleep 1000" in yakumo(cloud, "exec", box, "--", "ps").stdout)
    os.write(parent, b"\x03")
    os.write(parent, b"echo w$((40 + 2))\r")
    shows(b"w42")
    os.write(parent, b"exit 9\r")
    assert shell.wait(timeout=60) == 9
    os.close(parent)


def test_who_goes_away_hangs_up(cloud, box):
    alive = lambda: b"sleep 4321" in yakumo(cloud, "exec", box, "--", "ps").stdout
    running = subprocess.Popen(
        [str(clouds.BINARY), "exec", "--endpoint", cloud.url, box, "--", "sleep", "4321"], stdin=subprocess.DEVNULL
    )
    until(alive)
    running.kill()
    running.wait()
    until(lambda: not alive())
    # A signal is passed on.
    running = subprocess.Popen(
        [str(clouds.BINARY), "exec", "--endpoint", cloud.url, box, "--", "sleep", "4321"], stdin=subprocess.DEVNULL
    )
    until(alive)
    running.terminate()
    assert running.wait(timeout=60) == 128 + 15


def test_what_cannot_be_is_said(cloud, box):
    for args, text in (
        (("exec", "i-0", "--", "true"), b"there is no instance i-0"),
        (("exec", box, "--", "no-such-program"), b"no-such-program"),
        (("exec", box, "--user", "nobody-knows", "--", "true"), b"there is no user nobody-knows"),
        (("logs", "i-0"), b"there is no instance i-0"),
        (("ssh", "-i", "/dev/null", "i-0"), b"there is no instance i-0"),
    ):
        done = yakumo(cloud, *args)
        assert done.returncode == 8 and text in done.stderr, (args, done)
    # No web page, and nothing but a request that asks for it, gets a conversation.
    for headers, code in (({}, 403), ({"x-yakumo-control": "1"}, 426), ({"x-yakumo-control": "1", "Origin": "http://x"}, 403)):
        ask = urllib.request.Request(
            f"{cloud.url}/_yakumo/instances/{box}/exec", b'{"command":["true"]}', headers=headers, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(ask, timeout=10)
        assert caught.value.code == code


def test_instances_are_listed_and_heard(cloud, box):
    [row] = [row for row in json.loads(yakumo(cloud, "ps", "--json").stdout) if row["id"] == box]
    assert row["state"] == "running" and row["kind"] == "t3.nano" and row["usage"]["memory_bytes"] > 0
    table = yakumo(cloud, "ps").stdout.decode()
    assert table.startswith("INSTANCE") and box in table and row["private_address"] in table
    until(lambda: b"line from inside" in yakumo(cloud, "logs", box).stdout)
    follows = subprocess.Popen(
        [str(clouds.BINARY), "logs", "--endpoint", cloud.url, box, "--follow"], stdout=subprocess.PIPE, text=True
    )
    yakumo(cloud, "exec", box, "--", "sh", "-c", "echo heard once >/dev/console")
    lines = iter(follows.stdout.readline, "")
    assert any("heard once" in line for line in lines)
    yakumo(cloud, "exec", box, "--", "sh", "-c", "echo the last >/dev/console")
    rest = next(line for line in lines if "heard once" in line or "the last" in line)
    assert "the last" in rest
    cloud.client("ec2").stop_instances(InstanceIds=[box])
    assert follows.wait(timeout=60) == 0
    done = yakumo(cloud, "exec", box, "--", "true")
    assert done.returncode == 8 and b"does not run" in done.stderr


CLEAN = """
import subprocess, sys, tempfile, time
sys.path[:0] = ["."]
import cloud as clouds
from control.test_instances import start
import shutil

directory = tempfile.mkdtemp()
cloud = clouds.Cloud(data_dir=directory)
try:
    id = start(cloud)
finally:
    cloud.kill()
args = lambda: subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
end = time.monotonic() + 60
while id not in args():
    assert time.monotonic() < end, args()
    time.sleep(0.1)
done = subprocess.run([str(clouds.BINARY), "down", "--clean"], capture_output=True, text=True, timeout=120)
assert done.returncode == 0 and "removed the instances of" in done.stdout, done
assert id not in args()
assert id not in open("/proc/self/mountinfo").read()
left = subprocess.run(["find", "/sys/fs/cgroup", "-name", f"*{id}*"], capture_output=True, text=True).stdout
assert not left, left
assert not any(__import__("pathlib").Path("/run/yakumo/machines").iterdir())
again = subprocess.run([str(clouds.BINARY), "down", "--clean"], capture_output=True, text=True, timeout=120)
assert again.stdout == "nothing was left\\n", again
shutil.rmtree(directory)
"""


def test_down_clean_leaves_nothing(tmp_path):
    # A host of its own: what is removed are the instances and networks of all clouds that do not run, and others may be between two
    # of their lives.
    private = "mkdir -p /run/netns && mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up"
    run = ["unshare", "--mount", "--net", "sh", "-c", private + ' && exec "$0" -c "$1"']
    command = [*run, sys.executable, CLEAN]
    # And where no other cloud is known to run, which it would stop.
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=clouds.HERE, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
