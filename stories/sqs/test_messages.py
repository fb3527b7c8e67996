"""Messages of standard queues: send, receive, long polling, visibility, delay, delete; digests as AWS computes them."""

import hashlib
import struct
import threading

import pytest

from asserting import Prefix, refused


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def attributes_md5(attributes):
    """The digest of message attributes, from the SQS developer guide ("Calculating the MD5 message digest for
    message attributes"): sorted by name; name, type, one byte for the transport type, value; each length-prefixed."""
    digest = hashlib.md5()

    def part(data):
        digest.update(struct.pack(">I", len(data)) + data)

    for key in sorted(attributes):
        value = attributes[key]
        part(key.encode())
        part(value["DataType"].encode())
        if "StringValue" in value:
            digest.update(b"\x01")
            part(value["StringValue"].encode())
        else:
            digest.update(b"\x02")
            part(value["BinaryValue"])
    return digest.hexdigest()


def test_send_receive_delete(sqs, queue):
    sent = sqs.send_message(QueueUrl=queue, MessageBody="Grüße, 八雲 ☁")
    assert sent["MD5OfMessageBody"] == md5("Grüße, 八雲 ☁")
    assert "MD5OfMessageAttributes" not in sent and "SequenceNumber" not in sent
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "Grüße, 八雲 ☁"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert "Attributes" not in message and "MessageAttributes" not in message
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    # AWS: deleting with the same handle again succeeds.
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_message_attributes_and_their_digest(sqs, queue):
    attributes = {
        "text": {"DataType": "String", "StringValue": "grün"},
        "count": {"DataType": "Number.int", "StringValue": "-12.50"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x7f"},
        "own.kind": {"DataType": "Binary.png", "BinaryValue": b"\x89PNG"},
    }
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == attributes_md5(attributes)
    (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"]
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == attributes_md5(attributes)
    # The digest covers what is returned, not what was sent.
    (some,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["own.*", "text"], VisibilityTimeout=0)["Messages"]
    chosen = {k: attributes[k] for k in ("own.kind", "text")}
    assert some["MessageAttributes"] == chosen
    assert some["MD5OfMessageAttributes"] == attributes_md5(chosen)


def test_the_trace_header_is_a_system_attribute(sqs, queue):
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageSystemAttributes=trace)
    assert sent["MD5OfMessageSystemAttributes"] == attributes_md5(trace)
    (message,) = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]


@pytest.mark.parametrize("member", ["AttributeNames", "MessageSystemAttributeNames"])
def test_system_attributes(sqs, queue, member):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (first,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0, **{member: ["All"]})["Messages"]
    (second,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0, **{member: ["All"]})["Messages"]
    assert set(first["Attributes"]) == {
        "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
    }
    assert first["Attributes"]["SenderId"] == "000000000000", "the root user's id is its account"
    assert [m["Attributes"]["ApproximateReceiveCount"] for m in (first, second)] == ["1", "2"]
    assert (
        first["Attributes"]["ApproximateFirstReceiveTimestamp"] == second["Attributes"]["ApproximateFirstReceiveTimestamp"]
    )
    (one,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0, **{member: ["SentTimestamp"]})["Messages"]
    assert set(one["Attributes"]) == {"SentTimestamp"}


def test_a_received_message_hides_and_comes_back(sqs, queue, cloud):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (first,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=30)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    cloud.advance("29s")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    cloud.advance("2s")
    (second,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=30)["Messages"]
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]


def test_change_message_visibility(sqs, queue, cloud):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=30)["Messages"]
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=600)
    cloud.advance("60s")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert again["MessageId"] == message["MessageId"]
    with refused("InvalidParameterValue", Prefix("Value 43201 for parameter VisibilityTimeout is invalid.")):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=43201)


def test_visibility_of_a_message_that_is_not_in_flight(sqs, queue, cloud):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=1)["Messages"]
    cloud.advance("2s")
    with refused(("AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue")):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=30)


def test_delay_of_a_message_and_of_a_queue(sqs, queue, cloud):
    sqs.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=60)
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"] == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "1",
    }
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    cloud.advance("61s")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "100"})
    sqs.send_message(QueueUrl=queue, MessageBody="late by queue")
    sqs.send_message(QueueUrl=queue, MessageBody="at once", DelaySeconds=0)
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]] == ["at once"]
    cloud.advance("101s")
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]] != []


def test_counts(sqs, queue):
    for i in range(5):
        sqs.send_message(QueueUrl=queue, MessageBody=str(i))
    sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=2)
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "3"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "2"


def test_messages_end_with_their_retention(sqs, queue, cloud):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MessageRetentionPeriod": "60"})
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    cloud.advance("61s")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_long_polling_wakes_for_a_message(sqs, cloud, queue):
    """A receive that waits is answered by the send that comes after it (its limit is far above what this takes)."""
    answers = []

    def wait():
        answers.append(cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20))

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join(0.5)
    assert waiter.is_alive(), "an empty queue with a wait time must not answer at once"
    sqs.send_message(QueueUrl=queue, MessageBody="wake")
    waiter.join(20)
    assert [m["Body"] for m in answers[0]["Messages"]] == ["wake"]


def test_long_polling_ends_empty(sqs, queue):
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)


