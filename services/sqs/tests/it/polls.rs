//! Long polls: woken by sends, by the clock, by changes; none loses a message.

use super::client::{ACCOUNT, Sqs, messages, texts};
use serde_json::{Value, json};
use std::time::Duration;

/// Starts a long poll and gives it time to begin to wait.
async fn poll(sqs: &Sqs, url: &str) -> tokio::task::JoinHandle<Vec<Value>> {
    let (client, url) = (sqs.cloud.root(ACCOUNT), url.to_owned());
    let waiting = tokio::spawn(async move {
        let input = json!({ "QueueUrl": url, "WaitTimeSeconds": 20 });
        messages(&client.sqs("ReceiveMessage", input).await.unwrap())
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "an empty queue with a wait time must not answer at once");
    waiting
}

#[tokio::test]
async fn sends_wake_as_many_as_there_are_messages() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let (one, two) = (poll(&sqs, &url).await, poll(&sqs, &url).await);
    let entries = json!([{ "Id": "a", "MessageBody": "1" }, { "Id": "b", "MessageBody": "2" }]);
    sqs.ok("SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    let mut bodies = texts(&one.await.unwrap(), "Body");
    bodies.extend(texts(&two.await.unwrap(), "Body"));
    bodies.sort();
    assert_eq!(bodies, ["1", "2"]);
}

#[tokio::test]
async fn the_clock_wakes_for_visibility_and_delay() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    sqs.send(&url, "hidden").await;
    sqs.receive(&url, json!({ "VisibilityTimeout": 60 })).await;
    let waiting = poll(&sqs, &url).await;
    sqs.pass(60).await;
    assert_eq!(texts(&waiting.await.unwrap(), "Body"), ["hidden"]);
    let waiting = poll(&sqs, &url).await;
    // It comes due before the visibility timeout that the waiter's timer stands on.
    sqs.ok("SendMessage", json!({ "QueueUrl": url, "MessageBody": "late", "DelaySeconds": 10 })).await;
    sqs.pass(10).await;
    assert_eq!(texts(&waiting.await.unwrap(), "Body"), ["late"]);
}

#[tokio::test]
async fn a_freed_group_wakes() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" })).await;
    for body in ["1", "2"] {
        sqs.ok("SendMessage", json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": "g" })).await;
    }
    let first = sqs.receive(&url, json!({ "MaxNumberOfMessages": 1 })).await;
    let waiting = poll(&sqs, &url).await;
    sqs.ok("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"] })).await;
    assert_eq!(texts(&waiting.await.unwrap(), "Body"), ["2"]);
}

#[tokio::test]
async fn a_waiter_that_goes_away_takes_nothing() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let gone = poll(&sqs, &url).await;
    gone.abort();
    let _ = gone.await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    sqs.send(&url, "x").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(sqs.counts(&url).await, ["1", "0", "0"]);
}

#[tokio::test]
async fn a_deleted_queue_ends_its_polls() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let (client, poll_url) = (sqs.cloud.root(ACCOUNT), url.clone());
    let waiting = tokio::spawn(async move {
        client.sqs("ReceiveMessage", json!({ "QueueUrl": poll_url, "WaitTimeSeconds": 20 })).await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    sqs.ok("DeleteQueue", json!({ "QueueUrl": url })).await;
    assert_eq!(waiting.await.unwrap().unwrap_err().code, "QueueDoesNotExist");
}
