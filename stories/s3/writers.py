"""Racing clients that write a few S3 objects, at once and in parts, and note what they were told (`history.py`).

Every body names its writer and its size, again and again, so that one which is torn or cut off is found out. What an
operation would write is known before it is asked for: its ETag, and the body behind it.
"""

import hashlib
import itertools
import random
import threading
import time
from dataclasses import dataclass, field, replace

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from s3.history import PART_BYTES, Note

# Small bodies lie in records, large ones in files of their own.
SIZES = (200, 3_000, 100_000)
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=4)
# How often each is done. What is not on objects is on uploads that the writers share.
KINDS = {"put": 4, "create": 3, "swap": 3, "delete": 2, "get": 6, "part": 6, "copy": 2, "list": 2, "complete": 5, "abort": 0.7}
OUTCOMES = {
    "PreconditionFailed": "refused",
    # AWS: a conditional write that raced another may be told to try again.
    "ConditionalRequestConflict": "ignored",
    "NoSuchKey": "absent",
    "NoSuchUpload": "no upload",
    "InvalidPart": "invalid part",
    "EntityTooSmall": "too small",
}
PARTS = 3


def body_of(tags):
    """The body that tags explain whole: each tag, which ends with a size, repeated up to that size."""
    bodies = []
    for tag in tags.split("+"):
        line = f"{tag};".encode()
        bodies.append(line * max(1, int(tag.rsplit(".", 1)[1]) // len(line)))
    return b"".join(bodies)


def tags_of(body):
    """The tags of a body; fails when the body is torn."""
    tags, at = [], 0
    while at < len(body):
        tag = bytes(body[at : at + 100]).split(b";", 1)[0].decode()
        assert tag.rpartition(".")[2].isdigit(), f"a torn body, {at} bytes of it are {tags}"
        whole = body_of(tag)
        assert body[at : at + len(whole)] == whole, f"a torn body, at {at} it goes on with {tag}"
        tags, at = [*tags, tag], at + len(whole)
    return "+".join(tags)


def etag_of(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


def etag_of_parts(etags):
    """AWS: the MD5 of the parts' MD5s, and their number."""
    digests = b"".join(bytes.fromhex(etag.strip('"')) for etag in etags)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(etags)}"'


@dataclass
class Arena:
    """What the writers know in common: what is behind each ETag, and the uploads and parts that anybody has begun."""

    keys: list
    bodies: dict = field(default_factory=dict)
    uploads: dict = field(default_factory=dict)
    parts: dict = field(default_factory=dict)

    def behind(self, etag, body):
        """Checks a body that was read."""
        assert etag in self.bodies, f"nobody wrote {etag}"
        tags = tags_of(body)
        assert tags == self.bodies[etag], f"{etag} is {self.bodies[etag]}, but {tags} was read"

    def size(self, etag):
        return len(body_of(self.bodies[etag]))


@dataclass
class Writer:
    """One client with a dice of its own, in a thread of its own."""

    cloud: object
    bucket: str
    arena: Arena
    name: str
    seed: int
    notes: list = field(default_factory=list)
    strange: list = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def start(self):
        self.s3 = self.cloud.client("s3", config=CONFIG)
        self.dice, self.etags = random.Random(self.seed), {}
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def join(self):
        self.stopped.set()
        self.thread.join()

    def run(self):
        for number in itertools.count():
            if self.stopped.is_set():
                return
            kind = self.dice.choices(list(KINDS), KINDS.values())[0]
            note = Note(kind, self.dice.choice(self.arena.keys), None, time.monotonic())
            self.here = f"{self.name}-{number}"
            try:
                if kind in ("part", "copy", "list", "complete", "abort"):
                    note.upload = self.upload(note.key)
                ready = getattr(self, kind)(note)
                if ready is None:
                    continue
                note.began = time.monotonic()
                note.outcome = ready() or "done"
            except ClientError as error:
                code = error.response["Error"]["Code"]
                note.outcome = OUTCOMES.get(code, "strange")
                if note.outcome == "strange":
                    self.strange.append(f"{note}: {error}")
            except BotoCoreError:
                # The server is being killed, perhaps after it had done it.
                self.notes.append(note)
                time.sleep(0.02)
                continue
            except AssertionError as error:
                self.strange.append(f"{note}: {error}")
            note.ended = time.monotonic()
            self.notes.append(note)

    def place(self, note):
        place = {"Bucket": self.bucket, "Key": note.key}
        return place | {"UploadId": note.upload} if note.upload else place

    def write(self, note, **conditions):
        tag = f"{self.here}.{self.dice.choice(SIZES)}"
        body = body_of(tag)
        note.tag = etag_of(body)
        self.arena.bodies[note.tag] = tag

        def send():
            answer = self.s3.put_object(**self.place(note), Body=body, **conditions)
            self.answered(note, answer["ETag"], answer)

        return send

    def answered(self, note, etag, answer):
        assert etag == note.tag, f"answered {etag}"
        note.version = answer.get("VersionId")
        self.etags[note.key] = etag

    def put(self, note):
        return self.write(note)

    def create(self, note):
        return self.write(note, IfNoneMatch="*")

    def swap(self, note):
        note.seen = self.etags.get(note.key, '"0"')
        return self.write(note, IfMatch=note.seen)

    def delete(self, note):
        def send():
            note.version = self.s3.delete_object(**self.place(note)).get("VersionId")

        return send

    def get(self, note):
        def send():
            answer = self.s3.get_object(**self.place(note))
            # An answer without an error is whole, or the client says so.
            self.arena.behind(answer["ETag"], answer["Body"].read())
            note.seen, note.version = answer["ETag"], answer.get("VersionId")
            self.etags[note.key] = note.seen

        return send

    def upload(self, key):
        """One of the last uploads of a key, whether it is over or not; sometimes a new one."""
        uploads = self.arena.uploads.setdefault(key, [])
        if len(uploads) < 2 or self.dice.random() < 0.08:
            id = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
            self.arena.parts[id] = {}
            uploads.append(id)
        return self.dice.choice(uploads[-2:])

    def part(self, note):
        note.number = self.dice.randint(1, PARTS)
        large = note.number < PARTS and self.dice.random() < 0.25
        tag = f"{self.here}.{PART_BYTES + 100 if large else self.dice.choice(SIZES)}"
        body = body_of(tag)
        note.tag = etag_of(body)
        self.arena.bodies[note.tag] = tag

        def send():
            answer = self.s3.upload_part(**self.place(note), PartNumber=note.number, Body=body)
            self.sent(note, answer["ETag"])

        return send

    def sent(self, note, etag):
        assert etag == note.tag, f"answered {etag}"
        self.arena.parts[note.upload].setdefault(note.number, []).append(etag)

    def copy(self, note):
        """A part that is what a key, perhaps this one, was when it was last seen; its note is that of a part."""
        note.kind, note.number = "part", self.dice.randint(1, PARTS)
        source, etag = self.dice.choice(list(self.etags.items()) or [(None, None)])
        if source is None or self.arena.bodies[etag].count("+") > 2:
            return None
        body = body_of(self.arena.bodies[etag])
        note.tag = etag_of(body)
        self.arena.bodies[note.tag] = self.arena.bodies[etag]
        # What is copied was there at some time in between: noted as a read of its own.
        read = Note("get", source, None, time.monotonic(), seen=etag)

        def send():
            try:
                answer = self.s3.upload_part_copy(
                    **self.place(note),
                    PartNumber=note.number,
                    CopySource={"Bucket": self.bucket, "Key": source},
                    CopySourceIfMatch=etag,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("PreconditionFailed", "NoSuchKey"):
                    raise
                # The source has become another one, and nothing was copied.
                return "ignored"
            self.sent(note, answer["CopyPartResult"]["ETag"])
            self.notes.append(replace(read, outcome="done", ended=time.monotonic()))

        return send

    def list(self, note):
        def send():
            note.seen = parts_of(self.s3, self.place(note))

        return send

    def complete(self, note):
        """Of parts that somebody has sent, mostly the last ones of their numbers; sometimes on a condition."""
        numbers = sorted(number for number, etags in self.arena.parts[note.upload].items() if etags)
        if not numbers:
            return None
        chosen = [number for number in numbers if self.dice.random() < 0.6] or [self.dice.choice(numbers)]
        for number in chosen:
            etags = self.arena.parts[note.upload][number]
            etag = etags[-1] if self.dice.random() < 0.9 else self.dice.choice(etags)
            note.parts += ((number, etag, self.arena.size(etag)),)
        etags = [etag for _, etag, _ in note.parts]
        note.tag = etag_of_parts(etags)
        self.arena.bodies[note.tag] = "+".join(self.arena.bodies[etag] for etag in etags)
        note.condition = self.dice.choice([None, None, "create", "swap"])
        conditions = {}
        if note.condition == "create":
            conditions = {"IfNoneMatch": "*"}
        elif note.condition == "swap":
            note.seen = self.etags.get(note.key, '"0"')
            conditions = {"IfMatch": note.seen}
        parts = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag, _ in note.parts]}

        def send():
            answer = self.s3.complete_multipart_upload(**self.place(note), MultipartUpload=parts, **conditions)
            self.answered(note, answer["ETag"], answer)

        return send

    def abort(self, note):
        return lambda: self.s3.abort_multipart_upload(**self.place(note)) and None


def parts_of(s3, place):
    """Numbers and ETags of the parts of an upload, as a list of them tells."""
    answer = s3.list_parts(**place)
    return tuple((part["PartNumber"], part["ETag"]) for part in answer.get("Parts", []))
