"""Terraform's `aws_sqs_queue`: apply, an empty second plan, changes in place, destroy.

Terraform is a test client only. It is taken from the PATH (or YAKUMO_TERRAFORM); the AWS provider comes from the file
system mirror in YAKUMO_TF_MIRROR (default /opt/tf-plugins), else from TF_CLI_CONFIG_FILE, else Terraform installs it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TERRAFORM = os.environ.get("YAKUMO_TERRAFORM") or shutil.which("terraform") or shutil.which("tofu")
MIRROR = Path(os.environ.get("YAKUMO_TF_MIRROR", "/opt/tf-plugins"))

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                  = "us-east-1"
  access_key              = "test"
  secret_key              = "test"
  skip_metadata_api_check = true
  max_retries             = 1
  endpoints {
    sqs = "%(url)s"
    iam = "%(url)s"
    sts = "%(url)s"
  }
}
"""

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


@pytest.fixture
def terraform(cloud, tmp_path):
    """Runs Terraform in a directory of its own. Gives the finished process."""
    if not TERRAFORM:
        pytest.skip("terraform is not installed (set YAKUMO_TERRAFORM to where it is)")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
    environ |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    if MIRROR.is_dir():
        settings = tmp_path / "terraform.rc"
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{MIRROR}" }}\n}}\n')
        environ["TF_CLI_CONFIG_FILE"] = str(settings)
    elif "TF_CLI_CONFIG_FILE" in os.environ:
        environ["TF_CLI_CONFIG_FILE"] = os.environ["TF_CLI_CONFIG_FILE"]
    place = tmp_path / "project"
    place.mkdir()
    (place / "provider.tf").write_text(PROVIDER % {"url": cloud.url})

    def run(*args, expected=0):
        done = subprocess.run(
            [TERRAFORM, *args, "-no-color"], cwd=place, env=environ, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == expected, f"terraform {' '.join(args)}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done

    run.place = place
    return run


def prepare(terraform, *files):
    for i, text in enumerate(files):
        (terraform.place / f"main{i}.tf").write_text(text)
    try:
        terraform("init", "-input=false")
    except AssertionError as error:
        pytest.skip(f"the AWS provider cannot be installed here: {str(error)[-300:]}")


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
