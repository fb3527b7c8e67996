"""`yakumo can` asks before: each answer, yes or no, is what then really happens."""

import pytest
from botocore.exceptions import ClientError

from asking import can, run
from people import Person, allow, assume, deny, make_role, policy, session, trust
from signed import Signed

ACCOUNT, OTHER = "000000000000", "111122223333"


@pytest.fixture
def person(cloud, iam, name):
    return Person(cloud, iam, name)


@pytest.fixture
def arn(queue):
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rsplit('/', 1)[1]}"


def happens(call, **parameters):
    """Whether a call is let in. Anything but a denial counts as let in: the policies did not stop it."""
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            return False
        assert error.response["Error"]["Code"] != "SignatureDoesNotMatch", error
    return True


def agree(cloud, principal, client, queue, arn, expected, operations=("SendMessage", "ReceiveMessage")):
    """`can` says the same as the real calls, and both say what is expected of each operation."""
    calls = {
        "SendMessage": lambda: happens(client.send_message, QueueUrl=queue, MessageBody="x"),
        "ReceiveMessage": lambda: happens(client.receive_message, QueueUrl=queue),
    }
    for operation, wanted in zip(operations, expected):
        answer = can(cloud, principal, f"sqs:{operation}", arn)
        assert (answer["allowed"], calls[operation]()) == (wanted, wanted), (operation, answer["text"])


def test_a_user_without_and_with_a_policy(cloud, person, queue, arn):
    client = person.service("sqs")
    for who in (f"user/{person.name}", person.arn, person.key["AccessKeyId"]):
        agree(cloud, who, client, queue, arn, (False, False))
    person.put("send", allow("sqs:SendMessage", arn))
    for who in (f"user/{person.name}", person.arn, person.key["AccessKeyId"]):
        agree(cloud, who, client, queue, arn, (True, False))


def test_conditions_hold_as_in_a_request_from_here(cloud, person, queue, arn):
    client = person.service("sqs")
    for block, let_in in (
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringEquals": {"aws:username": "${aws:username}"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, False),
    ):
        person.put("p", allow("sqs:*", Condition=block))
        agree(cloud, person.arn, client, queue, arn, (let_in,))


def test_context_says_what_the_request_would_have(cloud, person, arn):
    person.put("p", allow("sqs:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    assert not can(cloud, person.arn, "sqs:SendMessage", arn)["allowed"]
    assert can(cloud, person.arn, "sqs:SendMessage", arn, {"aws:MultiFactorAuthPresent": "true"})["allowed"]
    person.put("p", allow("sqs:*", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}))
    assert can(cloud, person.arn, "sqs:TagQueue", arn, {"aws:TagKeys": ["a", "b"]})["allowed"]
    assert not can(cloud, person.arn, "sqs:TagQueue", arn, {"aws:TagKeys": ["a", "c"]})["allowed"]
    person.put("p", allow("sqs:*", Condition={"Null": {"aws:SourceIp": "true"}}))
    assert not can(cloud, person.arn, "sqs:SendMessage", arn)["allowed"]
    assert can(cloud, person.arn, "sqs:SendMessage", arn, {"aws:SourceIp": ""})["allowed"]


def test_a_boundary_and_a_deny_cut(cloud, iam, person, queue, arn, name):
    client = person.service("sqs")
    person.put("all", allow("*"))
    agree(cloud, person.arn, client, queue, arn, (True, True))
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("sqs:SendMessage")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=person.name, PermissionsBoundary=boundary)
    agree(cloud, person.arn, client, queue, arn, (True, False))
    person.put("no", deny("sqs:SendMessage", arn))
    agree(cloud, person.arn, client, queue, arn, (False, False))


def test_the_queues_own_policy_and_tags_are_looked_at(cloud, sqs, person, queue, arn):
    client = person.service("sqs")
    statement = {"Effect": "Allow", "Principal": {"AWS": person.arn}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    agree(cloud, person.arn, client, queue, arn, (True, False))
    everyone = {**statement, "Effect": "Deny", "Principal": "*"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement, everyone)})
    agree(cloud, person.arn, client, queue, arn, (False, False))
    agree(cloud, "root", sqs, queue, arn, (False, True))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    person.put("blue", allow("sqs:*", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}))
    agree(cloud, person.arn, client, queue, arn, (False, False))
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "blue"})
    agree(cloud, person.arn, client, queue, arn, (True, True))


def test_a_queue_that_is_not_there_is_said_to_be_missing(cloud, person):
    person.put("all", allow("sqs:*"))
    answer = can(cloud, person.arn, "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:no-such-queue")
    assert answer["allowed"] and "is not there" in answer["text"]


def test_across_accounts_both_sides_must_allow(cloud, sqs, queue, arn, name):
    stranger = Person(cloud, cloud.client("iam", key=OTHER), name)
    client = stranger.service("sqs")
    agree(cloud, stranger.arn, client, queue, arn, (False, False))
    stranger.put("all", allow("*"))
    agree(cloud, stranger.arn, client, queue, arn, (False, False))
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sqs:*", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    agree(cloud, stranger.arn, client, queue, arn, (True, True))
    assert can(cloud, f"user/{name}", "sqs:SendMessage", arn, account=OTHER)["allowed"]
    # What no queue policy can give away.
    assert not can(cloud, stranger.arn, "sqs:DeleteQueue", arn)["allowed"]
    assert not happens(client.delete_queue, QueueUrl=queue)


