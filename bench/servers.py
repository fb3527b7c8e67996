"""The servers that are measured, each as a process of its own on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

POLICY = """{"Version": "2012-10-17", "Statement": [
  {"Sid": "Look", "Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], "Resource": "*"},
  {"Sid": "Other", "Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:other-*"},
  {"Sid": "Never", "Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"},
  {"Sid": "Here", "Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "arn:aws:sqs:*:*:bench*",
   "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}},
  {"Sid": "Work", "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"],
   "Resource": "arn:aws:sqs:us-east-1:*:bench*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}
]}"""


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server process. `checks` says whether it authenticates and authorises."""

    name, checks = "server", False

    def __init__(self, target, data):
        self.target, self.data, self.port = target, data, free_port()
        data.mkdir(parents=True, exist_ok=True)
        self.log = open(data / f"{self.name}.log", "ab")
        self.process = None

    def command(self):
        raise NotImplementedError

    def environ(self):
        return {}

    def start(self):
        """Starts it and waits until it takes connections. Gives itself."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "YAKUMO_"))}
        self.process = subprocess.Popen(
            self.command(), stdout=self.log, stderr=subprocess.STDOUT, env={**clean, **self.environ()}
        )
        for _ in range(3000):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}; see {self.log.name}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self.name} takes no connections")

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, service, key="test", secret="test"):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 3}),
        )

    def user(self):
        """An IAM user with a five-statement policy, made through the API where there is one. Gives (key, secret)."""
        try:
            iam = self.client("iam")
            iam.create_user(UserName="bench")
            iam.put_user_policy(UserName="bench", PolicyName="five", PolicyDocument=POLICY)
            key = iam.create_access_key(UserName="bench")["AccessKey"]
            return key["AccessKeyId"], key["SecretAccessKey"]
        except (ClientError, BotoCoreError):
            if self.checks:
                raise
            return "test", "test"

    def queue(self, name="bench"):
        """A queue whose messages stay in flight during a run. Gives its URL."""
        return self.client("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": "43200"})["QueueUrl"]

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


class Bare(Server):
    """The limit: reads the same bytes, answers the same bytes."""

    name = "bare"

    def command(self):
        return [str(self.target / "release" / "yakumo-bench"), "bare", "--port", str(self.port)]

    def user(self):
        return "AKIAIOSFODNN7EXAMPLE", "secret"

    def queue(self, name="bench"):
        return f"{self.url}/000000000000/{name}"


class BareFiles(Server):
    """The limit for objects: files and digests, nothing else."""

    name, extra = "bare files", ()

    def command(self):
        binary = self.target / "release" / "yakumo-bench"
        return [str(binary), "files", "--port", str(self.port), "--folder", str(self.data / "files"), *self.extra]


class EncryptedFiles(BareFiles):
    """The same limit for who encrypts at rest, as S3 does."""

    name, extra = "encrypted files", ("--encrypt",)


class Yakumo(Server):
    """Ours: the default store on disk, SigV4 and IAM as always."""

    name, checks = "yakumo", True
    extra = ()

    def command(self):
        binary = self.target / "release" / "yakumo"
        return [str(binary), "up", "--port", str(self.port), "--data-dir", str(self.data / "yakumo"), *self.extra]


class YakumoMemory(Yakumo):
    """Ours, keeping nothing: shows what the store costs."""

    name = "yakumo --ephemeral"

    def command(self):
        return [str(self.target / "release" / "yakumo"), "up", "--port", str(self.port), "--ephemeral"]


class FromPyPI(Server):
    """Another local cloud, installed into the venv that runs this."""

    program = ""

    def binary(self):
        return Path(sys.prefix) / "bin" / self.program

    def start(self):
        if not self.binary().exists():
            raise RuntimeError(f"{self.program} is not installed")
        return super().start()


class Roto(FromPyPI):
    """In memory: its fastest form."""

    name, program = "roto 0.10.1 --ephemeral", "roto-server"

    def command(self):
        return [str(self.binary()), "--port", str(self.port), "--ephemeral"]


class Ministack(FromPyPI):
    name, program = "ministack 1.5.33", "ministack"

    def command(self):
        return [str(self.binary())]

    def environ(self):
        return {"GATEWAY_PORT": str(self.port)}


class Moto(FromPyPI):
    name, program = "moto 5.2.5", "moto_server"

    def command(self):
        return [str(self.binary()), "--port", str(self.port)]


ALL = [Bare, Yakumo, YakumoMemory, Roto, Ministack, Moto]


def fresh(directory):
    """An empty directory."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory
