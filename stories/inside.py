"""A client of AWS on a network interface: boto3 in its namespace, with AWS's own names, the cloud's authority, and no keys
but those that it is given."""

import json
import os
import subprocess
import sys

import pytest

import ordinary
PROGRAM = """
import json, sys
import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
config = Config(connect_timeout=1.5, read_timeout=20, retries={"total_max_attempts": 1})
for line in sys.stdin:
    asked = json.loads(line)
    key = dict(aws_access_key_id=asked["key"], aws_secret_access_key=asked["secret"])
    how = config if asked["key"] else config.merge(Config(signature_version=UNSIGNED))
    client = boto3.Session(region_name=asked["region"], **key).client(asked["service"], config=how, endpoint_url=asked["url"])
    try:
        answer = getattr(client, asked["operation"])(**asked["input"])
        if "Body" in answer:
            answer["Body"] = answer["Body"].read().decode()
        told = ["ok", answer]
    except ClientError as error:
        told = ["refused", error.response["Error"]["Code"], error.response["Error"]["Message"]]
    except BotoCoreError as error:
        told = ["unreachable", type(error).__name__]
    print(json.dumps(told, default=str), flush=True)
"""


class Inside:
    """A process on an interface that asks what it is told to ask."""

    def __init__(self, cloud, interface, authority):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environ |= {"YAKUMO_ENDPOINT": cloud.url, "AWS_CA_BUNDLE": str(authority), "AWS_EC2_METADATA_DISABLED": "true"}
        python = ordinary.python() if cloud.without_root else (sys.executable, {})
        if python is None:
            pytest.skip("no python with boto3 is there for an ordinary user")
        program, more = python
        environ |= more
        command = [*cloud.program, "exec", interface, "--", program, "-c", PROGRAM]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environ, **pipes)

    def ask(self, who, service, operation, region="us-east-1", url=None, **given):
        """Calls an operation as somebody (a key id and its secret; two times nothing for nobody): what came of it, in a list."""
        key, secret = who
        asked = {"service": service, "operation": operation, "region": region, "url": url, "input": given}
        self.process.stdin.write(json.dumps({**asked, "key": key, "secret": secret}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()
