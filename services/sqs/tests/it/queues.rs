//! Queues: create, find, list, configure, tag, share, purge, delete.

use super::client::{self, OTHER, Sqs, arn, pair};
use serde_json::{Value, json};

#[tokio::test]
async fn create_is_idempotent_and_exact() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({ "VisibilityTimeout": "40" })).await;
    assert_eq!(url, sqs.url("q"));
    assert_eq!(sqs.queue("q", json!({})).await, url);
    assert_eq!(sqs.queue("q", json!({ "VisibilityTimeout": "40" })).await, url);
    let other = json!({ "QueueName": "q", "Attributes": { "VisibilityTimeout": "41" } });
    let text =
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout";
    assert_eq!(sqs.refused("CreateQueue", other).await, pair("QueueNameExists", text));
    for name in ["", "a b", "a.b", "x.fifo", &"x".repeat(81)] {
        let (code, _) = sqs.refused("CreateQueue", json!({ "QueueName": name })).await;
        assert_eq!(code.trim_end_matches("Exception"), "InvalidParameterValue", "{name}");
    }
    assert_eq!(sqs.ok("GetQueueUrl", json!({ "QueueName": "q" })).await["QueueUrl"], json!(url));
    let absent = sqs.refused("GetQueueUrl", json!({ "QueueName": "absent" })).await;
    assert_eq!(absent, pair("QueueDoesNotExist", "The specified queue does not exist."));
    let endless = json!({ "QueueUrl": sqs.url(&"x".repeat(100_000)), "MessageBody": "x" });
    assert_eq!(sqs.refused("SendMessage", endless).await.0, "QueueDoesNotExist");
}

#[tokio::test]
async fn attributes_are_echoed_with_defaults() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({ "DelaySeconds": "7" })).await;
    let all = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let got = sqs.ok("GetQueueAttributes", all.clone()).await["Attributes"].clone();
    let created = got["CreatedTimestamp"].clone();
    let expected = json!({
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0", "CreatedTimestamp": created, "DelaySeconds": "7",
        "LastModifiedTimestamp": created, "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "QueueArn": arn("q"), "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    });
    assert_eq!(got, expected);
    sqs.pass(5).await;
    let set = json!({ "QueueUrl": url, "Attributes": { "VisibilityTimeout": "1", "SqsManagedSseEnabled": "false" } });
    sqs.ok("SetQueueAttributes", set).await;
    let got = sqs.ok("GetQueueAttributes", all).await["Attributes"].clone();
    assert_eq!((&got["VisibilityTimeout"], &got["SqsManagedSseEnabled"]), (&json!("1"), &json!("false")));
    assert_ne!(got["LastModifiedTimestamp"], created);
    let none = sqs.ok("GetQueueAttributes", json!({ "QueueUrl": url })).await;
    assert_eq!(none["Attributes"], Value::Null);
    for (operation, member) in
        [("SetQueueAttributes", json!({ "Colour": "x" })), ("GetQueueAttributes", Value::Null)]
    {
        let input = json!({ "QueueUrl": url, "Attributes": member, "AttributeNames": ["Colour"] });
        assert_eq!(
            sqs.refused(operation, input).await,
            pair("InvalidAttributeName", "Unknown Attribute Colour.")
        );
    }
}

#[tokio::test]
async fn lists_filter_and_page() {
    let sqs = Sqs::start().await;
    for name in ["a1", "a2", "a3", "b1"] {
        sqs.queue(name, json!({})).await;
    }
    let urls = |names: &[&str]| json!(names.iter().map(|name| sqs.url(name)).collect::<Vec<_>>());
    let all = sqs.ok("ListQueues", json!({})).await;
    assert_eq!((all["QueueUrls"].clone(), all.get("NextToken")), (urls(&["a1", "a2", "a3", "b1"]), None));
    let first = sqs.ok("ListQueues", json!({ "QueueNamePrefix": "a", "MaxResults": 2 })).await;
    assert_eq!(first["QueueUrls"], urls(&["a1", "a2"]));
    let next = json!({ "QueueNamePrefix": "a", "MaxResults": 2, "NextToken": first["NextToken"] });
    let second = sqs.ok("ListQueues", next).await;
    assert_eq!((second["QueueUrls"].clone(), second.get("NextToken")), (urls(&["a3"]), None));
    assert_eq!(sqs.ok("ListQueues", json!({ "QueueNamePrefix": "c" })).await.get("QueueUrls"), None);
}

