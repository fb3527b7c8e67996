"""Racing clients and a server that is killed: every answer that a client got can be explained afterwards, key by key."""

import random
import time

import pytest

from s3.history import FOREVER, Note, Writer, linearizable, tag_of

WRITERS, KILLS = 6, 2
KEYS = ["a", "b", "c/d"]


def note(kind, tag, began, ended, outcome="done", seen=None):
    return Note(kind, "k", tag, began, ended, outcome, seen)


def test_the_checker_itself():
    """A checker that accepts everything proves nothing."""
    check = lambda last, *notes: linearizable(notes, last)
    one, two = note("put", "one", 0, 1), note("put", "two", 2, 3)
    assert check("two", one, two) and not check("one", one, two) and not check(None, one)
    assert check("one", one, note("put", "two", 0.5, 3))
    assert not check("one", one, note("get", "-", 2, 3, seen=None, outcome="absent"))
    assert check("one", one, note("get", "-", 0.5, 3, outcome="absent"))
    assert not check("two", one, two, note("get", "-", 4, 5, seen="one"))
    first, second = note("create", "one", 0, 2), note("create", "two", 1, 3)
    assert not check("two", first, second)
    assert check("one", first, note("create", "two", 1, 3, "refused"))
    assert not check("one", note("create", "two", 0, 1, "refused"), note("create", "one", 2, 3))
    assert not check("three", one, note("swap", "two", 2, 3, seen="one"), note("swap", "three", 2, 3, seen="one"))
    lost = note("put", "two", 2, FOREVER, "unknown")
    assert check("one", one, lost) and check("two", one, lost) and not check("three", one, lost)
    # What was seen once may not be undone.
    assert not check("one", one, lost, note("get", "-", 4, 5, seen="two"))
    with pytest.raises(AssertionError):
        tag_of(b"a-1;a-1;a-2;")


@pytest.mark.parametrize("versioned", [False, True])
def test_racing_writers_and_kills(workshop, versioned):
    cloud = workshop.cloud(data_dir=workshop.directory())
    s3, bucket, dice = cloud.client("s3"), "history", random.Random(11 + versioned)
    s3.create_bucket(Bucket=bucket)
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    notes, states, written = [], dict.fromkeys(KEYS), 0
    for part in range(KILLS + 1):
        writers = [Writer(cloud, bucket, KEYS, f"w{part}.{i}", 100 * part + i, versioned).start() for i in range(WRITERS)]
        time.sleep(dice.uniform(0.6, 1.2))
        if part < KILLS:
            cloud.kill()
        for writer in writers:
            writer.join()
            assert writer.strange == [], writer.strange[:3]
        if part < KILLS:
            cloud.start()
        s3 = cloud.client("s3")
        new = [one for writer in writers for one in writer.notes]
        now = {key: newest(s3, bucket, key) for key in KEYS}
        for key in KEYS:
            mine = [one for one in new if one.key == key]
            assert linearizable(mine, now[key], states[key]), f"{key}: no order explains {len(mine)} answers"
        notes, states = notes + new, now
        written += sum(one.outcome == "done" and one.kind != "get" for one in new)
        lists_agree(s3, bucket, now)
    assert written > 20
    if versioned:
        versions_agree(s3, bucket, notes)
    cleaned(cloud, s3, bucket)


def newest(s3, bucket, key):
    """The tag of what a key holds."""
    try:
        return tag_of(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def lists_agree(s3, bucket, states):
    """The list has what can be read, with its size and ETag, and nothing else."""
    listed = {one["Key"]: one for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
    assert set(listed) == {key for key, tag in states.items() if tag is not None}
    for key, one in listed.items():
        head = s3.head_object(Bucket=bucket, Key=key)
        assert (head["ETag"], head["ContentLength"]) == (one["ETag"], one["Size"])


def versions_agree(s3, bucket, notes):
    """Every acknowledged version is listed once, whole, and in an order that the clients can have seen."""
    listed, lines = [], {key: [] for key in KEYS}
    # One a page: versions and delete markers come in two lists, their order is that of the pages.
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1}):
        for one in page.get("Versions", []) + page.get("DeleteMarkers", []):
            listed.append(one)
            lines[one["Key"]].append(one["VersionId"])
    ids = [one["VersionId"] for one in listed]
    assert len(ids) == len(set(ids))
    acknowledged = {one.version: one for one in notes if one.outcome == "done" and one.kind != "get"}
    assert set(acknowledged) <= set(ids)
    known = {one.tag for one in notes if one.kind not in ("get", "delete")}
    for order in lines.values():
        newer = None
        for one in (acknowledged[id] for id in order if id in acknowledged):
            assert newer is None or one.began <= newer.ended, f"{one} is listed as older than {newer}"
            newer = one
    for one in (one for one in listed if "ETag" in one):
        tag = tag_of(s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read())
        assert tag in known
        if one["VersionId"] in acknowledged:
            assert acknowledged[one["VersionId"]].tag == tag


def cleaned(cloud, s3, bucket):
    """Uploads that the kills cut off can be aborted, everything can be deleted, and nothing of it stays on the disk."""
    for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        gone = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if gone:
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in gone]
            assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    s3.delete_bucket(Bucket=bucket)
    cloud.kill()
    cloud.start()
    left = [path for path in cloud.data_dir.rglob("*") if path.is_file() and {"blobs", "uploads"} & set(path.parts)]
    assert left == []
