"""Attribute-based access control: tags of the caller, of the session, of the resource and of the request.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_attribute-based-access-control.html.
"""

import pytest

from asserting import refused
from people import Person, allow, assume, deny, make_role, policy, session, trust

DENIED = ("AccessDenied",)
SAME_TEAM = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


@pytest.fixture
def queues(sqs, name):
    """A queue of each team, and one of nobody."""
    made = {team: sqs.create_queue(QueueName=f"{name}-{team}", tags={"team": team})["QueueUrl"] for team in ("red", "blue")}
    return {**made, None: sqs.create_queue(QueueName=f"{name}-none")["QueueUrl"]}


def reach(client, queues):
    """The teams whose queues the client may send to."""
    found = set()
    for team, queue in queues.items():
        try:
            client.send_message(QueueUrl=queue, MessageBody="x")
            found.add(team)
        except client.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", error
    return found


def test_one_policy_serves_every_team(cloud, iam, sqs, queues, name):
    shared = iam.create_policy(PolicyName=name, PolicyDocument=policy(allow("sqs:*", Condition=SAME_TEAM)))["Policy"]["Arn"]
    people = {}
    for team in ("red", "blue", None):
        people[team] = Person(cloud, iam, f"{name}-{team}")
        iam.attach_user_policy(UserName=people[team].name, PolicyArn=shared)
        if team:
            iam.tag_user(UserName=people[team].name, Tags=tags(team=team))
    assert reach(people["red"].service("sqs"), queues) == {"red"}
    assert reach(people["blue"].service("sqs"), queues) == {"blue"}
    # Without the tag the variable has no value, and nothing equals it: not even a queue without a tag.
    assert reach(people[None].service("sqs"), queues) == set()
    # Who moves to another team has its queues at once, and the old ones no more; the same when the queue moves.
    iam.tag_user(UserName=people["red"].name, Tags=tags(team="blue"))
    assert reach(people["red"].service("sqs"), queues) == {"blue"}
    sqs.tag_queue(QueueUrl=queues[None], Tags={"team": "blue"})
    assert reach(people["blue"].service("sqs"), queues) == {"blue", None}
    # Tag keys have no case for AWS, tag values do.
    iam.tag_user(UserName=people["blue"].name, Tags=tags(team="Blue"))
    assert reach(people["blue"].service("sqs"), queues) == set()


def test_a_default_value_of_a_variable(cloud, iam, queues, name):
    person = Person(cloud, iam, name)
    defaulted = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team, 'red'}"}}
    person.put("p", allow("sqs:SendMessage", Condition=defaulted))
    assert reach(person.service("sqs"), queues) == {"red"}
    iam.tag_user(UserName=name, Tags=tags(team="blue"))
    assert reach(person.service("sqs"), queues) == {"blue"}


def test_session_tags_hide_role_tags_and_only_who_may_sets_them(cloud, iam, queues, name):
    person = Person(cloud, iam, name)
    person.put("p", allow("sts:AssumeRole"))
    document = trust({"AWS": person.arn}, ["sts:AssumeRole", "sts:TagSession"])
    role = make_role(iam, f"{name}-role", document, allow("sqs:*", Condition=SAME_TEAM), Tags=tags(team="red"))
    sts = person.service("sts")
    assert reach(session(cloud, assume(sts, role)), queues) == {"red"}
    blue = session(cloud, assume(sts, role, Tags=tags(team="blue")))
    assert reach(blue, queues) == {"blue"}
    # sts:TagSession must be allowed by the trust policy, and to choose a team the condition must agree.
    iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=trust({"AWS": person.arn}))
    with refused(DENIED, status=403):
        assume(sts, role, Tags=tags(team="blue"))
    only_red = trust(
        {"AWS": person.arn}, ["sts:AssumeRole", "sts:TagSession"], StringEquals={"aws:RequestTag/team": "red"}
    )
    iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=only_red)
    assume(sts, role, Tags=tags(team="red"))
    for others in ({"Tags": tags(team="blue")}, {}):
        with refused(DENIED, status=403):
            assume(sts, role, **others)
    keys = trust(
        {"AWS": person.arn},
        ["sts:AssumeRole", "sts:TagSession"],
        **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}},
    )
    iam.update_assume_role_policy(RoleName=f"{name}-role", PolicyDocument=keys)
    assume(sts, role, Tags=tags(team="blue"))
    with refused(DENIED, status=403):
        assume(sts, role, Tags=tags(team="blue", cost="1"))
    with refused(DENIED, status=403):
        assume(sts, role)


