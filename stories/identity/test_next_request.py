"""A change acts on the very next request: granted and revoked, again and again, while others ask without pause.

Each change is one of AWS's ways to give and take a right. Threads that do nothing but ask note which right held when they
began and when they had the answer; where it was the same all the time, the answer must be that one.
"""

import threading

import pytest

from people import Person, allow, assume, deny, make_role, policy, trust
from signed import Fast

ROUNDS = 150
ASKERS = 3
SEND = policy(allow("sqs:SendMessage"))
OTHER = "111122223333"


class Right:
    """What holds now: an even number while a right holds or does not, an odd one while it is being changed."""

    def __init__(self):
        self.number, self.holds = 0, False

    def change(self, holds, act):
        self.number += 1
        act()
        self.holds = holds
        self.number += 1


class Asker(threading.Thread):
    """Asks until it is told to stop; keeps the answers that were wrong for certain, and counts those that were certain."""

    def __init__(self, right, client, queue):
        super().__init__(daemon=True)
        self.right, self.client, self.queue = right, client, queue
        self.wrong, self.certain, self.stopped = [], {True: 0, False: 0}, threading.Event()

    def run(self):
        while not self.stopped.is_set():
            before, holds = self.right.number, self.right.holds
            status, answer = self.client.call("SendMessage", {"QueueUrl": self.queue, "MessageBody": "x"})
            if before % 2 or self.right.number != before:
                continue
            self.certain[holds] += 1
            if (status == 200) != holds or status not in (200, 403):
                self.wrong.append((before, holds, status, answer))


def tell(cloud, queue, key, token, grant, revoke):
    """Grants and revokes in turn; each is followed by a request of our own, and askers ask all the time."""
    right = Right()

    def client():
        return Fast(cloud.port, key["AccessKeyId"], key["SecretAccessKey"], token=token)

    mine = client()
    askers = [Asker(right, client(), queue) for _ in range(ASKERS)]
    for asker in askers:
        asker.start()
    try:
        for number in range(ROUNDS):
            for holds, act in ((True, grant), (False, revoke)):
                right.change(holds, act)
                status, answer = mine.call("SendMessage", {"QueueUrl": queue, "MessageBody": "x"})
                assert status == (200 if holds else 403), (number, holds, status, answer)
    finally:
        for asker in askers:
            asker.stopped.set()
        for asker in askers:
            asker.join()
    assert [wrong for asker in askers for wrong in asker.wrong] == []
    for holds in (True, False):
        assert sum(asker.certain[holds] for asker in askers) > 0, "nobody asked while it was certain"


@pytest.fixture
def person(cloud, iam, name):
    return Person(cloud, iam, name)


@pytest.fixture
def arn(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def inline(iam, name, person):
    return (
        lambda: iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=SEND),
        lambda: iam.delete_user_policy(UserName=name, PolicyName="p"),
    )


def membership(iam, name, person):
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=SEND)
    return (
        lambda: iam.add_user_to_group(GroupName=name, UserName=name),
        lambda: iam.remove_user_from_group(GroupName=name, UserName=name),
    )


def group_policy(iam, name, person):
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    return (
        lambda: iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=SEND),
        lambda: iam.delete_group_policy(GroupName=name, PolicyName="p"),
    )


def attachment(iam, name, person):
    made = iam.create_policy(PolicyName=name, PolicyDocument=SEND)["Policy"]["Arn"]
    return (
        lambda: iam.attach_user_policy(UserName=name, PolicyArn=made),
        lambda: iam.detach_user_policy(UserName=name, PolicyArn=made),
    )


def version(iam, name, person):
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("sqs:ListQueues")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=made, PolicyDocument=SEND)
    iam.attach_user_policy(UserName=name, PolicyArn=made)
    return (
        lambda: iam.set_default_policy_version(PolicyArn=made, VersionId="v2"),
        lambda: iam.set_default_policy_version(PolicyArn=made, VersionId="v1"),
    )


