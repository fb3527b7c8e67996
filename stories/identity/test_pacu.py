"""pacu, Rhino Security Labs' AWS exploitation framework, attacks from weak users with its own modules, unmodified.

Each way to become an administrator is tried where AWS's rules let it succeed, and where they do not although the weak
user's own policies look as if they did: pacu reads those, and not boundaries, resources or conditions. Afterwards real
calls show who became what. Each attempt has an account of its own.
"""

import itertools
import os
import re
import subprocess

import pytest

import tools
from asserting import refused
from people import Person, allow, assume, deny, make_role, policy, session, trust

ACCOUNTS = (f"2{number:011d}" for number in itertools.count(1))
LOOK = ["iam:Get*", "iam:List*"]
# How the same permission can be worth nothing.
BARS = ("boundary", "another resource", "condition", "deny")


@pytest.fixture(scope="module")
def pacu(cloud, tmp_path_factory):
    """Runs one of pacu's modules with a user's keys and answers its questions. Gives what it printed."""
    binary = tools.environment("pacu", "pacu==1.7.0") / "pacu"
    home = tmp_path_factory.mktemp("pacu")
    sessions = itertools.count()

    def run(key, module, arguments="", answers=()):
        # `yes` to what pacu asks before its own preparations, then the answers, then an empty line to all the rest.
        asked = "\n".join([*answers, *[""] * 20]) + "\n"
        keys = f"k,{key['AccessKeyId']},{key['SecretAccessKey']}"
        command = [binary, "-q", "--new-session", f"s{next(sessions)}", "--set-keys", keys, "--module-name", module]
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        done = subprocess.run(
            [*command, f"--module-args={arguments}", "--exec"],
            input=asked, capture_output=True, text=True, env=environ, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return re.sub(r"\[iam__\w+\] ", "", done.stdout)

    return run


class Place:
    """An account with somebody worth becoming: a user, a role, a group, and an old policy version, all mighty."""

    def __init__(self, cloud, action, bar=None):
        self.cloud, self.account = cloud, next(ACCOUNTS)
        self.iam = cloud.client("iam", key=self.account)
        self.weak = Person(cloud, self.iam, "weak")
        self.iam.create_user(UserName="boss")
        self.iam.put_user_policy(UserName="boss", PolicyName="all", PolicyDocument=policy(allow("*")))
        self.iam.create_group(GroupName="admins")
        self.iam.put_group_policy(GroupName="admins", PolicyName="all", PolicyDocument=policy(allow("*")))
        self.iam.create_group(GroupName="team")
        self.iam.add_user_to_group(GroupName="team", UserName="weak")
        self.boss_role = make_role(self.iam, "boss-role", trust({"AWS": f"{int(self.account) + 10**11:012d}"}), allow("*"))
        self.own_role = make_role(self.iam, "own-role", trust({"AWS": self.weak.arn}))
        self._grant(action, bar)

    def _grant(self, action, bar):
        """The weak user's managed policy: it may look around, assume roles, and do what the attack needs, if not barred."""
        which = {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.7"}}} if bar == "condition" else {}
        where = f"arn:aws:iam::{self.account}:*/somebody-else" if bar == "another resource" else "*"
        statements = [allow([*LOOK, "sts:AssumeRole"]), allow(action, where, **which)]
        first = self.iam.create_policy(PolicyName="own", PolicyDocument=policy(allow("*")))["Policy"]["Arn"]
        self.iam.create_policy_version(PolicyArn=first, PolicyDocument=policy(*statements), SetAsDefault=True)
        self.iam.attach_user_policy(UserName="weak", PolicyArn=first)
        if bar == "deny":
            self.iam.put_group_policy(GroupName="team", PolicyName="no", PolicyDocument=policy(deny(action)))
        if bar == "boundary":
            edge = self.iam.create_policy(PolicyName="edge", PolicyDocument=policy(allow([*LOOK, "sts:*"])))
            self.iam.put_user_permissions_boundary(UserName="weak", PermissionsBoundary=edge["Policy"]["Arn"])

    def is_mighty(self, client):
        """Whether these keys can do what only an administrator can."""
        try:
            client.create_group(GroupName="proof")
        except client.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", error
            return False
        self.iam.delete_group(GroupName="proof")
        return True

    def as_weak(self):
        return self.weak.service("iam")

    def as_role(self, role):
        sts = self.weak.service("sts")
        try:
            return session(self.cloud, assume(sts, role), "iam")
        except sts.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", error
            return self.as_weak()

    def with_new_key(self, said):
        """The keys that pacu made for another user, as it printed them."""
        found = re.search(r"Access Key ID: (\S+)\s+Secret Key: (\S+)", said)
        return self.cloud.client("iam", key=found[1], secret=found[2]) if found else self.as_weak()


# Method of iam__privesc_scan → the action it needs, the answers to its questions, and who is mighty if it worked.
METHODS = {
    "CreateNewPolicyVersion": ("iam:CreatePolicyVersion", [], lambda place, said: place.as_weak()),
    "SetExistingDefaultPolicyVersion": ("iam:SetDefaultPolicyVersion", ["", "v1"], lambda place, said: place.as_weak()),
    "AttachUserPolicy": ("iam:AttachUserPolicy", [], lambda place, said: place.as_weak()),
    "PutUserPolicy": ("iam:PutUserPolicy", [], lambda place, said: place.as_weak()),
    "AttachGroupPolicy": ("iam:AttachGroupPolicy", ["team"], lambda place, said: place.as_weak()),
    "PutGroupPolicy": ("iam:PutGroupPolicy", ["team"], lambda place, said: place.as_weak()),
    "AddUserToGroup": ("iam:AddUserToGroup", ["admins"], lambda place, said: place.as_weak()),
    "AttachRolePolicy": ("iam:AttachRolePolicy", ["own-role"], lambda place, said: place.as_role(place.own_role)),
    "PutRolePolicy": ("iam:PutRolePolicy", ["own-role"], lambda place, said: place.as_role(place.own_role)),
    "UpdateRolePolicyToAssumeIt": (
        "iam:UpdateAssumeRolePolicy", ["boss-role"], lambda place, said: place.as_role(place.boss_role)
    ),
    "CreateAccessKey": ("iam:CreateAccessKey", ["", "y", "1"], lambda place, said: place.with_new_key(said)),
}  # fmt: skip


def scan(pacu, place, method, answers):
    # The first question is whether the permissions shall be read first.
    return pacu(place.weak.key, "iam__privesc_scan", f"--user-methods {method}", ["y", *answers])


@pytest.mark.parametrize("method", METHODS)
def test_the_way_up_is_open(cloud, pacu, method):
    action, answers, who = METHODS[method]
    place = Place(cloud, action)
    assert not place.is_mighty(place.as_weak())
    said = scan(pacu, place, method, answers)
    assert f"CONFIRMED: {method}" in said, said
    assert "Privilege escalation was successful" in said, said
    assert place.is_mighty(who(place, said)), said


# Each method meets the boundary and one of the other bars, in turn.
SHUT = [(method, bar) for i, method in enumerate(METHODS) for bar in ("boundary", BARS[1 + i % 3])]


@pytest.mark.parametrize("method, bar", SHUT)
def test_the_way_up_is_shut(cloud, pacu, method, bar):
    action, answers, who = METHODS[method]
    place = Place(cloud, action, bar)
    said = scan(pacu, place, method, [*answers, *["n"] * 3])
    assert f": {method}" in said, f"pacu did not even try:\n{said}"
    assert not place.is_mighty(who(place, said)), said
    assert not place.is_mighty(place.as_weak()), said


def test_inside_a_boundary_success_is_worth_nothing(cloud, pacu):
    """The attack succeeds, and the weak user is as weak as before: the boundary allows the step, and nothing more."""
    place = Place(cloud, "iam:AttachUserPolicy", "boundary")
    edge = f"arn:aws:iam::{place.account}:policy/edge"
    wider = policy(allow([*LOOK, "iam:AttachUserPolicy"]))
    place.iam.create_policy_version(PolicyArn=edge, PolicyDocument=wider, SetAsDefault=True)
    said = scan(pacu, place, "AttachUserPolicy", [])
    assert "Privilege escalation was successful" in said, said
    attached = place.iam.list_attached_user_policies(UserName="weak")["AttachedPolicies"]
    assert "AdministratorAccess" in [one["PolicyName"] for one in attached]
    assert not place.is_mighty(place.as_weak())
    with refused("AccessDenied", status=403):
        place.as_weak().delete_user_permissions_boundary(UserName="weak")
    place.iam.delete_user_permissions_boundary(UserName="weak")
    assert place.is_mighty(place.as_weak())


def test_who_may_not_do_anything_finds_nothing(cloud, pacu):
    place = Place(cloud, "iam:AttachUserPolicy")
    nobody = Person(cloud, place.iam, "nobody")
    said = pacu(nobody.key, "iam__enum_users_roles_policies_groups")
    assert re.findall(r"(\d+) (?:Users|Roles|Policies|Groups) Enumerated", said) in ([], ["0", "0", "0", "0"]), said
    said = pacu(nobody.key, "iam__enum_permissions", answers=["y"])
    assert not re.search(r"[1-9]\d* Confirmed permissions", said), said
    said = pacu(nobody.key, "iam__backdoor_users_keys", "--usernames boss", ["y"])
    assert "Secret Key" not in said, said
    assert place.iam.list_access_keys(UserName="boss")["AccessKeyMetadata"] == []
    said = pacu(place.weak.key, "iam__enum_users_roles_policies_groups")
    counts = dict((what, int(n)) for n, what in re.findall(r"(\d+) (Users|Roles|Policies|Groups) Enumerated", said))
    assert counts == {"Users": 3, "Roles": 2, "Policies": 1, "Groups": 2}, said


def test_permissions_are_found_by_trying_them_all(cloud, pacu):
    """Some 1,500 harmless calls of all services: exactly those that the policy allows work."""
    place = Place(cloud, "iam:AttachUserPolicy")
    person = Person(cloud, place.iam, "curious")
    person.put("p", allow(["sqs:ListQueues", "iam:ListRoles"]))
    said = pacu(person.key, "iam__bruteforce_permissions", "--region us-east-1", ["y"])
    worked = set(re.findall(r"^\s*(\w+\.\w+): \{", said, re.MULTILINE))
    free = {"sts.get_caller_identity", "sts.get_session_token"}
    assert worked == free | {"sqs.list_queues", "iam.list_roles"}, said


def test_a_back_door_in_a_role(cloud, pacu):
    """An administrator's stolen keys put the attacker's own account into a trust policy; it stays when the keys are gone."""
    place = Place(cloud, "*")
    thief_iam = cloud.client("iam", key=next(ACCOUNTS))
    thief = Person(cloud, thief_iam, "thief")
    thief.put("p", allow("sts:AssumeRole"))
    with refused("AccessDenied"):
        assume(thief.service("sts"), place.boss_role)
    arguments = f"--role-names boss-role --user-arns {thief.arn}"
    said = pacu(place.weak.key, "iam__backdoor_assume_role", arguments, ["y"])
    assert "Backdoor successful" in said, said
    place.iam.delete_access_key(UserName="weak", AccessKeyId=place.weak.key["AccessKeyId"])
    inside = session(cloud, assume(thief.service("sts"), place.boss_role), "iam")
    assert place.is_mighty(inside)


def test_names_of_another_account_are_guessed_by_its_trust_policies(cloud, pacu, tmp_path):
    """AWS: a policy that names a user or role that does not exist is refused, which tells strangers who exists."""
    place = Place(cloud, "iam:AttachUserPolicy")
    open_role = make_role(place.iam, "open-role", trust({"AWS": "*"}), allow("sqs:ListQueues"))
    thief_iam = cloud.client("iam", key=next(ACCOUNTS))
    thief = Person(cloud, thief_iam, "thief")
    thief.put("p", allow(["iam:UpdateAssumeRolePolicy", "iam:GetRole", "sts:AssumeRole"]))
    thief_iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust({"AWS": thief.arn}))
    words = tmp_path / "words"
    words.write_text("alice\nboss\nboss-role\nopen-role\nweak\nroot2\n")
    arguments = f"--word-list {words} --role-name probe --account-id {place.account}"
    said = pacu(thief.key, "iam__enum_users", arguments)
    assert set(re.findall(r"Found user: arn:aws:iam::\d+:user/(\S+)", said)) == {"boss", "weak"}, said
    said = pacu(thief.key, "iam__enum_roles", arguments)
    assert set(re.findall(r"Found role: arn:aws:iam::\d+:role/(\S+)", said)) == {"boss-role", "open-role"}, said
    assert set(re.findall(r"Successfully assumed role for 1 hour: (\S+)", said)) == {open_role}, said
