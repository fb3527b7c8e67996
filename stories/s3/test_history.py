"""Racing clients and a server that is killed: every answer that a client got can be explained afterwards, key by key."""

import os
import random
import time
from collections import Counter

import pytest

from s3.history import FOREVER, PART_BYTES, Note, State, linearizable
from s3.test_fsck import fsck
from s3.writers import Arena, Writer, body_of, parts_of, tags_of

WRITERS, KILLS = 6, 2
KEYS = ["a", "b", "c/d"]
ROUNDS = int(os.environ.get("YAKUMO_HISTORY_ROUNDS", "1"))
SEED = int(os.environ.get("YAKUMO_HISTORY_SEED", "11"))


def note(kind, tag, began, ended, outcome="done", seen=None, **more):
    return Note(kind, "k", tag, began, ended, outcome, seen, **more)


def check(last, *notes, **uploads):
    """Whether the notes are explained: `last` is the object at the end, `uploads` what was seen of uploads then."""
    return linearizable(notes, State(last, uploads=frozenset(uploads.items())))


def test_the_checker_itself():
    """A checker that accepts everything proves nothing."""
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
    whole = body_of("w-1.200+w-2.3000")
    assert tags_of(whole) == "w-1.200+w-2.3000"
    for torn in (whole[:-8], whole[8:], whole[:16] + whole[24:], whole[:-1], b"w-1;w-1;"):
        with pytest.raises(AssertionError):
            tags_of(torn)


def part(tag, began, ended, outcome="done", number=1):
    return note("part", tag, began, ended, outcome, upload="u", number=number)


def complete(tags, began, ended, outcome="done", condition=None, seen=None, size=PART_BYTES):
    parts = tuple((number, tag, size) for number, tag in enumerate(tags.split("+"), 1))
    return note("complete", tags, began, ended, outcome, seen, upload="u", parts=parts, condition=condition)


def test_the_checker_of_uploads_itself():
    one, two = part("one", 0, 1), part("two", 2, 3)
    listed = lambda *seen, began=4: note("list", None, began, began + 1, seen=tuple(enumerate(seen, 1)), upload="u")
    # The part that came last is there, and that of another number beside it.
    assert check(None, one, two, listed("two")) and not check(None, one, two, listed("one"))
    assert check(None, one, part("two", 0.5, 3), listed("one")) and not check(None, one, listed())
    assert check(None, one, part("two", 2, 3, number=2), listed("one", "two"))
    assert check(None, one, u=((1, "one"),)) and not check(None, one, u=()) and not check(None, one, u="closed")
    # An object is made of the parts that were named, and then the upload is over.
    assert check("two", one, two, complete("two", 4, 5), u="closed") and not check("two", one, two, complete("two", 4, 5), u=())
    assert not check("one", one, two, complete("one", 4, 5)) and check("one", one, part("two", 2, 9), complete("one", 4, 5)) is False
    assert check("one", one, part("two", 2, 9, "no upload"), complete("one", 4, 5))
    assert check(None, one, two, complete("one", 4, 5, "invalid part")) and not check(None, one, complete("one", 4, 5, "invalid part"))
    small = complete("one+two", 4, 5, "too small", size=10)
    assert check(None, one, part("two", 2, 3, number=2), small) and not check(None, one, two, small)
    assert not check(None, one, complete("one", 4, 5)) and not check(None, one, complete("one", 4, 5), u=())
    # Two that complete at once: one of them wins; the same again answers the same until the object is another one.
    again, other = complete("one", 6, 7), part("two", 2, 3, number=2)
    assert check("one", one, complete("one", 4, 5), again)
    assert not check("one", one, complete("one", 4, 5), complete("one", 6, 7, "no upload"))
    assert check("one", one, other, complete("one", 4, 7), complete("one+two", 4, 7, "no upload"))
    assert not check("one", one, other, complete("one", 4, 7), complete("one+two", 4, 7))
    put = note("put", "new", 5.2, 5.8)
    assert not check("new", one, complete("one", 4, 5), put, again)
    assert not check("one", one, complete("one", 4, 5), put, again)
    assert check("new", one, complete("one", 4, 5), put, complete("one", 6, 7, "no upload"))
    # Conditions.
    old = note("put", "old", 0, 1)
    assert check("old", old, one, complete("one", 4, 5, "refused", "create")) and not check("one", old, one, complete("one", 4, 5, "done", "create"))
    assert check("one", old, one, complete("one", 4, 5, "done", "swap", "old")) and not check("one", old, one, complete("one", 4, 5, "done", "swap", "x"))
    assert check(None, one, complete("one", 4, 5, "absent", "swap", "old")) and not check("old", old, one, complete("one", 4, 5, "absent", "swap", "old"))
    # Aborts: either the upload was aborted, or it became an object.
    abort = lambda began, ended, outcome="done": note("abort", None, began, ended, outcome, upload="u")
    assert check(None, one, abort(2, 3), part("two", 4, 5, "no upload"), u="closed") and not check(None, one, abort(2, 3), two, listed("two"))
    assert not check("one", one, abort(2, 3), complete("one", 2, 3))
    assert check("one", one, abort(2, 3, "no upload"), complete("one", 2, 3)) and not check(None, one, abort(2, 3), u=())
    # What was never answered happened or not, once.
    lost = complete("one", 4, FOREVER, "unknown")
    assert check("one", one, lost, u="closed") and check(None, one, lost, u=((1, "one"),))
    assert not check(None, one, lost, u="closed") and not check("one", one, lost, u=((1, "one"),))
    assert not check("one", one, lost, note("get", None, 5, 6, seen="one"), note("delete", None, 7, 8))
    assert check("one", one, part("two", 2, FOREVER, "unknown"), complete("one", 4, 5), u="closed")


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_racing_writers_and_kills(workshop, versioned, number):
    seed = SEED + 1000 * number + versioned
    cloud = workshop.cloud(data_dir=workshop.directory())
    s3, bucket, dice, arena = cloud.client("s3"), "history", random.Random(seed), Arena(KEYS)
    s3.create_bucket(Bucket=bucket)
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    notes, states = [], dict.fromkeys(KEYS, State())
    for turn in range(KILLS + 1):
        writers = [Writer(cloud, bucket, arena, f"w{turn}.{i}", 1000 * seed + 100 * turn + i).start() for i in range(WRITERS)]
        enough = dice.randint(150, 350)
        while sum(len(writer.notes) for writer in writers) < enough and all(writer.thread.is_alive() for writer in writers):
            time.sleep(0.01)
        if turn < KILLS:
            cloud.kill()
        for writer in writers:
            writer.join()
            assert writer.strange == [], writer.strange[:3]
        if turn < KILLS:
            code, said, wrong = fsck("--data-dir", cloud.data_dir)
            assert code == 0, said + wrong
            cloud.start()
        s3 = cloud.client("s3")
        new = [one for writer in writers for one in writer.notes]
        assert sum(one.outcome == "done" for one in new) > 50
        seen = {key: seen_now(s3, bucket, key, arena) for key in KEYS}
        for key in KEYS:
            mine = [one for one in new if one.key == key]
            assert linearizable(mine, seen[key], states[key]), f"seed {seed}, {key}: no order explains {len(mine)} answers"
        notes, states = notes + new, seen
        lists_agree(s3, bucket, seen)
    if versioned:
        versions_agree(s3, bucket, notes, arena)
    cleaned(cloud, s3, bucket)


