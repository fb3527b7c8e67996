"""Racing clients that write a few S3 objects and note what they were told; and the check that the notes can be explained.

Every body names its writer and is long enough to be torn. A note has an interval: from before the request was sent
until its answer had come. What was never answered (the server was killed) may have happened or not, at any time after.
"""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Small bodies lie in records, large ones in files of their own.
SIZES = (200, 3_000, 100_000)
PART_BYTES = 5 * 1024 * 1024
FOREVER = float("inf")
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=4)


def body_of(tag, size):
    """A body that its tag explains whole: the tag, repeated."""
    line = f"{tag};".encode()
    return (line * (size // len(line) + 1))[: len(line) * max(1, size // len(line))]


def tag_of(body):
    """The tag of a body; fails when the body is torn."""
    tag = bytes(body).split(b";", 1)[0].decode()
    line = f"{tag};".encode()
    assert len(body) % len(line) == 0 and body == line * (len(body) // len(line)), f"a torn body, it begins with {tag}"
    return tag


@dataclass
class Note:
    """One operation on a key. `kind`: put, create (If-None-Match), swap (If-Match), delete, get.
    `seen`: the tag that a get gave (None: no object); for a swap the tag that it required."""

    kind: str
    key: str
    tag: str | None
    began: float
    ended: float = FOREVER
    outcome: str = "unknown"
    seen: str | None = None
    version: str | None = None


@dataclass
class Writer:
    """One client with a dice of its own, in a thread of its own."""

    cloud: object
    bucket: str
    keys: list
    name: str
    seed: int
    versioned: bool
    notes: list = field(default_factory=list)
    strange: list = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def start(self):
        self.s3 = self.cloud.client("s3", config=CONFIG)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def join(self):
        self.stopped.set()
        self.thread.join()

    def run(self):
        dice, etags = random.Random(self.seed), {}
        for number in itertools.count():
            if self.stopped.is_set():
                return
            kind = dice.choices(["put", "create", "swap", "delete", "get", "parts"], [4, 3, 3, 2, 6, 0.4])[0]
            note = Note(kind, dice.choice(self.keys), f"{self.name}-{number}", time.monotonic())
            try:
                getattr(self, kind)(note, dice, etags)
                note.outcome = "done"
            except ClientError as error:
                self.refused(note, error)
            except BotoCoreError:
                # The server is being killed, perhaps after it had done it.
                time.sleep(0.02)
                self.notes.append(note)
                continue
            except AssertionError as error:
                self.strange.append(str(error))
            note.ended = time.monotonic()
            self.notes.append(note)

    def refused(self, note, error):
        code = error.response["Error"]["Code"]
        # AWS: a conditional write that raced another may be told to try again.
        known = {"PreconditionFailed": "refused", "ConditionalRequestConflict": "refused_by_race", "NoSuchKey": "absent"}
        if code in known:
            note.outcome = known[code]
        else:
            self.strange.append(f"{note}: {error}")
            note.outcome = "refused_by_race"

    def body(self, note, dice):
        return body_of(note.tag, dice.choice(SIZES))

    def write(self, note, dice, etags, **conditions):
        answer = self.s3.put_object(Bucket=self.bucket, Key=note.key, Body=self.body(note, dice), **conditions)
        note.version = answer.get("VersionId")
        etags[note.key] = (answer["ETag"], note.tag)

    def put(self, note, dice, etags):
        self.write(note, dice, etags)

    def create(self, note, dice, etags):
        self.write(note, dice, etags, IfNoneMatch="*")

    def swap(self, note, dice, etags):
        etag, note.seen = etags.get(note.key, ('"0"', "nothing"))
        self.write(note, dice, etags, IfMatch=etag)

    def delete(self, note, dice, etags):
        answer = self.s3.delete_object(Bucket=self.bucket, Key=note.key)
        note.version = answer.get("VersionId")

    def get(self, note, dice, etags):
        answer = self.s3.get_object(Bucket=self.bucket, Key=note.key)
        # An answer without an error is whole, or the client says so.
        note.seen = tag_of(answer["Body"].read())
        note.version = answer.get("VersionId")
        etags[note.key] = (answer["ETag"], note.seen)

    def parts(self, note, dice, etags):
        note.kind = "put"
        place = {"Bucket": self.bucket, "Key": note.key}
        upload = self.s3.create_multipart_upload(**place)["UploadId"]
        line = f"{note.tag};".encode()
        bodies, parts = (line * (PART_BYTES // len(line) + 1), line * 10), []
        for number, body in enumerate(bodies, 1):
            answer = self.s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        note.began = time.monotonic()
        answer = self.s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
        note.version = answer.get("VersionId")
        etags[note.key] = (answer["ETag"], note.tag)


class Unexplained(AssertionError):
    """No order of the operations explains what the clients were told."""


def apply(note, state):
    """The state after a note, or `Unexplained` when it cannot have happened in this state. States are tags or None."""
    if note.kind == "get":
        if note.outcome == "unknown" or note.seen == state:
            return state
    elif note.outcome == "refused":
        if (note.kind == "create" and state is not None) or (note.kind == "swap" and state != note.seen):
            return state
    elif note.outcome == "absent":
        # AWS: If-Match on a key without an object is a 404.
        if state is None:
            return state
    elif note.kind == "delete":
        return None
    elif note.kind == "put" or (note.kind == "create" and state is None) or (note.kind == "swap" and state == note.seen):
        return note.tag
    raise Unexplained(note)


def linearizable(notes, last, begin=None):
    """Whether an order exists that keeps to the intervals, explains every answer and ends with `last`. One key's notes.

    A depth-first search with a memory of the places where it has been (Wing and Gong, as Lowe improved it)."""
    ignored = lambda note: note.outcome == "refused_by_race" or (note.kind == "get" and note.outcome == "unknown")
    notes = sorted((note for note in notes if not ignored(note)), key=lambda note: note.began)
    seen, stack = set(), [(0, frozenset(), begin)]
    while stack:
        at, ahead, state = stack.pop()
        while at in ahead:
            ahead, at = ahead - {at}, at + 1
        if (at, ahead, state) in seen:
            continue
        seen.add((at, ahead, state))
        limit, ready = FOREVER, []
        for i in range(at, len(notes)):
            if notes[i].began > limit:
                break
            if i not in ahead:
                limit = min(limit, notes[i].ended)
                ready.append(i)
        if not ready and state == last:
            return True
        for i in reversed(ready):
            if notes[i].began > limit:
                continue
            try:
                stack.append((at, ahead | {i}, apply(notes[i], state)))
            except Unexplained:
                pass
            if notes[i].ended == FOREVER:
                # It did not happen.
                stack.append((at, ahead | {i}, state))
    return False
