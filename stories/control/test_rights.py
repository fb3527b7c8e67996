"""The process that answers requests has none of root's rights, and everything works all the same."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not sys.platform.startswith("linux"), reason="only root on Linux has rights to give up")

SCRIPT = """#!/bin/sh
grep CapEff /proc/self/status >{out}
grep NoNewPrivs /proc/self/status >>{out}
echo "$AWS_ACCESS_KEY_ID $AWS_PROFILE" >>{out}
"""


def status(process, name):
    """A field of a process's status, for each of its threads."""
    found = set()
    for task in Path(f"/proc/{process}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        found.add(next(line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:")))
    return found


def children(process):
    text = subprocess.run(["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process)], capture_output=True, text=True, check=False).stdout
    return [line.split(None, 1) for line in text.splitlines()]


def until(wanted):
    end = time.monotonic() + 30
    while not (found := wanted()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_the_front_has_no_rights_and_scripts_have_them(workshop):
    data = workshop.directory()
    (data / "ready.d").mkdir()
    script, out = data / "ready.d" / "told.sh", workshop.directory() / "out"
    script.write_text(SCRIPT.format(out=out))
    script.chmod(0o755)
    # A port that only root may take.
    port = next(port for port in range(1023, 600, -1) if subprocess.run(["python3", "-c", f"import socket; socket.create_server(('127.0.0.1', {port}))"], capture_output=True).returncode == 0)
    cloud = workshop.cloud(data_dir=data, port=port, environ={"AWS_PROFILE": "somebody"})
    assert cloud.port == port
    for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
        assert status(cloud.process.pid, name) == {"0" * 16}, name
    assert status(cloud.process.pid, "NoNewPrivs") == {"1"} and status(cloud.process.pid, "Seccomp") == {"2"}
    assert "not all rights" not in "".join(cloud.log)
    # What the owner runs has the owner's rights, and the cloud's key.
    told = until(lambda: out.exists() and len(out.read_text().splitlines()) == 3 and out.read_text().splitlines())
    assert told[0] != "CapEff:\t0000000000000000" and told[1] == "NoNewPrivs:\t0" and told[2] == "test "
    init = urllib.request.urlopen(f"{cloud.url}/_localstack/init").read().decode()
    assert "SUCCESSFUL" in init
    sqs = cloud.client("sqs")
    sqs.create_queue(QueueName="q")
    cloud.command("snapshot", "save", "s")
    # Directories for people's files are within its reach, the system's are not.
    forked = lambda place: cloud.command("snapshot", "fork", "s", "--port", "0", "--data-dir", place, "--output", "json", check=False)  # noqa: E731
    assert forked("/var/lib/yakumo-of-a-story") == "" and not os.path.exists("/var/lib/yakumo-of-a-story")
    made = json.loads(forked(str(workshop.directory() / "fork")))
    os.kill(made["pid"], signal.SIGTERM)

    # The starter ends with the cloud, however that ends.
    [[starter, line]] = children(cloud.process.pid)
    assert line.endswith("--starter") and status(starter, "CapEff") != {"0" * 16}
    cloud.kill()
    until(lambda: not Path(f"/proc/{starter}").exists() or status(starter, "State") == {"Z (zombie)"})
    cloud.start()
    assert "QueueUrls" in cloud.client("sqs").list_queues()
    assert cloud.stop() == 0


def test_a_script_ends_with_its_cloud(workshop):
    data = workshop.directory()
    (data / "ready.d").mkdir()
    script, out = data / "ready.d" / "long.sh", workshop.directory() / "out"
    script.write_text(f"#!/bin/sh\necho $$ >{out}\nexec sleep 1000\n")
    script.chmod(0o755)
    cloud = workshop.cloud(data_dir=data)
    process = int(until(lambda: out.exists() and out.read_text().strip()))
    assert status(process, "NoNewPrivs") == {"0"}
    cloud.process.send_signal(signal.SIGTERM)
    assert cloud.process.wait(timeout=30) == 0
    until(lambda: not Path(f"/proc/{process}").exists() or status(process, "State") == {"Z (zombie)"})


def test_a_directory_of_somebody_else_is_used_and_told(workshop):
    data = workshop.directory()
    os.chown(data, 61184, 61184)
    cloud = workshop.cloud(data_dir=data)
    until(lambda: "is not root's, so this process keeps the right to use it" in "".join(cloud.log))
    assert cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    # CAP_DAC_OVERRIDE and CAP_FOWNER, and nothing else.
    assert status(cloud.process.pid, "CapEff") == {f"{(1 << 1) | (1 << 3):016x}"}
