#!/usr/bin/env python3
"""The figures of yakumo, measured on the machine where this runs.

  python3 bench/run.py sqs        requests/s and server CPU a request, beside a bare server and other clouds
  python3 bench/run.py s3         objects: PUT and GET of 4 KB, 1 MB, 64 MB, parts, lists, deletes, beside bare files and other clouds
  python3 bench/run.py s3_depth   a bucket with 1,000,000 keys beside an empty one
  python3 bench/run.py start      from exec to the first answer: empty directory, and after a kill with 1,000,000 messages
  python3 bench/run.py idle       resident memory of a cloud that does nothing
  python3 bench/run.py depth      a queue with 1,000,000 messages beside an empty one
  python3 bench/run.py policy     one evaluation of ten policies of five statements
  python3 bench/run.py identities requests beside 10,000 roles and 50,000 policies, and beside none
  python3 bench/run.py network    1,000 interfaces, changed rules, throughput beside bare routed pairs; as root
  python3 bench/run.py instances  from RunInstances to the first line of user data, 200 at once, idle ones; as root
  python3 bench/run.py size       the binary; with --build, how long a clean release build takes
  python3 bench/run.py profile    where the server's time goes in each phase (needs perf)

Each prints a table and writes target/bench/NAME.json. Builds what it needs in release mode (--no-build: it is there).
The other clouds come from PyPI into target/bench-venv; what cannot be had is left out and said.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
VENV = TARGET / "bench-venv"


def ensure_venv():
    """Goes on inside target/bench-venv, made from bench/requirements.txt when it is not there."""
    python = VENV / "bin" / "python"
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    wanted = (HERE / "requirements.txt").read_text()
    stamp = VENV / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(HERE / "requirements.txt")]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    os.execv(python, [str(python), str(HERE / "run.py"), *sys.argv[1:]])


def build(arguments):
    """Builds the release binaries, or trusts that they are there."""
    if not arguments.no_build:
        command = ["cargo", "build", "--release", "-p", "yakumo", "-p", "yakumo-bench"]
        if arguments.what == "network":
            command = ["cargo", "build", "--release", "-p", "yakumo-net", "--example", "network_cost"]
        if arguments.what == "policy":
            command = ["cargo", "build", "--release", "-p", "yakumo-policy", "--example", "evaluate_cost"]
        subprocess.run(command, cwd=HERE.parent, check=True)
    if arguments.what in ("policy", "network"):
        return
    for name in ("yakumo", "yakumo-bench"):
        if not (TARGET / "release" / name).exists():
            sys.exit(f"{TARGET / 'release' / name} is not there")


def machine():
    """What the figures were measured on."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}


def table(rows, columns):
    """Prints rows (dicts) as an aligned table. `columns` are (key, title, format)."""
    lines = [[title for _, title, _ in columns]]
    for row in rows:
        lines.append(["-" if row.get(key) is None else form.format(row[key]) for key, _, form in columns])
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))))


def need_networks():
    """Ends with what is missing, when no network can be made here."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in ("ip", "nft") if not shutil.which(name, path=places)]
    if os.geteuid() != 0 or missing:
        why = f"missing here: {' and '.join(missing)} (Debian: apt-get install iproute2 nftables)" if missing else "it needs root"
        sys.exit(f"networks cannot be made: {why}")


def keep(name, result):
    """Writes the result where the next reader looks for it."""
    place = TARGET / "bench"
    place.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine(), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **result}
    (place / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{place / f'{name}.json'}")


def main():
    ensure_venv()
    sys.path.insert(0, str(HERE))
    import instances
    import measurements
    import objects

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sqs", "s3", "s3_depth", "start", "idle", "depth", "policy", "identities", "network", "instances", "size", "profile"])
    parser.add_argument("--no-build", action="store_true", help="the release binaries are there")
    parser.add_argument("--build", action="store_true", help="size: also time a clean release build")
    parser.add_argument("--requests", type=int, default=100_000, help="sqs: measured requests in each phase")
    parser.add_argument("--scale", type=float, default=1.0, help="s3: so many times the usual requests")
    parser.add_argument("--keys", type=int, default=1_000_000, help="s3, s3_depth: how many keys a bucket has")
    parser.add_argument("--runs", type=int, default=3, help="sqs, s3, s3_depth, depth, identities: how often; medians are shown")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--messages", type=int, default=1_000_000, help="start, depth: how deep the queue is")
    parser.add_argument("--roles", type=int, default=10_000, help="identities: how many roles")
    parser.add_argument("--policies", type=int, default=50_000, help="identities: how many policies")
    parser.add_argument("--instances", type=int, default=200, help="instances: how many at once")
    parser.add_argument("--only", help="sqs, s3: only these servers, such as bare,yakumo")
    parser.add_argument("--data", help="where data directories are made (default: target/bench/data, on the disk of the target)")
    arguments = parser.parse_args()
    arguments.data = Path(arguments.data or TARGET / "bench" / "data")
    shutil.rmtree(arguments.data, ignore_errors=True)
    if arguments.what in ("network", "instances"):
        need_networks()
    build(arguments)
    module = {"s3": objects, "s3_depth": objects, "instances": instances}.get(arguments.what, measurements)
    keep(arguments.what, getattr(module, arguments.what)(arguments, TARGET, table))
    shutil.rmtree(arguments.data, ignore_errors=True)


if __name__ == "__main__":
    main()
