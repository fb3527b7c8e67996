"""Batches: each entry succeeds or fails alone; the batch itself has limits."""

import pytest

from asserting import Prefix, refused


def entries(*bodies):
    return [{"Id": f"e{i}", "MessageBody": body} for i, body in enumerate(bodies)]


def test_send_receive_change_delete_in_batches(sqs, queue):
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries(*"abcdefghij"))
    assert [e["Id"] for e in sent["Successful"]] == [f"e{i}" for i in range(10)]
    assert not sent.get("Failed")
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["Body"] for m in messages) == list("abcdefghij")
    handles = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=queue, Entries=[{**h, "VisibilityTimeout": 0} for h in handles[:4]]
    )
    assert [e["Id"] for e in changed["Successful"]] == ["0", "1", "2", "3"]
    again = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["MessageId"] for m in again) == sorted(m["MessageId"] for m in messages[:4])
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=handles)
    assert len(deleted["Successful"]) == 10
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_one_bad_entry_does_not_spoil_the_others(sqs, queue):
    mixed = [
        {"Id": "good", "MessageBody": "x"},
        {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
        {"Id": "nul", "MessageBody": "\x00"},
    ]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=mixed)
    assert [e["Id"] for e in answer["Successful"]] == ["good"]
    failed = {e["Id"]: e for e in answer["Failed"]}
    assert failed["late"]["Code"] == "InvalidParameterValue" and failed["late"]["SenderFault"] is True
    assert failed["late"]["Message"] == (
        "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
    )
    assert failed["nul"]["Code"] == "InvalidMessageContents"
    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    deleted = sqs.delete_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "nonsense"}],
    )
    assert [e["Id"] for e in deleted["Successful"]] == ["a"]
    assert [(e["Id"], e["Code"]) for e in deleted["Failed"]] == [("b", "ReceiptHandleIsInvalid")]


@pytest.mark.parametrize(
    "given, code, text",
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest",
         "There should be at least one SendMessageBatchRequestEntry in the request."),
        (entries(*"abcdefghijk"), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
         "Maximum number of entries per request are 10. You have sent 11."),
        ([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}],
         "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated."),
        ([{"Id": "a b", "MessageBody": "x"}], "AWS.SimpleQueueService.InvalidBatchEntryId",
         "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
         "It can be at most 80 letters long."),
        ([{"Id": "a", "MessageBody": "x" * 600000}, {"Id": "b", "MessageBody": "y" * 600000}],
         "AWS.SimpleQueueService.BatchRequestTooLong",
         "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes."),
    ],
)
def test_a_batch_refused_whole(sqs, queue, given, code, text):
    with refused(code, text, 400):
        sqs.send_message_batch(QueueUrl=queue, Entries=given)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_empty_delete_and_change_batches(sqs, queue):
    with refused("AWS.SimpleQueueService.EmptyBatchRequest", Prefix("There should be at least one DeleteMessageBatch")):
        sqs.delete_message_batch(QueueUrl=queue, Entries=[])
    with refused("AWS.SimpleQueueService.EmptyBatchRequest", Prefix("There should be at least one ChangeMessageVis")):
        sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[])
