//! Messages of standard queues.

use super::client::{Sqs, messages, texts};
use serde_json::json;

#[tokio::test]
async fn send_receive_delete() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let sent = sqs.send(&url, "hello").await;
    // from: RFC 1321's algorithm over "hello"
    assert_eq!(sent["MD5OfMessageBody"], json!("5d41402abc4b2a76b9719d911017c592"));
    let got = sqs.receive(&url, json!({})).await;
    assert_eq!((&got[0]["Body"], &got[0]["MessageId"]), (&json!("hello"), &sent["MessageId"]));
    assert_eq!(got[0]["Attributes"]["SenderId"], json!("000000000000"));
    let delete = json!({ "QueueUrl": url, "ReceiptHandle": got[0]["ReceiptHandle"] });
    sqs.ok("DeleteMessage", delete.clone()).await;
    sqs.ok("DeleteMessage", delete).await;
    assert_eq!(sqs.counts(&url).await, ["0", "0", "0"]);
    for operation in ["DeleteMessage", "ChangeMessageVisibility"] {
        let garbage = json!({ "QueueUrl": url, "ReceiptHandle": "garbage", "VisibilityTimeout": 1 });
        let (code, text) = sqs.refused(operation, garbage).await;
        assert_eq!(code, "ReceiptHandleIsInvalid");
        assert_eq!(text, "The input receipt handle \"garbage\" is not a valid receipt handle.");
    }
}

#[tokio::test]
async fn a_received_message_hides_and_comes_back() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    sqs.send(&url, "x").await;
    let first = sqs.receive(&url, json!({ "VisibilityTimeout": 30 })).await;
    sqs.pass(29).await;
    assert!(sqs.bodies(&url).await.is_empty());
    let change = |seconds: i32| json!({ "QueueUrl": url, "ReceiptHandle": first[0]["ReceiptHandle"], "VisibilityTimeout": seconds });
    sqs.ok("ChangeMessageVisibility", change(10)).await;
    sqs.pass(9).await;
    assert!(sqs.bodies(&url).await.is_empty());
    sqs.pass(1).await;
    assert_eq!(sqs.refused("ChangeMessageVisibility", change(10)).await.0, "MessageNotInflight");
    let second = sqs.receive(&url, json!({ "VisibilityTimeout": 43_200 })).await;
    assert_eq!(second[0]["Attributes"]["ApproximateReceiveCount"], json!("2"));
    assert_ne!(second[0]["ReceiptHandle"], first[0]["ReceiptHandle"]);
    sqs.pass(1).await;
    let more =
        json!({ "QueueUrl": url, "ReceiptHandle": second[0]["ReceiptHandle"], "VisibilityTimeout": 43_200 });
    let text = "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the \
                message is beyond the limit [43200 seconds].";
    assert_eq!(sqs.refused("ChangeMessageVisibility", more).await.1, text);
}

#[tokio::test]
async fn delays_and_retention_follow_the_clouds_clock() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({ "MessageRetentionPeriod": "60", "DelaySeconds": "10" })).await;
    sqs.send(&url, "queue's delay").await;
    sqs.ok("SendMessage", json!({ "QueueUrl": url, "MessageBody": "none", "DelaySeconds": 0 })).await;
    assert_eq!(sqs.counts(&url).await, ["1", "0", "1"]);
    assert_eq!(texts(&sqs.receive(&url, json!({ "VisibilityTimeout": 0 })).await, "Body"), ["none"]);
    sqs.pass(10).await;
    assert_eq!(sqs.counts(&url).await, ["2", "0", "0"]);
    sqs.pass(50).await;
    assert!(sqs.bodies(&url).await.is_empty());
    assert_eq!(sqs.counts(&url).await, ["0", "0", "0"]);
}

