# Users, groups, roles, policies and everything that ties them together.
variable "stage" { default = "dev" }

data "aws_caller_identity" "me" {}
data "aws_partition" "here" {}

data "aws_iam_policy_document" "send" {
  statement {
    sid       = "Send"
    actions   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
    resources = ["arn:aws:sqs:*:${data.aws_caller_identity.me.account_id}:${var.stage}-*"]
  }
  statement {
    effect        = "Deny"
    not_actions   = ["sqs:*"]
    resources     = ["*"]
    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = ["us-east-1", "eu-west-1"]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.worker.arn, data.aws_caller_identity.me.account_id]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["tf-${var.stage}"]
    }
  }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com", "lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "send" {
  name        = "tf-send"
  path        = "/tf/"
  description = "sends"
  policy      = data.aws_iam_policy_document.send.json
  tags        = { stage = var.stage }
}

resource "aws_iam_policy" "edge" {
  name_prefix = "tf-edge-"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sqs:*", "sts:*"], Resource = "*" }]
  })
}

resource "aws_iam_user" "worker" {
  name                 = "tf-worker"
  path                 = "/tf/"
  permissions_boundary = aws_iam_policy.edge.arn
  force_destroy        = true
  tags                 = { team = "blue", stage = var.stage }
}

resource "aws_iam_user" "other" {
  name = "tf-other"
}

resource "aws_iam_access_key" "worker" {
  user   = aws_iam_user.worker.name
  status = var.stage == "dev" ? "Active" : "Inactive"
}

resource "aws_iam_user_policy" "worker" {
  user   = aws_iam_user.worker.name
  name   = "receive"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "sqs:Receive*", Resource = "arn:aws:sqs:*:*:${var.stage}" }
  })
}

resource "aws_iam_user_policy_attachment" "worker" {
  user       = aws_iam_user.worker.name
  policy_arn = aws_iam_policy.send.arn
}

resource "aws_iam_user_policies_exclusive" "worker" {
  user_name    = aws_iam_user.worker.name
  policy_names = [aws_iam_user_policy.worker.name]
}

resource "aws_iam_user_policy_attachments_exclusive" "worker" {
  user_name   = aws_iam_user.worker.name
  policy_arns = [aws_iam_user_policy_attachment.worker.policy_arn]
}

resource "aws_iam_group" "team" {
  name = "tf-team"
  path = var.stage == "dev" ? "/tf/" : "/tf/moved/"
}

resource "aws_iam_group" "all" {
  name = "tf-all"
}

resource "aws_iam_group_policy" "team" {
  group  = aws_iam_group.team.name
  name   = "inline"
  policy = data.aws_iam_policy_document.send.json
}

resource "aws_iam_group_policy_attachment" "team" {
  group      = aws_iam_group.team.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
}

resource "aws_iam_group_policies_exclusive" "team" {
  group_name   = aws_iam_group.team.name
  policy_names = [aws_iam_group_policy.team.name]
}

resource "aws_iam_group_policy_attachments_exclusive" "team" {
  group_name  = aws_iam_group.team.name
  policy_arns = [aws_iam_group_policy_attachment.team.policy_arn]
}

resource "aws_iam_group_membership" "all" {
  name  = "tf-all"
  group = aws_iam_group.all.name
  users = var.stage == "dev" ? [aws_iam_user.other.name] : [aws_iam_user.other.name, aws_iam_user.worker.name]
}

resource "aws_iam_user_group_membership" "worker" {
  user   = aws_iam_user.worker.name
  groups = [aws_iam_group.team.name]
}

resource "aws_iam_role" "worker" {
  name                  = "tf-worker"
  path                  = "/tf/"
  description           = "works in ${var.stage}"
  max_session_duration  = var.stage == "dev" ? 3600 : 7200
  permissions_boundary  = aws_iam_policy.edge.arn
  force_detach_policies = true
  assume_role_policy    = data.aws_iam_policy_document.trust.json
  tags                  = { stage = var.stage }
}

resource "aws_iam_role_policy" "worker" {
  role   = aws_iam_role.worker.id
  name   = "inline"
  policy = data.aws_iam_policy_document.send.json
}

resource "aws_iam_role_policy_attachment" "worker" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.send.arn
}

resource "aws_iam_role_policies_exclusive" "worker" {
  role_name    = aws_iam_role.worker.name
  policy_names = [aws_iam_role_policy.worker.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "worker" {
  role_name   = aws_iam_role.worker.name
  policy_arns = [aws_iam_role_policy_attachment.worker.policy_arn]
}

resource "aws_iam_policy" "spread" {
  name   = "tf-spread"
  policy = data.aws_iam_policy_document.send.json
}

resource "aws_iam_policy_attachment" "spread" {
  name       = "tf-spread"
  users      = [aws_iam_user.other.name]
  groups     = [aws_iam_group.all.name]
  policy_arn = aws_iam_policy.spread.arn
}

resource "aws_iam_instance_profile" "worker" {
  name = "tf-worker"
  path = "/tf/"
  role = aws_iam_role.worker.name
}

# What was made, read back in every other way.
data "aws_iam_user" "worker" { user_name = aws_iam_user.worker.name }
data "aws_iam_role" "worker" { name = aws_iam_role.worker.name }
data "aws_iam_group" "all" { group_name = aws_iam_group_membership.all.group }
data "aws_iam_instance_profile" "worker" { name = aws_iam_instance_profile.worker.name }
data "aws_iam_policy" "by_arn" { arn = aws_iam_policy.send.arn }
data "aws_iam_policy" "by_name" { name = "PowerUserAccess" }
data "aws_iam_access_keys" "worker" { user = aws_iam_access_key.worker.user }
data "aws_iam_session_context" "me" { arn = data.aws_caller_identity.me.arn }
data "aws_iam_roles" "under" {
  path_prefix = "/tf/"
  depends_on  = [aws_iam_role.worker]
}
data "aws_iam_users" "under" {
  path_prefix = "/tf/"
  depends_on  = [aws_iam_user.worker]
}

output "worker_key" { value = aws_iam_access_key.worker.id }
output "worker_secret" {
  value     = aws_iam_access_key.worker.secret
  sensitive = true
}
output "role" { value = data.aws_iam_role.worker.arn }
output "description" { value = data.aws_iam_role.worker.description }
output "members" { value = length(data.aws_iam_group.all.users) }
output "roles" { value = data.aws_iam_roles.under.names }
output "users" { value = data.aws_iam_users.under.names }
output "power" { value = data.aws_iam_policy.by_name.arn }
output "profile_role" { value = data.aws_iam_instance_profile.worker.role_arn }
output "version" { value = jsondecode(data.aws_iam_policy.by_arn.policy) == jsondecode(data.aws_iam_policy_document.send.json) }
output "boundary" { value = data.aws_iam_user.worker.permissions_boundary == aws_iam_policy.edge.arn }
output "key_status" { value = tolist(data.aws_iam_access_keys.worker.access_keys)[0].status }
