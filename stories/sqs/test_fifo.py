"""FIFO queues: order within a group, deduplication, groups that block while in flight, high throughput."""

import json

import pytest

from asserting import Prefix, refused


def receive(sqs, url, count=10, **extra):
    return sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=count, MessageSystemAttributeNames=["All"], **extra
    ).get("Messages", [])


def test_names_and_attributes(sqs, fifo, name):
    attributes = sqs.get_queue_attributes(QueueUrl=fifo, AttributeNames=["All"])["Attributes"]
    assert attributes["FifoQueue"] == "true"
    assert attributes["ContentBasedDeduplication"] == "true"
    assert attributes["DeduplicationScope"] == "queue"
    assert attributes["FifoThroughputLimit"] == "perQueue"
    text = (
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with "
        ".fifo suffix and be 1 to 80 in length."
    )
    with refused("InvalidParameterValue", text):
        sqs.create_queue(QueueName=name + "-plain", Attributes={"FifoQueue": "true"})
    with refused("InvalidParameterValue"):
        sqs.create_queue(QueueName=name + "-2.fifo")


def test_order_within_groups(sqs, fifo):
    numbers = []
    for i in range(9):
        sent = sqs.send_message(QueueUrl=fifo, MessageBody=f"{i}", MessageGroupId=f"g{i % 3}")
        numbers.append(int(sent["SequenceNumber"]))
    assert numbers == sorted(numbers) and len(set(numbers)) == 9
    got = receive(sqs, fifo)
    for group in ("g0", "g1", "g2"):
        own = [m for m in got if m["Attributes"]["MessageGroupId"] == group]
        assert [int(m["Body"]) for m in own] == sorted(int(m["Body"]) for m in own)
        assert [int(m["Attributes"]["SequenceNumber"]) for m in own] == sorted(
            int(m["Attributes"]["SequenceNumber"]) for m in own
        )
    assert len(got) == 9


def test_a_group_in_flight_blocks_only_itself(sqs, fifo, cloud):
    for body, group in [("a1", "a"), ("a2", "a"), ("b1", "b")]:
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId=group)
    (first,) = receive(sqs, fifo, 1)
    assert first["Body"] == "a1"
    assert [m["Body"] for m in receive(sqs, fifo)] == ["b1"], "group a waits for a1"
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    assert [m["Body"] for m in receive(sqs, fifo)] == ["a2"]


def test_an_undeleted_message_keeps_its_place(sqs, fifo, cloud):
    for body in ("1", "2", "3"):
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g")
    assert [m["Body"] for m in receive(sqs, fifo, 1, VisibilityTimeout=5)] == ["1"]
    assert receive(sqs, fifo) == []
    cloud.advance("6s")
    assert [m["Body"] for m in receive(sqs, fifo)] == ["1", "2", "3"]


def test_deduplication_by_id_and_by_content(sqs, fifo, cloud):
    first = sqs.send_message(QueueUrl=fifo, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    again = sqs.send_message(QueueUrl=fifo, MessageBody="other", MessageGroupId="h", MessageDeduplicationId="d")
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    content = sqs.send_message(QueueUrl=fifo, MessageBody="same", MessageGroupId="g")
    assert sqs.send_message(QueueUrl=fifo, MessageBody="same", MessageGroupId="g")["MessageId"] == content["MessageId"]
    got = receive(sqs, fifo)
    assert [m["Body"] for m in got] == ["a", "same"]
    for message in got:
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    # Deduplication looks back five minutes, whether the first message was deleted or not.
    sqs.send_message(QueueUrl=fifo, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    assert receive(sqs, fifo) == []
    cloud.advance("301s")
    sqs.send_message(QueueUrl=fifo, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    assert [m["Body"] for m in receive(sqs, fifo)] == ["a"]


def test_deduplication_scope_of_a_group(sqs, name):
    url = sqs.create_queue(
        QueueName=f"{name}.fifo",
        Attributes={
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        },
    )["QueueUrl"]
    one = sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    other = sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="h", MessageDeduplicationId="d")
    same = sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    assert one["MessageId"] == same["MessageId"] != other["MessageId"]
    assert len(receive(sqs, url)) == 2


def test_a_throughput_limit_needs_its_scope(sqs, name):
    with refused(("InvalidAttributeValue", "InvalidParameterValue")):
        sqs.create_queue(
            QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}
        )


def test_receive_request_attempt_id_repeats_the_answer(sqs, fifo):
    for body in ("1", "2"):
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId=body)
    first = receive(sqs, fifo, 1, ReceiveRequestAttemptId="try-1")
    again = receive(sqs, fifo, 1, ReceiveRequestAttemptId="try-1")
    assert [m["MessageId"] for m in again] == [m["MessageId"] for m in first]


