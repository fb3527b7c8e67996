"""Instances: how soon user data runs, how many run beside each other, and what they cost when they do nothing. As root."""

import os
import statistics
import subprocess
import time
from pathlib import Path

from servers import YakumoMemory

# Its first line says when it was written; the console carries it out.
TELL = "#!/bin/sh\necho \"first line at $(date +%s.%N)\"\n"
# The reference: the same script in new namespaces of a bare kernel, without anybody's API.
BARE = ["unshare", "--fork", "--pid", "--mount", "--net", "--uts", "--ipc", "sh", "-c", "date +%s.%N"]
TICKS = os.sysconf("SC_CLK_TCK")


def image(ec2):
    """The newest image of Amazon's behind which the host stands."""
    found = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023*"]}])["Images"]
    return max(found, key=lambda one: one.get("CreationDate", ""))["ImageId"]


def first_line(ec2, instance):
    """When the first line of user data was written; waits for it."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for line in ec2.get_console_output(InstanceId=instance).get("Output", "").splitlines():
            if line.startswith("first line at "):
                return float(line.split()[-1])
        time.sleep(0.02)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    raise RuntimeError(f"{instance} says nothing; it is {found['State']['Name']}: {found.get('StateReason', {}).get('Message', '')}")


def states(ec2):
    """How many instances there are in each state."""
    count = {}
    for page in ec2.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for one in reservation["Instances"]:
                count[one["State"]["Name"]] = count.get(one["State"]["Name"], 0) + 1
    return count


def descendants(server):
    """The processes of the cloud's sandboxes and of the cloud itself."""
    parents, keepers = {}, {server}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if b"--machine-keeper" in (entry / "cmdline").read_bytes():
                    keepers.add(int(entry.name))
            except OSError:
                continue
    grew = True
    while grew:
        more = {process for process, parent in parents.items() if parent in keepers} - keepers
        keepers |= more
        grew = bool(more)
    return keepers


def cpu_seconds(processes):
    """Processor time that they have used."""
    total = 0
    for process in processes:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / TICKS


def available_mib():
    """Memory that the host has left."""
    line = next(line for line in open("/proc/meminfo") if line.startswith("MemAvailable"))
    return int(line.split()[1]) / 1024


def instances(arguments, target, table):
    """One after another for latency, then many at once. Rounds of the reference alternate with those of instances."""
    server = YakumoMemory(target, arguments.data).start()
    try:
        ec2 = server.client("ec2")
        ami = image(ec2)
        run = lambda count=1, **more: ec2.run_instances(ImageId=ami, InstanceType="t3.nano", MinCount=count, MaxCount=count, **more)  # noqa: E731
        soon, bare = [], []
        for round in range(21):
            began = time.time()
            told = float(subprocess.run(BARE, capture_output=True, text=True, check=True).stdout)
            bare.append((told - began) * 1000)
            began = time.time()
            made = run(UserData=TELL)["Instances"][0]["InstanceId"]
            milliseconds = (first_line(ec2, made) - began) * 1000
            # The first one makes the image ready.
            if round:
                soon.append(milliseconds)
            ec2.terminate_instances(InstanceIds=[made])
        while set(states(ec2)) != {"terminated"}:
            time.sleep(0.2)
        before, began = available_mib(), time.monotonic()
        run(arguments.instances, UserData=TELL)
        while states(ec2).get("running") != arguments.instances:
            if time.monotonic() - began > 300:
                raise RuntimeError(f"not all run: {states(ec2)}")
            time.sleep(0.1)
        all_run = time.monotonic() - began
        time.sleep(5)
        used = before - available_mib()
        processes = descendants(server.process.pid)
        idle = cpu_seconds(processes)
        time.sleep(30)
        idle = cpu_seconds(processes) - idle
    finally:
        server.process.terminate()
        server.process.wait(120)
    rows = [
        {"what": "RunInstances to the first line of user data, median ms", "value": statistics.median(soon)},
        {"what": "the same, slowest of 20", "value": max(soon)},
        {"what": "a script in new namespaces of a bare kernel, median ms", "value": statistics.median(bare)},
        {"what": f"{arguments.instances} instances until all run, s", "value": all_run},
        {"what": "memory of all of them, MiB", "value": used},
        {"what": "processor time of all of them and the cloud in 30 idle s, s", "value": idle},
    ]
    table(rows, [("what", "instances", "{}"), ("value", "", "{:.2f}")])
    return {"rows": rows, "soon_ms": soon, "bare_ms": bare}