#[tokio::test]
async fn tags_come_and_go() {
    let sqs = Sqs::start().await;
    let made = sqs.ok("CreateQueue", json!({ "QueueName": "q", "tags": { "a": "1" } })).await;
    let url = made["QueueUrl"].clone();
    sqs.ok("TagQueue", json!({ "QueueUrl": url, "Tags": { "a": "2", "b": "3" } })).await;
    let list = json!({ "QueueUrl": url });
    assert_eq!(sqs.ok("ListQueueTags", list.clone()).await["Tags"], json!({ "a": "2", "b": "3" }));
    sqs.ok("UntagQueue", json!({ "QueueUrl": url, "TagKeys": ["a", "absent"] })).await;
    assert_eq!(sqs.ok("ListQueueTags", list).await["Tags"], json!({ "b": "3" }));
    let many: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    let refused = sqs.refused("TagQueue", json!({ "QueueUrl": url, "Tags": many })).await;
    assert_eq!(refused.1, "Too many tags added for queue q.");
    // Counted before the policies are asked, whoever gives them.
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    let stranger = sqs.cloud.root(OTHER);
    let text = client::refused(&stranger, "TagQueue", json!({ "QueueUrl": url, "Tags": many })).await.1;
    assert_eq!(text, "Too many tags added for queue q.");
}

#[tokio::test]
async fn permissions_edit_the_policy() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let give = json!({ "QueueUrl": url, "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"] });
    sqs.ok("AddPermission", give.clone()).await;
    let policy: Value = serde_json::from_str(&sqs.attribute(&url, "Policy").await).unwrap();
    let statement = json!({
        "Sid": "l", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        "Action": "SQS:SendMessage", "Resource": arn("q"),
    });
    assert_eq!(policy["Statement"], json!([statement]));
    let text = "Value l for parameter Label is invalid. Reason: Already exists.";
    assert_eq!(sqs.refused("AddPermission", give).await.1, text);
    sqs.ok("RemovePermission", json!({ "QueueUrl": url, "Label": "l" })).await;
    assert_eq!(sqs.attribute(&url, "Policy").await, "");
    let text = "Value l for parameter Label is invalid. Reason: can't find label on existing policy.";
    assert_eq!(sqs.refused("RemovePermission", json!({ "QueueUrl": url, "Label": "l" })).await.1, text);
}

#[tokio::test]
async fn a_purge_empties_at_once_and_rests_a_minute() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    for body in ["a", "b", "c"] {
        sqs.send(&url, body).await;
    }
    sqs.receive(&url, json!({ "MaxNumberOfMessages": 1 })).await;
    sqs.ok("PurgeQueue", json!({ "QueueUrl": url })).await;
    assert_eq!(sqs.counts(&url).await, ["0", "0", "0"]);
    sqs.send(&url, "after").await;
    assert_eq!(sqs.bodies(&url).await, ["after"]);
    let text = "Only one PurgeQueue operation on q is allowed every 60 seconds.";
    assert_eq!(
        sqs.refused("PurgeQueue", json!({ "QueueUrl": url })).await,
        pair("PurgeQueueInProgress", text)
    );
    sqs.pass(60).await;
    sqs.ok("PurgeQueue", json!({ "QueueUrl": url })).await;
}

#[tokio::test]
async fn a_deleted_queue_is_gone_and_its_name_rests_a_minute() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    sqs.send(&url, "old").await;
    sqs.ok("DeleteQueue", json!({ "QueueUrl": url })).await;
    let (code, _) = sqs.refused("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })).await;
    assert_eq!(code, "QueueDoesNotExist");
    let text =
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
    let create = json!({ "QueueName": "q" });
    assert_eq!(sqs.refused("CreateQueue", create.clone()).await, pair("QueueDeletedRecently", text));
    sqs.pass(60).await;
    sqs.ok("CreateQueue", create).await;
    assert!(sqs.bodies(&url).await.is_empty(), "the old queue's message must not come back");
}

#[tokio::test]
async fn a_url_names_the_queue_in_every_form() {
    let sqs = Sqs::start().await;
    sqs.queue("q", json!({})).await;
    for url in ["https://sqs.us-east-1.amazonaws.com/000000000000/q", "http://localhost/queue/q"] {
        sqs.send(url, "x").await;
    }
    let wrong =
        json!({ "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/000000000000/q", "MessageBody": "x" });
    assert_eq!(sqs.refused("SendMessage", wrong).await.0, "InvalidAddress");
    let plain = json!({ "QueueUrl": "q", "MessageBody": "x" });
    let text = "The address q is not valid for this endpoint.";
    assert_eq!(sqs.refused("SendMessage", plain).await, pair("InvalidAddress", text));
}
