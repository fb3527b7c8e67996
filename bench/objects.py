"""Objects: PUT and GET of several sizes, an upload in parts, lists and deletes, by the Rust load generator.

The servers take turns within each round, so that what else the machine does meets all of them; shares are medians of
the rounds' own shares. What a server's process used of the CPU for a request hardly depends on the machine's load.
"""

import json
import mmap
import statistics
import subprocess
import time

from botocore.exceptions import BotoCoreError, ClientError

import servers
from servers import Bare, BareFiles, EncryptedFiles, Yakumo, YakumoMemory, fresh

BUCKET = "bench"
KIB, MIB = 1 << 10, 1 << 20
POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
  {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::other-*"},
  {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
  {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bench*"},
  {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::bench*/*",
   "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
]}"""
# What is asked in a phase: name, its phase of the load generator, bytes of a body, requests of a fast and of a slow server, warm-up.
PHASES = [
    ("PUT 4 KB", "put", 4 * KIB, 20_000, 500, 1_000),
    ("GET 4 KB", "get", 4 * KIB, 20_000, 500, 1_000),
    ("PUT 1 MB", "put", MIB, 400, 50, 32),
    ("GET 1 MB", "get", MIB, 400, 50, 32),
    ("PUT 64 MB", "put", 64 * MIB, 12, 3, 0),
    ("GET 64 MB", "get", 64 * MIB, 12, 3, 0),
    ("16 parts of 64 MB", "parts", 64 * MIB, 16, 16, 0),
]
# Large bodies move over fewer connections: the memory of the other servers is all of their bodies.
FEW = 4


def load(target, server, key, phase, size, requests, connections, prefix, **more):
    """One phase. Gives what was measured, with the server's greatest memory in MiB."""
    command = [
        str(target / "release" / "yakumo-bench"), "objects", "--address", f"127.0.0.1:{server.port}",
        "--pid", str(server.process.pid), "--bucket", more.pop("bucket", BUCKET), "--access-key", key[0], "--secret", key[1],
        "--phase", phase, "--size", str(size), "--requests", str(requests), "--connections", str(connections), "--prefix", prefix,
    ]  # fmt: skip
    for name, value in more.items():
        command += [f"--{name}", str(value)]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    most = 0.0
    while client.poll() is None:
        most = max(most, server.resident_mib())
        time.sleep(0.02)
    said, wrong = client.communicate()
    if client.returncode != 0:
        raise RuntimeError(wrong.strip()[-500:])
    measured = json.loads(said)
    if measured["errors"]:
        print(f"  {server.name}: {measured['errors']} errors in {phase}: {measured['first_error'][:300]}", flush=True)
    return {**measured, "resident_mib": most, "mib_per_second": measured["per_second"] * size / MIB}


def touch(size):
    """Takes so many bytes of memory and gives them back. A virtual machine returns free memory to its host, which takes many times
    longer to find it again than a write takes; that would be counted to whichever server asks for it first."""
    with mmap.mmap(-1, size) as memory:
        for _ in range(size // MIB):
            memory.write(b"\1" * MIB)


def user(server):
    """As `Server.user`, with a policy for objects."""
    key = server.user()
    try:
        server.client("iam").put_user_policy(UserName="bench", PolicyName="five", PolicyDocument=POLICY)
    except (ClientError, BotoCoreError):
        if server.checks:
            raise
    return key


def one_run(kind, arguments, target):
    """The phases against a new server on an empty directory."""
    server = kind(target, fresh(arguments.data / "server")).start()
    try:
        bare, slow = issubclass(kind, BareFiles), kind not in (BareFiles, EncryptedFiles, Yakumo)
        key = ("AKIAIOSFODNN7EXAMPLE", "secret") if bare else user(server)
        if not bare:
            server.client("s3").create_bucket(Bucket=BUCKET)
        report = {}
        for name, phase, size, fast, few, warm in PHASES:
            requests = few if slow else max(1, int(fast * arguments.scale))
            connections = arguments.connections if size < MIB else FEW
            prefix = f"{size}{'p' if phase == 'parts' else ''}/"
            warm = min(warm, requests // 10)
            touch(512 * MIB + size * (requests + warm) * 3 // 2)
            report[name] = load(target, server, key, phase, size, requests, connections, prefix, warm=warm)
        if not bare:
            keys = 5_000 if slow else arguments.keys
            load(target, server, key, "put", 16, keys, arguments.connections, "many/")
            lists = {"keys": keys, "warm": 2}
            report["list 1,000"] = load(target, server, key, "list", 16, 20 if slow else 200, FEW, "many/", **lists)
            report["list 1,000"]["of"] = keys
            report["delete 1,000"] = load(target, server, key, "delete", 16, keys // 1_000, FEW, "many/")
        return report
    finally:
        server.stop()


def s3(arguments, target, table):
    """The comparison: rounds, and in each one server after the other."""
    wanted = (arguments.only or "").split(",") if arguments.only else None
    kinds = [BareFiles, EncryptedFiles, *(kind for kind in servers.ALL if kind not in (Bare, YakumoMemory))]
    kinds = [kind for kind in kinds if not wanted or any(kind.name.startswith(name) for name in wanted)]
    reports = {}
    for number in range(arguments.runs):
        for kind in list(kinds):
            print(f"round {number + 1} of {arguments.runs}: {kind.name}", flush=True)
            try:
                reports.setdefault(kind.name, []).append(one_run(kind, arguments, target))
            except (RuntimeError, ClientError, BotoCoreError, OSError) as error:
                print(f"{kind.name} was left out: {error}", flush=True)
                kinds.remove(kind)
                reports.pop(kind.name, None)
    rows = list(rows_of(reports))
    table(
        rows,
        [
            ("server", "server", "{}"), ("operation", "operation", "{}"), ("requests", "requests", "{:,.0f}"),
            ("per_second", "requests/s", "{:,.1f}"), ("mib_per_second", "MiB/s", "{:,.0f}"),
            ("rate_share", "rate / bare", "{:.2f}"), ("encrypted_share", "rate / encrypted", "{:.2f}"), ("server_cpu_us", "server CPU us", "{:,.0f}"),
            ("cpu_times", "CPU / bare", "{:.1f}"), ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"),
            ("resident_mib", "memory MiB", "{:,.0f}"), ("errors", "errors", "{:.0f}"),
        ],
    )  # fmt: skip
    return {"connections": arguments.connections, "runs": arguments.runs, "reports": reports, "rows": rows}


def rows_of(reports):
    for name, runs in reports.items():
        for phase, first in runs[0].items():
            fields = [field for field in first if field not in ("first_error", "empty")]
            row = {field: statistics.median(run[phase][field] for run in runs) for field in fields}
            for share, limit, field in (
                ("rate_share", BareFiles, "per_second"),
                ("encrypted_share", EncryptedFiles, "per_second"),
                ("cpu_times", BareFiles, "server_cpu_us"),
            ):
                beside = reports.get(limit.name)
                if beside and phase in beside[0]:
                    row[share] = statistics.median(
                        run[phase][field] / (other[phase][field] or 1) for run, other in zip(runs, beside, strict=False)
                    )
            yield {"server": name, "operation": phase, **row}


def s3_depth(arguments, target, table):
    """A bucket with a million keys beside an empty one, on one server, in turns."""
    server = Yakumo(target, fresh(arguments.data / "server")).start()
    try:
        key, keys, connections = user(server), arguments.keys, arguments.connections
        for bucket in ("bench-full", "bench-empty"):
            server.client("s3").create_bucket(Bucket=bucket)
        filled = load(target, server, key, "put", 16, keys, connections, "k/", bucket="bench-full")
        print(f"{keys:,} keys in {filled['seconds']:,.0f} s, {filled['resident_mib']:,.0f} MiB of memory", flush=True)
        # The empty bucket has what one list answers.
        load(target, server, key, "put", 16, 1_000, connections, "k/", bucket="bench-empty")
        rounds = []
        for number in range(arguments.runs):
            rounds.append({})
            for bucket, known in (("bench-full", keys), ("bench-empty", 1_000)):
                run = lambda phase, requests, **more: load(target, server, key, phase, 4 * KIB, requests, connections, **more)
                rounds[-1][bucket] = {
                    "PUT 4 KB": run("put", 10_000, prefix="k/5", bucket=bucket, first=number * 10_000, warm=500),
                    "GET 4 KB": run("get", 10_000, prefix="k/5", bucket=bucket, first=number * 10_000, warm=500),
                    "list 1,000": run("list", 200, prefix="k/", bucket=bucket, keys=known, warm=4),
                }
        rows = []
        for phase in rounds[0]["bench-full"]:
            middle = lambda bucket, phase=phase: statistics.median(one[bucket][phase]["per_second"] for one in rounds)
            shares = [one["bench-full"][phase]["per_second"] / one["bench-empty"][phase]["per_second"] for one in rounds]
            rows.append({"operation": phase, "full": middle("bench-full"), "empty": middle("bench-empty"), "share": statistics.median(shares)})
        table(rows, [("operation", "operation", "{}"), ("full", "full/s", "{:,.0f}"), ("empty", "empty/s", "{:,.0f}"), ("share", "full / empty", "{:.2f}")])
        return {"keys": keys, "runs": arguments.runs, "rounds": rounds, "rows": rows}
    finally:
        server.stop()
