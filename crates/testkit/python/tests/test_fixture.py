"""The fixture as its users use it. Needs the binary: YAKUMO_BIN, or `yakumo` on the path."""

import datetime
import os
import subprocess
import urllib.request

import pytest

from yakumo import Cloud, ControlError, NotReady


def test_a_cloud_answers_and_its_tools_find_it(yakumo_cloud):
    with urllib.request.urlopen(f"{yakumo_cloud.endpoint}/_yakumo/health") as answer:
        assert answer.status == 200
    environ = {**os.environ, **yakumo_cloud.environ(account="123456789012", region="eu-west-1")}
    assert environ["AWS_ACCESS_KEY_ID"] == "123456789012"
    binary = os.environ.get("YAKUMO_BIN", "yakumo")
    told = subprocess.run([binary, "status"], env=environ, capture_output=True, text=True, check=True)
    assert yakumo_cloud.endpoint in told.stdout


def test_the_clock_moves_forward_only(yakumo_cloud):
    frozen = yakumo_cloud.freeze()
    assert yakumo_cloud.now() == frozen
    assert yakumo_cloud.advance(90) - frozen == datetime.timedelta(seconds=90)
    assert yakumo_cloud.advance(datetime.timedelta(hours=1)) - frozen == datetime.timedelta(seconds=3690)
    later = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
    assert yakumo_cloud.set_time(later) == later
    with pytest.raises(ControlError, match="only moves forward") as refused:
        yakumo_cloud.set_time(later - datetime.timedelta(days=1))
    assert refused.value.code == "BadRequest"
    with pytest.raises(ValueError):
        yakumo_cloud.set_time(datetime.datetime(2101, 1, 1))
    assert yakumo_cloud.resume() >= later


def test_a_reset_goes_back_to_real_time(yakumo_cloud):
    yakumo_cloud.advance(datetime.timedelta(days=365))
    yakumo_cloud.reset()
    real = datetime.datetime.now(datetime.timezone.utc)
    assert abs(yakumo_cloud.now() - real) < datetime.timedelta(hours=1)


class TestOptions:
    @pytest.fixture
    def yakumo_options(self):
        return ["--clock", "2001-02-03T04:05:06Z", "--seed", "7"]

    def test_they_reach_the_cloud(self, yakumo_cloud):
        assert yakumo_cloud.now().year == 2001
        assert yakumo_cloud.status()["seed"] == 7


def test_clouds_do_not_meet(yakumo_cloud):
    with Cloud.start() as other:
        assert other.endpoint != yakumo_cloud.endpoint
        assert other.status()["cloud"] != yakumo_cloud.status()["cloud"]
        pid = other.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_cannot_start_says_why():
    with pytest.raises(NotReady, match="marmalade"):
        Cloud.start(["--durability", "marmalade"])
    with pytest.raises(NotReady, match="cannot be run"):
        Cloud.start(binary="/nowhere/yakumo")


def test_real_requests_and_a_denied_one(yakumo_cloud):
    pytest.importorskip("boto3")
    from botocore.exceptions import ClientError

    sqs = yakumo_cloud.client("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    yakumo_cloud.advance(3601)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"

    stranger = yakumo_cloud.client("sqs", account="123456789012")
    with pytest.raises(ClientError) as refused:
        stranger.receive_message(QueueUrl=url)
    request_id = refused.value.response["ResponseMetadata"]["RequestId"]
    assert request_id in [request["id"] for request in yakumo_cloud.requests(denied=True)]
    assert yakumo_cloud.why(request_id)["request"]["account"] == "123456789012"
    assert yakumo_cloud.can("root", "sqs:ListQueues")["allowed"]
    assert not yakumo_cloud.can("anonymous", "sqs:ListQueues", context={"aws:SourceIp": "127.0.0.1"})["allowed"]
