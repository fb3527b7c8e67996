"""Object stores that keep the bodies of a cloud: another yakumo, and a server of another make. With a door that can be shut."""

import socket
import subprocess
import threading
import time

import boto3

import cloud as clouds
from people import Person, allow
from tools import environment

BUCKET, PREFIX = "yakumo-bodies", "clouds/one"
BODIES = f"s3://{BUCKET}/{PREFIX}"
# What docs/guide.md says that the credentials need, and nothing else.
ON_OBJECTS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
ON_BUCKET = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]


class Door:
    """Passes connections on to a port that may change. While it is shut, nobody answers there."""

    def __init__(self, target):
        self.target, self.open = target, set()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                inside, _ = self.socket.accept()
            except OSError:
                return
            target = self.target
            try:
                outside = socket.create_connection(("127.0.0.1", target)) if target else None
            except OSError:
                outside = None
            if outside is None:
                inside.close()
                continue
            self.open |= {inside, outside}
            for one, other in ((inside, outside), (outside, inside)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            self.open.discard(end)
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def shut(self):
        self.target = None
        for end in list(self.open):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Backing:
    """An object store with a bucket, and the credentials of somebody who may do there what yakumo needs."""

    def __init__(self, port, root, key):
        self.s3, self.door = root, Door(port)
        self.s3.create_bucket(Bucket=BUCKET)
        self.environ = {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1], "AWS_REGION": clouds.REGION}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.door.port}"

    @property
    def args(self):
        return ["--bodies", BODIES, "--bodies-endpoint", self.url]

    def front(self, workshop, **options):
        """A cloud whose bodies are kept here."""
        options = {"data_dir": workshop.directory(), "args": self.args, "environ": self.environ} | options
        return workshop.cloud(**options)

    def keys(self):
        """The keys of bodies: all but the marks of clouds."""
        found = []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            found += [one["Key"] for one in page.get("Contents", [])]
        return [key for key in found if not key.endswith("/cloud")]

    def uploads(self):
        return self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


def of_yakumo(workshop):
    """Another yakumo, with a user who has the least that is needed. Gives it and its cloud."""
    there = workshop.cloud(data_dir=workshop.directory())
    root, iam = there.client("s3"), there.client("iam")
    person = Person(there, iam, "front")
    person.put(
        "bodies",
        allow(ON_OBJECTS, f"arn:aws:s3:::{BUCKET}/{PREFIX}/*"),
        allow(ON_BUCKET, f"arn:aws:s3:::{BUCKET}"),
    )
    backing = Backing(there.port, root, (person.key["AccessKeyId"], person.key["SecretAccessKey"]))
    backing.person = person
    return backing, there


class OfMoto:
    """A server of another make, from PyPI."""

    def __init__(self):
        program = environment("moto", "moto[server]==5.2.1") / "moto_server"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], **quiet)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        root = boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name=clouds.REGION,
            aws_access_key_id="any", aws_secret_access_key="any", config=clouds.CONFIG,
        )  # fmt: skip
        self.backing = Backing(port, root, ("any", "any"))

    def stop(self):
        self.process.kill()
        self.process.wait()


def until(fact, seconds=60):
    """Waits until a fact holds."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
