"""Queue policies: they let another account, a user or everyone in, and keep them out."""

import json

import pytest

from asserting import refused
from people import Person, allow, explicit_deny, policy
from signed import Signed

DENIED = ("AccessDenied",)
OTHER = "111122223333"


@pytest.fixture
def arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def set_policy(sqs, queue, *statements):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(*statements)})


def statement(effect, principal, action, arn, **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": arn, **more}


@pytest.fixture
def stranger(cloud, name):
    """A user of another account who may do everything there."""
    person = Person(cloud, cloud.client("iam", key=OTHER), name)
    person.put("all", allow("*"))
    return person


def test_another_account_is_let_in_and_kept_out(sqs, queue, arn, stranger):
    theirs = stranger.service("sqs")
    with refused(DENIED, status=403):
        theirs.send_message(QueueUrl=queue, MessageBody="x")
    set_policy(sqs, queue, statement("Allow", {"AWS": OTHER}, "sqs:SendMessage", arn))
    theirs.send_message(QueueUrl=queue, MessageBody="from outside")
    with refused(DENIED, status=403):
        theirs.receive_message(QueueUrl=queue)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    with refused(DENIED, status=403):
        theirs.send_message(QueueUrl=queue, MessageBody="x")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "from outside"


def test_across_accounts_both_sides_must_allow(sqs, queue, arn, stranger):
    set_policy(sqs, queue, statement("Allow", {"AWS": f"arn:aws:iam::{OTHER}:root"}, "sqs:*", arn))
    theirs = stranger.service("sqs")
    theirs.send_message(QueueUrl=queue, MessageBody="x")
    stranger.drop("all")
    with refused(DENIED, status=403):
        theirs.send_message(QueueUrl=queue, MessageBody="x")


def test_inside_the_account_the_queue_policy_alone_is_enough(cloud, iam, sqs, queue, arn, name):
    person = Person(cloud, iam, name)
    with refused(DENIED):
        person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")
    set_policy(sqs, queue, statement("Allow", {"AWS": person.arn}, "sqs:SendMessage", arn))
    person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")
    other = Person(cloud, iam, name + "-2")
    with refused(DENIED):
        other.service("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_a_deny_in_the_queue_policy_stops_a_mighty_user(cloud, iam, sqs, queue, arn, name):
    person = Person(cloud, iam, name)
    person.put("all", allow("*"))
    set_policy(sqs, queue, statement("Deny", "*", "sqs:SendMessage", arn, Condition={"StringNotEquals": {"aws:username": "x"}}))
    with refused(DENIED, explicit_deny(person.arn, "sqs:SendMessage", arn, "a resource-based"), 403):
        person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")
    person.service("sqs").receive_message(QueueUrl=queue)


def test_conditions_in_a_queue_policy(sqs, queue, arn, stranger):
    theirs = stranger.service("sqs")
    for address, let_in in (("203.0.113.0/24", False), ("127.0.0.1", True)):
        set_policy(
            sqs, queue, statement("Allow", {"AWS": OTHER}, "sqs:*", arn, Condition={"IpAddress": {"aws:SourceIp": address}})
        )
        if let_in:
            theirs.send_message(QueueUrl=queue, MessageBody="x")
        else:
            with refused(DENIED):
                theirs.send_message(QueueUrl=queue, MessageBody="x")


def test_everyone_may_send_when_the_policy_says_so(cloud, sqs, queue, arn):
    """An anonymous request is a caller like any other: only a policy for everyone lets it in."""
    path = "/" + queue.split("/", 3)[3]

    def anonymous(operation):
        return Signed.form(cloud, operation, {"QueueUrl": queue, "MessageBody": "hello"}, path=path).send()

    assert anonymous("SendMessage").status == 403
    set_policy(sqs, queue, statement("Allow", "*", "sqs:SendMessage", arn))
    assert anonymous("SendMessage").status == 200
    assert anonymous("ReceiveMessage").status == 403
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"


def test_policies_that_name_nobody_are_refused(sqs, queue, arn):
    for broken in (
        "{",
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": arn}]}),
        policy(statement("Allow", {"AWS": "nobody"}, "sqs:*", arn)),
        policy(statement("Perhaps", "*", "sqs:*", arn)),
    ):
        with refused("InvalidAttributeValue", "Invalid value for the parameter Policy.", 400):
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": broken})
