"""Sessions: named in a queue's policy, cut by session policies, revoked, and ended by the clock; source identity."""

from urllib.parse import quote

import pytest

from asserting import Prefix, refused
from people import Person, allow, assume, deny, make_role, policy, session, trust
from signed import Signed

DENIED = ("AccessDenied",)
ACCOUNT = "000000000000"
OTHER = "111122223333"


@pytest.fixture
def person(cloud, iam, name):
    person = Person(cloud, iam, name)
    person.put("assume", allow(["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]))
    return person


@pytest.fixture
def arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def set_policy(sqs, queue, *statements):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(*statements)})


def statement(effect, arn, action="sqs:SendMessage", **more):
    return {"Effect": effect, "Action": action, "Resource": arn, **more}


def can_send(client, queue):
    client.send_message(QueueUrl=queue, MessageBody="x")


def cannot_send(client, queue):
    with refused(DENIED, status=403):
        client.send_message(QueueUrl=queue, MessageBody="x")


def test_a_queue_policy_names_one_session(cloud, iam, sqs, person, queue, arn, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}))
    sts = person.service("sts")
    alice, bob = (session(cloud, assume(sts, role, who)) for who in ("alice", "bob"))
    cannot_send(alice, queue)
    named = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-role/alice"
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": named}))
    can_send(alice, queue)
    cannot_send(bob, queue)
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": role}))
    can_send(alice, queue)
    can_send(bob, queue)
    both = statement("Allow", arn, Principal={"AWS": role}), statement("Deny", arn, Principal={"AWS": named})
    set_policy(sqs, queue, *both)
    cannot_send(alice, queue)
    can_send(bob, queue)


def test_a_session_of_another_account_named_in_a_queue_policy(cloud, sqs, queue, arn, name):
    """Across accounts the role's own policies must allow as well, even when its very session is named."""
    theirs = cloud.client("iam", key=OTHER)
    person = Person(cloud, theirs, name)
    role = make_role(theirs, f"{name}-role", trust({"AWS": person.arn}))
    its = session(cloud, assume(person.service("sts"), role))
    named = f"arn:aws:sts::{OTHER}:assumed-role/{name}-role/session"
    for principal in (named, role, OTHER):
        set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": principal}))
        cannot_send(its, queue)
    theirs.put_role_policy(RoleName=f"{name}-role", PolicyName="p", PolicyDocument=policy(allow("sqs:SendMessage")))
    for principal in (named, role, OTHER):
        set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": principal}))
        can_send(its, queue)
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": f"arn:aws:sts::{OTHER}:assumed-role/{name}-role/other"}))
    cannot_send(its, queue)


def test_not_principal_with_deny(cloud, iam, sqs, person, queue, arn, name):
    """AWS: the account, the role and the session must all be listed to be spared."""
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:*"))
    its = session(cloud, assume(person.service("sts"), role))
    other = Person(cloud, iam, f"{name}-other")
    other.put("p", allow("sqs:*"))
    named, root = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-role/session", f"arn:aws:iam::{ACCOUNT}:root"
    can_send(its, queue)
    set_policy(sqs, queue, statement("Deny", arn, NotPrincipal={"AWS": [named, role, root]}))
    can_send(its, queue)
    cannot_send(other.service("sqs"), queue)
    set_policy(sqs, queue, statement("Deny", arn, NotPrincipal={"AWS": [other.arn, root]}))
    cannot_send(its, queue)
    can_send(other.service("sqs"), queue)
    # The root user of the account is spared as long as the account is listed.
    can_send(sqs, queue)


def test_session_policies_and_queue_policies(cloud, iam, sqs, person, queue, arn, name):
    """AWS: what a queue's policy gives the role is cut by the session's policy; what it gives the session is not."""
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}))
    narrow = policy(allow("sqs:ReceiveMessage"))
    wide = policy(allow("sqs:*"))
    sts = person.service("sts")
    cut, uncut = session(cloud, assume(sts, role, Policy=narrow)), session(cloud, assume(sts, role, Policy=wide))
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": role}))
    cannot_send(cut, queue)
    can_send(uncut, queue)
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-role/session"}))
    can_send(cut, queue)
    barred = session(cloud, assume(sts, role, Policy=policy(allow("*"), deny("sqs:Send*"))))
    cannot_send(barred, queue)


def test_managed_session_policies(cloud, iam, person, queue, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("*"))
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("sqs:SendMessage")))["Policy"]["Arn"]
    its = assume(person.service("sts"), role, PolicyArns=[{"arn": made}])
    can_send(session(cloud, its), queue)
    with refused(DENIED):
        session(cloud, its).receive_message(QueueUrl=queue)
    with refused(DENIED):
        session(cloud, its, "iam").list_users()
    # The policy is the session's by its name: a new version acts on the next request.
    iam.create_policy_version(PolicyArn=made, PolicyDocument=policy(allow("sqs:ReceiveMessage")), SetAsDefault=True)
    cannot_send(session(cloud, its), queue)
    session(cloud, its).receive_message(QueueUrl=queue)


def test_sessions_are_revoked_by_the_time_they_were_issued(cloud, iam, person, queue, name):
    """What the console's "revoke active sessions" does, in its own words."""
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:*"))
    sts = person.service("sts")
    stolen = session(cloud, assume(sts, role, "stolen"))
    can_send(stolen, queue)
    cloud.advance("5s")
    older = {"DateLessThan": {"aws:TokenIssueTime": cloud.command("clock", "now", json_output=True)["now"]}}
    iam.put_role_policy(
        RoleName=f"{name}-role", PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(deny("*", Condition=older))
    )
    cannot_send(stolen, queue)
    cloud.advance("5s")
    fresh = session(cloud, assume(sts, role, "fresh"))
    can_send(fresh, queue)
    cannot_send(stolen, queue)
    # Long-term keys have no issue time: the same statement leaves the user alone.
    person.put("p", allow("sqs:*"), deny("*", Condition=older))
    can_send(person.service("sqs"), queue)


