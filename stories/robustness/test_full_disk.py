"""A full disk is an error to the client, not a lost write, and not the end."""

import os
import shutil
import subprocess
import tempfile
import time

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def small_disk():
    """A file system of 160 MiB: the store refuses to write when less than its reserve of 64 MiB is free."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root, to mount a small file system")
    path = tempfile.mkdtemp(prefix="yakumo-disk-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", path], capture_output=True, text=True)
    if done.returncode != 0:
        os.rmdir(path)
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)
    os.rmdir(path)


def test_a_full_disk(small_disk, workshop):
    cloud = workshop.cloud(data_dir=f"{small_disk}/cloud")
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    kept = []
    failure = None
    for i in range(600):
        try:
            body = f"{i:05} " + "x" * 500_000
            sqs.send_message(QueueUrl=url, MessageBody=body)
            kept.append(i)
        except ClientError as error:
            failure = error.response
            break
    assert failure, "300 MB went into a disk of 160 MB"
    assert failure["ResponseMetadata"]["HTTPStatusCode"] in (500, 503, 507), failure
    assert failure["ResponseMetadata"]["RequestId"] and failure["Error"]["Code"], failure
    assert len(kept) > 10
    assert cloud.alive()
    # What only reads still works.
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]
    assert int(counted) == len(kept)
    cloud.kill()
    subprocess.run(["mount", "-o", "remount,size=1g", small_disk], check=True)
    cloud.start()
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    cloud.advance("13h")
    seen = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        seen.extend(int(m["Body"][:5]) for m in messages)
    assert set(kept) <= set(seen), "acknowledged, so it must be there"
    assert set(seen) - set(kept) <= {kept[-1] + 1}, "only the refused one may be there as well"
    sqs.send_message(QueueUrl=url, MessageBody="there is room again")


def test_a_full_disk_of_objects(small_disk, workshop):
    cloud = workshop.cloud(data_dir=f"{small_disk}/cloud")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")

    def body(i):
        return bytes([i % 251]) * 4_000_000 + b"%d" % i

    def put(key, content):
        """The error of a PUT; nothing when it was acknowledged."""
        try:
            s3.put_object(Bucket="bucket", Key=key, Body=content)
        except ClientError as error:
            return error.response
        return None

    def whole(kept):
        listed = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix="o/")
        assert {one["Key"] for page in listed for one in page.get("Contents", [])} == {f"o/{i:03}" for i in kept}
        for i in kept:
            assert s3.get_object(Bucket="bucket", Key=f"o/{i:03}")["Body"].read() == body(i), i

    kept, failure = [], None
    for i in range(60):
        failure = put(f"o/{i:03}", body(i))
        if failure:
            break
        kept.append(i)
    assert failure, "240 MB went into a disk of 160 MB"
    assert failure["ResponseMetadata"]["HTTPStatusCode"] == 503, failure
    assert failure["Error"]["Code"] == "ServiceUnavailable" and "disk" in failure["Error"]["Message"], failure
    assert failure["ResponseMetadata"]["RequestId"] and len(kept) > 5
    # Neither a small object nor a part of a large one goes in, and what is there is whole and can be overwritten by nothing.
    assert put("small", b"x")["Error"]["Code"] == "ServiceUnavailable"
    assert put(f"o/{kept[0]:03}", b"other")["Error"]["Code"] == "ServiceUnavailable"
    whole(kept)
    # Whatever is removed makes room.
    for i in kept[: len(kept) // 2]:
        s3.delete_object(Bucket="bucket", Key=f"o/{i:03}")
    del kept[: len(kept) // 2]
    for _ in range(300):
        if put("o/999", body(999)) is None:
            kept.append(999)
            break
        time.sleep(0.2)
    assert 999 in kept, "there is no room although objects were removed"
    whole(kept)
    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    whole(kept)
    assert cloud.command("fsck", json_output=True)["whole"]
