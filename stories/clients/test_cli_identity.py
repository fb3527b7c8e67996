"""The AWS CLI and boto3 as people keep them set up: IAM's commands with waiters, pages and queries, and profiles that take
roles: with an external id, along a chain, with a second factor, from a process, and with a web identity's token."""

import base64
import json
import os
import shutil
import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from idp import Authority, Issuer
from people import Person, allow, make_role, policy, trust
from totp import Authenticator

HOME = "000000000000"


@pytest.fixture(scope="module")
def place(cloud, tmp_path_factory):
    """A home with an `.aws` directory, and the environment that makes tools use it and nothing else."""
    home = tmp_path_factory.mktemp("home")
    (home / ".aws").mkdir()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environ |= {
        "HOME": str(home),
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return home, environ


@pytest.fixture(scope="module")
def aws(place):
    """Runs `aws`; gives parsed JSON or text, or the finished process when it is expected to fail."""
    if not shutil.which("aws"):
        pytest.skip("the AWS CLI is not installed")
    _, environ = place

    def run(*args, check=True, answer=None, **more):
        done = subprocess.run(
            ["aws", "--region", "us-east-1", *args], capture_output=True, text=True, env={**environ, **more}, timeout=120,
            input=answer, start_new_session=True,
        )  # fmt: skip
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        text = done.stdout.strip()
        return json.loads(text) if text.startswith(("{", "[")) else text

    return run


ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def test_iam_by_hand(aws, tmp_path):
    document = tmp_path / "trust.json"
    document.write_text(trust({"Service": "ec2.amazonaws.com"}))
    made = aws("iam", "create-role", "--role-name", "cli-role", "--assume-role-policy-document", f"file://{document}",
               "--tags", "Key=team,Value=blue", "--query", "Role.[RoleName,Arn,Tags[0].Value]", "--output", "text", **ROOT)  # fmt: skip
    assert made.split() == ["cli-role", f"arn:aws:iam::{HOME}:role/cli-role", "blue"]
    arn = aws("iam", "create-policy", "--policy-name", "cli-policy", "--policy-document", policy(allow("sqs:ListQueues")),
              "--query", "Policy.Arn", "--output", "text", **ROOT)  # fmt: skip
    aws("iam", "attach-role-policy", "--role-name", "cli-role", "--policy-arn", arn, **ROOT)
    aws("iam", "wait", "policy-exists", "--policy-arn", arn, **ROOT)
    listed = aws("iam", "list-attached-role-policies", "--role-name", "cli-role", "--query",
                 "AttachedPolicies[].PolicyName", **ROOT)  # fmt: skip
    assert listed == ["cli-policy"]
    for user in "abcde":
        aws("iam", "create-user", "--user-name", f"cli-{user}", "--path", "/cli/", **ROOT)
    first = aws("iam", "list-users", "--path-prefix", "/cli/", "--page-size", "2", "--max-items", "3", **ROOT)
    rest = aws("iam", "list-users", "--path-prefix", "/cli/", "--starting-token", first["NextToken"], **ROOT)
    assert [u["UserName"] for u in first["Users"] + rest["Users"]] == [f"cli-{user}" for user in "abcde"]
    assert "NextToken" not in rest
    found = aws("iam", "list-users", "--query", "Users[?starts_with(UserName, `cli-`)] | length(@)", **ROOT)
    assert found == "5"
    decision = aws("iam", "simulate-principal-policy", "--policy-source-arn", f"arn:aws:iam::{HOME}:role/cli-role",
                   "--action-names", "sqs:ListQueues", "sqs:DeleteQueue", "--query",
                   "EvaluationResults[].[EvalActionName,EvalDecision]", **ROOT)  # fmt: skip
    assert decision == [["sqs:ListQueues", "allowed"], ["sqs:DeleteQueue", "implicitDeny"]]
    aws("iam", "generate-credential-report", **ROOT)
    report = aws("iam", "get-credential-report", "--query", "Content", "--output", "text", **ROOT)
    assert "cli-a" in base64.b64decode(report).decode()
    missing = aws("iam", "get-role", "--role-name", "absent", check=False, **ROOT)
    assert missing.returncode in (254, 255)
    text = "An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name absent cannot be found."
    assert text in missing.stderr


def test_waiters(iam):
    """`user-exists`, `role-exists`, `policy-exists`, `instance-profile-exists`: at once when it is there, else in vain."""
    once = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 1}}
    absent = {
        "user_exists": {"UserName": "wait"},
        "role_exists": {"RoleName": "wait"},
        "instance_profile_exists": {"InstanceProfileName": "wait"},
        "policy_exists": {"PolicyArn": f"arn:aws:iam::{HOME}:policy/wait"},
    }
    for waiter, what in absent.items():
        with pytest.raises(WaiterError):
            iam.get_waiter(waiter).wait(**what, **once)
    iam.create_user(UserName="wait")
    iam.create_role(RoleName="wait", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    iam.create_instance_profile(InstanceProfileName="wait")
    iam.create_policy(PolicyName="wait", PolicyDocument=policy(allow("*")))
    for waiter, what in absent.items():
        iam.get_waiter(waiter).wait(**what, **once)


@pytest.fixture(scope="module")
def profiles(cloud, iam, place, tmp_path_factory):
    """The roles, and the files `~/.aws/config` and `credentials` that name them."""
    home, _ = place
    person = Person(cloud, iam, "deployer")
    person.put("p", allow("sts:AssumeRole"), allow("sts:GetSessionToken"))
    device = Authenticator(iam, "deployer")
    device.enable(iam, "deployer")
    deploy = make_role(iam, "deploy", trust({"AWS": person.arn}, StringEquals={"sts:ExternalId": "word"}), allow("sts:AssumeRole"))
    chained = make_role(iam, "chained", trust({"AWS": deploy}), allow("sqs:ListQueues"))
    glass = make_role(iam, "glass", trust({"AWS": person.arn}, Bool={"aws:MultiFactorAuthPresent": "true"}), allow("*"))
    issuer = Issuer(tmp_path_factory.mktemp("issuer"), Authority())
    provider = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[issuer.authority.thumbprint]
    )["OpenIDConnectProviderArn"]
    claims = {f"{issuer.name}:aud": "sts.amazonaws.com", f"{issuer.name}:sub": "alice"}
    web = make_role(iam, "web", trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", StringEquals=claims), allow("*"))
    (home / "token").write_text(issuer.token())
    (home / "stolen").write_text(issuer.token(sub="mallory"))
    vendor = home / "vendor.py"
    vendor.write_text(
        "import json, boto3\n"
        "sts = boto3.Session(profile_name='base').client('sts')\n"
        f"key = sts.assume_role(RoleArn='{deploy}', RoleSessionName='process', ExternalId='word')['Credentials']\n"
        "key['Expiration'] = key['Expiration'].isoformat()\n"
        "print(json.dumps({'Version': 1, **key}))\n"
    )
    (home / ".aws" / "credentials").write_text(
        f"[base]\naws_access_key_id = {person.key['AccessKeyId']}\naws_secret_access_key = {person.key['SecretAccessKey']}\n"
    )
    config = {
        "base": {},
        "deploy": {"role_arn": deploy, "source_profile": "base", "external_id": "word", "role_session_name": "ci",
                   "duration_seconds": "900"},
        "wrong": {"role_arn": deploy, "source_profile": "base", "external_id": "guess"},
        "chained": {"role_arn": chained, "source_profile": "deploy"},
        "shortcut": {"role_arn": chained, "source_profile": "base"},
        "glass": {"role_arn": glass, "source_profile": "base", "mfa_serial": device.serial},
        "bare": {"role_arn": glass, "source_profile": "base"},
        "process": {"credential_process": f"{sys.executable} {vendor}"},
        "web": {"role_arn": web, "web_identity_token_file": str(home / "token"), "role_session_name": "pod"},
        "stolen": {"role_arn": web, "web_identity_token_file": str(home / "stolen"), "role_session_name": "pod"},
    }  # fmt: skip
    sections = []
    for name, settings in config.items():
        lines = [f"[profile {name}]", "region = us-east-1", *(f"{key} = {value}" for key, value in settings.items())]
        sections.append("\n".join(lines))
    (home / ".aws" / "config").write_text("\n\n".join(sections) + "\n")
    yield device
    issuer.close()


GOOD = {
    "base": f"arn:aws:iam::{HOME}:user/deployer",
    "deploy": f"arn:aws:sts::{HOME}:assumed-role/deploy/ci",
    "chained": f"arn:aws:sts::{HOME}:assumed-role/chained/",
    "process": f"arn:aws:sts::{HOME}:assumed-role/deploy/process",
    "web": f"arn:aws:sts::{HOME}:assumed-role/web/pod",
}
# Another external id, the chain without its middle, the second factor left out, somebody else's token.
REFUSED = {"wrong": "AssumeRole", "shortcut": "AssumeRole", "bare": "AssumeRole", "stolen": "AssumeRoleWithWebIdentity"}


@pytest.mark.parametrize("profile", GOOD)
def test_profiles_of_boto3(place, profiles, monkeypatch, profile):
    for key, value in place[1].items():
        monkeypatch.setenv(key, value)
    assert boto3.Session(profile_name=profile).client("sts").get_caller_identity()["Arn"].startswith(GOOD[profile])


@pytest.mark.parametrize("profile", REFUSED)
def test_profiles_that_boto3_cannot_use(place, profiles, monkeypatch, profile):
    for key, value in place[1].items():
        monkeypatch.setenv(key, value)
    with pytest.raises(ClientError) as refused:
        boto3.Session(profile_name=profile).client("sts").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.operation_name == REFUSED[profile]


def test_a_token_file_from_the_environment(place, profiles, monkeypatch):
    """As pods have it: nothing but a role's name and a file."""
    home, environ = place
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("AWS_ROLE_ARN", f"arn:aws:iam::{HOME}:role/web")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(home / "token"))
    assert ":assumed-role/web/" in boto3.Session(region_name="us-east-1").client("sts").get_caller_identity()["Arn"]
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(home / "stolen"))
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.Session(region_name="us-east-1").client("sts").get_caller_identity()


def test_profiles_of_the_cli(aws, profiles):
    who = ("sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    assert aws("--profile", "chained", *who).startswith(GOOD["chained"])
    # The second factor: the CLI asks for the code, and a code is good once.
    code = profiles.code(1) + "\n"
    assert ":assumed-role/glass/" in aws("--profile", "glass", *who, answer=code)
    again = aws("--profile", "bare", *who, check=False)
    assert again.returncode != 0 and "(AccessDenied) when calling the AssumeRole operation" in again.stderr
    wrong = aws("--profile", "wrong", *who, check=False)
    assert "(AccessDenied) when calling the AssumeRole operation" in wrong.stderr
    text = aws("--profile", "chained", "iam", "list-users", check=False).stderr
    assert "is not authorized to perform: iam:ListUsers" in text
