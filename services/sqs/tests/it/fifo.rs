//! FIFO queues: order, groups, deduplication, receive attempts.

use super::client::{Sqs, pair, texts};
use serde_json::{Value, json};

async fn fifo(sqs: &Sqs, extra: Value) -> String {
    let mut attributes = json!({ "FifoQueue": "true" });
    attributes.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    sqs.queue("q.fifo", attributes).await
}

async fn post(sqs: &Sqs, url: &str, body: &str, group: &str, id: &str) -> Value {
    let input = json!({
        "QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": id,
    });
    sqs.ok("SendMessage", input).await
}

#[tokio::test]
async fn order_holds_inside_groups_and_a_held_group_waits() {
    let sqs = Sqs::start().await;
    let url = fifo(&sqs, json!({})).await;
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")] {
        post(&sqs, &url, body, group, body).await;
    }
    let first = sqs.receive(&url, json!({ "MaxNumberOfMessages": 1 })).await;
    assert_eq!(texts(&first, "Body"), ["a1"]);
    assert_eq!(sqs.bodies(&url).await, ["b1"]);
    sqs.ok("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"] })).await;
    let rest = sqs.receive(&url, json!({ "VisibilityTimeout": 5 })).await;
    assert_eq!(texts(&rest, "Body"), ["a2", "a3"]);
    sqs.pass(5).await;
    let expired = json!({ "QueueUrl": url, "ReceiptHandle": rest[0]["ReceiptHandle"] });
    let (code, text) = sqs.refused("DeleteMessage", expired).await;
    assert!(code.starts_with("InvalidParameterValue"));
    assert!(
        text.ends_with("for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."),
        "{text}"
    );
    assert_eq!(sqs.bodies(&url).await, ["a2", "a3"]);
}

#[tokio::test]
async fn an_id_counts_once_in_five_minutes() {
    let sqs = Sqs::start().await;
    let url = fifo(&sqs, json!({})).await;
    let first = post(&sqs, &url, "a", "g", "id").await;
    let again = post(&sqs, &url, "b", "h", "id").await;
    assert_eq!(
        (&again["MessageId"], &again["SequenceNumber"]),
        (&first["MessageId"], &first["SequenceNumber"])
    );
    let got = sqs.receive(&url, json!({})).await;
    assert_eq!(texts(&got, "Body"), ["a"]);
    assert_eq!(got[0]["Attributes"]["SequenceNumber"], first["SequenceNumber"]);
    assert_eq!(got[0]["Attributes"]["MessageDeduplicationId"], json!("id"));
    sqs.ok("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"] })).await;
    sqs.pass(299).await;
    post(&sqs, &url, "c", "g", "id").await;
    assert!(sqs.bodies(&url).await.is_empty());
    sqs.pass(1).await;
    post(&sqs, &url, "d", "g", "id").await;
    assert_eq!(sqs.bodies(&url).await, ["d"]);
}

#[tokio::test]
async fn deduplication_by_content_and_by_group() {
    let sqs = Sqs::start().await;
    let extra = json!({
        "ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    });
    let url = fifo(&sqs, extra).await;
    for (body, group) in [("x", "g"), ("x", "g"), ("x", "h"), ("y", "g")] {
        sqs.ok("SendMessage", json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": group })).await;
    }
    let mut bodies = sqs.bodies(&url).await;
    bodies.sort();
    assert_eq!(bodies, ["x", "x", "y"]);
}

#[tokio::test]
async fn a_repeated_attempt_gets_the_same_answer() {
    let sqs = Sqs::start().await;
    let url = fifo(&sqs, json!({})).await;
    post(&sqs, &url, "a", "g", "1").await;
    let attempt = json!({ "ReceiveRequestAttemptId": "try" });
    let first = sqs.receive(&url, attempt.clone()).await;
    sqs.pass(10).await;
    let again = sqs.receive(&url, attempt.clone()).await;
    assert_eq!(again[0]["ReceiptHandle"], first[0]["ReceiptHandle"]);
    sqs.pass(29).await;
    assert!(sqs.bodies(&url).await.is_empty(), "the repetition has set the visibility timeout anew");
    sqs.ok("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"] })).await;
    assert!(sqs.receive(&url, attempt).await.is_empty());
}

#[tokio::test]
async fn what_a_send_must_say() {
    let sqs = Sqs::start().await;
    let url = fifo(&sqs, json!({})).await;
    let group = json!({ "QueueUrl": url, "MessageBody": "x" });
    let (code, text) = sqs.refused("SendMessage", group).await;
    assert!(code.starts_with("Missing"), "{code}");
    assert_eq!(text, "The request must contain the parameter MessageGroupId.");
    let id = json!({ "QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g" });
    let text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                explicitly";
    assert_eq!(sqs.refused("SendMessage", id).await.1, text);
    let set = json!({ "QueueUrl": url, "Attributes": { "FifoThroughputLimit": "perMessageGroupId" } });
    assert_eq!(sqs.refused("SetQueueAttributes", set).await.0, "InvalidAttributeValue");
    let standard = sqs.queue("standard", json!({})).await;
    let input = json!({ "QueueUrl": standard, "MessageBody": "x", "MessageDeduplicationId": "d" });
    let text = "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that \
                is not valid for this queue type.";
    assert_eq!(sqs.refused("SendMessage", input).await.1, text);
    let create = json!({ "QueueName": "plain", "Attributes": { "FifoQueue": "false" } });
    assert_eq!(
        sqs.refused("CreateQueue", create).await,
        pair("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    );
}

#[tokio::test]
async fn a_queues_delay_holds_all_its_messages() {
    let sqs = Sqs::start().await;
    let url = fifo(&sqs, json!({ "DelaySeconds": "10" })).await;
    post(&sqs, &url, "a", "g", "1").await;
    assert_eq!(sqs.counts(&url).await, ["0", "0", "1"]);
    sqs.pass(5).await;
    // AWS: in FIFO queues a changed delay acts on messages that are already there: sqs-delay-queues.html.
    sqs.ok("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": "5" } })).await;
    assert_eq!(sqs.bodies(&url).await, ["a"]);
}