def test_expired_sessions_fail_in_every_protocol_and_presigned(cloud, iam, person, queue, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:*"))
    key = assume(person.service("sts"), role, DurationSeconds=900)
    pair = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"], "token": key["SessionToken"]}
    path = "/" + queue.split("/", 3)[3]
    query = "Action=SendMessage&MessageBody=x&Version=2012-11-05"
    early = Signed(cloud, method="GET", path=path, query=query).presign(**pair, expires=3600)
    assert early.send().status == 200
    cloud.advance("901s")
    text = Prefix("The security token included in the request is expired")
    for service, call in (
        ("sqs", lambda client: client.list_queues()),
        ("iam", lambda client: client.list_users()),
        ("sts", lambda client: client.get_caller_identity()),
    ):
        with refused("ExpiredToken", text, 403):
            call(session(cloud, key, service))
    # A URL that outlives the session it was signed with is worth nothing.
    answer = early.send()
    assert (answer.status, answer.code) == (403, "ExpiredToken"), answer


def test_a_presigned_request_of_a_session_cannot_be_altered(cloud, iam, person, queue, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:*"))
    sts = person.service("sts")
    key, other = assume(sts, role), assume(sts, role)
    pair = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"], "token": key["SessionToken"]}
    path = "/" + queue.split("/", 3)[3]

    def url():
        query = "Action=SendMessage&MessageBody=x&Version=2012-11-05"
        return Signed(cloud, method="GET", path=path, query=query).presign(**pair, expires=3600)

    assert url().send().status == 200
    token = "X-Amz-Security-Token=" + quote(key["SessionToken"], safe="")
    changes = {
        "Action=SendMessage": "Action=PurgeQueue",
        "MessageBody=x": "MessageBody=y",
        "X-Amz-Expires=3600": "X-Amz-Expires=7200",
        token: "X-Amz-Security-Token=" + quote(other["SessionToken"], safe=""),
        key["AccessKeyId"]: other["AccessKeyId"],
    }
    for old, new in changes.items():
        altered = url()
        assert old in altered.query, (old, altered.query)
        altered.query = altered.query.replace(old, new, 1)
        assert altered.send().status == 403, (old, new)
    without = url()
    without.query = without.query.replace(token, "", 1).replace("&&", "&")
    assert without.send().status == 403
    posted = url()
    posted.method = "POST"
    assert posted.send().status == 403


def test_source_identity(cloud, iam, person, queue, arn, name):
    """Who is behind a session stays known along the chain, can be demanded, and cannot be changed."""
    first = make_role(
        iam, f"{name}-one", trust({"AWS": person.arn}, ["sts:AssumeRole", "sts:SetSourceIdentity"],
                                  StringLike={"sts:SourceIdentity": "*"}),
        allow(["sts:AssumeRole", "sts:SetSourceIdentity"]),
        allow("sqs:SendMessage", Condition={"StringEquals": {"aws:SourceIdentity": "ada"}}),
    )  # fmt: skip
    sts = person.service("sts")
    with refused(DENIED, status=403):
        assume(sts, first)
    ada, eve = (assume(sts, first, SourceIdentity=who) for who in ("ada", "eve"))
    can_send(session(cloud, ada), queue)
    cannot_send(session(cloud, eve), queue)
    second = make_role(
        iam, f"{name}-two", trust({"AWS": first}, ["sts:AssumeRole", "sts:SetSourceIdentity"]),
        allow("sqs:SendMessage", Condition={"StringEquals": {"aws:SourceIdentity": "ada"}}),
    )  # fmt: skip
    chained = session(cloud, ada, "sts").assume_role(RoleArn=second, RoleSessionName="session")
    assert chained["SourceIdentity"] == "ada"
    can_send(session(cloud, chained["Credentials"]), queue)
    with refused(DENIED, status=403):
        assume(session(cloud, ada, "sts"), second, SourceIdentity="eve")
    cannot_send(session(cloud, assume(session(cloud, eve, "sts"), second)), queue)
    # A role that does not let its callers set one shuts out who brings one along.
    third = make_role(iam, f"{name}-three", trust({"AWS": first}))
    with refused(DENIED, status=403):
        assume(session(cloud, ada, "sts"), third)
    plain = make_role(iam, f"{name}-plain", trust({"AWS": person.arn}), allow("sts:AssumeRole"))
    iam.update_assume_role_policy(RoleName=f"{name}-three", PolicyDocument=trust({"AWS": plain}))
    assume(session(cloud, assume(sts, plain), "sts"), third)


def test_a_session_dies_with_its_role_and_a_new_role_of_the_name_is_another(cloud, iam, sqs, person, queue, arn, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:*"))
    its = session(cloud, assume(person.service("sts"), role))
    can_send(its, queue)
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": role}))
    iam.delete_role_policy(RoleName=f"{name}-role", PolicyName="p")
    can_send(its, queue)
    iam.delete_role(RoleName=f"{name}-role")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        its.send_message(QueueUrl=queue, MessageBody="x")
    make_role(iam, f"{name}-role", trust({"AWS": person.arn}))
    anew = session(cloud, assume(person.service("sts"), role))
    # AWS: a policy means the role that it named by its unique id; the new one of the name is not let in.
    cannot_send(anew, queue)
    set_policy(sqs, queue, statement("Allow", arn, Principal={"AWS": role}))
    can_send(anew, queue)
