"""Roles: trust, external ids, session policies, the end of temporary credentials."""

import pytest

from asserting import Prefix, refused
from people import Person, allow, deny, make_role, policy, session, trust

DENIED = ("AccessDenied",)


@pytest.fixture
def person(cloud, iam, name):
    person = Person(cloud, iam, name)
    person.put("assume", allow("sts:AssumeRole"))
    return person


@pytest.fixture
def arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_trusted_user_takes_the_role_and_its_rights(cloud, iam, person, queue, arn, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:SendMessage", arn))
    answer = person.service("sts").assume_role(RoleArn=role, RoleSessionName="work")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}-role/work"
    role_id, _, session_name = answer["AssumedRoleUser"]["AssumedRoleId"].partition(":")
    assert role_id.startswith("AROA") and session_name == "work"
    credentials = answer["Credentials"]
    assert session(cloud, credentials, "sts").get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    session(cloud, credentials).send_message(QueueUrl=queue, MessageBody="x")
    who = answer["AssumedRoleUser"]["Arn"]
    with refused(DENIED, Prefix(f"User: {who} is not authorized to perform: sqs:receivemessage on resource: {arn}"), 403):
        session(cloud, credentials).receive_message(QueueUrl=queue)
    # The user's own rights did not come along, nor the role's to the user.
    with refused(DENIED):
        person.service("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_trust_keeps_others_out(cloud, iam, person, name):
    other = Person(cloud, iam, f"{name}-other")
    other.put("assume", allow("sts:AssumeRole"))
    role = make_role(iam, f"{name}-role", trust({"AWS": other.arn}))
    other.service("sts").assume_role(RoleArn=role, RoleSessionName="session")
    text = f"User: {person.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    with refused("AccessDenied", Prefix(text), 403):
        person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")
    with refused("AccessDenied", status=403):
        person.service("sts").assume_role(RoleArn=f"{role}-absent", RoleSessionName="session")


def test_an_account_in_the_trust_policy_leaves_it_to_the_identity_policy(cloud, iam, person, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": "arn:aws:iam::000000000000:root"}))
    person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")
    person.drop("assume")
    with refused("AccessDenied", status=403):
        person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")


def test_a_change_of_trust_acts_on_the_next_request(iam, person, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}))
    person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")
    iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=trust({"AWS": "111122223333"}))
    with refused("AccessDenied", status=403):
        person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")


def test_an_external_id(iam, person, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}, StringEquals={"sts:ExternalId": "code-word"}))
    sts = person.service("sts")
    sts.assume_role(RoleArn=role, RoleSessionName="session", ExternalId="code-word")
    for given in ({}, {"ExternalId": "guess"}):
        with refused("AccessDenied", status=403):
            sts.assume_role(RoleArn=role, RoleSessionName="session", **given)


def test_a_session_policy_only_narrows(cloud, iam, person, queue, arn, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow(["sqs:SendMessage", "sqs:ReceiveMessage"], arn))
    sts = person.service("sts")
    narrow = policy(allow(["sqs:SendMessage", "sqs:PurgeQueue"]))
    mine = session(cloud, sts.assume_role(RoleArn=role, RoleSessionName="session", Policy=narrow)["Credentials"])
    mine.send_message(QueueUrl=queue, MessageBody="x")
    with refused(DENIED):
        mine.receive_message(QueueUrl=queue)
    with refused(DENIED):
        mine.purge_queue(QueueUrl=queue)
    barred = policy(allow("*"), deny("sqs:SendMessage"))
    mine = session(cloud, sts.assume_role(RoleArn=role, RoleSessionName="session", Policy=barred)["Credentials"])
    mine.receive_message(QueueUrl=queue)
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")


def test_rights_taken_from_a_role_are_gone_from_its_sessions(cloud, iam, person, queue, arn, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:SendMessage", arn))
    mine = session(cloud, person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"])
    mine.send_message(QueueUrl=queue, MessageBody="x")
    iam.delete_role_policy(RoleName=f"{name}-role", PolicyName="p")
    with refused(DENIED):
        mine.send_message(QueueUrl=queue, MessageBody="x")


def test_temporary_credentials_end_with_the_clouds_clock(cloud, iam, person, queue, arn, name):
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}), allow("sqs:SendMessage", arn))
    sts = person.service("sts")
    mine = session(cloud, sts.assume_role(RoleArn=role, RoleSessionName="session", DurationSeconds=900)["Credentials"])
    mine.send_message(QueueUrl=queue, MessageBody="x")
    cloud.advance("800s")
    mine.send_message(QueueUrl=queue, MessageBody="x")
    cloud.advance("101s")
    with refused("ExpiredToken", Prefix("The security token included in the request is expired"), 403):
        mine.send_message(QueueUrl=queue, MessageBody="x")
    with refused("ValidationError", status=400):
        sts.assume_role(RoleArn=role, RoleSessionName="session", DurationSeconds=3601)


def test_a_role_of_another_account(cloud, person, name):
    theirs = cloud.client("iam", key="111122223333")
    role = make_role(theirs, f"{name}-role", trust({"AWS": "000000000000"}), allow("sqs:*"))
    credentials = person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    mine = session(cloud, credentials)
    url = mine.create_queue(QueueName=name)["QueueUrl"]
    assert url.endswith(f"/111122223333/{name}")
    person.drop("assume")
    with refused("AccessDenied"):
        person.service("sts").assume_role(RoleArn=role, RoleSessionName="session")


def test_the_root_user_may_not_assume_roles(cloud, iam, name):
    """AWS: "You cannot use root user credentials" (AssumeRole's page): "Roles may not be assumed by root accounts." """
    role = make_role(iam, f"{name}-role", trust({"AWS": "000000000000"}))
    with refused("AccessDenied", "Roles may not be assumed by root accounts.", 403):
        cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="session")
