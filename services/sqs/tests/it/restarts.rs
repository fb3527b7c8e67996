//! What was acknowledged is there after a restart, and stands where it stood.

use super::client::{Sqs, arn, texts};
use serde_json::json;
use yakumo_testkit::TestCloud;

#[tokio::test]
async fn messages_stand_where_they_stood() {
    let directory = tempfile::tempdir().unwrap();
    let sqs = Sqs::over(TestCloud::start_in(directory.path()).await.unwrap());
    let standard = sqs.queue("q", json!({ "VisibilityTimeout": "600" })).await;
    let fifo = sqs.queue("q.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" })).await;
    for body in ["held", "free", "gone"] {
        sqs.send(&standard, body).await;
        sqs.ok("SendMessage", json!({ "QueueUrl": fifo, "MessageBody": body, "MessageGroupId": body })).await;
    }
    sqs.ok("SendMessage", json!({ "QueueUrl": standard, "MessageBody": "late", "DelaySeconds": 900 })).await;
    let mut held = Vec::new();
    for url in [&standard, &fifo] {
        for message in sqs.receive(url, json!({ "VisibilityTimeout": 600 })).await {
            let handle =
                json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0 });
            match message["Body"].as_str().unwrap() {
                "held" => held.push(message["ReceiptHandle"].clone()),
                "free" => drop(sqs.ok("ChangeMessageVisibility", handle).await),
                _ => drop(sqs.ok("DeleteMessage", handle).await),
            }
        }
    }
    let sqs = Sqs::over(sqs.cloud.restart().await.unwrap());
    assert_eq!(sqs.attribute(&sqs.url("q"), "VisibilityTimeout").await, "600");
    assert_eq!(sqs.attribute(&sqs.url("q"), "QueueArn").await, arn("q"));
    for (name, handle, delayed) in [("q", &held[0], "1"), ("q.fifo", &held[1], "0")] {
        let url = sqs.url(name);
        assert_eq!(sqs.counts(&url).await, ["1", "1", delayed], "{name}");
        let got = sqs.receive(&url, json!({})).await;
        assert_eq!(texts(&got, "Body"), ["free"]);
        assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], json!("2"));
        sqs.ok("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": handle })).await;
        assert_eq!(sqs.counts(&url).await, ["0", "1", delayed], "{name}");
    }
    let url = sqs.url("q.fifo");
    sqs.ok("SendMessage", json!({ "QueueUrl": url, "MessageBody": "gone", "MessageGroupId": "gone" })).await;
    assert_eq!(sqs.counts(&url).await, ["0", "1", "0"], "the deduplication window survives");
    sqs.cloud.stop().await;
}
