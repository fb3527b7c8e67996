"""What racing clients were told about S3 objects and multipart uploads, and the check that one order of events explains it.

A note has an interval: from before the request was sent until its answer had come. What was never answered (the server
was killed) may have happened or not, at any time after, but once. Who writes the notes is in `writers.py`.
"""

from dataclasses import dataclass, field, replace

FOREVER = float("inf")
# AWS: every part but the last has as many bytes at least.
PART_BYTES = 5 * 1024 * 1024
UNKNOWN = "?"


@dataclass
class Note:
    """One operation on a key. `kind`: put, create (If-None-Match), swap (If-Match), delete, get; and on one of its
    uploads: part, complete, abort, list. `tag`: the ETag of what it writes. `seen`: the ETag (for a list the numbers and
    ETags of the parts) that a read gave; for a swap the one that it required."""

    kind: str
    key: str
    tag: str | None
    began: float
    ended: float = FOREVER
    outcome: str = "unknown"
    seen: object = None
    version: str | None = None
    upload: str | None = None
    number: int | None = None
    # What a completion names: numbers, ETags and sizes. And on which condition: create, swap or none.
    parts: tuple = ()
    condition: str | None = None


@dataclass(frozen=True)
class State:
    """What a key holds: the ETag of its object, the upload that it was (`UNKNOWN` after a restart), and its uploads:
    numbers and ETags of the parts of one that is open, or how it ended: completed, aborted, or closed in some way."""

    object: str | None = None
    origin: str | None = UNKNOWN
    uploads: frozenset = field(default_factory=frozenset)

    def upload(self, id):
        """One that nobody has touched is open and empty."""
        return dict(self.uploads).get(id, ())

    def with_upload(self, id, parts):
        return replace(self, uploads=frozenset({**dict(self.uploads), id: parts}.items()))

    def agrees(self, seen):
        """Whether this is what was seen afterwards, when nobody wrote any more."""
        same = lambda mine, other: mine == other or (other == "closed" and isinstance(mine, str))
        return self.object == seen.object and all(same(self.upload(id), parts) for id, parts in seen.uploads)


class Unexplained(AssertionError):
    """No order of the operations explains what the clients were told."""


def condition_fails(note, state):
    """Whether If-None-Match or If-Match forbids it."""
    condition = note.condition or note.kind
    return state.object is not None and (condition == "create" or (condition == "swap" and state.object != note.seen))


def condition_holds(note, state):
    condition = note.condition or note.kind
    return not condition_fails(note, state) and not (condition == "swap" and state.object is None)


def named(note, state):
    """Whether the parts that a completion names are those that are there."""
    there = dict(state.upload(note.upload))
    return all(there.get(number) == etag for number, etag, _ in note.parts)


def short(note):
    return any(size < PART_BYTES for _, _, size in note.parts[:-1])


def explained(note, state):
    """Whether a refusal is right in this state."""
    upload = state.upload(note.upload)
    is_open = not isinstance(upload, str)
    match note.outcome:
        case "refused":
            return is_open and condition_fails(note, state)
        case "absent":
            # AWS: If-Match on a key without an object is a 404.
            return is_open and state.object is None and "create" not in (note.kind, note.condition)
        case "no upload":
            # The completion that made the object which is there is answered again.
            repeated = upload == "completed" and (state.object, state.origin) == (note.tag, note.upload)
            return not is_open and not (note.kind == "complete" and repeated)
        case "invalid part":
            return is_open and not named(note, state)
        case "too small":
            return is_open and named(note, state) and short(note)
    return False


def apply(note, state):
    """The state after a note, or `Unexplained` when it cannot have happened in this state."""
    if note.outcome not in ("done", "unknown"):
        if explained(note, state):
            return state
        raise Unexplained(note)
    upload = state.upload(note.upload)
    is_open = not isinstance(upload, str)
    match note.kind:
        case "get" if note.seen == state.object:
            return state
        case "list" if is_open and note.seen == upload:
            return state
        case "delete":
            return replace(state, object=None, origin=None)
        case "put" | "create" | "swap" if condition_holds(note, state):
            return replace(state, object=note.tag, origin=None)
        case "part" if is_open:
            return state.with_upload(note.upload, tuple(sorted({**dict(upload), note.number: note.tag}.items())))
        case "abort" if is_open:
            return state.with_upload(note.upload, "aborted")
        case "complete" if is_open and named(note, state) and not short(note) and condition_holds(note, state):
            return replace(state.with_upload(note.upload, "completed"), object=note.tag, origin=note.upload)
        case "complete" if upload in ("completed", "closed") and state.object == note.tag:
            if state.origin in (note.upload, UNKNOWN):
                return state
    raise Unexplained(note)


def linearizable(notes, last, begin=State()):
    """Whether an order exists that keeps to the intervals, explains every answer and ends as was seen. One key's notes.

    A depth-first search with a memory of the places where it has been (Wing and Gong, as Lowe improved it)."""
    ignored = lambda note: note.outcome == "ignored" or (note.kind in ("get", "list") and note.outcome == "unknown")
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
        if not ready and state.agrees(last):
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
