"""Denied beside allowed: what an IAM user may do, from no policy at all to conditions, each change acting on the next request."""

import json

import pytest

from asserting import Prefix, refused
from people import Person, allow, deny, explicit_deny, no_identity_policy, policy

DENIED = ("AccessDenied",)


@pytest.fixture
def person(cloud, iam, name):
    return Person(cloud, iam, name)


@pytest.fixture
def arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_no_policy_means_no_access(person, queue, arn):
    sqs = person.service("sqs")
    with refused(DENIED, no_identity_policy(person.arn, "sqs:SendMessage", arn), 403):
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    for call in (
        lambda: sqs.receive_message(QueueUrl=queue),
        lambda: sqs.delete_queue(QueueUrl=queue),
        lambda: sqs.purge_queue(QueueUrl=queue),
        lambda: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"]),
        lambda: sqs.list_queues(),
        lambda: sqs.create_queue(QueueName="mine"),
        lambda: sqs.get_queue_url(QueueName=queue.rpartition("/")[2]),
        lambda: person.service("iam").list_users(),
        lambda: person.service("iam").create_access_key(UserName=person.name),
    ):
        with refused(DENIED, Prefix(f"User: {person.arn} is not authorized to perform: "), 403):
            call()
    # AWS: GetCallerIdentity needs no permission.
    assert person.service("sts").get_caller_identity()["Arn"] == person.arn


def test_an_inline_policy_lets_in_and_its_end_shuts_out(person, queue, arn):
    sqs = person.service("sqs")
    person.put("send", allow("sqs:SendMessage", arn))
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    with refused(DENIED, no_identity_policy(person.arn, "sqs:ReceiveMessage", arn), 403):
        sqs.receive_message(QueueUrl=queue)
    person.drop("send")
    with refused(DENIED, no_identity_policy(person.arn, "sqs:SendMessage", arn), 403):
        sqs.send_message(QueueUrl=queue, MessageBody="x")


def test_a_batch_needs_the_single_permission(person, queue, arn):
    """AWS: there is no sqs:SendMessageBatch; a batch is allowed and denied as its single action."""
    sqs = person.service("sqs")
    entries = [{"Id": "1", "MessageBody": "x"}]
    with refused(DENIED, no_identity_policy(person.arn, "sqs:SendMessage", arn), 403):
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    person.put("send", allow("sqs:SendMessage", arn))
    assert sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]


def test_an_explicit_deny_wins(person, queue, arn):
    sqs = person.service("sqs")
    person.put("all", allow("*"))
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    person.put("but", deny("sqs:Send*", arn))
    with refused(DENIED, explicit_deny(person.arn, "sqs:SendMessage", arn), 403):
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.receive_message(QueueUrl=queue)


def test_another_resource_stays_shut(person, sqs, queue, arn, name):
    other = sqs.create_queue(QueueName=f"{name}-other")["QueueUrl"]
    person.put("one", allow("sqs:*", arn))
    mine = person.service("sqs")
    mine.send_message(QueueUrl=queue, MessageBody="x")
    with refused(DENIED, no_identity_policy(person.arn, "sqs:SendMessage", f"{arn}-other"), 403):
        mine.send_message(QueueUrl=other, MessageBody="x")
    person.put("one", allow("sqs:*", f"{arn}-o?her"))
    mine.send_message(QueueUrl=other, MessageBody="x")
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")


def test_a_managed_policy_acts_on_the_next_request(person, iam, queue, arn, name):
    mine = person.service("sqs")
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("sqs:SendMessage", arn)))["Policy"]["Arn"]
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.attach_user_policy(UserName=person.name, PolicyArn=made)
    mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.create_policy_version(PolicyArn=made, PolicyDocument=policy(allow("sqs:ReceiveMessage", arn)), SetAsDefault=True)
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    mine.receive_message(QueueUrl=queue)
    iam.set_default_policy_version(PolicyArn=made, VersionId="v1")
    mine.send_message(QueueUrl=queue, MessageBody="x")
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=made)
    iam.detach_user_policy(UserName=person.name, PolicyArn=made)
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")


def test_a_group_lets_its_members_in(person, iam, queue, arn, name):
    mine = person.service("sqs")
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=policy(allow("sqs:SendMessage", arn)))
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.add_user_to_group(GroupName=name, UserName=person.name)
    mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.remove_user_from_group(GroupName=name, UserName=person.name)
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")


