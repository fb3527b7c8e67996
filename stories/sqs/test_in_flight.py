"""The cap on messages in flight: 120,000 received and not deleted, on a standard queue."""

from asserting import refused
from signed import Fast

CAP = 120_000


def test_the_cap_on_messages_in_flight(cloud, sqs, queue):
    fast = Fast(cloud.port)
    for start in range(0, CAP + 10, 10):
        entries = [{"Id": str(i), "MessageBody": str(start + i)} for i in range(10)]
        status, answer = fast.call("SendMessageBatch", {"QueueUrl": queue, "Entries": entries})
        assert status == 200, answer
    held = []
    receive = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600}
    while len(held) < CAP:
        status, answer = fast.call("ReceiveMessage", receive)
        assert status == 200 and answer["Messages"], (len(held), answer)
        held.extend(m["ReceiptHandle"] for m in answer["Messages"])
    assert len(held) == len(set(held)) == CAP
    # AWS: the error when the quota is reached (ReceiveMessage's page); nothing is handed out beyond it.
    with refused(("OverLimit", "AWS.SimpleQueueService.OverLimit")):
        sqs.receive_message(QueueUrl=queue)
    # One deleted makes room for one.
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=held[0])
    assert len(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]) == 1
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == str(CAP)
    assert counts["ApproximateNumberOfMessages"] == "9"