def test_long_polling_waits_for_visibility(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.receive_message(QueueUrl=queue, VisibilityTimeout=1)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "x"


def test_a_queue_that_is_deleted_while_somebody_waits(sqs, cloud, queue):
    """The wait ends: the answer is an error or nothing, never a hang and never a dead server."""
    answers = []

    def wait():
        try:
            answers.append(cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20))
        except sqs.exceptions.ClientError as error:
            answers.append(error.response)

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiter.join(0.5)
    sqs.delete_queue(QueueUrl=queue)
    waiter.join(25)
    assert "Messages" not in answers[0]
    assert answers[0].get("Error", {}).get("Code") in (None, "AWS.SimpleQueueService.NonExistentQueue")


def test_two_consumers_never_hold_the_same_message(sqs, cloud, queue):
    for start in range(0, 200, 10):
        sqs.send_message_batch(
            QueueUrl=queue, Entries=[{"Id": str(i), "MessageBody": str(start + i)} for i in range(10)]
        )
    seen = []

    def consume():
        client = cloud.client("sqs")
        while messages := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=7).get("Messages"):
            seen.extend(m["Body"] for m in messages)

    workers = [threading.Thread(target=consume) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(map(int, seen)) == list(range(200))


BAD_RECEIVES = [
    ({"MaxNumberOfMessages": 11},
     "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
    ({"MaxNumberOfMessages": 0},
     "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
    ({"WaitTimeSeconds": 21},
     "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."),
    ({"VisibilityTimeout": 43201}, Prefix("Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be")),
]


@pytest.mark.parametrize("extra, text", BAD_RECEIVES)
def test_receive_out_of_range(sqs, queue, extra, text):
    with refused("InvalidParameterValue", text, 400):
        sqs.receive_message(QueueUrl=queue, **extra)


def attribute(value="v", kind="String"):
    return {"DataType": kind, "StringValue": value}


BAD_SENDS = [
    ({"MessageBody": ""}, "MissingParameter", "The request must contain the parameter MessageBody."),
    ({"DelaySeconds": 901}, "InvalidParameterValue",
     "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
    ({"DelaySeconds": -1}, "InvalidParameterValue",
     "Value -1 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
    ({"MessageBody": "x" * 1048577}, "InvalidParameterValue",
     "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."),
    ({"MessageBody": "nul \x00"}, "InvalidMessageContents",
     Prefix("Invalid binary character '#x0' was found in the message body")),
    ({"MessageBody": "\ufffe"}, "InvalidMessageContents", Prefix("Invalid binary character '#xFFFE' was found")),
    ({"MessageAttributes": {f"a{i}": attribute() for i in range(11)}}, "InvalidParameterValue",
     "Number of message attributes [11] exceeds the allowed maximum [10]."),
    ({"MessageAttributes": {"a": attribute("")}}, "InvalidParameterValue",
     "Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
    ({"MessageAttributes": {"a": attribute(kind="Set")}}, "InvalidParameterValue",
     "The type of message (user) attribute 'a' is invalid. You must use only the following supported type prefixes: "
     "Binary, Number, String."),
    ({"MessageAttributes": {"a": attribute("ten", "Number")}}, "InvalidParameterValue",
     "Can't cast the value of message (user) attribute 'a' to a number."),
    ({"MessageAttributes": {"AWS.x": attribute()}}, "InvalidParameterValue", None),
    ({"MessageAttributes": {"a..b": attribute()}}, "InvalidParameterValue", None),
    ({"MessageAttributes": {".a": attribute()}}, "InvalidParameterValue", None),
    ({"MessageSystemAttributes": {"Other": attribute()}}, "InvalidParameterValue", None),
]


@pytest.mark.parametrize("extra, code, text", BAD_SENDS)
def test_send_refused(sqs, queue, extra, code, text):
    with refused(code, text, 400):
        sqs.send_message(QueueUrl=queue, **{"MessageBody": "x", **extra})
    assert "Messages" not in sqs.receive_message(QueueUrl=queue), "a refused send leaves nothing behind"


def test_the_largest_message(sqs, queue):
    body = "x" * 1048576
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == body


def test_a_queue_may_have_a_smaller_limit(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    sqs.send_message(QueueUrl=queue, MessageBody="x" * 1024)
    text = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
    with refused("InvalidParameterValue", text):
        sqs.send_message(QueueUrl=queue, MessageBody="x" * 1025)
    with refused("InvalidParameterValue", text):
        sqs.send_message(QueueUrl=queue, MessageBody="x" * 1010, MessageAttributes={"a": attribute("v" * 10)})


@pytest.mark.parametrize("handle", ["nonsense", "x" * 500, "AQEB" + "A" * 200])
def test_bad_receipt_handles(sqs, queue, handle):
    with refused("ReceiptHandleIsInvalid", Prefix("The input receipt handle"), 400) as caught:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    assert type(caught.value).__name__ == "ReceiptHandleIsInvalid"
    with refused("ReceiptHandleIsInvalid"):
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=1)


def test_a_receipt_handle_of_another_queue(sqs, queue, name):
    other = sqs.create_queue(QueueName=name + "-other")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="mine")
    (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    with refused("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "mine"
