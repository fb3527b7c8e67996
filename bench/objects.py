"""Objects: PUT and GET of several sizes and lists, each request signed before the clock starts, over raw connections.

The client is Python: with many connections it is busy before a fast server is. What the server's process used of the
CPU for a request does not depend on that; requests a second do.
"""

import hashlib
import hmac
import os
import socket
import statistics
import threading
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import servers
from measurements import FEWER
from servers import Bare, YakumoMemory, fresh

BUCKET = "bench"
POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
  {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::other-*"},
  {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
  {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bench"},
  {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::bench/*",
   "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
]}"""


class Signer:
    """SigV4 with the body's SHA-256, as SDKs sign requests over plain HTTP."""

    def __init__(self, port, key, secret):
        self.host, self.key = f"127.0.0.1:{port}", key
        self.date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.scope = f"{self.date[:8]}/us-east-1/s3/aws4_request"
        self.derived = f"AWS4{secret}".encode()
        for part in self.scope.split("/"):
            self.derived = hmac.digest(self.derived, part.encode(), "sha256")

    def request(self, method, path, query="", body=b""):
        """The bytes of a request."""
        names, hashed = "host;x-amz-content-sha256;x-amz-date", hashlib.sha256(body).hexdigest()
        lines = f"host:{self.host}\nx-amz-content-sha256:{hashed}\nx-amz-date:{self.date}\n"
        canonical = hashlib.sha256(f"{method}\n{path}\n{query}\n{lines}\n{names}\n{hashed}".encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{self.date}\n{self.scope}\n{canonical}"
        signature = hmac.digest(self.derived, to_sign.encode(), "sha256").hex()
        head = lines.replace("\n", "\r\n") + (
            f"Authorization: AWS4-HMAC-SHA256 Credential={self.key}/{self.scope}, SignedHeaders={names}, "
            f"Signature={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        target = f"{path}?{query}" if query else path
        return f"{method} {target} HTTP/1.1\r\n{head}".encode() + body


def exchange(connection, request):
    """Sends one request and reads its answer. Gives the status and how many bytes its body had."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise OSError("the connection ended before the answer")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    got, tail = len(rest), rest[-5:]
    if b"content-length" in fields:
        ended = lambda: got >= int(fields[b"content-length"])
    elif fields.get(b"transfer-encoding") == b"chunked":
        ended = lambda: tail == b"0\r\n\r\n"
    else:
        ended = lambda: False
    buffer = bytearray(1 << 20)
    while not ended():
        size = connection.recv_into(buffer)
        if size == 0:
            break
        got, tail = got + size, (tail + bytes(buffer[max(0, size - 5) : size]))[-5:]
    closes = head.startswith(b"HTTP/1.0") or fields.get(b"connection") == b"close"
    return int(head.split()[1]), got, closes


def cpu_seconds(pid):
    """What the process and the children that it has waited for used of the CPU."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def drive(server, requests, connections):
    """Sends the requests, one in flight on each connection. Gives the figures."""
    todo, lock, took, wrong, errors = iter(requests), threading.Lock(), [], [], []

    def work():
        connection = None
        while True:
            with lock:
                request = next(todo, None)
            if request is None:
                return
            began = time.perf_counter()
            try:
                connection = connection or socket.create_connection(("127.0.0.1", server.port), timeout=120)
                status, _, closes = exchange(connection, request)
                if status != 200:
                    wrong.append(status)
                if closes:
                    connection = None
            except OSError as error:
                errors.append(str(error))
                connection = None
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    cpu, began = cpu_seconds(server.process.pid), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu = time.perf_counter() - began, cpu_seconds(server.process.pid) - cpu
    took.sort()
    return {
        "requests": len(requests), "seconds": seconds, "per_second": len(requests) / seconds,
        "server_cpu_us": cpu / len(requests) * 1e6, "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6, "errors": len(wrong) + len(errors),
        "first_error": next(iter(wrong + errors), None),
    }  # fmt: skip


def user(server):
    """As `Server.user`, with a policy for objects."""
    key = server.user()
    try:
        server.client("iam").put_user_policy(UserName="bench", PolicyName="five", PolicyDocument=POLICY)
    except (ClientError, BotoCoreError):
        if server.checks:
            raise
    return key


def plan(arguments, kind):
    """The phases: name, size of a body in bytes, how many requests; all requests of a phase are in memory."""
    count = min([arguments.requests, *(n for name, n in FEWER.items() if kind.name.startswith(name))])
    few = lambda share, most: max(1, min(count // share, most))
    return [("4 KB", 4 << 10, count), ("1 MB", 1 << 20, few(50, 400)), ("64 MB", 64 << 20, few(1_000, 8))]


def one_run(kind, arguments, target):
    """The phases against a new server on an empty directory."""
    server = kind(target, fresh(arguments.data / "server")).start()
    try:
        key, secret = user(server)
        server.client("s3").create_bucket(Bucket=BUCKET)
        report, noise = {}, os.urandom(64 << 20)
        for name, size, count in plan(arguments, kind):
            # Signed apart for each phase: signatures live for 15 minutes.
            signer = Signer(server.port, key, secret)
            body = lambda n, size=size: f"{n:016}".encode() + noise[: size - 16]
            paths = [f"/{BUCKET}/{size}/{n:07}" for n in range(count)]
            puts = [signer.request("PUT", path, body=body(n)) for n, path in enumerate(paths)]
            report[f"PUT {name}"] = drive(server, puts, arguments.connections)
            del puts
            report[f"GET {name}"] = drive(server, [signer.request("GET", path) for path in paths], arguments.connections)
        signer = Signer(server.port, key, secret)
        lists = [signer.request("GET", f"/{BUCKET}", "list-type=2&prefix=4096%2F")] * max(1, arguments.requests // 100)
        report["list 1,000"] = drive(server, lists, arguments.connections)
        return report
    finally:
        server.stop()


def s3(arguments, target, table):
    """The comparison, one server after the other; medians of the runs."""
    wanted = (arguments.only or "").split(",") if arguments.only else None
    rows, reports = [], {}
    # The bare server keeps no objects, so it is no limit here; nor is what keeps nothing.
    for kind in (kind for kind in servers.ALL if kind not in (Bare, YakumoMemory)):
        if wanted and not any(kind.name.startswith(name) for name in wanted):
            continue
        try:
            runs = [one_run(kind, arguments, target) for _ in range(arguments.runs)]
        except (RuntimeError, ClientError, BotoCoreError, OSError) as error:
            print(f"{kind.name} was left out: {error}")
            continue
        reports[kind.name] = runs
        for phase, first in runs[0].items():
            middle = {k: statistics.median(run[phase][k] for run in runs) for k in first if k != "first_error"}
            rows.append({"server": kind.name, "operation": phase, **middle})
            if first["errors"]:
                print(f"  {kind.name}: {first['errors']} errors in {phase}: {first['first_error']}")
    ours = {row["operation"]: row["per_second"] for row in rows if row["server"] == "yakumo"}
    for row in rows:
        row["share"] = row["per_second"] / ours[row["operation"]] if row["operation"] in ours else None
    table(
        rows,
        [
            ("server", "server", "{}"), ("operation", "operation", "{}"), ("requests", "requests", "{:,.0f}"),
            ("per_second", "requests/s", "{:,.1f}"), ("share", "rate / yakumo", "{:.2f}"),
            ("server_cpu_us", "server CPU us", "{:,.0f}"), ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"),
            ("errors", "errors", "{:.0f}"),
        ],
    )  # fmt: skip
    return {"connections": arguments.connections, "runs": arguments.runs, "reports": reports, "rows": rows}
