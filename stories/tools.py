"""Real tools from PyPI that only some stories need: each in an environment of its own under the target directory, made once.

Their dependencies would fight with ours. What cannot be installed is skipped, and the run ends with a list of it.
"""

import subprocess
import sys

import pytest

import cloud as clouds


def environment(name, *requirements):
    """The `bin` directory of target/stories-NAME with these requirements; made when it is not there or they changed."""
    place = clouds.TARGET / f"stories-{name}"
    stamp, wanted = place / "installed", "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"{name} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        stamp.write_text(wanted)
    return place / "bin"
