"""Real tools from PyPI that only some stories need: each in an environment of its own under the target directory, made once.

Their dependencies would fight with ours. What cannot be installed is skipped, and the run ends with a list of it.
"""

import contextlib
import fcntl
import shutil
import subprocess
import sys

import pytest

import cloud as clouds


@contextlib.contextmanager
def alone(name):
    """One process at a time installs `name`: stories run in several."""
    clouds.TARGET.mkdir(parents=True, exist_ok=True)
    with open(clouds.TARGET / f"stories-{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def environment(name, *requirements):
    """The `bin` directory of target/stories-NAME with these requirements; made when it is not there or they changed."""
    place = clouds.TARGET / f"stories-{name}"
    stamp, wanted = place / "installed", "\n".join(requirements)
    with alone(name):
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
            install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements]
            done = subprocess.run(install, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"{name} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
            stamp.write_text(wanted)
    return place / "bin"


def node(name, package):
    """The directory target/stories-NAME with the packages of a `package.json`; made as `environment` makes its own."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    place = clouds.TARGET / f"stories-js-{name}"
    stamp, wanted = place / "installed", package.read_text()
    with alone(f"js-{name}"):
        if not stamp.exists() or stamp.read_text() != wanted:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(package, place)
            install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(install, cwd=place, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"npm cannot install {name}: {done.stderr.strip().splitlines()[-1:]}")
            stamp.write_text(wanted)
    return place
