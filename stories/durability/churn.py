"""A client under load that writes down what the cloud has acknowledged, in a process of its own so that `kill -9` on
the cloud cannot take its notes with it."""

import http.client
import multiprocessing
import random
import time

from signed import Fast

BROKEN = (OSError, http.client.HTTPException, ValueError)


class Notes:
    """What one client knows: bodies it tried to send, those acknowledged; deletes tried, those acknowledged."""

    def __init__(self):
        self.tried, self.sent, self.delete_tried, self.deleted = set(), set(), set(), set()
        self.refused = []

    def add(self, other):
        for field in ("tried", "sent", "delete_tried", "deleted"):
            getattr(self, field).update(getattr(other, field))
        self.refused.extend(other.refused)


def churn(port, url, label, fifo, seconds, pipe):
    """Sends, receives and deletes until the connection breaks (the kill) or the time is over; then reports."""
    notes, dice, number = Notes(), random.Random(label), 0
    fast = Fast(port)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            number = step(fast, url, label, fifo, notes, dice, number)
    except BROKEN:
        pass
    pipe.send(notes)


def step(fast, url, label, fifo, notes, dice, number):
    """One batch or single send, and sometimes one receive with deletes of a part of what it gave."""
    count = dice.choice((1, 1, 1, 10))
    bodies = [f"{label}-{number + i}" + (" " + "x" * 40_000 if dice.random() < 0.02 else "") for i in range(count)]
    group = {"MessageGroupId": f"{label}-{number % 7}"} if fifo else {}
    notes.tried.update(bodies)
    if count == 1:
        status, answer = fast.call("SendMessage", {"QueueUrl": url, "MessageBody": bodies[0], **group})
        done = [0] if status == 200 else []
    else:
        entries = [{"Id": str(i), "MessageBody": body, **group} for i, body in enumerate(bodies)]
        status, answer = fast.call("SendMessageBatch", {"QueueUrl": url, "Entries": entries})
        done = [int(e["Id"]) for e in answer.get("Successful", [])]
    if status != 200:
        notes.refused.append((status, answer))
    notes.sent.update(bodies[i] for i in done)
    if dice.random() < 0.6:
        take(fast, url, notes, dice)
    return number + count


def take(fast, url, notes, dice):
    status, answer = fast.call("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": dice.choice((1, 5, 10))})
    if status != 200:
        notes.refused.append((status, answer))
    for message in answer.get("Messages", []):
        if dice.random() < 0.7:
            notes.delete_tried.add(message["Body"])
            status, answer = fast.call("DeleteMessage", {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]})
            if status == 200:
                notes.deleted.add(message["Body"])


class Crowd:
    """Several churning processes. `join` gives their notes together."""

    def __init__(self, port, url, label, clients, fifo=False, seconds=60):
        context = multiprocessing.get_context("fork")
        self.members = []
        for i in range(clients):
            here, there = context.Pipe(duplex=False)
            worker = context.Process(target=churn, args=(port, url, f"{label}-{i}", fifo, seconds, there), daemon=True)
            worker.start()
            there.close()
            self.members.append((worker, here))

    def join(self):
        notes = Notes()
        for worker, pipe in self.members:
            notes.add(pipe.recv())
            worker.join()
        return notes


def drain(port, url):
    """Every message of a queue: receives and deletes until three receives in a row are empty. Gives a list of pairs:
    message group (None in standard queues) and body."""
    fast, found, empty = Fast(port), [], 0
    asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["MessageGroupId"]}
    while empty < 3:
        status, answer = fast.call("ReceiveMessage", asked)
        assert status == 200, answer
        messages = answer.get("Messages", [])
        empty = 0 if messages else empty + 1
        found.extend((m.get("Attributes", {}).get("MessageGroupId"), m["Body"]) for m in messages)
        if messages:
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
            status, answer = fast.call("DeleteMessageBatch", {"QueueUrl": url, "Entries": entries})
            assert status == 200 and not answer.get("Failed"), answer
    return found
