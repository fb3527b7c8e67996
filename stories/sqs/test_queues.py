"""Queues: create, find, configure, tag, list, purge, delete, with AWS's own refusals."""

import json

import pytest

from asserting import Prefix, refused

ARN = "arn:aws:sqs:us-east-1:000000000000"


def test_create_gives_a_url_of_account_and_name(sqs, cloud, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url == f"{cloud.url}/000000000000/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="000000000000")["QueueUrl"] == url


def test_create_again_with_the_same_attributes_is_the_same_queue(sqs, name):
    first = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "40"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "40"})["QueueUrl"] == first
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == first
    with refused(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
        400,
    ):
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "41"})


def test_defaults_are_those_of_aws(sqs, queue, name):
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes.pop("QueueArn") == f"{ARN}:{name}"
    assert int(attributes.pop("CreatedTimestamp")) == int(attributes.pop("LastModifiedTimestamp"))
    assert attributes == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "DelaySeconds": "0",
        # AWS: one MiB since August 2025.
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "30",
        "SqsManagedSseEnabled": "true",
    }


def test_every_attribute_that_was_set_is_echoed(sqs, queue, name):
    wanted = {
        "DelaySeconds": "7",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "3600",
        "ReceiveMessageWaitTimeSeconds": "2",
        "VisibilityTimeout": "99",
        "SqsManagedSseEnabled": "false",
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=wanted)
    assert wanted.items() <= sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"].items()
    one = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert one == {"VisibilityTimeout": "99"}
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue)


@pytest.mark.parametrize(
    "attribute, value",
    [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "-1"),
        ("DelaySeconds", "soon"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "1.5"),
        ("Policy", "{"),
        ("SqsManagedSseEnabled", "perhaps"),
    ],
)
def test_attributes_out_of_range_are_refused(sqs, queue, attribute, value):
    with refused("InvalidAttributeValue", f"Invalid value for the parameter {attribute}.", 400):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={attribute: value})


def test_unknown_attributes_are_refused(sqs, queue, name):
    with refused("InvalidAttributeName", "Unknown Attribute Colour.", 400):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Colour": "red"})
    with refused("InvalidAttributeName", "Unknown Attribute Colour.", 400):
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Colour"])
    with refused("InvalidAttributeName", "Unknown Attribute FifoQueue.", 400):
        sqs.create_queue(QueueName=name + "x", Attributes={"FifoQueue": "false"})


@pytest.mark.parametrize("bad", ["", "a b", "x" * 81, "ä", "a.b"])
def test_bad_names_are_refused(sqs, bad):
    with refused("InvalidParameterValue", Prefix("")) as caught:
        sqs.create_queue(QueueName=bad)
    text = caught.value.response["Error"]["Message"]
    if bad:
        assert text == "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


@pytest.mark.parametrize(
    "call",
    [
        lambda s, u: s.send_message(QueueUrl=u, MessageBody="x"),
        lambda s, u: s.receive_message(QueueUrl=u),
        lambda s, u: s.delete_message(QueueUrl=u, ReceiptHandle="x"),
        lambda s, u: s.get_queue_attributes(QueueUrl=u, AttributeNames=["All"]),
        lambda s, u: s.set_queue_attributes(QueueUrl=u, Attributes={"DelaySeconds": "1"}),
        lambda s, u: s.delete_queue(QueueUrl=u),
        lambda s, u: s.purge_queue(QueueUrl=u),
        lambda s, u: s.list_queue_tags(QueueUrl=u),
        lambda s, u: s.tag_queue(QueueUrl=u, Tags={"a": "b"}),
        lambda s, u: s.untag_queue(QueueUrl=u, TagKeys=["a"]),
        lambda s, u: s.list_dead_letter_source_queues(QueueUrl=u),
        lambda s, u: s.add_permission(QueueUrl=u, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage"]),
        lambda s, u: s.remove_permission(QueueUrl=u, Label="l"),
        lambda s, u: s.change_message_visibility(QueueUrl=u, ReceiptHandle="x", VisibilityTimeout=1),
        lambda s, u: s.send_message_batch(QueueUrl=u, Entries=[{"Id": "1", "MessageBody": "x"}]),
        lambda s, u: s.delete_message_batch(QueueUrl=u, Entries=[{"Id": "1", "ReceiptHandle": "x"}]),
        lambda s, u: s.get_queue_url(QueueName=u.rpartition("/")[2]),
    ],
)
def test_a_queue_that_is_not_there(sqs, cloud, call):
    with refused("AWS.SimpleQueueService.NonExistentQueue", Prefix("The specified queue does not exist"), 400) as caught:
        call(sqs, f"{cloud.url}/000000000000/never-made")
    assert type(caught.value).__name__ == "QueueDoesNotExist", "boto3 must find its modelled exception class"


def test_list_filters_and_pages(sqs, name):
    names = [f"{name}-{i:02}" for i in range(12)]
    for one in names:
        sqs.create_queue(QueueName=one)
    found = sqs.list_queues(QueueNamePrefix=name)
    assert [u.rpartition("/")[2] for u in found["QueueUrls"]] == names
    assert "NextToken" not in found, "without MaxResults SQS gives up to 1,000 URLs and no token"
    pages = list(sqs.get_paginator("list_queues").paginate(QueueNamePrefix=name, PaginationConfig={"PageSize": 5}))
    assert [len(p["QueueUrls"]) for p in pages] == [5, 5, 2]
    assert [u.rpartition("/")[2] for p in pages for u in p["QueueUrls"]] == names
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="no-such-prefix")


