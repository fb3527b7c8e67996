"""Terraform's organization: apply, an empty second plan, an SCP that acts and changes, destroy."""

from asserting import refused
from people import Person, allow
from terraform import prepare, terraform  # noqa: F401

ORGANIZATION = """
variable "denied" { default = "sqs:*" }

resource "aws_organizations_organization" "org" {
  feature_set                   = "ALL"
  enabled_policy_types          = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
  aws_service_access_principals = ["config.amazonaws.com"]
}

resource "aws_organizations_organizational_unit" "workloads" {
  name      = "workloads"
  parent_id = aws_organizations_organization.org.roots[0].id
}

resource "aws_organizations_organizational_unit" "dev" {
  name      = "dev"
  parent_id = aws_organizations_organizational_unit.workloads.id
  tags      = { stage = "dev" }
}

resource "aws_organizations_account" "dev" {
  name      = "tf-dev"
  email     = "tf-dev@yakumo.test"
  parent_id = aws_organizations_organizational_unit.dev.id
  tags      = { team = "blue" }
}

resource "aws_organizations_policy" "guard" {
  name        = "guard"
  description = "no queues"
  type        = "SERVICE_CONTROL_POLICY"
  content = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Action = var.denied, Resource = "*" }]
  })
  depends_on = [aws_organizations_organization.org]
}

resource "aws_organizations_policy_attachment" "dev" {
  policy_id = aws_organizations_policy.guard.id
  target_id = aws_organizations_organizational_unit.dev.id
}

resource "aws_organizations_delegated_administrator" "config" {
  account_id        = aws_organizations_account.dev.id
  service_principal = "config.amazonaws.com"
  depends_on        = [aws_organizations_organization.org]
}

output "account" { value = aws_organizations_account.dev.id }
"""


def test_an_organization(cloud, terraform, name):  # noqa: F811
    """Units, an account, an SCP that acts, a delegated administrator; an empty second plan; all of it away again."""
    organizations = cloud.client("organizations")
    prepare(terraform, ORGANIZATION)
    terraform("apply", "-auto-approve", "-input=false")
    terraform("plan", "-detailed-exitcode", "-input=false")
    account = terraform("output", "-raw", "account").stdout.strip()
    iam = cloud.client("iam", key=account)
    person = Person(cloud, iam, name)
    person.put("all", allow("*"))
    with refused("AccessDenied", status=403):
        person.service("sqs").list_queues()
    person.service("iam").list_users()
    terraform("apply", "-auto-approve", "-input=false", "-var", "denied=s3:*")
    terraform("plan", "-detailed-exitcode", "-input=false", "-var", "denied=s3:*")
    person.service("sqs").list_queues()
    # AWS: an account that was created in an organization stays there for seven days.
    cloud.advance("8d")
    terraform("destroy", "-auto-approve", "-input=false")
    with refused("AWSOrganizationsNotInUseException", "Your account is not a member of an organization."):
        organizations.describe_organization()