def seen_now(s3, bucket, key, arena):
    """What a key holds, and its uploads, when nobody writes."""
    etag, uploads = None, {}
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        etag = answer["ETag"]
        arena.behind(etag, answer["Body"].read())
    except s3.exceptions.NoSuchKey:
        pass
    for upload in arena.uploads.get(key, []):
        try:
            uploads[upload] = parts_of(s3, {"Bucket": bucket, "Key": key, "UploadId": upload})
        except s3.exceptions.NoSuchUpload:
            uploads[upload] = "closed"
    return State(etag, uploads=frozenset(uploads.items()))


def lists_agree(s3, bucket, states):
    """The lists have what can be read, with its size and ETag, and the uploads that are open, and nothing else."""
    listed = {one["Key"]: one for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
    assert set(listed) == {key for key, state in states.items() if state.object is not None}
    for key, one in listed.items():
        head = s3.head_object(Bucket=bucket, Key=key)
        assert (head["ETag"], head["ContentLength"]) == (one["ETag"], one["Size"])
    uploads = {one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])}
    known = {id: parts for state in states.values() for id, parts in state.uploads}
    assert {id for id, parts in known.items() if parts != "closed"} == uploads & set(known)


def versions_agree(s3, bucket, notes, arena):
    """Every acknowledged version is listed once, whole, and in an order that the clients can have seen."""
    listed, lines = [], {key: [] for key in KEYS}
    # One a page: versions and delete markers come in two lists, their order is that of the pages.
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1}):
        for one in page.get("Versions", []) + page.get("DeleteMarkers", []):
            listed.append(one)
            lines[one["Key"]].append(one["VersionId"])
    ids = [one["VersionId"] for one in listed]
    assert len(ids) == len(set(ids))
    written = [one for one in notes if one.kind in ("put", "create", "swap", "complete", "delete")]
    done = [one for one in written if one.outcome == "done"]
    acknowledged = {one.version: one for one in reversed(done)}
    assert set(acknowledged) <= set(ids)
    for order in lines.values():
        newer = None
        for one in (acknowledged[id] for id in order if id in acknowledged):
            assert newer is None or one.began <= newer.ended, f"{one} is listed as older than {newer}"
            newer = one
    for one in (one for one in listed if "ETag" in one):
        answer = s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
        assert answer["ETag"] == one["ETag"]
        arena.behind(one["ETag"], answer["Body"].read())
        if one["VersionId"] in acknowledged:
            assert acknowledged[one["VersionId"]].tag == one["ETag"]
    # An upload becomes one version at most, and what nobody was told of is what was never answered, each once.
    made = {(one.upload, one.version) for one in done if one.upload}
    assert len(made) == len({upload for upload, _ in made})
    unknown = Counter(tag for _, tag in {(one.upload or id(one), one.tag) for one in written if one.outcome == "unknown"})
    assert not Counter(one.get("ETag") for one in listed if one["VersionId"] not in acknowledged) - unknown


def cleaned(cloud, s3, bucket):
    """Open uploads can be aborted, everything can be deleted, and nothing of it stays on the disk."""
    for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        gone = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if gone:
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in gone]
            assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    s3.delete_bucket(Bucket=bucket)
    cloud.kill()
    code, said, wrong = fsck("--data-dir", cloud.data_dir)
    assert code == 0, said + wrong
    cloud.start()
    left = [path for path in cloud.data_dir.rglob("*") if path.is_file() and {"blobs", "uploads"} & set(path.parts)]
    assert left == []
