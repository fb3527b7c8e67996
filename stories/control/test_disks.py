"""The whole cloud with the disks of its instances: saved while they run, brought back, forked beside the original; kills in between, a
disk without room, and nothing half that is left."""

import os
import signal
import subprocess
import threading
import time

import pytest

import cloud as clouds
from asserting import refused
from instances import becomes, instance, open_port, page, run, runs, until

pytestmark = runs

TOOLS = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
WEB = """#cloud-config
bootcmd:
  - mkdir -p /srv/www && echo "it booted" >/srv/www/index.html
  - cd /srv/www && python3 -m http.server 80 >/dev/null 2>&1 &
"""


def inside(cloud, id, script, check=True):
    command = [str(clouds.BINARY), "exec", "--endpoint", cloud.url, id, "--", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, done
    return done.stdout.strip()


def box(ec2, **more):
    """A small instance with two disks."""
    disks = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": True}}]
    id = run(ec2, BlockDeviceMappings=disks, **more)
    becomes(ec2, id, "running")
    until(lambda: volumes(ec2, id).keys() >= {"/dev/sdf"}, "its volume")
    return id


def volumes(ec2, id):
    """The attached volumes of an instance, by device."""
    found = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [id]}])["Volumes"]
    attached = [one["Attachments"][0] for one in found]
    return {one["Device"]: one["VolumeId"] for one in attached if one["State"] == "attached"}


def write(cloud, id, text):
    inside(cloud, id, f"echo {text} >/file; echo {text} >/mnt/sdf/file; sync")


def read(cloud, id):
    """What both disks say, as soon as it can be asked."""
    return until(lambda: inside(cloud, id, "cat /file /mnt/sdf/file", check=False), "the files").split()


def left(cloud):
    """What is unfinished in a data directory."""
    found = subprocess.run(
        ["find", str(cloud.data_dir), "-name", ".*.part", "-o", "-name", ".*.old", "-o", "-name", "next-*", "-o", "-name", ".new-*", "-o", "-name", ".frozen-*"],
        capture_output=True, text=True, check=True,
    )
    return found.stdout.split()


def disks(cloud, snapshot):
    return sorted(path.stem for path in (cloud.data_dir / "snapshots" / snapshot / "disks").glob("*.img"))


