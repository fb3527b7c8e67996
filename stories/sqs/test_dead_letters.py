"""Dead-letter queues: redrive after maxReceiveCount, who may use them, and moving messages back."""

import json
import time

import pytest

from asserting import Prefix, refused

ARN = "arn:aws:sqs:us-east-1:000000000000"


@pytest.fixture
def pair(sqs, name):
    """A source queue that gives up on a message after two receives, and its dead-letter queue."""
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"{ARN}:{name}-dead", "maxReceiveCount": 2}
    source = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
    return source, dead


def spoil(sqs, source, body):
    """Sends a message and receives it until it is moved."""
    sqs.send_message(QueueUrl=source, MessageBody=body)
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=source)
    return message["MessageId"]


def until(probe, limit=100):
    """Asks again until `probe` gives something true; how often, not how long, is what is limited."""
    for _ in range(limit):
        if answer := probe():
            return answer
        time.sleep(0.1)
    raise AssertionError("it never came")


def test_a_message_that_is_received_too_often_moves(sqs, pair, name):
    source, dead = pair
    message_id = spoil(sqs, source, "poison")
    (message,) = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Body"] == "poison"
    assert message["MessageId"] == message_id, "the id stays"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == f"{ARN}:{name}"
    assert int(message["Attributes"]["ApproximateReceiveCount"]) == 3
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]


@pytest.mark.parametrize(
    "redrive",
    [
        "nonsense",
        {"deadLetterTargetArn": f"{ARN}:absent-queue", "maxReceiveCount": 2},
        {"deadLetterTargetArn": f"{ARN}:absent-queue"},
        {"maxReceiveCount": 2},
        {"deadLetterTargetArn": "self", "maxReceiveCount": 0},
        {"deadLetterTargetArn": "self", "maxReceiveCount": 1001},
        {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:elsewhere", "maxReceiveCount": 2},
    ],
)
def test_bad_redrive_policies(sqs, queue, name, redrive):
    if isinstance(redrive, dict) and redrive.get("deadLetterTargetArn") == "self":
        redrive = {**redrive, "deadLetterTargetArn": f"{ARN}:{name}"}
    text = redrive if isinstance(redrive, str) else json.dumps(redrive)
    with refused(("InvalidParameterValue", "InvalidAttributeValue"), Prefix("")):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": text})


def test_fifo_and_standard_do_not_mix(sqs, queue, fifo, name):
    redrive = json.dumps({"deadLetterTargetArn": f"{ARN}:{name}", "maxReceiveCount": 2})
    with refused(("InvalidParameterValue", "InvalidAttributeValue")):
        sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"RedrivePolicy": redrive})


def test_a_dead_letter_queue_chooses_its_sources(sqs, queue, name):
    dead = sqs.create_queue(
        QueueName=f"{name}-dead", Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})}
    )["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": f"{ARN}:{name}-dead", "maxReceiveCount": 2})
    with refused("InvalidParameterValue", Prefix("Value")):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": redrive})
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}:{name}"]})
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": allow})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": redrive})
    kept = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["RedriveAllowPolicy"])["Attributes"]
    assert json.loads(kept["RedriveAllowPolicy"]) == json.loads(allow)


def test_messages_move_back_to_their_source(sqs, pair, name):
    source, dead = pair
    for i in range(3):
        spoil(sqs, source, f"poison {i}")
    task = sqs.start_message_move_task(SourceArn=f"{ARN}:{name}-dead")["TaskHandle"]
    assert task

    def done():
        (first, *_) = sqs.list_message_move_tasks(SourceArn=f"{ARN}:{name}-dead")["Results"]
        return first if first["Status"] == "COMPLETED" else None

    result = until(done)
    assert result["ApproximateNumberOfMessagesMoved"] == 3
    assert result["SourceArn"] == f"{ARN}:{name}-dead"
    bodies = [m["Body"] for m in sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(bodies) == ["poison 0", "poison 1", "poison 2"]
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)


def test_messages_move_to_a_named_destination_and_can_be_stopped(sqs, pair, name):
    source, dead = pair
    for i in range(5):
        spoil(sqs, source, f"poison {i}")
    other = sqs.create_queue(QueueName=f"{name}-other")["QueueUrl"]
    task = sqs.start_message_move_task(
        SourceArn=f"{ARN}:{name}-dead", DestinationArn=f"{ARN}:{name}-other", MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    with refused(("AWS.SimpleQueueService.UnsupportedOperation", "InvalidParameterValue", "UnsupportedOperation"), Prefix("")):
        sqs.start_message_move_task(SourceArn=f"{ARN}:{name}-dead")
    sqs.cancel_message_move_task(TaskHandle=task)

    def ended():
        (first, *_) = sqs.list_message_move_tasks(SourceArn=f"{ARN}:{name}-dead")["Results"]
        return first["Status"] in ("CANCELLED", "COMPLETED") and first

    result = until(ended)
    assert result["Status"] == "CANCELLED"
    counts = [
        int(sqs.get_queue_attributes(QueueUrl=u, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"])
        for u in (dead, other)
    ]
    assert sum(counts) == 5, "every message is in one of the two"


def test_move_tasks_that_cannot_start(sqs, queue, name):
    with refused("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."):
        sqs.start_message_move_task(SourceArn=f"{ARN}:{name}")
    with refused("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."):
        sqs.start_message_move_task(SourceArn=f"{ARN}:absent-queue")
    with refused("ResourceNotFoundException"):
        sqs.cancel_message_move_task(TaskHandle="bm9uc2Vuc2U=")
