"""What is measured, and how. Every figure is a median of several runs unless it says otherwise."""

import functools
import json
import os
import re
import signal
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import crowd
import servers
from servers import Bare, Yakumo, YakumoMemory, fresh

PHASES = ("send", "receive", "delete")
# Slow servers get fewer requests, so that a run ends; the table says how many.
FEWER = {"moto": 500, "ministack": 5_000, "roto": 5_000}


def load(target, server, key, secret, queue, requests, connections, phases=PHASES, first=0, warm=None, handles=None, token=None):
    """Runs the load generator against a server. Gives its report, by phase."""
    warm = min(2_000, requests // 10) if warm is None else warm
    command = [
        str(target / "release" / "yakumo-bench"), "load", "--address", f"127.0.0.1:{server.port}",
        "--pid", str(server.process.pid), "--queue-url", queue, "--access-key", key, "--secret", secret,
        "--requests", str(requests), "--warm", str(warm), "--connections", str(connections),
        "--phases", ",".join(phases), "--first", str(first),
    ]  # fmt: skip
    if token:
        command += ["--token", token]
    if handles:
        command += ["--handles", str(handles)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    report = json.loads(done.stdout)
    for phase, measured in report.items():
        if measured["errors"]:
            print(f"  {server.name}: {measured['errors']} errors in {phase}: {measured['first_error'][:300]}")
    return report


def middle(reports, phase, field):
    """The median of one figure over several runs."""
    return statistics.median(report[phase][field] for report in reports)


def sqs(arguments, target, table):
    """The comparison: the same requests, the same client, one machine, one after the other."""
    wanted = (arguments.only or "").split(",") if arguments.only else None
    results = []
    for kind in servers.ALL:
        if wanted and not any(kind.name.startswith(name) for name in wanted):
            continue
        try:
            results.append(one_server(kind, arguments, target))
        except (RuntimeError, ClientError, BotoCoreError, OSError) as error:
            print(f"{kind.name} was left out: {error}")
    bare = next((r for r in results if r["name"] == Bare.name), None)
    rows = [row for result in results for row in rows_of(result, bare)]
    table(
        rows,
        [
            ("server", "server", "{}"), ("operation", "operation", "{}"), ("requests", "requests", "{:,}"),
            ("per_second", "requests/s", "{:,.0f}"), ("server_cpu_us", "server CPU us", "{:,.1f}"),
            ("rate_share", "rate / bare", "{:.2f}"), ("cpu_times", "CPU / bare", "{:.1f}"),
            ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"), ("errors", "errors", "{}"),
        ],
    )  # fmt: skip
    print(f"\n{arguments.connections} connections, one request in flight on each; the load generator shares the machine.")
    return {"connections": arguments.connections, "runs": arguments.runs, "servers": results, "rows": rows}


def one_server(kind, arguments, target):
    requests = min([arguments.requests, *(n for name, n in FEWER.items() if kind.name.startswith(name))])
    runs = arguments.runs if requests == arguments.requests else 1
    reports = []
    for run in range(runs):
        server = kind(target, fresh(arguments.data / "server")).start()
        try:
            key, secret = server.user()
            print(f"{server.name}: run {run + 1} of {runs}, {requests:,} requests a phase", flush=True)
            reports.append(load(target, server, key, secret, server.queue(), requests, arguments.connections))
        finally:
            server.stop()
    return {"name": kind.name, "checks": kind.checks, "requests": requests, "reports": reports}


def rows_of(result, bare):
    for phase in PHASES:
        row = {"server": result["name"], "operation": f"{phase.capitalize()}Message", "requests": result["requests"]}
        for field in ("per_second", "server_cpu_us", "p50_us", "p99_us"):
            row[field] = middle(result["reports"], phase, field)
        row["errors"] = sum(report[phase]["errors"] + (report[phase].get("empty") or 0) for report in result["reports"])
        if bare:
            row["rate_share"] = row["per_second"] / middle(bare["reports"], phase, "per_second")
            row["cpu_times"] = row["server_cpu_us"] / middle(bare["reports"], phase, "server_cpu_us")
        yield row


def until_answered(target, directory, port):
    """Milliseconds from exec to the first answered request, asked again and again; gives the process as well."""
    command = [str(target / "release" / "yakumo"), "up", "--port", str(port), "--data-dir", str(directory)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_yakumo/health", timeout=60) as answer:
                answer.read()
            return (time.perf_counter() - started) * 1000, process
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"yakumo ended with {process.returncode}") from None
            time.sleep(0.0005)


def p95(values):
    """The value that 19 of 20 do not exceed."""
    return sorted(values)[round(0.95 * (len(values) - 1))]


def start(arguments, target, table):
    """Starts on an empty directory (20 times), and after a kill with a deep queue (5 times)."""
    port, empty = servers.free_port(), []
    for _ in range(20):
        took, process = until_answered(target, fresh(arguments.data / "empty"), port)
        process.kill()
        process.wait()
        empty.append(took)
    rows = [{"what": "empty directory", "starts": 20, "median": statistics.median(empty), "p95": p95(empty), "max": max(empty)}]
    server = Yakumo(target, fresh(arguments.data / "server")).start()
    key, secret = server.user()
    queue = server.queue()
    fill(target, server, key, secret, queue, arguments)
    server.stop()
    deep = []
    for _ in range(5):
        took, process = until_answered(target, server.data / "yakumo", server.port)
        process.kill()
        process.wait()
        deep.append(took)
    what = f"after kill -9, {arguments.messages:,} messages"
    rows.append({"what": what, "starts": 5, "median": statistics.median(deep), "p95": max(deep), "max": max(deep)})
    columns = [("what", "start", "{}"), ("starts", "starts", "{}"), ("median", "median ms", "{:.1f}")]
    table(rows, [*columns, ("p95", "p95 ms", "{:.1f}"), ("max", "max ms", "{:.1f}")])
    return {"rows": rows, "empty_ms": empty, "deep_ms": deep}


def fill(target, server, key, secret, queue, arguments):
    """Sends messages in batches of ten until the queue is as deep as asked."""
    print(f"filling a queue with {arguments.messages:,} messages", flush=True)
    batches = arguments.messages // 10
    report = load(target, server, key, secret, queue, batches, arguments.connections, phases=("fill",), warm=0)
    if report["fill"]["errors"]:
        raise RuntimeError("the queue could not be filled")


def idle(arguments, target, table):
    """Resident memory ten seconds after the start, and after some work."""
    rows = []
    for kind in (Yakumo, YakumoMemory):
        server = kind(target, fresh(arguments.data / "server")).start()
        time.sleep(10)
        fresh_mib = server.resident_mib()
        key, secret = server.user()
        load(target, server, key, secret, server.queue(), 10_000, arguments.connections, warm=0)
        time.sleep(10)
        rows.append({"server": kind.name, "idle": fresh_mib, "worked": server.resident_mib()})
        server.stop()
    table(rows, [("server", "server", "{}"), ("idle", "idle MiB", "{:.1f}"), ("worked", "after 30,000 requests MiB", "{:.1f}")])
    return {"rows": rows}


def depth(arguments, target, table):
    """The same requests on an empty queue and on a deep one, in turns on one server."""
    server = Yakumo(target, fresh(arguments.data / "server")).start()
    key, secret = server.user()
    queues = {"empty": server.queue("bench-empty"), "deep": server.queue("bench-deep")}
    fill(target, server, key, secret, queues["deep"], arguments)
    requests, reports = min(arguments.requests, 20_000), {"empty": [], "deep": []}
    for run in range(arguments.runs):
        for which, queue in queues.items():
            first = 1_000_000 * (run + 1)
            reports[which].append(load(target, server, key, secret, queue, requests, arguments.connections, first=first))
    resident = server.resident_mib()
    server.stop()
    rows = []
    for phase in PHASES:
        row = {"operation": f"{phase.capitalize()}Message"}
        for which in queues:
            row[f"{which}_rate"] = middle(reports[which], phase, "per_second")
            row[f"{which}_cpu"] = middle(reports[which], phase, "server_cpu_us")
        row["ratio"] = row["deep_rate"] / row["empty_rate"]
        rows.append(row)
    table(
        rows,
        [
            ("operation", "operation", "{}"), ("empty_rate", "empty, requests/s", "{:,.0f}"),
            ("deep_rate", f"{arguments.messages:,} deep, requests/s", "{:,.0f}"), ("ratio", "ratio", "{:.2f}"),
            ("empty_cpu", "empty, CPU us", "{:.1f}"), ("deep_cpu", "deep, CPU us", "{:.1f}"),
        ],
    )  # fmt: skip
    print(f"\nresident memory with the deep queue: {resident:,.0f} MiB")
    return {"rows": rows, "reports": reports, "resident_mib": resident}


def policy(arguments, target, table):
    """What one evaluation by the policy engine costs: medians of five runs, each of some 200,000 evaluations."""
    example, figures = target / "release" / "examples" / "evaluate_cost", {}
    for _ in range(5):
        said = subprocess.run([str(example)], capture_output=True, text=True, check=True).stdout
        for nanoseconds, what in re.findall(r"(\d+) ns\s+(.+)", said):
            figures.setdefault(what, []).append(int(nanoseconds) / 1000)
    rows = [{"what": what, "us": statistics.median(runs), "worst": max(runs)} for what, runs in figures.items()]
    table(rows, [("what", "evaluation of", "{}"), ("us", "us", "{:.2f}"), ("worst", "slowest run us", "{:.2f}")])
    return {"rows": rows, "runs_us": figures}


def network(arguments, target, table):
    """What networks cost: medians of three runs. Each run compares the filtered path with the bare one in turns."""
    runs = []
    for _ in range(arguments.runs):
        said = subprocess.run([str(target / "release" / "examples" / "network_cost")], capture_output=True, text=True, check=True).stdout
        runs.append(json.loads(said))
    middle = lambda *path: statistics.median(functools.reduce(lambda value, key: value[key], path, run) for run in runs)  # noqa: E731
    rows = [
        {"what": "1,000 interfaces built, s", "value": middle("built_s")},
        {"what": "1,000 interfaces removed, s", "value": middle("removed_s")},
        {"what": "kernel memory of an interface, KiB", "value": middle("kernel_kib_each")},
        {"what": "a changed rule, median, ms", "value": middle("rule_change_ms", "median")},
        {"what": "a changed rule, slowest of 40, ms", "value": middle("rule_change_ms", "worst")},
        {"what": "throughput, of that without rules", "value": middle("throughput_gbit_s", "ratio")},
        {"what": "connections a second, of those without rules", "value": middle("connections_s", "ratio")},
    ]
    table(rows, [("what", "networks", "{}"), ("value", "", "{:.2f}")])
    return {"rows": rows, "runs": runs}


def identities(arguments, target, table):
    """The same requests by a role's session on a server full of roles and policies and on an empty one, in turns. The
    session's account is one of the full ones. Both roles have the same five-statement policy."""
    running = {which: Yakumo(target, fresh(arguments.data / which)).start() for which in ("empty", "full")}
    began = time.perf_counter()
    made = crowd.fill(running["full"], arguments.roles, arguments.policies)
    took = time.perf_counter() - began
    print(f"made {made} through the API in {took:,.0f} s", flush=True)
    callers = {which: crowd.caller(server) for which, server in running.items()}
    phases, requests, reports = ("url", "send"), min(arguments.requests, 50_000), {which: [] for which in running}
    for run in range(arguments.runs):
        # Who goes first changes, so that neither profits.
        for which in list(running)[:: 1 if run % 2 == 0 else -1]:
            key, queue = callers[which]
            who = key["AccessKeyId"], key["SecretAccessKey"], queue
            first, token = 1_000_000 * (run + 1), key["SessionToken"]
            report = load(
                target, running[which], *who, requests, arguments.connections, phases, first=first, token=token
            )
            reports[which].append(report)
    resident = {which: server.resident_mib() for which, server in running.items()}
    for server in running.values():
        server.stop()
    rows = []
    for phase, operation in zip(phases, ("GetQueueUrl", "SendMessage"), strict=True):
        row = {"operation": operation}
        for which in running:
            row[f"{which}_rate"] = middle(reports[which], phase, "per_second")
            row[f"{which}_cpu"] = middle(reports[which], phase, "server_cpu_us")
        row["ratio"] = row["full_rate"] / row["empty_rate"]
        row["cpu_ratio"] = row["empty_cpu"] / row["full_cpu"]
        rows.append(row)
    table(
        rows,
        [
            ("operation", "operation", "{}"), ("empty_rate", "empty, requests/s", "{:,.0f}"),
            ("full_rate", "full, requests/s", "{:,.0f}"), ("ratio", "ratio", "{:.2f}"),
            ("empty_cpu", "empty, CPU us", "{:.1f}"), ("full_cpu", "full, CPU us", "{:.1f}"),
            ("cpu_ratio", "CPU ratio", "{:.2f}"),
        ],
    )  # fmt: skip
    print(f"\nresident memory: {resident['full']:,.0f} MiB with all of them, {resident['empty']:,.0f} MiB without")
    return {"rows": rows, "reports": reports, "resident_mib": resident, "made": made, "made_in_s": took}


def size(arguments, target, table):
    """The binary's size; with --build the time of a clean release build in a target directory of its own."""
    binary = target / "release" / "yakumo"
    rows = [{"what": "binary, MB", "value": binary.stat().st_size / 1e6}]
    if arguments.build:
        place = fresh(arguments.data / "clean-target")
        started = time.perf_counter()
        subprocess.run(
            ["cargo", "build", "--release", "-p", "yakumo"], cwd=Path(__file__).parent.parent, check=True,
            env={**os.environ, "CARGO_TARGET_DIR": str(place)},
        )  # fmt: skip
        rows.append({"what": "clean release build, s", "value": time.perf_counter() - started})
    table(rows, [("what", "what", "{}"), ("value", "value", "{:,.1f}")])
    return {"rows": rows}


def profile(arguments, target, table):
    """Where the server's time goes, phase by phase: `perf` samples it while the load runs. Needs perf and its permission."""
    server = Yakumo(target, fresh(arguments.data / "server")).start()
    key, secret = server.user()
    queue = server.queue()
    handles = arguments.data / "handles.json"
    found = {}
    for phase in PHASES:
        samples = arguments.data / f"{phase}.perf"
        recorder = subprocess.Popen(
            ["perf", "record", "--freq", "1999", "-g", "--output", str(samples), "--pid", str(server.process.pid)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(1)
        load(target, server, key, secret, queue, arguments.requests, arguments.connections, (phase,), handles=handles)
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        report = subprocess.run(
            ["perf", "report", "--input", str(samples), "--no-children", "--sort", "symbol", "--stdio", "--call-graph", "none"],
            capture_output=True, text=True,
        )  # fmt: skip
        lines = [line.rstrip() for line in report.stdout.splitlines() if line.strip() and not line.startswith("#")]
        found[phase] = lines[:60]
        print(f"\n{phase}")
        print("\n".join(lines[:40]))
    server.stop()
    return {"phases": found}