def stop_fork(forked):
    os.kill(forked["pid"], signal.SIGTERM)
    end = time.monotonic() + 60
    while os.path.exists(f"/proc/{forked['pid']}"):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_snapshot_has_the_disks_of_its_moment(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    ec2 = cloud.client("ec2")
    open_port(ec2, 80)
    web, idle = box(ec2, UserData=WEB), box(ec2)
    address = instance(ec2, web)["PublicIpAddress"]
    allocation = ec2.allocate_address()
    until(lambda: page(address), "the page")
    kept = ec2.create_snapshot(VolumeId=volumes(ec2, web)["/dev/sdf"])["SnapshotId"]
    write(cloud, web, "before")
    write(cloud, idle, "before")
    ec2.stop_instances(InstanceIds=[idle])
    becomes(ec2, idle, "stopped")
    until(lambda: ec2.describe_snapshots(SnapshotIds=[kept])["Snapshots"][0]["State"] == "completed")
    # It is saved while something is written all the time, and that goes on afterwards.
    inside(cloud, web, "nohup sh -c 'while :; do date +%N >/mnt/sdf/busy; done' >/dev/null 2>&1 &")
    line = cloud.command("snapshot", "save", "one", json_output=True)
    assert len(disks(cloud, "one")) == 5 and kept in disks(cloud, "one"), disks(cloud, "one")
    assert 0 < line["size_bytes"] < 2 << 30, "holes are holes"
    for copy in (cloud.data_dir / "snapshots" / "one" / "disks").glob("*.img"):
        # Nothing is to be replayed or repaired: it was still when it was copied.
        header = subprocess.run(["dumpe2fs", "-h", copy], capture_output=True, text=True, env=TOOLS).stdout
        assert "Filesystem features" in header and "needs_recovery" not in header, header
        checked = subprocess.run(["e2fsck", "-fn", copy], capture_output=True, text=True, env=TOOLS)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    beats = inside(cloud, web, "cat /mnt/sdf/busy")
    until(lambda: inside(cloud, web, "cat /mnt/sdf/busy") != beats, "it writes on")

    # Everything changes; and one comes that was not there.
    write(cloud, web, "after")
    ec2.delete_snapshot(SnapshotId=kept)
    ec2.start_instances(InstanceIds=[idle])
    becomes(ec2, idle, "running")
    write(cloud, idle, "after")
    late = box(ec2)
    lent = instance(ec2, late)["PublicIpAddress"]

    cloud.command("snapshot", "load", "one")
    assert read(cloud, web) == ["before", "before"]
    assert becomes(ec2, web, "running")["PublicIpAddress"] == address
    assert until(lambda: page(address), "the page again")
    assert instance(ec2, idle)["State"]["Name"] == "stopped"
    with refused("InvalidInstanceID.NotFound"):
        ec2.describe_instances(InstanceIds=[late])
    assert not inside(cloud, late, "true", check=False) and page(lent) is None
    assert ec2.describe_snapshots(SnapshotIds=[kept])["Snapshots"][0]["State"] == "completed"
    # A volume of the EBS snapshot has a file to begin with.
    zone = instance(ec2, web)["Placement"]["AvailabilityZone"]
    again = ec2.create_volume(SnapshotId=kept, AvailabilityZone=zone)["VolumeId"]
    until(lambda: ec2.describe_volumes(VolumeIds=[again])["Volumes"][0]["State"] == "available", "a volume of it")
    ec2.start_instances(InstanceIds=[idle])
    becomes(ec2, idle, "running")
    assert read(cloud, idle) == ["before", "before"]
    assert not left(cloud)

    # A fork beside it: the same disks at first, other addresses, and its own life from there.
    data = workshop.directory() / "fork"
    forked = cloud.command("snapshot", "fork", "one", "--port", "0", "--data-dir", str(data), json_output=True)
    theirs = clouds.Cloud.__new__(clouds.Cloud)
    theirs.port, theirs.data_dir, theirs.environ = int(forked["endpoint"].rsplit(":", 1)[1]), data, {}
    try:
        their_ec2 = theirs.client("ec2")
        other = becomes(their_ec2, web, "running")["PublicIpAddress"]
        assert other != address and other.rsplit(".", 1)[1] == address.rsplit(".", 1)[1]
        assert read(theirs, web) == ["before", "before"]
        assert until(lambda: page(other), "their page") and page(address)
        assert instance(their_ec2, idle)["State"]["Name"] == "stopped"
        found = their_ec2.describe_addresses(AllocationIds=[allocation["AllocationId"]])["Addresses"][0]["PublicIp"]
        assert found != allocation["PublicIp"]
        write(theirs, web, "theirs")
        write(cloud, web, "ours")
        assert (read(theirs, web), read(cloud, web)) == (["theirs"] * 2, ["ours"] * 2)
        their_ec2.terminate_instances(InstanceIds=[web])
        becomes(their_ec2, web, "terminated")
        assert page(other) is None and page(address)
        refusal = cloud.command("snapshot", "fork", "one", "--port", "0", "--data-dir", str(data), check=False)
        assert "is not empty" in refusal or refusal == ""
    finally:
        stop_fork(forked)

    # Killed and started: the disks are those that were loaded. A snapshot that is removed frees its disks.
    cloud.kill()
    cloud.start()
    assert read(cloud, web) == ["ours", "ours"]
    cloud.command("snapshot", "delete", "one")
    assert not (cloud.data_dir / "snapshots" / "one").exists() and not left(cloud)
    ec2 = cloud.client("ec2")
    ec2.terminate_instances(InstanceIds=[web, idle])
    becomes(ec2, web, "terminated"), becomes(ec2, idle, "terminated")
    # A reset leaves no disk either.
    cloud.command("reset", "--yes")
    assert not list((cloud.data_dir / "machines" / "volumes").glob("*.img"))
    cloud.stop()


def test_kills_leave_the_old_or_the_new(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    ec2 = cloud.client("ec2")
    id = box(ec2)
    # Something to copy.
    inside(cloud, id, "head -c 60000000 /dev/urandom >/mnt/sdf/much")
    write(cloud, id, "one")
    cloud.command("snapshot", "save", "one")
    write(cloud, id, "two")
    for round in range(6):
        verb = ("save", "load")[round % 2]
        before = read(cloud, id)[0]
        name = "two" if verb == "save" else "one"
        asked = threading.Thread(target=lambda verb=verb, name=name: cloud.command("snapshot", verb, name, check=False))
        asked.start()
        time.sleep(0.05 + 0.15 * (round // 2))
        cloud.kill()
        asked.join()
        cloud.start()
        ec2 = cloud.client("ec2")
        becomes(ec2, id, "running")
        now = read(cloud, id)
        assert now[0] == now[1] and now[0] in ((before,) if verb == "save" else (before, "one")), (round, now)
        until(lambda: not left(cloud), left(cloud))
        listed = cloud.command("snapshot", "list", json_output=True)["snapshots"]
        assert {"one"} <= {one["name"] for one in listed} <= {"one", "two"}
        write(cloud, id, f"round-{round}")
    # What is there is whole.
    cloud.command("snapshot", "load", "one")
    assert read(cloud, id) == ["one", "one"]
    ec2.terminate_instances(InstanceIds=[id])
    becomes(ec2, id, "terminated")
    cloud.stop()


def test_without_room_nothing_is_harmed(workshop):
    path = workshop.directory()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(path)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        cloud = workshop.cloud(data_dir=path / "cloud")
        ec2 = cloud.client("ec2")
        id = box(ec2)
        write(cloud, id, "kept")
        cloud.command("snapshot", "save", "small")
        inside(cloud, id, "head -c 220000000 /dev/urandom >/mnt/sdf/much; sync")
        with pytest.raises(RuntimeError, match="there is no room for copies of the disks: they take [0-9]+ MiB"):
            cloud.command("snapshot", "save", "large")
        with pytest.raises(RuntimeError, match="there is no snapshot large"):
            cloud.command("snapshot", "load", "large")
        assert [one["name"] for one in cloud.command("snapshot", "list", json_output=True)["snapshots"]] == ["small"]
        assert not left(cloud)
        write(cloud, id, "later")
        assert read(cloud, id) == ["later", "later"]
        cloud.command("snapshot", "load", "small")
        assert read(cloud, id) == ["kept", "kept"]
        ec2.terminate_instances(InstanceIds=[id])
        becomes(ec2, id, "terminated")
        cloud.stop()
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_an_ephemeral_cloud_goes_back_too_and_leaves_nothing(workshop):
    cloud = workshop.cloud()
    ec2 = cloud.client("ec2")
    id = box(ec2)
    write(cloud, id, "before")
    cloud.command("snapshot", "save", "one")
    write(cloud, id, "after")
    cloud.command("snapshot", "load", "one")
    assert read(cloud, id) == ["before", "before"]
    name = cloud.command("status", json_output=True)["cloud"]
    place = f"/var/tmp/yakumo-{name}"
    assert os.path.isdir(f"{place}/snapshots/one/disks")
    cloud.kill()
    until(lambda: not os.path.exists(place), "what it had on the disk")
    found = subprocess.run(["pgrep", "-f", place], capture_output=True, text=True).stdout
    assert not found, found


def test_who_may_not_use_the_control_api_saves_nothing(workshop):
    """The control API is its owner's: a page in a browser, or a request without its header, is refused."""
    cloud = workshop.cloud(data_dir=workshop.directory())
    import urllib.error
    import urllib.request

    for headers in ({}, {"X-Yakumo-Control": "1", "Origin": "http://localhost"}):
        asked = urllib.request.Request(f"{cloud.url}/_yakumo/snapshots/one", b"{}", headers, method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked)
        assert caught.value.code == 403
    assert not (cloud.data_dir / "snapshots").exists()
    cloud.command("snapshot", "save", "one")
    assert (cloud.data_dir / "snapshots" / "one" / "records").is_file()