def test_transitive_tags_follow_a_chain_and_cannot_be_changed(cloud, iam, queues, name):
    person = Person(cloud, iam, name)
    person.put("p", allow(["sts:AssumeRole", "sts:TagSession"]))
    both = ["sts:AssumeRole", "sts:TagSession"]
    first = make_role(iam, f"{name}-one", trust({"AWS": person.arn}, both), allow(both))
    second = make_role(iam, f"{name}-two", trust({"AWS": first}, both), allow("sqs:*", Condition=SAME_TEAM), allow(both))
    sts = person.service("sts")
    plain = assume(sts, first, Tags=tags(team="red"))
    lost = assume(session(cloud, plain, "sts"), second)
    assert reach(session(cloud, lost), queues) == set()
    handed_on = assume(sts, first, Tags=tags(team="red", cost="1"), TransitiveTagKeys=["team"])
    kept = assume(session(cloud, handed_on, "sts"), second)
    assert reach(session(cloud, kept), queues) == {"red"}
    text = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
        "calling session."
    )
    with refused("InvalidParameterValue", text, 400):
        assume(session(cloud, handed_on, "sts"), second, Tags=tags(team="blue"))
    # A tag that was not handed on may be set anew.
    assume(session(cloud, handed_on, "sts"), second, Tags=tags(cost="2"))


def test_tags_in_the_request(cloud, iam, name):
    """Queues are made only with the maker's own team tag, and nobody takes it off or sets another."""
    person = Person(cloud, iam, name)
    iam.tag_user(UserName=name, Tags=tags(team="red"))
    own = {"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}
    person.put(
        "p",
        allow(["sqs:CreateQueue", "sqs:TagQueue"], Condition={**own, "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}}),
        allow("sqs:UntagQueue", Condition={"ForAllValues:StringNotEquals": {"aws:TagKeys": ["team"]}, **SAME_TEAM}),
    )
    mine = person.service("sqs")
    made = mine.create_queue(QueueName=f"{name}-a", tags={"team": "red", "stage": "test"})["QueueUrl"]
    for wrong in ({"team": "blue"}, {"stage": "test"}, {"team": "red", "other": "x"}, {}):
        with refused(DENIED, status=403):
            mine.create_queue(QueueName=f"{name}-b", tags=wrong)
    with refused(DENIED, status=403):
        mine.tag_queue(QueueUrl=made, Tags={"team": "blue"})
    with refused(DENIED, status=403):
        mine.untag_queue(QueueUrl=made, TagKeys=["team", "stage"])
    mine.untag_queue(QueueUrl=made, TagKeys=["stage"])


def test_identities_are_resources_with_tags_too(cloud, iam, name):
    """A team leader manages the roles of the team, and cannot move a role into it."""
    leader = Person(cloud, iam, name)
    iam.tag_user(UserName=name, Tags=tags(team="red"))
    leader.put("p", allow("iam:*", Condition=SAME_TEAM), deny(["iam:TagRole", "iam:UntagRole", "iam:TagUser", "iam:UntagUser"]))
    for team in ("red", "blue"):
        make_role(iam, f"{name}-{team}", trust({"AWS": "000000000000"}), Tags=tags(team=team))
    mine = leader.service("iam")
    mine.put_role_policy(RoleName=f"{name}-red", PolicyName="p", PolicyDocument=policy(allow("sqs:*")))
    for call in (
        lambda: mine.put_role_policy(RoleName=f"{name}-blue", PolicyName="p", PolicyDocument=policy(allow("sqs:*"))),
        lambda: mine.tag_role(RoleName=f"{name}-blue", Tags=tags(team="red")),
        lambda: mine.tag_user(UserName=name, Tags=tags(team="blue")),
        lambda: mine.delete_role(RoleName=f"{name}-blue"),
        lambda: mine.list_roles(),
    ):
        with refused(DENIED, status=403):
            call()
    mine.delete_role_policy(RoleName=f"{name}-red", PolicyName="p")
    mine.delete_role(RoleName=f"{name}-red")
