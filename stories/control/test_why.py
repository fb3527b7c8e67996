"""`yakumo why` explains denials so that somebody can act on them: what it says would have allowed a request, does."""

import pytest

from asking import can, id_of, why
from asserting import refused
from people import Person, allow, assume, deny, make_role, policy, session, trust
from signed import Signed

ACCOUNT, OTHER = "000000000000", "111122223333"
DENIED = ("AccessDenied",)


@pytest.fixture
def person(cloud, iam, name):
    return Person(cloud, iam, name)


@pytest.fixture
def arn(queue):
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rsplit('/', 1)[1]}"


def denied(cloud, call, **parameters):
    """A call that must be denied, explained."""
    with refused(DENIED) as caught:
        call(**parameters)
    return why(cloud, id_of(caught))


def layers(explained, index=-1):
    """What each kind of policy said, in the order in which they were asked."""
    return [(layer["policy_type"], layer["outcome"]) for layer in explained["decisions"][index]["layers"]]


def steps(explained, index=-1):
    """The steps of each way out, in words."""
    return [[step["what"] for step in remedy["steps"]] for remedy in explained["decisions"][index]["remedies"]]


def says(explained, *parts):
    for part in parts:
        assert part in explained["text"], f"{part!r} is not in\n{explained['text']}"


def test_without_an_argument_it_is_the_last_denial(cloud, sqs, queue, person):
    with refused(DENIED) as caught:
        person.service("sqs").purge_queue(QueueUrl=queue)
    person.put("list", allow("sqs:ListQueues"))
    person.service("sqs").list_queues()
    assert why(cloud)["request"]["id"] == id_of(caught)


def test_no_policy_at_all_and_the_one_that_it_asks_for(cloud, queue, arn, person):
    send = dict(QueueUrl=queue, MessageBody="x")
    explained = denied(cloud, person.service("sqs").send_message, **send)
    assert explained["caller"]["arn"] == person.arn and explained["caller"]["access_key_id"] == person.key["AccessKeyId"]
    assert layers(explained) == [("identity-based policy", "silent")]
    assert steps(explained) == [[f"an identity-based policy of {person.arn} allows sqs:sendmessage on {arn}"]]
    says(explained, "DENIED  sqs:SendMessage", person.arn, "there is no identity-based policy")
    person.put("send", {"Sid": "Send", **allow("sqs:SendMessage", arn)})
    allowed = person.service("sqs").send_message(**send)["ResponseMetadata"]["RequestId"]
    explained = why(cloud, allowed)
    assert layers(explained) == [("identity-based policy", "allows")] and steps(explained) == []
    says(explained, "allowed  sqs:SendMessage", "Allow     statement 1 (Send) of identity-based policy send")


