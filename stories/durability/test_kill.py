"""`kill -9` under load from several clients: everything acknowledged is there, nothing deleted comes back.

YAKUMO_KILL_ROUNDS says how often (default 3; CI runs 50). `stories/soak.py` runs a thousand.
"""

import os
import subprocess
import time

import cloud as clouds
from durability.rounds import run_rounds

ROUNDS = int(os.environ.get("YAKUMO_KILL_ROUNDS", "3"))


def test_kill_under_load(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    assert run_rounds(cloud, ROUNDS, seed=1, say=print) > 0


def test_kill_under_load_with_fsync(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory(), args=["--durability", "fsync"])
    assert run_rounds(cloud, max(1, ROUNDS // 10), seed=2, say=print) > 0


def test_control_plane_writes_survive_a_kill(workshop):
    """What IAM and queue configuration acknowledged is there, and acts, after a kill in the middle of it."""
    cloud = workshop.cloud(data_dir=workshop.directory())
    iam, sqs = cloud.client("iam"), cloud.client("sqs")
    for i in range(20):
        iam.create_user(UserName=f"u{i}")
        url = sqs.create_queue(QueueName=f"q{i}")["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(100 + i)})
    key = iam.create_access_key(UserName="u7")["AccessKey"]
    iam.delete_user(UserName="u19")
    cloud.kill()
    cloud.start()
    iam, sqs = cloud.client("iam"), cloud.client("sqs")
    assert {u["UserName"] for u in iam.list_users()["Users"]} == {f"u{i}" for i in range(19)}
    who = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).get_caller_identity()
    assert who["Arn"].endswith(":user/u7")
    for i in range(20):
        url = sqs.get_queue_url(QueueName=f"q{i}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        assert attributes == {"VisibilityTimeout": str(100 + i)}


def test_deduplication_survives_a_kill(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs = cloud.client("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="q.fifo", Attributes=attributes)["QueueUrl"]
    first = sqs.send_message(QueueUrl=url, MessageBody="once", MessageGroupId="g")
    cloud.kill()
    cloud.start()
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="q.fifo")["QueueUrl"]
    again = sqs.send_message(QueueUrl=url, MessageBody="once", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    later = sqs.send_message(QueueUrl=url, MessageBody="another", MessageGroupId="g")
    assert int(later["SequenceNumber"]) > int(first["SequenceNumber"])
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [m["Body"] for m in messages] == ["once", "another"]


def test_a_directory_that_is_killed_while_starting(workshop):
    """A process killed before it was ready leaves a directory that opens."""
    directory = workshop.directory()
    cloud = workshop.cloud(data_dir=directory)
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.kill()
    for i in range(10):
        starting = subprocess.Popen(
            [str(clouds.BINARY), "up", "--port", "0", "--data-dir", str(directory)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.003 * i)
        starting.kill()
        starting.wait()
    cloud.start()
    assert cloud.client("sqs").get_queue_url(QueueName="q")
