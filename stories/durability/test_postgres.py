"""The same cloud on PostgreSQL: what was acknowledged is there after a restart and after kills of either side."""

import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

import cloud as clouds
from durability.rounds import run_rounds
from people import Person, allow

SERVER = Path(__file__).resolve().parents[2] / "crates" / "store" / "tests" / "with-postgres.sh"


@pytest.fixture(scope="module")
def postgres():
    """The URL of a throw-away PostgreSQL."""
    script = 'echo "$YAKUMO_TEST_POSTGRES"; cat >/dev/null'
    server = subprocess.Popen(
        ["bash", str(SERVER), "sh", "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = server.stdout.readline()
    if not line:
        pytest.skip(f"PostgreSQL cannot be started here: {server.stderr.read().strip()[-300:]}")
    parts = dict(part.split("=", 1) for part in line.split())
    yield f"postgres://{parts['user']}@{quote(parts['host'], safe='')}/{parts['dbname']}"
    server.stdin.close()
    server.wait(timeout=60)


def test_a_cloud_on_postgres(workshop, postgres):
    cloud = workshop.cloud(data_dir=workshop.directory(), args=["--store", postgres])
    sqs, iam = cloud.client("sqs"), cloud.client("iam")
    url = sqs.create_queue(QueueName="on-postgres")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    person = Person(cloud, iam, "on-postgres")
    person.put("send", allow("sqs:SendMessage"))
    # Two clouds cannot own one database at a time.
    second = subprocess.run(
        [str(clouds.BINARY), "up", "--port", "0", "--data-dir", str(workshop.directory()), "--store", postgres],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert second.returncode not in (0, None), second.stdout
    cloud.stop()
    cloud.start()
    url = cloud.client("sqs").get_queue_url(QueueName="on-postgres")["QueueUrl"]
    person.service("sqs").send_message(QueueUrl=url, MessageBody="after")
    messages = cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["Body"] for m in messages) == ["after", "kept"]
    cloud.command("reset", "--yes")
    cloud.stop()


def test_kills_on_postgres(workshop, postgres):
    cloud = workshop.cloud(data_dir=workshop.directory(), args=["--store", postgres], tries=60)
    assert run_rounds(cloud, 2, seed=3, say=print) > 0
