"""One round of the kill story: load from several clients, `kill -9`, start again, compare with their notes."""

import random
import time

from durability.churn import Crowd, drain

CLIENTS = 4


def kill_round(cloud, number, dice):
    """Runs one round on a running durable cloud and leaves it running and empty. Gives how many sends were acknowledged."""
    sqs = cloud.client("sqs")
    queues = []
    for fifo in (False, True):
        name = f"kill-{number}" + (".fifo" if fifo else "")
        attributes = {"VisibilityTimeout": "3600"}
        if fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        queues.append((name, fifo, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]))
    crowds = [Crowd(cloud.port, url, f"{number}-{i}", CLIENTS // 2, fifo) for i, (_, fifo, url) in enumerate(queues)]
    time.sleep(dice.uniform(0.2, 1.0))
    cloud.kill()
    all_notes = [crowd.join() for crowd in crowds]
    cloud.start()
    # What was in flight becomes visible again.
    cloud.advance("2h")
    sqs = cloud.client("sqs")
    for (name, _, _), notes in zip(queues, all_notes, strict=True):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        compare(notes, drain(cloud.port, url), name)
        sqs.delete_queue(QueueUrl=url)
    return sum(len(notes.sent) for notes in all_notes)


def compare(notes, drained, name):
    """Acknowledged means kept, deleted means gone, nothing comes twice or from nowhere, and groups keep their order."""
    bodies = [body for _, body in drained]
    found = set(bodies)
    assert notes.refused == [], notes.refused[:3]
    assert len(found) == len(bodies), f"{name}: {len(bodies) - len(found)} messages came twice"
    lost = notes.sent - notes.delete_tried - found
    assert not lost, f"{name}: {len(lost)} acknowledged messages are lost, such as {sorted(b[:40] for b in lost)[:3]}"
    risen = notes.deleted & found
    assert not risen, f"{name}: {len(risen)} deleted messages came back, such as {sorted(b[:40] for b in risen)[:3]}"
    assert found <= notes.tried, f"{name}: {len(found - notes.tried)} messages were never sent"
    last = {}
    for group, body in drained:
        if group:
            number = int(body.split()[0].rpartition("-")[2])
            assert last.get(group, -1) < number, f"{name}: {number} came after {last[group]} in group {group}"
            last[group] = number


def run_rounds(cloud, rounds, seed, say=lambda text: None):
    """Runs `rounds` rounds. Gives the acknowledged sends of all of them."""
    dice, total = random.Random(seed), 0
    for number in range(rounds):
        total += kill_round(cloud, number, dice)
        say(f"round {number + 1} of {rounds}: {total} acknowledged sends so far, none lost")
    return total