CONDITIONS = [
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
    ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
    ({"StringEquals": {"aws:ResourceTag/team": "blue"}}, True),
    ({"StringEquals": {"aws:ResourceTag/team": "red"}}, False),
    ({"Null": {"aws:ResourceTag/absent": "true"}}, True),
    ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
    ({"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}, False),
    ({"Bool": {"aws:SecureTransport": "true"}}, False),
    ({"Bool": {"aws:SecureTransport": "false"}}, True),
    ({"StringLike": {"aws:username": "t-*"}}, True),
    ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
    ({"StringEquals": {"aws:PrincipalAccount": "000000000000"}}, True),
    ({"StringEquals": {"aws:PrincipalTag/role": "worker"}}, True),
    ({"StringEquals": {"aws:PrincipalTag/role": "boss"}}, False),
    ({"StringEquals": {"aws:PrincipalTag/role": "worker"}, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/t-*"}}, True),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, False),
    ({"StringLike": {"aws:UserAgent": "*Boto3*"}}, True),
]


@pytest.mark.parametrize("condition, let_in", CONDITIONS, ids=lambda value: json.dumps(value))
def test_conditions(person, iam, sqs, queue, arn, condition, let_in):
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue"})
    iam.tag_user(UserName=person.name, Tags=[{"Key": "role", "Value": "worker"}])
    person.put("when", allow("sqs:SendMessage", arn, Condition=condition))
    mine = person.service("sqs")
    if let_in:
        mine.send_message(QueueUrl=queue, MessageBody="x")
    else:
        with refused(DENIED, no_identity_policy(person.arn, "sqs:SendMessage", arn), 403):
            mine.send_message(QueueUrl=queue, MessageBody="x")


def test_tags_in_the_request_are_a_condition(person, name):
    person.put(
        "tagged",
        allow(["sqs:CreateQueue", "sqs:TagQueue"], Condition={"StringEquals": {"aws:RequestTag/team": "blue"}}),
    )
    mine = person.service("sqs")
    mine.create_queue(QueueName=f"{name}-a", tags={"team": "blue"})
    with refused(DENIED):
        mine.create_queue(QueueName=f"{name}-b", tags={"team": "red"})
    with refused(DENIED):
        mine.create_queue(QueueName=f"{name}-c")


def test_a_policy_variable_names_the_caller(person, sqs, name):
    own = sqs.create_queue(QueueName=f"box-{person.name}")["QueueUrl"]
    other = sqs.create_queue(QueueName="box-somebody")["QueueUrl"]
    person.put("own", allow("sqs:SendMessage", "arn:aws:sqs:*:*:box-${aws:username}"))
    mine = person.service("sqs")
    mine.send_message(QueueUrl=own, MessageBody="x")
    with refused(DENIED):
        mine.send_message(QueueUrl=other, MessageBody="x")


def test_not_action_and_not_resource(person, queue, arn):
    person.put("all-but", {"Effect": "Allow", "NotAction": "sqs:Purge*", "NotResource": f"{arn}-other"})
    mine = person.service("sqs")
    mine.send_message(QueueUrl=queue, MessageBody="x")
    with refused(DENIED):
        mine.purge_queue(QueueUrl=queue)


def test_an_inactive_and_a_deleted_key(person, iam, queue, arn):
    person.put("send", allow("sqs:SendMessage", arn))
    mine = person.service("sqs")
    key = {"UserName": person.name, "AccessKeyId": person.key["AccessKeyId"]}
    mine.send_message(QueueUrl=queue, MessageBody="x")
    unknown = "The security token included in the request is invalid."
    iam.update_access_key(**key, Status="Inactive")
    with refused("InvalidClientTokenId", unknown, 403):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.update_access_key(**key, Status="Active")
    mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.delete_access_key(**key)
    with refused("InvalidClientTokenId", unknown, 403):
        mine.send_message(QueueUrl=queue, MessageBody="x")


def test_a_user_with_keys_or_policies_cannot_be_deleted(person, iam):
    person.put("p", allow("*"))
    with refused("DeleteConflict", Prefix("Cannot delete entity, must "), 409):
        iam.delete_user(UserName=person.name)
    iam.delete_access_key(UserName=person.name, AccessKeyId=person.key["AccessKeyId"])
    person.drop("p")
    iam.delete_user(UserName=person.name)
    with refused("NoSuchEntity", f"The user with name {person.name} cannot be found.", 404):
        iam.get_user(UserName=person.name)


def test_broken_policies_are_refused(person, iam):
    for text in ("{", "{}", '{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}'):
        with refused("MalformedPolicyDocument", status=400):
            iam.put_user_policy(UserName=person.name, PolicyName="p", PolicyDocument=text)
    assert iam.list_user_policies(UserName=person.name)["PolicyNames"] == []
