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

#[tokio::test]
async fn can_answers_with_its_exit_code_and_why_knows_more_than_the_client() {
    let place = Place::new();
    let up = place.up(&["--ephemeral"]);
    let root = Client::new(up.address(), "test", "test", None);
    root.iam("CreateUser", &[("UserName", "alice")]).await.unwrap();
    let ask = ["can", "user/alice", "sqs:ListQueues"];
    let no = place.run(&ask);
    assert_eq!((no.code, no.stdout.starts_with("NO  user/alice")), (1, true), "{}", no.stdout);
    let policy = [("UserName", "alice"), ("PolicyName", "look"), ("PolicyDocument", ALLOW_LISTING)];
    root.iam("PutUserPolicy", &policy).await.unwrap();
    let yes = place.run(&ask);
    assert_eq!((yes.code, yes.stdout.starts_with("yes  user/alice")), (0, true), "{}", yes.stdout);
    assert_eq!(place.json(&ask)["decision"]["statements"][0]["sid"], "Look");
    for (code, question) in [
        (2, ["can", "user/alice", "ListQueues"]),
        (2, ["can", "user/alice", "sqs:List*"]),
        (8, ["can", "user/nobody", "sqs:ListQueues"]),
    ] {
        let refused = place.run(&question);
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{question:?}");
    }

    let key = root.iam("CreateAccessKey", &[("UserName", "alice")]).await.unwrap();
    let id = element(&key, "AccessKeyId").unwrap();
    let wrong = Client::new(up.address(), &id, "not her secret", None);
    wrong.sqs("ListQueues", json!({})).await.unwrap_err();
    let why = place.json(&["why"]);
    assert_eq!(why["unproved"]["cause"], "signature");
    assert_eq!(why["unproved"]["owner"], "arn:aws:iam::000000000000:user/alice");
    let hers = place.json(&["requests", "--principal", "user/alice", "--denied"]);
    assert_eq!(hers["requests"][0]["id"], why["request"]["id"]);
    assert_eq!(place.json(&["requests", "--principal", "user/bob"])["requests"], json!([]));
}
