"""`yakumo fsck`: kills under load leave a whole store; what is damaged is told, with its exit code."""

import json
import os
import random
import subprocess
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

import cloud as clouds

SIZES = (0, 100, 20_000, 40_000, 700_000, 1_300_000)
LOCKED, DATA = 4, 5


def fsck(*arguments):
    """Runs the command. Gives the exit code and what it wrote."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "YAKUMO_"))}
    done = subprocess.run([clouds.BINARY, "fsck", *map(str, arguments)], capture_output=True, text=True, env=environ, timeout=120)
    return done.returncode, done.stdout, done.stderr


def work(home, number, end):
    """Writes, overwrites, copies, deletes and uploads in parts until the cloud goes away or the time is over."""
    s3, dice = home.client("s3"), random.Random(number)
    try:
        while time.monotonic() < end:
            body, key = os.urandom(dice.choice(SIZES)), f"k{dice.randrange(12)}"
            match dice.randrange(6):
                case 0:
                    s3.delete_object(Bucket="churn", Key=key)
                case 1:
                    upload = s3.create_multipart_upload(Bucket="churn", Key=key)["UploadId"]
                    part = s3.upload_part(Bucket="churn", Key=key, UploadId=upload, PartNumber=1, Body=body)
                    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
                    if dice.random() < 0.7:
                        s3.complete_multipart_upload(Bucket="churn", Key=key, UploadId=upload, MultipartUpload=parts)
                case 2:
                    found = s3.list_objects_v2(Bucket="churn", Prefix="k", MaxKeys=1).get("Contents", [])
                    for one in found:
                        s3.copy_object(Bucket="churn", Key=f"copy-{key}", CopySource={"Bucket": "churn", "Key": one["Key"]})
                case _:
                    s3.put_object(Bucket="churn", Key=key, Body=body)
    except ClientError as error:
        # Another worker deleted the object that was to be copied.
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
    except BotoCoreError:
        pass


def test_kills_under_load_leave_a_whole_store(workshop):
    home = workshop.cloud(data_dir=workshop.directory())
    s3 = home.client("s3")
    s3.create_bucket(Bucket="churn")
    for number in range(3):
        workers = [threading.Thread(target=work, args=(home, 10 * number + i, time.monotonic() + 30)) for i in range(5)]
        for worker in workers:
            worker.start()
        time.sleep(random.Random(number).uniform(0.8, 1.6))
        # It works and is whole: what is in progress is no finding.
        code, said, wrong = fsck("--endpoint", home.url)
        assert (code, "whole" in said) == (0, True), said + wrong
        home.kill()
        for worker in workers:
            worker.join()
        code, said, wrong = fsck("--data-dir", home.data_dir)
        assert code == 0, said + wrong
        home.start()
    s3 = home.client("s3")
    for one in s3.list_objects_v2(Bucket="churn").get("Contents", []):
        assert len(s3.get_object(Bucket="churn", Key=one["Key"])["Body"].read()) == one["Size"]


def test_damage_is_told_and_what_is_nobodys_is_removed(workshop):
    home = workshop.cloud(data_dir=workshop.directory())
    s3 = home.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="large", Body=os.urandom(200_000))
    code, _, wrong = fsck("--data-dir", home.data_dir)
    assert code == LOCKED and "asks the cloud that runs" in wrong, wrong
    code, _, wrong = fsck("--repair")
    assert code == 2 and "stopped" in wrong
    home.kill()
    assert fsck("--data-dir", home.data_dir)[0] == 0
    [body] = [path for path in home.data_dir.rglob("blobs/*/*") if path.is_file()]
    stray = body.with_name(body.name[:2] + "0" * 30)
    stray.write_bytes(body.read_bytes())
    code, said, wrong = fsck("--data-dir", home.data_dir)
    assert code == 1 and stray.name in said and "--repair removes it" in said and "1 finding" in wrong
    assert stray.exists()
    code, said, _ = fsck("--data-dir", home.data_dir, "--repair")
    assert code == 0 and "removed" in said and "whole" in said
    assert not stray.exists() and body.exists()
    with body.open("r+b") as file:
        file.seek(70_000)
        file.write(b"?")
    code, said, _ = fsck("--data-dir", home.data_dir, "--repair", "--output", "json")
    told = json.loads(said)
    assert code == 1 and not told["whole"] and len(told["findings"]) == 1
    assert "version null of large in bucket bucket" in told["findings"][0]["what"] and body.exists()
    # The cloud goes on, and tells the same while it runs.
    home.start()
    code, said, _ = fsck("--endpoint", home.url)
    assert code == 1 and "damaged" in said
    assert fsck("--data-dir", home.data_dir / "nowhere")[0] == DATA
