"""What the kernel has of a cloud's networks, as text that can be compared; and the way into its namespaces."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

NAMESPACES = Path("/run/netns")
NOTES = Path("/run/yakumo")
# What is read in each namespace; the packet filter apart, because the elements of its sets have no order.
STATE = (
    ("ip", "-br", "link"),
    ("ip", "-o", "address"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "-6", "route", "show", "table", "all"),
    ("ip", "rule"),
    ("ip", "-6", "rule"),
    ("ip", "neighbour", "show", "nud", "permanent"),
    ("nft", "list", "ruleset"),
)
# The settings that the engine writes, of every link: those without a line of their own follow from `default`.
SETTINGS = (
    "ipv4/ip_forward",
    *(f"ipv4/conf/*/{name}" for name in ("rp_filter", "send_redirects", "accept_redirects", "proxy_arp", "promote_secondaries")),
    *(f"ipv6/conf/*/{name}" for name in ("forwarding", "accept_ra", "accept_dad", "addr_gen_mode")),
    "ipv4/neigh/*/proxy_delay",
)
_LIBC = ctypes.CDLL(None, use_errno=True)


def namespaces(cloud):
    """The namespaces of a cloud, by its id."""
    return sorted(path.name for path in NAMESPACES.glob(f"yakumo-{cloud}-*"))


def left(cloud):
    """Everything on the host that carries a cloud's id, but for its own mark of a slice."""
    links = [link for link in os.listdir("/sys/class/net") if link == f"yakumo-{cloud}"]
    return namespaces(cloud) + links


def inside(namespace, work):
    """Does something on a thread in a namespace (the empty name: here): sockets made there stay there."""
    outcome = []

    def run():
        try:
            if namespace:
                handle = os.open(NAMESPACES / namespace, os.O_RDONLY)
                entered = _LIBC.setns(handle, 0x40000000)
                os.close(handle)
                if entered != 0:
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            outcome.append((work(), None))
        except Exception as error:  # noqa: BLE001 - it is raised again where somebody waits for it
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error:
        raise error
    return value


def _plain(line):
    """Without the numbers of links, which are the kernel's own."""
    words = [word.split("@if")[0] for word in line.split()]
    return " ".join(word for word in words if not re.fullmatch(r"\d+:", word))


def _filter(text):
    """Sets and chains of a filter, a piece each, with the elements of sets in order."""
    pieces = []
    for piece in " ".join(text.split()).split("}"):
        head, _, elements = piece.partition("elements = {")
        pieces.append(head.strip() + " ".join(sorted(one.strip() for one in elements.split(",") if one)))
    return pieces


def _settings(namespace):
    root = Path("/proc/sys/net")

    def read():
        paths = sorted(path for name in SETTINGS for path in root.glob(name))
        return [f"{path.relative_to(root)} = {path.read_text().strip()}" for path in paths]

    return inside(namespace, read)


def dump(cloud):
    """The state of all namespaces of a cloud, and of its link on the host, a line each."""
    lines = []
    script = "; echo @@; ".join(" ".join(command) for command in STATE)
    for namespace in namespaces(cloud):
        # One shell, started inside: `ip netns exec` for each command costs most of the time.
        told = inside(namespace, lambda: subprocess.run(script, shell=True, capture_output=True, text=True, check=False).stdout)
        for command, text in zip(STATE, told.split("@@\n"), strict=True):
            found = _filter(text) if command[0] == "nft" else [_plain(line) for line in text.splitlines()]
            lines += sorted(f"{namespace} {' '.join(command)}: {line}" for line in found if line)
        lines += [f"{namespace} {line}" for line in _settings(namespace)]
    host = f"yakumo-{cloud}"
    for command in (("ip", "-o", "address", "show", "dev", host), ("ip", "route", "show", "dev", host), ("ip", "-6", "route", "show", "dev", host)):
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        lines += sorted(f"host {' '.join(command)}: {_plain(line)}" for line in text.splitlines())
    return lines


def settled(cloud):
    """The same when it does not change any more: the kernel finds out about carriers a moment later."""
    end, last = time.monotonic() + 15, dump(cloud)
    while True:
        now = dump(cloud)
        if (now == last and not any("NO-CARRIER" in line or "LOWERLAYERDOWN" in line for line in now)) or time.monotonic() > end:
            return now
        last = now


def agent_of(front):
    """The process id of a front's network agent; nothing when it has none."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(") ", 1)[1].split()[1])
            if parent == front and b"--network-agent" in (path / "cmdline").read_bytes():
                return int(path.name)
        except (OSError, IndexError):
            continue
    return None


def kill_agent(front):
    """`kill -9` of a front's network agent, if there is one."""
    agent = agent_of(front)
    if agent:
        os.kill(agent, signal.SIGKILL)
    return agent


def gone(process):
    """Waits until a process is gone."""
    while process and Path(f"/proc/{process}").exists() and " Z " not in Path(f"/proc/{process}/stat").read_text():
        time.sleep(0.02)


def raze(cloud):
    """Removes a cloud's networks behind its back, as a restart of the machine does."""
    for namespace in namespaces(cloud):
        subprocess.run(["ip", "netns", "del", namespace], check=True)
    subprocess.run(["ip", "link", "del", f"yakumo-{cloud}"], stderr=subprocess.DEVNULL, check=False)


def heard(namespace, address, port, wait):
    """Whether somebody at an address answers a connection from a namespace."""

    def ask():
        with socket.create_connection((address, port), wait) as stream:
            return stream.recv(1) == b"!"

    try:
        return inside(namespace, ask)
    except OSError:
        return False


class Servers:
    """Answers with one byte on a port in some namespaces until the end of the block."""

    def __init__(self, places, port):
        self.listeners = [inside(place, lambda: socket.create_server(("", port))) for place in places]
        self.threads = [threading.Thread(target=self._serve, args=(one,), daemon=True) for one in self.listeners]

    @staticmethod
    def _serve(listener):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            with stream:
                try:
                    stream.sendall(b"!")
                except OSError:
                    pass

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
