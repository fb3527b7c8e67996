"""celery with a real worker in a process of its own and real jobs over SQS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture
def environ(cloud, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "STORY_BROKER": f"sqs://test:test@127.0.0.1:{cloud.port}//",
        "STORY_RESULTS": f"file://{results}",
        # The async receiver signs with botocore's own credentials chain as well.
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def test_jobs_are_done_by_a_worker(cloud, environ, tmp_path, sqs):
    pytest.importorskip("celery")
    pytest.importorskip("pycurl")
    ask = (
        "import celery_app, json\n"
        "jobs = [celery_app.add.delay(i, i) for i in range(5)]\n"
        "print(json.dumps([j.get(timeout=90) for j in jobs]))\n"
    )
    log = open(tmp_path / "worker.log", "w+")
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--pool", "solo", "--loglevel", "info",
         "--without-gossip", "--without-mingle", "--without-heartbeat"],
        cwd=HERE, env=environ, stdout=log, stderr=subprocess.STDOUT,
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", ask], cwd=HERE, env=environ, capture_output=True, text=True, timeout=120
        )
        log.seek(0)
        assert done.returncode == 0, done.stderr[-3000:] + log.read()[-3000:]
        answers = __import__("json").loads(done.stdout.splitlines()[-1])
        assert [a[0] for a in answers] == [0, 2, 4, 6, 8]
        assert {a[1] for a in answers} == {worker.pid}, "the worker did the jobs, not the one who asked"
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    url = sqs.get_queue_url(QueueName="celery-story-jobs")["QueueUrl"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0" and counts["ApproximateNumberOfMessagesNotVisible"] == "0"
