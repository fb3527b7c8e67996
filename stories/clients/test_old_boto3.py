"""A boto3 from before SQS spoke JSON: the query protocol through a real client. Installed once under target/."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cloud as clouds

HERE = Path(__file__).resolve().parent
VERSION = "1.28.80"


@pytest.fixture(scope="module")
def python():
    """The interpreter of a venv with the old boto3."""
    venv = clouds.TARGET / f"stories-boto3-{VERSION}"
    python = venv / "bin" / "python"
    if not (venv / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", f"boto3=={VERSION}"], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"boto3 {VERSION} cannot be installed: {done.stderr.strip()[-200:]}")
        (venv / "installed").touch()
    return python


def test_the_query_protocol_of_an_old_boto3(cloud, python):
    environ = {"PATH": os.environ["PATH"], "ENDPOINT": cloud.url}
    done = subprocess.run([python, HERE / "query_story.py"], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "the story is told" in done.stdout, done.stdout + done.stderr