def test_roles_and_their_sessions(cloud, iam, person, queue, arn, name):
    role = make_role(iam, name, trust({"AWS": person.arn}), allow("sqs:*"))
    person.put("assume", allow("sts:AssumeRole"))
    sts = person.service("sts")
    whole = assume(sts, role, "whole")
    cut = assume(sts, role, "cut", Policy=policy(allow("sqs:ReceiveMessage")))
    for who in (role, f"role/{name}", f"assumed-role/{name}/whole", whole["AccessKeyId"]):
        agree(cloud, who, session(cloud, whole), queue, arn, (True, True))
    agree(cloud, cut["AccessKeyId"], session(cloud, cut), queue, arn, (False, True))
    iam.put_role_policy(RoleName=name, PolicyName="old", PolicyDocument=policy(
        deny("sqs:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})))
    agree(cloud, role, session(cloud, whole), queue, arn, (False, False))


def test_assuming_a_role_asks_trust_and_the_caller(cloud, iam, person, name):
    sts = person.service("sts")
    stranger = Person(cloud, iam, f"{name}-2")
    role = make_role(iam, name, trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))

    def both(who, client, expected, action="sts:AssumeRole"):
        answer = can(cloud, who, action, role)
        assert answer["allowed"] == expected, answer["text"]
        assert happens(client.assume_role, RoleArn=role, RoleSessionName="s1") == expected

    both(person.arn, sts, False)
    person.put("assume", allow("sts:AssumeRole", role))
    both(person.arn, sts, True)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": stranger.arn}))
    both(person.arn, sts, False)
    both(stranger.arn, stranger.service("sts"), True)
    both("root", cloud.client("sts"), False)
    assert can(cloud, person.arn, "sts:GetCallerIdentity")["allowed"] and sts.get_caller_identity()


def test_iams_resources_have_tags_too(cloud, iam, person, name):
    theirs = person.service("iam")
    iam.create_user(UserName=f"{name}-blue", Tags=[{"Key": "team", "Value": "blue"}])
    iam.create_user(UserName=f"{name}-red", Tags=[{"Key": "team", "Value": "red"}])
    person.put("blue", allow("iam:GetUser", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}))
    for team, expected in (("blue", True), ("red", False)):
        who = f"{name}-{team}"
        answer = can(cloud, person.arn, "iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/{who}")
        assert answer["allowed"] == expected, answer["text"]
        assert happens(theirs.get_user, UserName=who) == expected


def test_services_and_nobody(cloud, sqs, queue, arn):
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
                 "Resource": arn, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::photos"}}}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    for source, expected in (("arn:aws:s3:::photos", True), ("arn:aws:s3:::others", False)):
        answer = can(cloud, "s3.amazonaws.com", "sqs:SendMessage", arn, {"aws:SourceArn": source})
        assert answer["allowed"] == expected, answer["text"]
    assert not can(cloud, "sns.amazonaws.com", "sqs:SendMessage", arn, {"aws:SourceArn": "arn:aws:s3:::photos"})["allowed"]

    def anonymous():
        path = "/" + queue.split("/", 3)[3]
        return Signed.form(cloud, "SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, path=path).send().status == 200

    assert not can(cloud, "anonymous", "sqs:SendMessage", arn)["allowed"] and not anonymous()
    open_to_all = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(open_to_all)})
    assert can(cloud, "anonymous", "sqs:SendMessage", arn)["allowed"] and anonymous()


def test_keys_that_are_of_no_use(workshop):
    cloud = workshop.cloud()
    iam = cloud.client("iam")
    person = Person(cloud, iam, "amy")
    person.put("all", allow("*"))
    key = person.key["AccessKeyId"]
    assert can(cloud, key, "sqs:ListQueues")["allowed"]
    iam.update_access_key(UserName="amy", AccessKeyId=key, Status="Inactive")
    assert "inactive" in can(cloud, key, "sqs:ListQueues")["text"]
    assert can(cloud, "user/amy", "sqs:ListQueues")["allowed"], "the user still may, with another key"
    iam.update_access_key(UserName="amy", AccessKeyId=key, Status="Active")
    temporary = person.service("sts").get_session_token()["Credentials"]["AccessKeyId"]
    assert can(cloud, temporary, "sqs:ListQueues")["allowed"]
    cloud.advance("13h")
    assert "expired" in can(cloud, temporary, "sqs:ListQueues")["text"]


def test_questions_that_make_no_sense(cloud, person):
    for code, args in (
        (2, (person.arn,)),
        (2, (person.arn, "SendMessage")),
        (2, (person.arn, "sqs:Send*")),
        (2, (person.arn, "sqs:SendMessage", "jobs")),
        (2, (person.arn, "sqs:SendMessage", "--context", "aws:SourceIp")),
        (2, (person.arn, "sqs:SendMessage", "--context", "SourceIp=1")),
        (2, (person.arn, "sqs:SendMessage", "--region", "mars-1")),
        (2, ("user/amy", "sqs:SendMessage", "--account", "12")),
        (8, ("user/nobody-at-all", "sqs:SendMessage")),
        (8, ("AKIANOSUCHKEY", "sqs:SendMessage")),
        (8, ("arn:aws:s3:::bucket", "sqs:SendMessage")),
    ):
        got, text, errors = run(cloud, "can", *args)
        assert (got, text) == (code, ""), (args, got, text, errors)
        assert errors
    # A new action of somebody's typing is answered, and said to be strange.
    assert "no operation of this cloud asks for" in can(cloud, person.arn, "sqs:SendMesage")["text"]


def test_nothing_follows_from_a_question(cloud, person, arn):
    before = cloud.command("requests", json_output=True)["next"]
    can(cloud, person.arn, "sqs:SendMessage", arn)
    assert cloud.command("requests", json_output=True)["next"] == before, "no request was made"
