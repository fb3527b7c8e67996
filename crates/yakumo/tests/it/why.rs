//! `yakumo why` on real decisions: a user without a policy, then with one.

use crate::place::Place;
use serde_json::{Value, json};
use yakumo_testkit::{Client, element};

const ALLOW_LISTING: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Look","Effect":"Allow",
    "Action":"sqs:ListQueues","Resource":"*"}]}"#;

#[tokio::test]
async fn a_denial_and_an_allowance_name_what_made_them() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let root = Client::new(up.address(), "test", "test", None);
    root.iam("CreateUser", &[("UserName", "alice")]).await.unwrap();
    let key = root.iam("CreateAccessKey", &[("UserName", "alice")]).await.unwrap();
    let text = |name: &str| element(&key, name).unwrap();
    let alice = Client::new(up.address(), &text("AccessKeyId"), &text("SecretAccessKey"), None);

    alice.sqs("ListQueues", json!({})).await.unwrap_err();
    let why = place.json(&["why"]);
    assert_eq!(why["request"]["principal"], "arn:aws:iam::000000000000:user/alice");
    assert_eq!(why["decisions"][0]["outcome"], "implicit_deny");
    let told = place.run(&["why"]).stdout;
    for part in ["DENIED  sqs:ListQueues", "user/alice", "missing", "identity-based policy"] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }

    let policy = [("UserName", "alice"), ("PolicyName", "look"), ("PolicyDocument", ALLOW_LISTING)];
    root.iam("PutUserPolicy", &policy).await.unwrap();
    alice.sqs("ListQueues", json!({})).await.unwrap();
    let last = place.json(&["requests", "--limit", "1", "--service", "sqs"])["requests"][0].clone();
    assert_eq!(last["verdict"], "allowed");
    let id = last["id"].as_str().unwrap();
    let why: Value = place.json(&["why", id]);
    let statement = &why["decisions"][0]["statements"][0];
    assert_eq!((&statement["sid"], &statement["effect"]), (&"Look".into(), &"Allow".into()), "{why}");
    let told = place.run(&["why", id, "--keys"]).stdout;
    assert!(
        told.contains("Allow     statement 1 (Look)") && told.contains("aws:SourceIp = 127.0.0.1"),
        "{told}"
    );
}