def test_a_condition_says_what_it_wanted_and_with_what_it_would_do(cloud, queue, arn, person):
    receive = person.service("sqs").receive_message
    person.put("mfa", {"Sid": "WithMfa", **allow("sqs:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})})
    explained = denied(cloud, receive, QueueUrl=queue)
    (instead,) = explained["decisions"][0]["instead"]
    assert instead == {"aws:MultiFactorAuthPresent": ["true"]}
    says(explained, "nearest   statement 1 (WithMfa)", "wants true and the request has no such key",
         "if the request had aws:MultiFactorAuthPresent = true")
    assert can(cloud, person.arn, "sqs:ReceiveMessage", arn, instead)["allowed"]
    both = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    person.put("mfa", allow("sqs:*", Condition=both))
    (instead,) = denied(cloud, receive, QueueUrl=queue)["decisions"][0]["instead"]
    assert instead == {"aws:SourceIp": ["10.0.0.0"], "aws:MultiFactorAuthAge": ["3599"]}
    assert can(cloud, person.arn, "sqs:ReceiveMessage", arn, instead)["allowed"]


def test_an_explicit_deny_says_why_it_applies(cloud, queue, arn, person):
    receive = person.service("sqs").receive_message
    person.put("all", allow("*"))
    unless = {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}
    person.put("office", allow("s3:*"), {"Sid": "OfficeOnly", **deny("*", Condition=unless)})
    explained = denied(cloud, receive, QueueUrl=queue)
    assert explained["decisions"][0]["outcome"] == "explicit_deny"
    assert layers(explained) == [("identity-based policy", "denies")]
    says(explained, "Deny      statement 2 (OfficeOnly) of identity-based policy office",
         "it applies because aws:SourceIp is 127.0.0.1 (NotIpAddress 203.0.113.0/24)")
    assert explained["decisions"][0]["instead"] == [{"aws:SourceIp": ["203.0.113.0"]}]
    person.drop("office")
    receive(QueueUrl=queue)


def test_a_boundary_is_named_with_what_it_leaves(cloud, iam, queue, person, name):
    send = person.service("sqs").send_message
    person.put("all", allow("*"))
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow(["sqs:ReceiveMessage", "s3:*"])))
    boundary = boundary["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=person.name, PermissionsBoundary=boundary)
    explained = denied(cloud, send, QueueUrl=queue, MessageBody="x")
    assert layers(explained) == [("identity-based policy", "allows"), ("permissions boundary", "silent")]
    ((step,),) = steps(explained)
    assert step.startswith(f"the permissions boundary {boundary} allows sqs:sendmessage on ")
    assert step.endswith("it allows only s3:*, sqs:ReceiveMessage")
    iam.delete_user_permissions_boundary(UserName=person.name)
    send(QueueUrl=queue, MessageBody="x")


def test_a_session_is_told_with_its_role_its_tags_and_what_cuts_it(cloud, iam, queue, person, name):
    role = make_role(iam, name, trust({"AWS": person.arn}, action=["sts:AssumeRole", "sts:TagSession"]), allow("*"))
    person.put("assume", allow(["sts:AssumeRole", "sts:TagSession"]))
    sts = person.service("sts")
    tags = [{"Key": "team", "Value": "blue"}]
    credentials = assume(sts, role, "night-shift", Policy=policy(allow("sqs:ReceiveMessage")), Tags=tags)
    explained = denied(cloud, session(cloud, credentials).send_message, QueueUrl=queue, MessageBody="x")
    caller = explained["caller"]
    assert caller["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/night-shift" and caller["of"] == role
    assert caller["tags"] == {"team": "blue"} and caller["kind"] == "role session"
    assert layers(explained) == [("identity-based policy", "allows"), ("session policy", "silent")]
    says(explained, "night-shift", "team=blue", "aws:TokenIssueTime", "it allows only sqs:ReceiveMessage")


def test_across_accounts_both_sides_are_explained(cloud, sqs, queue, arn, name):
    stranger = Person(cloud, cloud.client("iam", key=OTHER), name)
    send = stranger.service("sqs").send_message
    explained = denied(cloud, send, QueueUrl=queue, MessageBody="x")
    ((theirs, own),) = steps(explained)
    assert theirs == f"a policy of {arn} itself allows sqs:sendmessage on {arn} to {stranger.arn}"
    assert own == f"an identity-based policy of {stranger.arn} allows sqs:sendmessage on {arn}"
    stranger.put("all", allow("*"))
    statement = {"Effect": "Allow", "Principal": {"AWS": stranger.arn}, "Action": "sqs:*", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    send(QueueUrl=queue, MessageBody="x")


def test_somebody_of_an_old_name_is_not_trusted_and_why_says_so(cloud, iam, sqs, queue, arn, name):
    first = Person(cloud, iam, name)
    statement = {"Effect": "Allow", "Principal": {"AWS": first.arn}, "Action": "sqs:*", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    first.service("sqs").receive_message(QueueUrl=queue)
    iam.delete_access_key(UserName=name, AccessKeyId=first.key["AccessKeyId"])
    unique = iam.get_user(UserName=name)["User"]["UserId"]
    iam.delete_user(UserName=name)
    shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert unique in shown and first.arn not in shown
    second = Person(cloud, iam, name)
    explained = denied(cloud, second.service("sqs").receive_message, QueueUrl=queue)
    assert layers(explained)[0] == ("resource-based policy", "silent")
    says(explained, f"names {second.arn}, but means an earlier one that was deleted")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(statement)})
    second.service("sqs").receive_message(QueueUrl=queue)


def test_assume_role_explains_trust_and_the_callers_side(cloud, iam, person, name):
    theirs = cloud.client("iam", key=OTHER)
    role = make_role(theirs, name, trust({"AWS": f"arn:aws:iam::{OTHER}:root"}))
    assume_role = person.service("sts").assume_role
    explained = denied(cloud, assume_role, RoleArn=role, RoleSessionName="s1")
    assert layers(explained) == [("role trust policy", "silent"), ("identity-based policy", "silent")]
    ((trusts, own),) = steps(explained)
    assert trusts == f"the role's trust policy allows sts:AssumeRole on {role} to {person.arn}"
    assert own == f"an identity-based policy of {person.arn} allows sts:AssumeRole on {role}"
    person.put("assume", allow("sts:AssumeRole", role))
    explained = denied(cloud, assume_role, RoleArn=role, RoleSessionName="s1")
    assert layers(explained) == [("role trust policy", "silent"), ("identity-based policy", "allows")]
    theirs.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": person.arn}))
    assume_role(RoleArn=role, RoleSessionName="s1")


def unproved(cloud, answer, cause, *parts):
    """A refusal before any policy: its cause, and what the text says."""
    assert answer.status in (400, 403), answer
    explained = why(cloud, answer.headers["x-amzn-requestid"])
    assert explained["unproved"]["cause"] == cause, explained
    assert explained["decisions"] == [] and explained["request"]["verdict"] == "denied"
    says(explained, "DENIED", *parts)
    return explained


def test_refusals_before_policies_say_what_the_client_does_not_hear(cloud, iam, person):
    key, secret = person.key["AccessKeyId"], person.key["SecretAccessKey"]

    def request():
        return Signed.json(cloud, "ListQueues", {})

    unproved(cloud, request().sign("AKIANOSUCHKEY0000000", secret).send(), "unknown_key", "no access key AKIANOSUCHKEY0000000")
    unproved(cloud, request().sign(key, "wrong").send(), "signature", f"the secret of {key}", person.arn)
    unproved(cloud, request().sign(key, secret, moved=-3600).send(), "skew", "before this host's time", "900 s apart")
    unproved(cloud, request().sign(key, secret, moved=3600).send(), "skew", "after this host's time")
    unproved(cloud, request().sign(key, secret, token="x").send(), "token_not_needed", "long-term key")
    session = person.service("sts").get_session_token()["Credentials"]
    temporary = session["AccessKeyId"], session["SecretAccessKey"]
    unproved(cloud, request().sign(*temporary).send(), "token_missing", "without their session token")
    unproved(cloud, request().sign(*temporary, token="x").send(), "token_wrong", "not the one that was given out")
    other = request()
    other.service = "sns"
    unproved(cloud, other.sign(key, secret).send(), "service", "`sns`", "`sqs`")
    other = request()
    other.region = "mars-1"
    unproved(cloud, other.sign(key, secret).send(), "region", "`mars-1`")
    unsigned = Signed.form(cloud, "GetUser", {}, service="iam", version="2010-05-08")
    unproved(cloud, unsigned.send(), "unsigned", "carries no signature")
    iam.update_access_key(UserName=person.name, AccessKeyId=key, Status="Inactive")
    explained = unproved(cloud, request().sign(key, secret).send(), "inactive_key", "is inactive")
    assert explained["unproved"]["owner"] == person.arn
    iam.update_access_key(UserName=person.name, AccessKeyId=key, Status="Active")
    assert request().sign(key, secret).send().status == 403, "it is known now, and has no policy"
    assert why(cloud)["caller"]["arn"] == person.arn


def test_ended_credentials_are_told_by_the_clouds_clock(workshop):
    cloud = workshop.cloud()
    person = Person(cloud, cloud.client("iam"), "amy")
    credentials = person.service("sts").get_session_token(DurationSeconds=900)["Credentials"]
    cloud.advance("16m")
    signed = Signed.json(cloud, "ListQueues", {})
    signed.sign(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    explained = unproved(cloud, signed.send(), "token_expired", "ended at", "by the cloud's clock")
    assert explained["unproved"]["owner"] == person.arn


def test_requests_are_found_by_who_by_service_and_by_denial(cloud, iam, queue, person, name):
    role = make_role(iam, name, trust({"AWS": person.arn}), allow("sqs:ListQueues"))
    person.put("assume", allow("sts:AssumeRole"))
    theirs = session(cloud, assume(person.service("sts"), role, "s1"))
    theirs.list_queues()
    with refused(DENIED):
        theirs.purge_queue(QueueUrl=queue)
    with refused(DENIED):
        person.service("sqs").purge_queue(QueueUrl=queue)

    def found(*args):
        lines = cloud.command("requests", *args, json_output=True)["requests"]
        return [f"{line['service']}:{line['operation']}" for line in lines]

    assert found("--principal", f"user/{person.name}") == ["sts:AssumeRole", "sqs:PurgeQueue"]
    assert found("--principal", person.arn, "--service", "sqs") == ["sqs:PurgeQueue"]
    assert found("--principal", f"role/{name}") == ["sqs:ListQueues", "sqs:PurgeQueue"]
    assert found("--principal", role, "--denied") == ["sqs:PurgeQueue"]
    assert found("--principal", person.key["AccessKeyId"], "--limit", "1") == ["sqs:PurgeQueue"]
    assert found("--principal", "user/nobody") == []
