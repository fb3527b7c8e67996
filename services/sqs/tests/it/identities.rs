//! What an IAM user's own policies let him do: each denied case beside the allowed one.

use super::client::{ACCOUNT, Sqs, arn, ok, refused};
use serde_json::{Value, json};
use yakumo_testkit::{Client, element};

/// A user with one inline policy.
async fn user(sqs: &Sqs, name: &str, statements: Value) -> Client {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let iam = async |action: &str, parameters: &[(&str, &str)]| {
        sqs.client.query("iam", "2010-05-08", action, parameters).await.unwrap()
    };
    iam("CreateUser", &[("UserName", name)]).await;
    iam("PutUserPolicy", &[("UserName", name), ("PolicyName", "p"), ("PolicyDocument", &policy)]).await;
    let key = iam("CreateAccessKey", &[("UserName", name)]).await;
    let (id, secret) = (element(&key, "AccessKeyId").unwrap(), element(&key, "SecretAccessKey").unwrap());
    sqs.cloud.client(&id, &secret, None)
}

async fn check(client: &Client, operation: &str, input: Value, is_allowed: bool) {
    let outcome = client.sqs(operation, input.clone()).await;
    let is_denied = outcome.as_ref().err().is_some_and(|error| error.code.starts_with("AccessDenied"));
    assert_eq!(is_denied, !is_allowed, "{operation} {input}: {outcome:?}");
}

#[tokio::test]
async fn an_action_on_one_queue_is_no_more_than_that() {
    let sqs = Sqs::start().await;
    let (url, other) = (sqs.queue("q", json!({})).await, sqs.queue("other", json!({})).await);
    let statements = json!([{ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("q") }]);
    let sender = user(&sqs, "sender", statements).await;
    let send = |url: &str| json!({ "QueueUrl": url, "MessageBody": "x" });
    check(&sender, "SendMessage", send(&url), true).await;
    check(&sender, "SendMessage", send(&other), false).await;
    // A batch is allowed by the single operation's action.
    let entries = json!([{ "Id": "a", "MessageBody": "x" }]);
    check(&sender, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries }), true).await;
    check(&sender, "ListQueues", json!({}), false).await;
    let (_, text) = refused(&sender, "ReceiveMessage", json!({ "QueueUrl": url })).await;
    let expected = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/sender is not authorized to perform: sqs:receivemessage on resource: {} \
         because no identity-based policy allows the sqs:receivemessage action",
        arn("q")
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_queues_policy_is_enough_in_its_own_account_and_a_deny_wins() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let statements = json!([{ "Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*" }]);
    let user = user(&sqs, "reader", statements).await;
    check(&user, "ReceiveMessage", json!({ "QueueUrl": url }), false).await;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:user/reader") },
            "Action": ["sqs:ReceiveMessage", "sqs:PurgeQueue"], "Resource": arn("q"),
        }],
    });
    sqs.ok("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "Policy": policy.to_string() } }))
        .await;
    check(&user, "ReceiveMessage", json!({ "QueueUrl": url }), true).await;
    check(&user, "PurgeQueue", json!({ "QueueUrl": url }), false).await;
    check(&user, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" }), false).await;
}

#[tokio::test]
async fn tags_decide_in_requests_and_on_queues() {
    let sqs = Sqs::start().await;
    let statements = json!([
        {
            "Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "*",
            "Condition": { "StringEquals": { "aws:RequestTag/team": "blue" } },
        },
        {
            "Effect": "Allow", "Action": "sqs:DeleteQueue", "Resource": "*",
            "Condition": { "StringEquals": { "aws:ResourceTag/team": "blue" } },
        },
        { "Effect": "Allow", "Action": "sqs:CreateQueue", "Resource": arn("plain") },
    ]);
    let blue = user(&sqs, "blue", statements).await;
    let create = |name: &str, team: &str| json!({ "QueueName": name, "tags": { "team": team } });
    check(&blue, "CreateQueue", create("mine", "blue"), true).await;
    check(&blue, "CreateQueue", create("theirs", "red"), false).await;
    // Tags on creation need sqs:TagQueue as well.
    check(&blue, "CreateQueue", create("plain", "red"), false).await;
    check(&blue, "CreateQueue", json!({ "QueueName": "plain" }), true).await;
    check(&blue, "DeleteQueue", json!({ "QueueUrl": sqs.url("plain") }), false).await;
    check(&blue, "DeleteQueue", json!({ "QueueUrl": sqs.url("mine") }), true).await;
}

#[tokio::test]
async fn a_move_task_needs_to_read_here_and_to_send_there() {
    let sqs = Sqs::start().await;
    sqs.queue("dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1 }).to_string();
    sqs.queue("source", json!({ "RedrivePolicy": redrive })).await;
    let read = json!({
        "Effect": "Allow", "Resource": arn("dead"),
        "Action": [
            "sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
        ],
    });
    let send = json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("source") });
    let half = user(&sqs, "half", json!([read])).await;
    let whole = user(&sqs, "whole", json!([read, send])).await;
    let start = json!({ "SourceArn": arn("dead") });
    check(&half, "StartMessageMoveTask", start.clone(), false).await;
    check(&half, "ListMessageMoveTasks", start.clone(), true).await;
    let handle = ok(&whole, "StartMessageMoveTask", start).await["TaskHandle"].clone();
    check(&whole, "CancelMessageMoveTask", json!({ "TaskHandle": handle }), false).await;
}

