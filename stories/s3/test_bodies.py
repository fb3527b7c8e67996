"""Large bodies and interrupted ones: flat memory, nothing torn, nothing left on the disk."""

import hashlib
import os
import socket
import threading
import time

import pytest
from botocore.config import Config

import cloud as clouds

MIB = 1024 * 1024
# 2048 for the whole truth.
STREAM_MIB = int(os.environ.get("YAKUMO_STREAM_MIB", "256"))


@pytest.fixture
def home(workshop):
    return workshop.cloud(data_dir=workshop.directory())


def bucket_in(home):
    # By itself boto3 presigns with version 2.
    s3 = home.client("s3", config=clouds.CONFIG.merge(Config(signature_version="s3v4")))
    s3.create_bucket(Bucket="bodies")
    return s3


def on_disk(home):
    """The files of bodies: kept ones and uploads."""
    return [path for path in home.data_dir.rglob("*") if path.is_file() and {"blobs", "uploads"} & set(path.parts)]


def until(fact, seconds=60):
    """Waits until a fact holds."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def resident_mib(home):
    with open(f"/proc/{home.process.pid}/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


class Endless:
    """A body of `mib` MiB that is made while it is sent; it keeps its digest."""

    def __init__(self, mib, look=lambda: None):
        self.block, self.left, self.look = os.urandom(MIB), mib, look
        self.length, self.digest = mib * MIB, hashlib.sha256()

    def __len__(self):
        return self.length

    def read(self, size=-1):
        if self.left == 0:
            return b""
        self.left -= 1
        if self.left % 32 == 0:
            self.look()
        self.digest.update(self.block)
        return self.block


def signed_put(s3, key):
    """A URL for an upload whose body is not signed: it can be made while it is sent."""
    return s3.generate_presigned_url("put_object", Params={"Bucket": "bodies", "Key": key}, ExpiresIn=3600)


def send(home, s3, key, body, length):
    """Begins an upload by hand. Gives the connection when so much of it was sent."""
    target = signed_put(s3, key).removeprefix(home.url)
    connection = socket.create_connection(("127.0.0.1", home.port))
    head = f"PUT {target} HTTP/1.1\r\nhost: 127.0.0.1:{home.port}\r\ncontent-length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    while block := body.read():
        connection.sendall(block)
    return connection


def test_memory_stays_flat(home):
    s3, sizes = bucket_in(home), []
    s3.put_object(Bucket="bodies", Key="warm", Body=os.urandom(8 * MIB))
    before = resident_mib(home)
    body = Endless(STREAM_MIB, lambda: sizes.append(resident_mib(home)))
    with send(home, s3, "large", body, body.length) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    digest = hashlib.sha256()
    for number, block in enumerate(s3.get_object(Bucket="bodies", Key="large")["Body"].iter_chunks(MIB)):
        digest.update(block)
        if number % 32 == 0:
            sizes.append(resident_mib(home))
    assert digest.digest() == body.digest.digest()
    print(f"resident MiB: {before:.0f} before, at most {max(sizes):.0f}")
    assert max(sizes) < before + 96


def test_an_interrupted_upload_leaves_nothing(home):
    s3 = bucket_in(home)
    s3.put_object(Bucket="bodies", Key="k", Body=b"before")
    connection = send(home, s3, "k", Endless(32), 64 * MIB)
    until(lambda: on_disk(home))
    connection.close()
    until(lambda: not on_disk(home))
    assert s3.get_object(Bucket="bodies", Key="k")["Body"].read() == b"before"


def test_a_kill_in_the_middle_of_uploads_leaves_nothing(home):
    s3 = bucket_in(home)
    kept = os.urandom(MIB)
    s3.put_object(Bucket="bodies", Key="kept", Body=kept)
    upload = s3.create_multipart_upload(Bucket="bodies", Key="parts")["UploadId"]
    s3.upload_part(Bucket="bodies", Key="parts", UploadId=upload, PartNumber=1, Body=kept)
    whole = len(on_disk(home))
    connections = [send(home, s3, f"k{i}", Endless(8), 64 * MIB) for i in range(4)]
    until(lambda: len(on_disk(home)) == whole + 4)
    home.kill()
    for connection in connections:
        connection.close()
    home.start()
    until(lambda: len(on_disk(home)) == whole)
    s3 = home.client("s3")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bodies")["Contents"]] == ["kept"]
    assert s3.get_object(Bucket="bodies", Key="kept")["Body"].read() == kept
    parts = s3.list_parts(Bucket="bodies", Key="parts", UploadId=upload)["Parts"]
    assert [part["Size"] for part in parts] == [MIB]


def test_space_comes_back(home):
    s3 = bucket_in(home)
    used = lambda: sum(path.stat().st_size for path in on_disk(home))
    for _ in range(4):
        s3.put_object(Bucket="bodies", Key="k", Body=os.urandom(4 * MIB))
    upload = s3.create_multipart_upload(Bucket="bodies", Key="parts")["UploadId"]
    for _ in range(3):
        s3.upload_part(Bucket="bodies", Key="parts", UploadId=upload, PartNumber=1, Body=os.urandom(5 * MIB))
    until(lambda: used() < 10 * MIB)
    s3.abort_multipart_upload(Bucket="bodies", Key="parts", UploadId=upload)
    s3.delete_object(Bucket="bodies", Key="k")
    until(lambda: not on_disk(home))


def test_a_body_that_is_overwritten_while_it_is_read_arrives_whole(home):
    s3 = bucket_in(home)
    whole = os.urandom(24 * MIB)
    s3.put_object(Bucket="bodies", Key="one", Body=whole)
    upload = s3.create_multipart_upload(Bucket="bodies", Key="parts")["UploadId"]
    parts = [
        {"ETag": s3.upload_part(Bucket="bodies", Key="parts", UploadId=upload, PartNumber=i, Body=body)["ETag"], "PartNumber": i}
        for i, body in enumerate((whole[: 8 * MIB], whole[8 * MIB : 16 * MIB], whole[16 * MIB :], b"the end"), 1)
    ]
    s3.complete_multipart_upload(Bucket="bodies", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    one, two = (s3.get_object(Bucket="bodies", Key=key)["Body"] for key in ("one", "parts"))
    start = one.read(1000), two.read(1000)
    s3.put_object(Bucket="bodies", Key="one", Body=b"new")
    s3.delete_object(Bucket="bodies", Key="parts")
    # Longer than the grace that removed bodies have.
    time.sleep(12)
    assert start[0] + one.read() == whole
    assert start[1] + two.read() == whole + b"the end"
    until(lambda: not on_disk(home))


def test_small_bodies_are_there_whenever_their_record_was(home):
    """An object that is overwritten all the time is always found, old or new."""
    s3, done = bucket_in(home), threading.Event()
    s3.put_object(Bucket="bodies", Key="k", Body=b"0")

    def write(client):
        while not done.is_set():
            client.put_object(Bucket="bodies", Key="k", Body=os.urandom(64))

    writers = [threading.Thread(target=write, args=(home.client("s3"),)) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(400):
            answer = s3.get_object(Bucket="bodies", Key="k")
            assert hashlib.md5(answer["Body"].read()).hexdigest() == answer["ETag"].strip('"')
    finally:
        done.set()
        for writer in writers:
            writer.join()
