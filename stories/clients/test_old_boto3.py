"""A boto3 from before SQS spoke JSON: the query protocol through a real client. Installed once under target/."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cloud as clouds

HERE = Path(__file__).resolve().parent
# The last that speaks query to SQS; boto3 alone would bring a newer botocore.
WANTED = ["boto3==1.28.79", "botocore==1.31.79"]


@pytest.fixture(scope="module")
def python():
    """The interpreter of a venv with the old boto3."""
    venv = clouds.TARGET / "stories-old-boto3"
    python = venv / "bin" / "python"
    if not (venv / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", *WANTED], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"{WANTED} cannot be installed: {done.stderr.strip()[-200:]}")
        (venv / "installed").touch()
    return python


def test_the_query_protocol_of_an_old_boto3(cloud, python):
    environ = {"PATH": os.environ["PATH"], "ENDPOINT": cloud.url}
    done = subprocess.run([python, HERE / "query_story.py"], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "the story is told" in done.stdout, done.stdout + done.stderr