#[tokio::test]
async fn a_policy_holds_whom_it_names_by_unique_id() {
    let sqs = Sqs::start().await;
    let url = sqs.queue("q", json!({})).await;
    let bob = format!("arn:aws:iam::{ACCOUNT}:user/bob");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "Bob", "Effect": "Allow", "Principal": { "AWS": bob }, "Action": "sqs:*", "Resource": arn("q"),
    }] });
    let policy = policy.to_string();
    let set = json!({ "QueueUrl": url, "Attributes": { "Policy": policy } });
    let nobody = ("InvalidAttributeValue".to_owned(), "Invalid value for the parameter Policy.".to_owned());
    assert_eq!(sqs.refused("SetQueueAttributes", set.clone()).await, nobody);
    let create = json!({ "QueueName": "new", "Attributes": { "Policy": policy } });
    assert_eq!(sqs.refused("CreateQueue", create).await, nobody);

    let nothing = json!([{ "Effect": "Deny", "Action": "iam:*", "Resource": "*" }]);
    let first = user(&sqs, "bob", nothing.clone()).await;
    check(&first, "ReceiveMessage", json!({ "QueueUrl": url }), false).await;
    sqs.ok("SetQueueAttributes", set.clone()).await;
    check(&first, "ReceiveMessage", json!({ "QueueUrl": url }), true).await;
    let shown = async || {
        let wanted = json!({ "QueueUrl": url, "AttributeNames": ["Policy"] });
        sqs.ok("GetQueueAttributes", wanted).await["Attributes"]["Policy"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown().await, policy, "while he is there, the policy is as it was sent");

    let iam = async |action: &str, parameters: &[(&str, &str)]| {
        sqs.client.query("iam", "2010-05-08", action, parameters).await.unwrap()
    };
    let name = ("UserName", "bob");
    let id = element(&iam("GetUser", &[name]).await, "UserId").unwrap();
    let keys = iam("ListAccessKeys", &[name]).await;
    iam("DeleteAccessKey", &[name, ("AccessKeyId", &element(&keys, "AccessKeyId").unwrap())]).await;
    iam("DeleteUserPolicy", &[name, ("PolicyName", "p")]).await;
    iam("DeleteUser", &[name]).await;
    assert!(shown().await.contains(&format!("\"AWS\":\"{id}\"")), "{}", shown().await);
    let second = user(&sqs, "bob", nothing).await;
    check(&second, "ReceiveMessage", json!({ "QueueUrl": url }), false).await;
    assert!(shown().await.contains(&id), "the new bob is somebody else");

    // Another statement's change leaves the old one as it was; saving it again trusts the new one.
    let label = json!({ "QueueUrl": url, "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["*"] });
    sqs.ok("AddPermission", label).await;
    check(&second, "ReceiveMessage", json!({ "QueueUrl": url }), false).await;
    sqs.ok("SetQueueAttributes", set).await;
    check(&second, "ReceiveMessage", json!({ "QueueUrl": url }), true).await;
}
