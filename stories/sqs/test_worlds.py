"""Regions and accounts are separate worlds; queue URLs are taken in every form clients write them; restarts."""

import json

import pytest

from asserting import refused


def test_two_regions_are_two_worlds(cloud, sqs, name):
    elsewhere = cloud.client("sqs", region="eu-central-1")
    here_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        elsewhere.get_queue_url(QueueName=name)
    elsewhere.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "77"})
    sqs.send_message(QueueUrl=here_url, MessageBody="here")
    there_url = elsewhere.get_queue_url(QueueName=name)["QueueUrl"]
    assert "Messages" not in elsewhere.receive_message(QueueUrl=there_url)
    arn = elsewhere.get_queue_attributes(QueueUrl=there_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert arn == f"arn:aws:sqs:eu-central-1:000000000000:{name}"


def test_two_accounts_are_two_worlds(cloud, sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    other = cloud.client("sqs", key="111122223333")
    assert cloud.client("sts", key="111122223333").get_caller_identity()["Account"] == "111122223333"
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        other.get_queue_url(QueueName=name)
    assert "QueueUrls" not in other.list_queues(QueueNamePrefix=name)
    # Root of one account is nobody in another.
    with refused(("AccessDenied", "AccessDeniedException"), status=403):
        other.send_message(QueueUrl=url, MessageBody="x")
    with refused(("AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue")):
        other.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="000000000000")
    mine = other.create_queue(QueueName=name)["QueueUrl"]
    assert mine.endswith(f"/111122223333/{name}")


@pytest.mark.parametrize(
    "form",
    [
        "http://127.0.0.1:{port}/{account}/{name}",
        "http://localhost:{port}/{account}/{name}",
        "https://sqs.us-east-1.amazonaws.com/{account}/{name}",
        "https://queue.amazonaws.com/{account}/{name}",
        "http://sqs.us-east-1.localhost.localstack.cloud:{port}/{account}/{name}",
        "http://localhost:{port}/queue/us-east-1/{account}/{name}",
    ],
)
def test_queue_urls_as_clients_write_them(cloud, sqs, queue, name, form):
    """The path names the queue; hosts differ because programs keep URLs from other places."""
    url = form.format(port=cloud.port, account="000000000000", name=name)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "x"


def test_a_restart_keeps_everything(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs, iam = cloud.client("sqs"), cloud.client("iam")
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5})
    wanted = {"VisibilityTimeout": "123", "RedrivePolicy": redrive}
    url = sqs.create_queue(QueueName=name, Attributes=wanted, tags={"k": "v"})["QueueUrl"]
    other_port_path = url.partition("//")[2].partition("/")[2]
    sqs.send_message(QueueUrl=url, MessageBody="stays", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    sqs.send_message(QueueUrl=url, MessageBody="goes")
    sqs.send_message(QueueUrl=url, MessageBody="big " + "x" * 200_000)
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1000)["Messages"]:
        if message["Body"] == "goes":
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        else:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    iam.create_user(UserName="lasting")
    key = iam.create_access_key(UserName="lasting")["AccessKey"]
    assert cloud.stop() == 0, "a graceful stop ends with 0"

    cloud.start()
    sqs = cloud.client("sqs")
    url = f"{cloud.url}/{other_port_path}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url, "the URL follows the port"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "123"
    assert json.loads(attributes["RedrivePolicy"]) == json.loads(redrive)
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"k": "v"}
    bodies = []
    for _ in range(5):
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in got.get("Messages", []):
            bodies.append(message["Body"][:5])
    assert sorted(bodies) == ["big x", "stays"]
    identity = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::000000000000:user/lasting"


def test_a_message_in_flight_stays_in_flight_over_a_restart(workshop, name):
    cloud = workshop.cloud(data_dir=workshop.directory())
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="held")
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    cloud.stop()
    cloud.start()
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    cloud.advance("601s")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
