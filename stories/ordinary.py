"""Somebody who is not root, for the stories that are told without it: whoever runs them, or a user made for it."""

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# No name is needed: the kernel asks for none.
USER = 61184
BECOME = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]


def become():
    """What a command begins with to be run by somebody who is not root."""
    return BECOME if os.geteuid() == 0 else []


@functools.cache
def reachable(program):
    """The program where an ordinary user can reach it: itself, or a copy."""
    if subprocess.run([*become(), "test", "-x", program], check=False).returncode == 0:
        return str(program)
    directory = tempfile.mkdtemp(prefix="yakumo-program-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    return shutil.copy(program, directory)


@functools.cache
def python():
    """An interpreter with boto3 that an ordinary user can run, and what its environment needs for it; nothing when there is none."""
    # By a shell: `setpriv` itself still has root's rights when it looks for its program.
    can = lambda program, more: subprocess.run(  # noqa: E731
        [*become(), "sh", "-c", 'exec "$0" -c "import boto3"', program], env={**os.environ, **more}, capture_output=True, check=False
    ).returncode == 0
    if can(sys.executable, {}):
        return sys.executable, {}
    directory = tempfile.mkdtemp(prefix="yakumo-python-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    site = Path(importlib.util.find_spec("boto3").origin).parents[1]
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"):
        shutil.copytree(site / name, Path(directory) / name)
    shutil.copy(site / "six.py", directory)
    found = ("/usr/bin/python3", {"PYTHONPATH": directory})
    return found if can(*found) else None


def owns(path):
    """Gives a directory to them."""
    if os.geteuid() == 0:
        os.chown(path, USER, USER)


@functools.cache
def lacking():
    """Why networks cannot be made without root here; nothing when they can."""
    missing = [name for name in ("ip", "nft", "unshare") if not shutil.which(name)]
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        missing.append("setpriv")
    if missing:
        return f"needs {', '.join(missing)}"
    done = subprocess.run([*become(), "unshare", "-Urnm", "true"], capture_output=True, text=True, check=False)
    return done.returncode and f"user namespaces are not allowed here: {done.stderr.strip()}"
