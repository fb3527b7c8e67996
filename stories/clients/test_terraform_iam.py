"""Terraform's IAM and Organizations: every resource and data source that the rooms support, in one account and in two."""

from pathlib import Path

from asserting import refused
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
