"""Cloud Custodian, a real auditor, tells a bad account from a hardened one with the policies of `custodian.yml`.

What it reads: users, roles, groups and policies with their documents, the credential report, the account's summary and
password policy, and the answers of the policy simulator. (Queues it looks for at AWS's own
address only, and for managed policies it needs the tagging API, which is not here yet.)
"""

import json
import os
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import cloud as clouds
import tools
from people import Person, allow, policy, trust
from totp import Authenticator

POLICIES = Path(__file__).with_name("custodian.yml")
BAD, GOOD, AUDIT, STRANGER = "111111111111", "222222222222", "444455556666", "999999999999"


@pytest.fixture(scope="module")
def cloud():
    """A cloud that began four months ago: the auditor reckons ages by its own clock."""
    began = datetime.now(timezone.utc) - timedelta(days=120)
    running = clouds.Cloud(args=["--clock", began.strftime("%Y-%m-%dT%H:%M:%SZ")])
    yield running
    assert running.alive()
    running.kill()


@pytest.fixture(scope="module")
def custodian(cloud, tmp_path_factory):
    """Runs every policy with an account's credentials. Gives, by policy, the names of what was found."""
    binary = tools.environment("custodian", "c7n==0.9.53") / "custodian"

    def run(key, secret):
        place = tmp_path_factory.mktemp("custodian")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [binary, "run", "--output-dir", place / "out", "--cache-period", "0", "--region", "us-east-1", POLICIES]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        found = {}
        for result in sorted((place / "out").glob("*/resources.json")):
            found[result.parent.name] = [label(resource) for resource in json.loads(result.read_text())]
        return {name: sorted(resources) for name, resources in found.items() if resources}, done.stderr

    return run


def label(resource):
    return next(resource[name] for name in ("UserName", "RoleName", "GroupName", "account_id") if name in resource)


def make_bad(cloud):
    iam = cloud.client("iam", key=BAD)
    admin, stale = Person(cloud, iam, "admin"), Person(cloud, iam, "stale")
    iam.attach_user_policy(UserName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.create_login_profile(UserName="admin", Password="Correct horse 7")
    stale.put("inline", allow("sqs:*"))
    iam.create_access_key()  # the root user's
    iam.create_group(GroupName="nobody")
    everything = iam.create_policy(PolicyName="everything", PolicyDocument=policy(allow("*")))["Policy"]["Arn"]
    for role, principal in (("partner", {"AWS": STRANGER}), ("open", {"AWS": "*"})):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(principal))
    iam.attach_role_policy(RoleName="partner", PolicyArn=everything)
    iam.attach_role_policy(RoleName="open", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return admin


def make_good(cloud):
    """The same account as it should be: every finding has its twin here."""
    iam = cloud.client("iam", key=GOOD)
    person = Person(cloud, iam, "alice")
    device = Authenticator(iam, "alice")
    device.enable(iam, "alice")
    iam.update_account_password_policy(
        MinimumPasswordLength=16, RequireSymbols=True, RequireNumbers=True, RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True, PasswordReusePrevention=24, MaxPasswordAge=90,
    )  # fmt: skip
    iam.create_login_profile(UserName="alice", Password="Correct-Horse-7-Battery")
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=policy(allow(["sqs:*", "iam:Get*", "iam:List*"])))
    limit = limit["Policy"]["Arn"]
    iam.create_group(GroupName="team")
    iam.attach_group_policy(GroupName="team", PolicyArn=limit)
    iam.add_user_to_group(GroupName="team", UserName="alice")
    # Mighty by its policies, and weak by its boundary: the simulator must see both.
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust({"AWS": GOOD}), PermissionsBoundary=limit)
    iam.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")
    iam.create_role(RoleName="audit", AssumeRolePolicyDocument=trust({"AWS": AUDIT}))
    iam.attach_role_policy(RoleName="audit", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    # The root user names itself by the account's number here.
    Authenticator(iam, "root-account-mfa-device").enable(iam, GOOD)
    person.service("sqs").list_queues()
    return person


def await_report(cloud, account):
    """Has the credential report made before the auditor asks for it: it would ask once, wait ten seconds and ask again."""
    iam = cloud.client("iam", key=account)
    for _ in range(300):
        if iam.generate_credential_report()["State"] == "COMPLETE":
            return
        time.sleep(0.1)
    raise AssertionError("the credential report is not made")


@pytest.fixture(scope="module")
def accounts(cloud):
    """The bad account, four months of neglect, and then the good one."""
    make_bad(cloud)
    cloud.advance("120d")
    make_good(cloud)
    await_report(cloud, BAD)
    await_report(cloud, GOOD)


def test_the_auditor_tells_them_apart(accounts, custodian):
    found, _ = custodian(BAD, "test")
    assert found == {
        "user-without-mfa": ["admin"],
        "user-mfa-device": ["admin"],
        "user-old-key": ["admin", "stale"],
        "user-unused-key": ["admin", "stale"],
        "user-administrator": ["admin"],
        "user-inline-policy": ["stale"],
        "user-can-escalate": ["admin"],
        "role-can-escalate": ["open", "partner"],
        "role-of-strangers": ["open", "partner"],
        "role-administrator": ["open"],
        "group-empty": ["nobody"],
        "account-password-policy": [BAD],
        "account-root-key": [BAD],
        "account-root-without-mfa": [BAD],
    }
    found, _ = custodian(GOOD, "test")
    assert found == {}


def test_the_auditor_needs_no_more_than_it_reads(cloud, accounts, custodian):
    """AWS's SecurityAudit policy is enough to see it all, and lets the auditor change nothing."""
    iam = cloud.client("iam", key=GOOD)
    person = Person(cloud, iam, "auditor")
    iam.attach_user_policy(UserName="auditor", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    found, said = custodian(person.key["AccessKeyId"], person.key["SecretAccessKey"])
    assert "AccessDenied" not in said, said
    # Custodian itself is a user with a key now, which it finds; nothing else.
    assert found in ({}, {"user-unused-key": ["auditor"]}), found
    with pytest.raises(iam.exceptions.ClientError, match="AccessDenied"):
        person.service("iam").create_user(UserName="x")
