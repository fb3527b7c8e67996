"""The AWS SDK for JavaScript v3, unmodified. Its packages are installed once under target/."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import cloud as clouds
from people import Person, allow, make_role, trust

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def packages():
    """A directory with the SDK, installed with npm when it is not there."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    place = clouds.TARGET / "stories-js"
    place.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "package.json").read_text()
    if not (place / "installed").exists() or (place / "installed").read_text() != wanted:
        shutil.copy(HERE / "package.json", place)
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=place, capture_output=True, text=True
        )
        if done.returncode != 0:
            pytest.skip(f"npm cannot install the SDK: {done.stderr.strip().splitlines()[-1:]}")
        (place / "installed").write_text(wanted)
    return place


def test_roles_in_the_javascript_sdk(cloud, iam, packages):
    person = Person(cloud, iam, "js")
    person.put("p", allow(["sts:AssumeRole", "sts:TagSession"]))
    both = ["sts:AssumeRole", "sts:TagSession"]
    first = make_role(iam, "js-first", trust({"AWS": person.arn}, both, StringEquals={"sts:ExternalId": "js"}), allow(both))
    blue = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}
    second = make_role(iam, "js-second", trust({"AWS": first}, both), allow(["sqs:ListQueues", "iam:ListRoles"], **blue))
    shutil.copy(HERE / "identity_story.mjs", packages)
    environ = {
        "PATH": os.environ["PATH"], "ENDPOINT": cloud.url, "FIRST": first, "SECOND": second,
        "ACCESS_KEY": person.key["AccessKeyId"], "SECRET": person.key["SecretAccessKey"],
    }  # fmt: skip
    done = subprocess.run(
        ["node", "identity_story.mjs"], cwd=packages, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "the story is told" in done.stdout, done.stdout + done.stderr


def test_the_javascript_sdk(cloud, packages):
    shutil.copy(HERE / "sqs_story.mjs", packages)
    environ = {"PATH": os.environ["PATH"], "ENDPOINT": cloud.url}
    done = subprocess.run(
        ["node", "sqs_story.mjs"], cwd=packages, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "the story is told" in done.stdout, done.stdout + done.stderr
