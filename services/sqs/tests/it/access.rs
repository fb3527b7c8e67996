//! Who may do what: every operation denied to a stranger, and what a queue's policy can give and take.

use super::client::{ACCOUNT, OTHER, Sqs, arn, ok, refused};
use serde_json::{Value, json};

/// Every operation on a queue, with an input that would work for its owner.
fn operations(url: &str) -> Vec<(&'static str, Value)> {
    let entries = json!([{ "Id": "a", "MessageBody": "x", "ReceiptHandle": "x", "VisibilityTimeout": 1 }]);
    vec![
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })),
        ("SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })),
        ("ReceiveMessage", json!({ "QueueUrl": url })),
        ("DeleteMessageBatch", json!({ "QueueUrl": url, "Entries": entries })),
        ("ChangeMessageVisibilityBatch", json!({ "QueueUrl": url, "Entries": entries })),
        ("GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] })),
        ("GetQueueUrl", json!({ "QueueName": "q", "QueueOwnerAWSAccountId": ACCOUNT })),
        ("ListDeadLetterSourceQueues", json!({ "QueueUrl": url })),
        ("PurgeQueue", json!({ "QueueUrl": url })),
        ("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": "x" })),
        ("ChangeMessageVisibility", json!({ "QueueUrl": url, "ReceiptHandle": "x", "VisibilityTimeout": 1 })),
        // Those that no policy can give to another account.
        (
            "AddPermission",
            json!({ "QueueUrl": url, "Label": "l", "AWSAccountIds": [OTHER], "Actions": ["*"] }),
        ),
        ("RemovePermission", json!({ "QueueUrl": url, "Label": "l" })),
        ("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": "1" } })),
        ("TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "b" } })),
        ("UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["a"] })),
        ("ListQueueTags", json!({ "QueueUrl": url })),
        ("StartMessageMoveTask", json!({ "SourceArn": arn("q") })),
        ("ListMessageMoveTasks", json!({ "SourceArn": arn("q") })),
        ("DeleteQueue", json!({ "QueueUrl": url })),
    ]
}

/// How many of [`operations`] a policy can give to another account.
const SHARED: usize = 11;

#[tokio::test]
async fn a_stranger_may_nothing_and_a_policy_lets_him_in() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let stranger = sqs.cloud.root(OTHER);
    for (operation, input) in operations(&url) {
        let (code, text) = refused(&stranger, operation, input).await;
        assert!(code.starts_with("AccessDenied"), "{operation}: {code}");
        assert!(
            text.starts_with("User: arn:aws:iam::111122223333:root is not authorized to perform: sqs:"),
            "{text}"
        );
    }
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": "sqs:*", "Resource": arn("q"),
        }],
    });
    let set = json!({ "QueueUrl": url, "Attributes": { "Policy": policy.to_string() } });
    sqs.ok("SetQueueAttributes", set).await;
    for (place, (operation, input)) in operations(&url).into_iter().enumerate() {
        let outcome = stranger.sqs(operation, input).await;
        let is_denied = outcome.err().is_some_and(|error| error.code.starts_with("AccessDenied"));
        assert_eq!(is_denied, place >= SHARED, "{operation}");
    }
}

#[tokio::test]
async fn a_deny_in_the_policy_binds_its_own_account_too() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn("q") }],
    });
    let set = json!({ "QueueUrl": url, "Attributes": { "Policy": policy.to_string() } });
    sqs.ok("SetQueueAttributes", set).await;
    let (code, text) = sqs.refused("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })).await;
    assert!(code.starts_with("AccessDenied"));
    let expected = format!(
        "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sqs:sendmessage on resource: {} with an \
         explicit deny in a resource-based policy",
        arn("q")
    );
    assert_eq!(text, expected);
    sqs.ok("ReceiveMessage", json!({ "QueueUrl": url })).await;
    sqs.ok("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "Policy": "" } })).await;
    sqs.send(&url, "x").await;
}

#[tokio::test]
async fn accounts_and_regions_are_worlds_of_their_own() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    sqs.send(&url, "mine").await;
    let elsewhere = sqs.client.region("eu-central-1");
    assert_eq!(refused(&elsewhere, "GetQueueUrl", json!({ "QueueName": "q" })).await.0, "QueueDoesNotExist");
    let there = ok(&elsewhere, "CreateQueue", json!({ "QueueName": "q" })).await["QueueUrl"].clone();
    assert!(ok(&elsewhere, "ReceiveMessage", json!({ "QueueUrl": there })).await.get("Messages").is_none());
    let other = sqs.cloud.root(OTHER);
    assert!(ok(&other, "ListQueues", json!({})).await.get("QueueUrls").is_none());
    let theirs = ok(&other, "CreateQueue", json!({ "QueueName": "q" })).await["QueueUrl"].clone();
    assert!(theirs.as_str().unwrap().ends_with("/111122223333/q"));
    assert_eq!(sqs.bodies(&url).await, ["mine"]);
}