#[tokio::test]
async fn attributes_are_returned_as_asked() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let attributes = json!({
        "own.kind": { "DataType": "String", "StringValue": "x" },
        "count": { "DataType": "Number", "StringValue": "1" },
        "raw": { "DataType": "Binary", "BinaryValue": "AP8=" },
    });
    let trace = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": "Root=1-2-3" } });
    let input = json!({
        "QueueUrl": url, "MessageBody": "x", "MessageAttributes": attributes, "MessageSystemAttributes": trace,
    });
    let sent = sqs.ok("SendMessage", input).await;
    assert!(sent["MD5OfMessageSystemAttributes"].is_string());
    let receive =
        |names: serde_json::Value| json!({ "MessageAttributeNames": names, "VisibilityTimeout": 0 });
    let got = sqs.receive(&url, receive(json!(["All"]))).await;
    assert_eq!(got[0]["MessageAttributes"], attributes);
    assert_eq!(got[0]["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(got[0]["Attributes"]["AWSTraceHeader"], json!("Root=1-2-3"));
    let got = sqs.receive(&url, receive(json!(["own.*"]))).await;
    assert_eq!(got[0]["MessageAttributes"].as_object().unwrap().len(), 1);
    assert_ne!(got[0]["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    let got = sqs.receive(&url, receive(json!([]))).await;
    assert!(got[0].get("MessageAttributes").is_none() && got[0].get("MD5OfMessageAttributes").is_none());
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_and_leaves_nothing() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({ "MaximumMessageSize": "1024" })).await;
    let long = "x".repeat(1_025);
    for (extra, code, text) in [
        (
            json!({ "MessageBody": "" }),
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
        (
            json!({ "MessageBody": long }),
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        ),
        (
            json!({ "MessageBody": "x", "DelaySeconds": 901 }),
            "InvalidParameterValue",
            "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
        ),
        (
            json!({ "MessageBody": "\u{1}" }),
            "InvalidMessageContents",
            "Invalid binary character '#x1' was found in the message body, the set of allowed characters is #x9 | #xA \
             | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ),
    ] {
        let mut input = json!({ "QueueUrl": url });
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (got_code, got_text) = sqs.refused("SendMessage", input).await;
        assert!(got_code.starts_with(code), "{got_code}");
        assert_eq!(got_text, text);
    }
    for (extra, text) in [
        (
            json!({ "MaxNumberOfMessages": 11 }),
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        ),
        (
            json!({ "WaitTimeSeconds": 21 }),
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        ),
    ] {
        let mut input = json!({ "QueueUrl": url });
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(sqs.refused("ReceiveMessage", input).await.1, text);
    }
    assert_eq!(sqs.counts(&url).await, ["0", "0", "0"]);
}

#[tokio::test]
async fn in_a_batch_each_entry_is_on_its_own() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let entries = json!([
        { "Id": "a", "MessageBody": "1" },
        { "Id": "b", "MessageBody": "2", "DelaySeconds": 901 },
        { "Id": "c", "MessageBody": "3" },
    ]);
    let sent = sqs.ok("SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(texts(sent["Successful"].as_array().unwrap(), "Id"), ["a", "c"]);
    assert_eq!(sent["Failed"][0]["Id"], json!("b"));
    assert_eq!(sent["Failed"][0]["Code"], json!("InvalidParameterValue"));
    assert_eq!(sent["Failed"][0]["SenderFault"], json!(true));
    let got = sqs.receive(&url, json!({})).await;
    assert_eq!(texts(&got, "Body"), ["1", "3"]);
    let handle = |n: usize| got[n]["ReceiptHandle"].clone();
    let entries = json!([
        { "Id": "a", "ReceiptHandle": handle(0), "VisibilityTimeout": 0 },
        { "Id": "b", "ReceiptHandle": "garbage", "VisibilityTimeout": 0 },
    ]);
    let changed =
        sqs.ok("ChangeMessageVisibilityBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(changed["Failed"][0]["Code"], json!("ReceiptHandleIsInvalid"));
    assert_eq!(sqs.counts(&url).await, ["1", "1", "0"]);
    let entries =
        json!([{ "Id": "a", "ReceiptHandle": handle(0) }, { "Id": "b", "ReceiptHandle": handle(1) }]);
    let deleted = sqs.ok("DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(texts(deleted["Successful"].as_array().unwrap(), "Id"), ["a", "b"]);
    assert_eq!(sqs.counts(&url).await, ["0", "0", "0"]);
    let empty = sqs.refused("DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": [] })).await;
    assert_eq!(empty.1, "There should be at least one DeleteMessageBatchRequestEntry in the request.");
}

#[tokio::test]
async fn a_peek_without_invisibility_sees_all_messages_in_turn() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    for body in ["a", "b", "c"] {
        sqs.send(&url, body).await;
    }
    let peek = json!({ "QueueUrl": url, "VisibilityTimeout": 0 });
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        seen.extend(texts(&messages(&sqs.ok("ReceiveMessage", peek.clone()).await), "Body"));
    }
    assert_eq!(seen.len(), 3);
}
