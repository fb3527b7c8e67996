"""How a cloud starts: another address, a seed, a moved clock and snapshots after a kill."""

import re
import time

from asserting import refused


def test_on_another_address_the_static_keys_are_none(workshop):
    """Other machines can reach such a cloud: it makes a root key of its own and prints it."""
    cloud = workshop.cloud(args=["--bind", "0.0.0.0"])
    for _ in range(100):
        text = "".join(cloud.log)
        if "AWS_SECRET_ACCESS_KEY" in text:
            break
        time.sleep(0.1)
    key = re.search(r"AWS_ACCESS_KEY_ID=(\S+)", text).group(1)
    secret = re.search(r"AWS_SECRET_ACCESS_KEY=(\S+)", text).group(1)
    assert cloud.client("sts", key=key, secret=secret).get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    for static in ("test", "111122223333"):
        with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
            cloud.client("sqs", key=static).list_queues()


def test_a_moved_clock_stays_moved_after_a_kill(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="held")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=43200)
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=900)
    cloud.advance("11h")
    before = cloud.command("clock", "now", json_output=True)["now"]
    cloud.kill()
    cloud.start()
    after = cloud.command("clock", "now", json_output=True)["now"]
    assert after >= before, "the cloud's clock never goes back"
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["late"]
    cloud.advance("61m")
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])["Messages"]
    assert {m["Body"]: m["Attributes"]["ApproximateReceiveCount"] for m in got} == {"held": "2", "late": "2"}


def test_a_frozen_clock_stays_frozen_after_a_restart(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    cloud.command("clock", "freeze")
    before = cloud.command("clock", "now", json_output=True)["now"]
    cloud.stop()
    cloud.start()
    assert cloud.command("clock", "now", json_output=True)["now"] == before


def test_snapshots_outlive_a_kill(workshop):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x" * 100_000)
    cloud.command("snapshot", "save", "s")
    sqs.delete_queue(QueueUrl=url)
    cloud.kill()
    cloud.start()
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    cloud.command("snapshot", "load", "s")
    cloud.kill()
    cloud.start()
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "x" * 100_000


def test_a_seed_repeats_identifiers(workshop):
    def keys():
        cloud = workshop.cloud(args=["--seed", "42"])
        iam, sqs = cloud.client("iam"), cloud.client("sqs")
        user = iam.create_user(UserName="u")["User"]["UserId"]
        key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        return user, key, sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]

    assert keys() == keys()


def test_without_a_seed_nothing_repeats(workshop):
    users = {workshop.cloud().client("iam").create_user(UserName="u")["User"]["UserId"] for _ in range(2)}
    assert len(users) == 2
