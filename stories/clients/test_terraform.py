"""Terraform's `aws_sqs_queue`: apply, an empty second plan, changes in place, destroy."""

import json

from terraform import prepare, terraform  # noqa: F401

QUEUES = """
variable "timeout" { default = 45 }

resource "aws_sqs_queue" "plain" {
  name = "tf-plain"
}

resource "aws_sqs_queue" "dead" {
  name                      = "tf-dead"
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue" "jobs" {
  name                       = "tf-jobs"
  delay_seconds              = 5
  max_message_size           = 2048
  message_retention_seconds  = 86400
  receive_wait_time_seconds  = 10
  visibility_timeout_seconds = var.timeout
  sqs_managed_sse_enabled    = false
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 4
  })
  tags = { stage = "dev" }
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.jobs.arn]
  })
}

resource "aws_sqs_queue" "fifo" {
  name                        = "tf-jobs.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
}

data "aws_iam_policy_document" "send" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.plain.arn]
    principals {
      type        = "AWS"
      identifiers = ["111122223333"]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:sns:*:*:news"]
    }
  }
}

resource "aws_sqs_queue_policy" "plain" {
  queue_url = aws_sqs_queue.plain.id
  policy    = data.aws_iam_policy_document.send.json
}
"""

WORKER = """
resource "aws_iam_user" "worker" {
  name = "tf-worker"
  tags = { team = "blue" }
}
resource "aws_iam_user_policy" "worker" {
  user = aws_iam_user.worker.name
  name = "receive"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sqs:ReceiveMessage"], Resource = "arn:aws:sqs:*:*:jobs" }]
  })
}
resource "aws_iam_role" "worker" {
  name = "tf-worker"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "000000000000" } }]
  })
}
resource "aws_iam_policy" "worker" {
  name   = "tf-worker"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:*", Resource = "*" }]
  })
}
resource "aws_iam_role_policy_attachment" "worker" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.worker.arn
}
"""


def test_queues(terraform, sqs):
    prepare(terraform, QUEUES)
    terraform("apply", "-auto-approve", "-input=false")
    # 0: nothing to do. 2 would mean that something did not come back as it was set.
    terraform("plan", "-detailed-exitcode", "-input=false")
    url = sqs.get_queue_url(QueueName="tf-jobs")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45" and json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 4
    terraform("apply", "-auto-approve", "-input=false", "-var", "timeout=46")
    terraform("plan", "-detailed-exitcode", "-input=false", "-var", "timeout=46")
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"] == {
        "VisibilityTimeout": "46"
    }
    terraform("destroy", "-auto-approve", "-input=false")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="tf-")


def test_users_and_roles(terraform, iam):
    prepare(terraform, WORKER)
    terraform("apply", "-auto-approve", "-input=false")
    terraform("plan", "-detailed-exitcode", "-input=false")
    assert iam.get_role(RoleName="tf-worker")["Role"]["Arn"] == "arn:aws:iam::000000000000:role/tf-worker"
    terraform("destroy", "-auto-approve", "-input=false")
    assert iam.list_roles()["Roles"] == []
