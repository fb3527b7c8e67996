"""Run by an old boto3 (before November 2023), which speaks SQS over the query protocol and checks every MD5 itself."""

import os

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

sqs = boto3.client(
    "sqs",
    endpoint_url=os.environ["ENDPOINT"],
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(retries={"total_max_attempts": 1}),
)
assert sqs.meta.service_model.metadata["protocol"] == "query", botocore.__version__

url = sqs.create_queue(QueueName="old", Attributes={"VisibilityTimeout": "33"}, tags={"a": "b"})["QueueUrl"]
assert url == f"{os.environ['ENDPOINT']}/000000000000/old"
attributes = {
    "text": {"DataType": "String", "StringValue": "grün & <so>"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}
sent = sqs.send_message(QueueUrl=url, MessageBody="line\none\ttab & <tag> 八雲", MessageAttributes=attributes)
(message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"]
assert message["Body"] == "line\none\ttab & <tag> 八雲", message
assert message["MessageAttributes"] == attributes, message
assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
assert message["Attributes"]["ApproximateReceiveCount"] == "1"
sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
entries = [{"Id": f"e{i}", "MessageBody": f"body {i}", "DelaySeconds": 901 if i == 3 else 0} for i in range(4)]
batch = sqs.send_message_batch(QueueUrl=url, Entries=entries)
assert [e["Id"] for e in batch["Successful"]] == ["e0", "e1", "e2"]
assert batch["Failed"][0]["Code"] == "InvalidParameterValue" and batch["Failed"][0]["SenderFault"] is True
messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
handles = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
assert len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 3
assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"] == "33"
assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
assert sqs.list_queues(QueueNamePrefix="old")["QueueUrls"] == [url]
sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage", "ReceiveMessage"])
sqs.remove_permission(QueueUrl=url, Label="l")
try:
    sqs.get_queue_url(QueueName="absent-queue")
    raise AssertionError("a queue that is not there was found")
except sqs.exceptions.QueueDoesNotExist as error:
    assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue", error.response
    assert error.response["Error"]["Message"].startswith("The specified queue does not exist")
    assert error.response["ResponseMetadata"]["RequestId"] and error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
try:
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    raise AssertionError("eleven were asked for")
except ClientError as error:
    assert error.response["Error"]["Code"] == "InvalidParameterValue", error.response
sqs.delete_queue(QueueUrl=url)
print("the story is told by botocore", botocore.__version__)