def test_what_a_fifo_send_must_say(sqs, fifo, name):
    with refused("MissingParameter", "The request must contain the parameter MessageGroupId."):
        sqs.send_message(QueueUrl=fifo, MessageBody="x")
    plain = sqs.create_queue(QueueName=f"{name}-2.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    with refused("InvalidParameterValue", text):
        sqs.send_message(QueueUrl=plain, MessageBody="x", MessageGroupId="g")
    with refused("InvalidParameterValue", Prefix("Value 5 for parameter DelaySeconds is invalid.")):
        sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g", DelaySeconds=5)
    for member in ("MessageGroupId", "MessageDeduplicationId"):
        given = {"MessageGroupId": "g", member: "no spaces"}
        with refused("InvalidParameterValue", Prefix(f"Value no spaces for parameter {member} is invalid.")):
            sqs.send_message(QueueUrl=fifo, MessageBody="x", **given)


def test_a_fifo_queue_may_delay_all_its_messages(sqs, fifo, cloud):
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"DelaySeconds": "30"})
    sqs.send_message(QueueUrl=fifo, MessageBody="1", MessageGroupId="g")
    sqs.send_message(QueueUrl=fifo, MessageBody="2", MessageGroupId="g")
    assert receive(sqs, fifo) == []
    cloud.advance("31s")
    assert [m["Body"] for m in receive(sqs, fifo)] == ["1", "2"]


def test_a_fifo_message_that_fails_too_often_leaves_its_group(sqs, fifo, cloud, name):
    dead = sqs.create_queue(QueueName=f"{name}-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"RedrivePolicy": redrive})
    for body in ("poison", "good"):
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g")
    assert [m["Body"] for m in receive(sqs, fifo, 1, VisibilityTimeout=0)] == ["poison"]
    assert [m["Body"] for m in receive(sqs, fifo)] == ["good"]
    (message,) = receive(sqs, dead)
    assert message["Body"] == "poison" and message["Attributes"]["MessageGroupId"] == "g"


def test_standard_queues_take_no_deduplication_id(sqs, queue):
    with refused("InvalidParameterValue", Prefix("Value d for parameter MessageDeduplicationId is invalid.")):
        sqs.send_message(QueueUrl=queue, MessageBody="x", MessageDeduplicationId="d")


def test_a_group_on_a_standard_queue_is_for_fairness(sqs, queue):
    """AWS: since July 2025 a MessageGroupId on a standard queue names a tenant for fair queues; order is not promised."""
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="tenant")
    (message,) = receive(sqs, queue)
    assert message["Attributes"]["MessageGroupId"] == "tenant"


def test_an_expired_receipt_deletes_nothing(sqs, fifo, cloud):
    sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
    (message,) = receive(sqs, fifo, 1, VisibilityTimeout=1)
    cloud.advance("2s")
    with refused("InvalidParameterValue", Prefix(f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid.")):
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    assert len(receive(sqs, fifo)) == 1


@pytest.mark.parametrize("attribute", ["FifoQueue"])
def test_a_queue_stays_what_it_is(sqs, fifo, queue, attribute):
    with refused(("InvalidAttributeValue", "InvalidAttributeName", "InvalidParameterValue")):
        sqs.set_queue_attributes(QueueUrl=fifo, Attributes={attribute: "false"})
