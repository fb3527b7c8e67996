"""Processes on the interfaces of a cloud's networks, for the stories that look at packets."""

import os
import subprocess
import time

import pytest


def twice(fixture):
    """Tells a story as root, and once more without: the same holds for packets."""
    return pytest.mark.parametrize(fixture, [False, True], ids=["root", "without_root"], indirect=True, scope="module")

TELL = "import socket as s\nl = s.create_server(('', 80))\nwhile True:\n c, a = l.accept(); c.sendall(a[0].encode()); c.close()"
HEAR = "import socket as s, sys; print(s.create_connection((sys.argv[1], 80), 3).recv(99).decode())"


def on(cloud, interface, *command, **more):
    """Starts a command on an interface."""
    environ = {**os.environ, "YAKUMO_ENDPOINT": cloud.url}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, **more}
    return subprocess.Popen([*cloud.program, "exec", interface, "--", *command], env=environ, **pipes)


def heard(cloud, interface, address):
    """What a server at an address says who its client is; nothing when there is no connection."""
    return on(cloud, interface, "python3", "-c", HEAR, address).communicate(timeout=60)[0].decode().strip()


def until(wanted):
    """Waits for something that takes a moment."""
    end = time.monotonic() + 30
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.05)
