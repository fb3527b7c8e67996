"""Terraform's IAM and Organizations: every resource and data source that the rooms support, in one account and in two."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from asserting import refused
from idp import Authority, SamlProvider
from people import Person, allow, make_role, trust
from terraform import prepare, provider, tell, terraform  # noqa: F401

FILES = Path(__file__).parent / "terraform"
OTHER = "111122223333"


def read(name):
    return (FILES / f"{name}.tf").read_text()


def test_identities(terraform, cloud, iam):  # noqa: F811
    prepare(terraform, read("identities"))
    outputs = tell(terraform, "stage=prod")
    made = next(outputs)
    assert made["role"] == "arn:aws:iam::000000000000:role/tf/tf-worker" == made["profile_role"], made
    assert made["description"] == "works in dev" and made["members"] == 1 and made["key_status"] == "Active", made
    assert made["roles"] == ["tf-worker"] and made["users"] == ["tf-worker"], made
    assert made["power"] == "arn:aws:iam::aws:policy/PowerUserAccess" and made["version"] and made["boundary"], made
    # What Terraform built acts: the boundary, the external id and the policies are those of the files.
    key = {"key": made["worker_key"], "secret": made["worker_secret"]}
    queues, sts = cloud.client("sqs", **key), cloud.client("sts", **key)
    cloud.client("sqs").create_queue(QueueName="dev-a")
    queues.get_queue_url(QueueName="dev-a")
    with refused("AccessDenied"):
        queues.create_queue(QueueName="dev-b")
    sts.assume_role(RoleArn=made["role"], RoleSessionName="tf", ExternalId="tf-dev")
    with refused("AccessDenied"):
        sts.assume_role(RoleArn=made["role"], RoleSessionName="tf", ExternalId="tf-prod")
    changed = next(outputs)
    assert changed["description"] == "works in prod" and changed["members"] == 2, changed
    assert changed["key_status"] == "Inactive" and changed["worker_key"] == made["worker_key"], changed
    assert iam.get_role(RoleName="tf-worker")["Role"]["MaxSessionDuration"] == 7200
    assert iam.get_group(GroupName="tf-team")["Group"]["Path"] == "/tf/moved/"
    with refused("InvalidClientTokenId"):
        queues.get_queue_url(QueueName="dev-a")
    assert next(outputs, None) is None
    left = [*iam.list_users()["Users"], *iam.list_roles()["Roles"], *iam.list_groups()["Groups"]]
    assert left == [] and iam.list_policies(Scope="Local")["Policies"] == []


def test_the_account_and_what_people_hold(terraform, cloud, iam):  # noqa: F811
    """Alias, password policy, passwords, MFA, SSH keys, certificates, providers, a service-linked role."""
    prepare(terraform, read("account"))
    chain, key = Authority().leaf("site.example")
    (terraform.place / "certificate.pem").write_bytes(chain.split(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----\n")
    (terraform.place / "key.pem").write_bytes(key)
    ssh = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    (terraform.place / "key.pub").write_bytes(ssh.public_bytes(*form))
    (terraform.place / "metadata.xml").write_text(SamlProvider().metadata)
    outputs = tell(terraform, "stage=prod")
    made = next(outputs)
    assert made["alias"] == "tf-dev" and made["clients"] == 1 and made["ssh_status"] == "Active", made
    assert made["certificate"] == "arn:aws:iam::000000000000:server-certificate/cloudfront/tf/tf-site", made
    assert made["may_send"] is True and len(made["password"]) == 20, made
    assert made["linked"].endswith(":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_tf"), made
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 10
    changed = next(outputs)
    assert changed["alias"] == "tf-prod" and changed["clients"] == 2 and changed["ssh_status"] == "Inactive", changed
    assert changed["may_send"] is False and changed["password"] == made["password"], changed
    assert iam.get_account_password_policy()["PasswordPolicy"]["RequireSymbols"] is True
    assert next(outputs, None) is None
    assert iam.list_account_aliases()["AccountAliases"] == [] and iam.list_users(PathPrefix="/")["Users"] == []
    with refused("NoSuchEntity"):
        iam.get_account_password_policy()


TWO_ACCOUNTS = """
data "aws_caller_identity" "here" {}
data "aws_caller_identity" "there" { provider = aws.there }

resource "aws_iam_role" "ours" {
  name = "tf-ours"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = data.aws_caller_identity.there.account_id } }]
  })
}

# Names a role of another account, which must be there for the policy to be taken.
resource "aws_iam_role" "theirs" {
  provider = aws.there
  name     = "tf-theirs"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = aws_iam_role.ours.arn } }]
  })
}

output "there" { value = data.aws_caller_identity.there.arn }
output "theirs" { value = aws_iam_role.theirs.arn }
"""


def test_two_accounts(terraform, cloud, iam, name):  # noqa: F811
    """One provider works in another account through a role there, which demands an external id."""
    deployer = Person(cloud, iam, name)
    deployer.put("p", allow("*"))
    theirs = cloud.client("iam", key=OTHER)
    role = make_role(theirs, f"{name}-deploy", trust({"AWS": deployer.arn}, StringEquals={"sts:ExternalId": "tf"}), allow("iam:*"))
    key = {"key": deployer.key["AccessKeyId"], "secret": deployer.key["SecretAccessKey"]}
    settings = terraform.place / "provider.tf"
    required, _, _ = settings.read_text().partition('provider "aws"')

    def through(external_id):
        more = f'assume_role {{\n    role_arn = "{role}"\n    session_name = "tf"\n    external_id = "{external_id}"\n  }}'
        settings.write_text(required + provider(cloud, **key) + provider(cloud, "there", more=more, **key))

    through("guess")
    prepare(terraform, TWO_ACCOUNTS)
    failed = terraform("plan", "-input=false", expected=1)
    assert "AccessDenied" in failed.stderr and "sts:AssumeRole" in failed.stderr, failed.stderr
    through("tf")
    outputs = tell(terraform)
    made = next(outputs)
    assert made["there"] == f"arn:aws:sts::{OTHER}:assumed-role/{name}-deploy/tf", made
    assert made["theirs"] == f"arn:aws:iam::{OTHER}:role/tf-theirs", made
    assert next(outputs, None) is None
