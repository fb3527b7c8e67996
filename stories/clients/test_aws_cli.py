"""The AWS CLI, with the commands of the README."""

import json
import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def aws(cloud, tmp_path_factory):
    """Runs `aws` against the cloud; gives its parsed output, or its failure."""
    if not shutil.which("aws"):
        pytest.skip("the AWS CLI is not installed")
    home = tmp_path_factory.mktemp("home")

    def run(*args, key="test", secret="test", check=True):
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        # Version 1 ignores AWS_ENDPOINT_URL for sqs, so the README says --endpoint-url.
        done = subprocess.run(
            ["aws", "--endpoint-url", cloud.url, *args], capture_output=True, text=True, env=environ, timeout=120
        )
        if check:
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout.strip()
        return done

    return run


def test_the_readme(aws, cloud):
    made = aws("sqs", "create-queue", "--queue-name", "jobs")
    assert made["QueueUrl"] == f"{cloud.url}/000000000000/jobs"
    aws("sqs", "send-message", "--queue-url", made["QueueUrl"], "--message-body", "hello")
    got = aws("sqs", "receive-message", "--queue-url", made["QueueUrl"])
    assert got["Messages"][0]["Body"] == "hello"

    aws("iam", "create-user", "--user-name", "alice")
    key, secret = aws(
        "iam", "create-access-key", "--user-name", "alice",
        "--query", "AccessKey.[AccessKeyId,SecretAccessKey]", "--output", "text",
    ).split()
    denied = aws("sqs", "send-message", "--queue-url", made["QueueUrl"], "--message-body", "hello",
                 key=key, secret=secret, check=False)
    assert denied.returncode != 0
    assert "An error occurred (AccessDenied) when calling the SendMessage operation: User: " \
           "arn:aws:iam::000000000000:user/alice is not authorized to perform: sqs:sendmessage" in denied.stderr
    assert aws("sts", "get-caller-identity", key=key, secret=secret)["Arn"] == "arn:aws:iam::000000000000:user/alice"


def test_high_level_output_and_errors(aws):
    url = aws("sqs", "create-queue", "--queue-name", "cli.fifo", "--attributes",
              "FifoQueue=true,ContentBasedDeduplication=true", "--tags", "a=b")["QueueUrl"]
    sent = aws("sqs", "send-message", "--queue-url", url, "--message-body", "x", "--message-group-id", "g")
    assert sent["SequenceNumber"]
    listed = aws("sqs", "list-queues", "--query", "QueueUrls", "--output", "text").split()
    assert url in listed
    assert aws("sqs", "list-queue-tags", "--queue-url", url)["Tags"] == {"a": "b"}
    absent = aws("sqs", "get-queue-url", "--queue-name", "absent-queue", check=False)
    assert "(AWS.SimpleQueueService.NonExistentQueue)" in absent.stderr
    refused = aws("ec2", "describe-spot-price-history", check=False)
    assert "(NotImplemented)" in refused.stderr and "DescribeSpotPriceHistory" in refused.stderr
