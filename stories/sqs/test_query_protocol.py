"""SQS over the query protocol, as SDKs before November 2023 speak it: form bodies, XML answers, the old error codes."""

import hashlib

import pytest

from signed import Signed, tag, tags


def form(cloud, operation, path="/", **parameters):
    return Signed.form(cloud, operation, parameters, path=path).sign().send()


def test_a_whole_life_over_query(cloud, name):
    made = form(cloud, "CreateQueue", QueueName=name, **{"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "5"})
    assert made.status == 200, made
    assert made.headers["content-type"].startswith("text/xml")
    text = made.body.decode()
    assert 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"' in text
    assert "<CreateQueueResponse" in text and "<CreateQueueResult>" in text
    url = tag(text, "QueueUrl")
    assert tag(text, "RequestId")
    path = "/" + url.split("/", 3)[3]

    # Old SDKs post to the queue's own path and leave QueueUrl out.
    sent = form(cloud, "SendMessage", path=path, MessageBody="a & <b>").body.decode()
    assert tag(sent, "MD5OfMessageBody") == hashlib.md5(b"a & <b>").hexdigest()
    got = form(cloud, "ReceiveMessage", path=path, MaxNumberOfMessages=10, **{"AttributeName.1": "All"}).body.decode()
    assert tag(got, "Body") == "a & <b>"
    assert "ApproximateReceiveCount" in tags(got, "Name")
    handle = tag(got, "ReceiptHandle")
    assert form(cloud, "DeleteMessage", path=path, ReceiptHandle=handle).status == 200
    empty = form(cloud, "ReceiveMessage", path=path).body.decode()
    assert "<ReceiveMessageResult" in empty and tags(empty, "Message") == []

    attributes = form(cloud, "GetQueueAttributes", QueueUrl=url, **{"AttributeName.1": "VisibilityTimeout"}).body.decode()
    assert (tag(attributes, "Name"), tag(attributes, "Value")) == ("VisibilityTimeout", "5")
    listed = form(cloud, "ListQueues", QueueNamePrefix=name).body.decode()
    assert tags(listed, "QueueUrl") == [url]
    assert form(cloud, "DeleteQueue", QueueUrl=url).status == 200


def test_batches_and_attributes_over_query(cloud, queue):
    entries = {}
    for i in (1, 2):
        entries[f"SendMessageBatchRequestEntry.{i}.Id"] = f"e{i}"
        entries[f"SendMessageBatchRequestEntry.{i}.MessageBody"] = f"body {i}"
    entries["SendMessageBatchRequestEntry.1.MessageAttribute.1.Name"] = "colour"
    entries["SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType"] = "String"
    entries["SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue"] = "green"
    entries["SendMessageBatchRequestEntry.2.DelaySeconds"] = "901"
    answer = form(cloud, "SendMessageBatch", QueueUrl=queue, **entries).body.decode()
    assert tags(answer, "Id") == ["e1", "e2"]
    assert "<BatchResultErrorEntry>" in answer and tag(answer, "Code") == "InvalidParameterValue"
    got = form(cloud, "ReceiveMessage", QueueUrl=queue, **{"MessageAttributeName.1": "All"}).body.decode()
    assert "colour" in tags(got, "Name") and "green" in tags(got, "StringValue")


def test_tags_over_query(cloud, queue):
    form(cloud, "TagQueue", QueueUrl=queue, **{"Tag.1.Key": "k", "Tag.1.Value": "v"})
    listed = form(cloud, "ListQueueTags", QueueUrl=queue).body.decode()
    assert (tag(listed, "Key"), tag(listed, "Value")) == ("k", "v")
    form(cloud, "UntagQueue", QueueUrl=queue, **{"TagKey.1": "k"})
    assert tags(form(cloud, "ListQueueTags", QueueUrl=queue).body.decode(), "Key") == []


def test_get_requests_carry_the_call_in_the_query(cloud, queue):
    path = "/" + queue.split("/", 3)[3]
    query = "Action=SendMessage&MessageBody=by%20get&Version=2012-11-05"
    sent = Signed(cloud, method="GET", path=path, query=query).sign().send()
    assert sent.status == 200, sent
    assert tag(sent.body.decode(), "MD5OfMessageBody") == hashlib.md5(b"by get").hexdigest()


@pytest.mark.parametrize(
    "operation, parameters, status, code",
    [
        ("GetQueueUrl", {"QueueName": "absent-queue"}, 400, "AWS.SimpleQueueService.NonExistentQueue"),
        ("CreateQueue", {"QueueName": "a b"}, 400, "InvalidParameterValue"),
        ("CreateQueue", {}, 400, "MissingParameter"),
        ("NoSuchAction", {}, 400, "InvalidAction"),
    ],
)
def test_errors_over_query(cloud, operation, parameters, status, code):
    answer = form(cloud, operation, **parameters)
    assert (answer.status, answer.code) == (status, code), answer
    text = answer.body.decode()
    assert "<ErrorResponse" in text and tag(text, "Type") == "Sender" and tag(text, "RequestId")


def test_json_errors_name_the_query_code(cloud):
    """awsQueryCompatible: the JSON answer tells the old code in a header, and clients show that one."""
    answer = Signed.json(cloud, "GetQueueUrl", {"QueueName": "absent-queue"}).sign().send()
    assert answer.status == 400
    assert answer.code == "QueueDoesNotExist"
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-requestid"]