def test_tags(sqs, queue, name):
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue", "stage": "dev"})
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "red"})
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "red", "stage": "dev"}
    sqs.untag_queue(QueueUrl=queue, TagKeys=["stage", "absent"])
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "red"}
    made = sqs.create_queue(QueueName=name + "-2", tags={"made": "with"})["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=made)["Tags"] == {"made": "with"}


def test_too_many_tags(sqs, queue):
    with refused(("InvalidParameterValue", "TooManyTags")):
        sqs.tag_queue(QueueUrl=queue, Tags={f"k{i}": "v" for i in range(51)})
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=queue)


def test_permissions_become_the_policy(sqs, queue, name):
    sqs.add_permission(
        QueueUrl=queue, Label="let-in", AWSAccountIds=["111122223333"], Actions=["SendMessage", "ReceiveMessage"]
    )
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Sid"] == "let-in"
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert [a.lower() for a in statement["Action"]] == ["sqs:sendmessage", "sqs:receivemessage"]
    assert statement["Resource"] == f"{ARN}:{name}"
    with refused("InvalidParameterValue", Prefix("Value let-in for parameter Label is invalid")):
        sqs.add_permission(QueueUrl=queue, Label="let-in", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=queue, Label="let-in")
    with refused("InvalidParameterValue", Prefix("Value let-in for parameter Label is invalid")):
        sqs.remove_permission(QueueUrl=queue, Label="let-in")


def test_a_policy_can_be_set_and_cleared(sqs, queue, name):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": f"{ARN}:{name}"},
        ],
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    assert json.loads(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]) == policy
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])


def test_purge_empties_the_queue_once_a_minute(sqs, queue, cloud, name):
    for i in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=str(i))
    sqs.purge_queue(QueueUrl=queue)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress", status=400) as caught:
        sqs.purge_queue(QueueUrl=queue)
    text = caught.value.response["Error"]["Message"]
    assert text == f"Only one PurgeQueue operation on {name} is allowed every 60 seconds."
    cloud.advance("61s")
    sqs.purge_queue(QueueUrl=queue)


def test_a_deleted_name_rests_for_a_minute(sqs, queue, cloud, name):
    sqs.delete_queue(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    text = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    with refused("AWS.SimpleQueueService.QueueDeletedRecently", text, 400):
        sqs.create_queue(QueueName=name)
    cloud.advance("61s")
    again = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=again), "the old queue's messages must not come back"


def test_encryption_with_a_kms_key_is_refused_plainly(sqs, name):
    """SSE-KMS needs the KMS room (part 4): accepting the key and not encrypting would be a lie."""
    with refused(("InvalidAttributeValue", "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation",
                  "KMS.NotFoundException", "KmsNotFound", "InvalidParameterValue", "NotImplemented")):
        sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        sqs.get_queue_url(QueueName=name)