def boundary(iam, name, person):
    person.put("p", allow("*"))
    edge = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("iam:*")))["Policy"]["Arn"]
    return (
        lambda: iam.delete_user_permissions_boundary(UserName=name),
        lambda: iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=edge),
    )


def key_status(iam, name, person):
    person.put("p", allow("*"))
    key = {"UserName": name, "AccessKeyId": person.key["AccessKeyId"]}
    return (
        lambda: iam.update_access_key(**key, Status="Active"),
        lambda: iam.update_access_key(**key, Status="Inactive"),
    )


def tag(iam, name, person):
    person.put("p", allow("sqs:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}))
    return (
        lambda: iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "blue"}]),
        lambda: iam.untag_user(UserName=name, TagKeys=["team"]),
    )


@pytest.mark.parametrize(
    "way", [inline, membership, group_policy, attachment, version, boundary, key_status, tag], ids=lambda way: way.__name__
)
def test_of_a_user(cloud, iam, person, queue, name, way):
    grant, revoke = way(iam, name, person)
    if way in (boundary, key_status):
        revoke()
    tell(cloud, queue, person.key, None, grant, revoke)


def test_of_a_session(cloud, iam, person, queue, name):
    """The credentials were given out long ago; what they are worth is what the role may do now."""
    person.put("p", allow("sts:AssumeRole"))
    role = make_role(iam, f"{name}-role", trust({"AWS": person.arn}))
    key = assume(person.service("sts"), role)
    tell(
        cloud, queue, key, key["SessionToken"],
        lambda: iam.put_role_policy(RoleName=f"{name}-role", PolicyName="p", PolicyDocument=SEND),
        lambda: iam.delete_role_policy(RoleName=f"{name}-role", PolicyName="p"),
    )  # fmt: skip


def test_of_another_account(cloud, sqs, queue, arn, name):
    theirs = cloud.client("iam", key=OTHER)
    person = Person(cloud, theirs, name)
    person.put("p", allow("sqs:*"))
    let_in = policy({"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage", "Resource": arn})
    shut_out = policy({"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sqs:GetQueueUrl", "Resource": arn})
    tell(
        cloud, queue, person.key, None,
        lambda: sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": let_in}),
        lambda: sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": shut_out}),
    )  # fmt: skip


def test_of_a_queue_tag(cloud, sqs, person, queue, arn):
    person.put("p", allow("sqs:SendMessage", Condition={"StringEquals": {"aws:ResourceTag/open": "yes"}}))
    tell(
        cloud, queue, person.key, None,
        lambda: sqs.tag_queue(QueueUrl=queue, Tags={"open": "yes"}),
        lambda: sqs.tag_queue(QueueUrl=queue, Tags={"open": "no"}),
    )  # fmt: skip


def test_of_who_may_assume_a_role(iam, person, name):
    """The trust policy, changed three hundred times; each AssumeRole meets the one of its moment."""
    person.put("p", allow("sts:AssumeRole"))
    role, sts = make_role(iam, f"{name}-role", trust({"AWS": OTHER})), person.service("sts")
    for _ in range(ROUNDS):
        iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=trust({"AWS": person.arn}))
        assume(sts, role)
        iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=trust({"AWS": OTHER}))
        with pytest.raises(sts.exceptions.ClientError) as refused:
            assume(sts, role)
        assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_a_deny_beats_what_is_granted_at_the_same_time(cloud, iam, person, queue, name):
    """Grants come and go without end; as long as the Deny stands, not one request gets through."""
    person.put("never", deny("sqs:SendMessage"))
    stop = threading.Event()

    def grant_and_revoke():
        while not stop.is_set():
            person.put("p", allow("*"))
            person.drop("p")

    other = threading.Thread(target=grant_and_revoke, daemon=True)
    other.start()
    mine = Fast(cloud.port, person.key["AccessKeyId"], person.key["SecretAccessKey"])
    answers = [mine.call("SendMessage", {"QueueUrl": queue, "MessageBody": "x"})[0] for _ in range(200)]
    stop.set()
    other.join()
    assert set(answers) == {403}
