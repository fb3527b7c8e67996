//! Accounts: made with a way in, closed for good.

use crate::client::{MANAGEMENT, World, call, refused, text};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_new_account_can_be_entered_from_the_management_account_only() {
    let world = World::new().await;
    let account = world.account("dev").await;
    let shown = world.ok("DescribeAccount", json!({ "AccountId": account })).await["Account"].clone();
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:account/{}/{account}", world.organization);
    assert_eq!(shown["Arn"], arn);
    assert_eq!((&shown["Name"], &shown["Email"]), (&json!("dev"), &json!("dev@yakumo.test")));
    assert_eq!((&shown["Status"], &shown["State"]), (&json!("ACTIVE"), &json!("ACTIVE")));
    assert_eq!(shown["JoinedMethod"], "CREATED");
    let administrator = world.administrator(MANAGEMENT, "ada").await;
    let inside = world.session_in(&administrator, &account).await.unwrap();
    inside.sqs("CreateQueue", json!({ "QueueName": "jobs" })).await.unwrap();
    inside.iam("CreateUser", &[("UserName", "bob")]).await.unwrap();
    let stranger = world.administrator(&world.account("other").await, "eve").await;
    refused(world.session_in(&stranger, &account).await, "AccessDenied");
    world.cloud.stop().await;
}

#[tokio::test]
async fn addresses_are_unique_and_roles_can_be_named() {
    let world = World::new().await;
    world.account("dev").await;
    let twin = json!({ "AccountName": "other", "Email": "dev@yakumo.test" });
    let made = world.ok("CreateAccount", twin).await["CreateAccountStatus"].clone();
    let status = world.created(&text(&made["Id"])).await;
    assert_eq!(
        (&status["State"], &status["FailureReason"]),
        (&json!("FAILED"), &json!("EMAIL_ALREADY_EXISTS"))
    );
    assert!(status["AccountId"].is_null());
    let failed = world.ok("ListCreateAccountStatus", json!({ "States": ["FAILED"] })).await;
    assert_eq!(failed["CreateAccountStatuses"].as_array().unwrap().len(), 1);
    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    let named =
        json!({ "AccountName": "n", "Email": "n@yakumo.test", "RoleName": "Root-Door", "Tags": tags });
    let made = world.ok("CreateAccount", named).await["CreateAccountStatus"].clone();
    let account = text(&world.created(&text(&made["Id"])).await["AccountId"]);
    world.cloud.root(&account).iam("GetRole", &[("RoleName", "Root-Door")]).await.unwrap();
    assert_eq!(world.ok("ListTagsForResource", json!({ "ResourceId": account })).await["Tags"], tags);
    for (input, code) in [
        (json!({ "AccountName": "n", "Email": "nobody" }), "InvalidInputException"),
        (
            json!({ "AccountName": "b", "Email": "b@yakumo.test", "IamUserAccessToBilling": "DENY" }),
            "NotImplemented",
        ),
    ] {
        world.refused("CreateAccount", input, code).await;
    }
    let absent = json!({ "CreateAccountRequestId": "car-12345678" });
    world.refused("DescribeCreateAccountStatus", absent, "CreateAccountStatusNotFoundException").await;
    world.cloud.stop().await;
}

/// Waits until DescribeAccount answers as wanted.
async fn wait(world: &World, account: &str, wanted: impl Fn(Option<&serde_json::Value>) -> bool) {
    for _ in 0..600 {
        let shown = call(&world.root, "DescribeAccount", json!({ "AccountId": account })).await.ok();
        if wanted(shown.as_ref().map(|shown| &shown["Account"])) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the account does not come to its state");
}

#[tokio::test]
async fn nothing_can_be_done_in_a_closed_account() {
    let world = World::new().await;
    let (account, open) = (world.account("dev").await, world.account("open").await);
    let administrator = world.administrator(MANAGEMENT, "ada").await;
    let inside = world.session_in(&administrator, &account).await.unwrap();
    let own = world.administrator(&account, "bob").await;
    let root = world.cloud.root(&account);
    let close = json!({ "AccountId": account });
    world.ok("CloseAccount", close.clone()).await;
    refused(inside.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    refused(own.iam("ListUsers", &[]).await, "AccessDenied");
    refused(root.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    refused(call(&own, "LeaveOrganization", json!({})).await, "AccessDeniedException");
    refused(world.session_in(&administrator, &account).await, "AccessDenied");
    world.session_in(&administrator, &open).await.unwrap();
    world.cloud.root(&open).sqs("ListQueues", json!({})).await.unwrap();
    wait(&world, &account, |shown| shown.is_some_and(|shown| shown["Status"] == "SUSPENDED")).await;
    let shown = world.ok("DescribeAccount", close.clone()).await["Account"].clone();
    assert_eq!(shown["State"], "CLOSED");
    world.refused("CloseAccount", close.clone(), "AccountAlreadyClosedException").await;
    world.refused("RemoveAccountFromOrganization", close, "ConstraintViolationException").await;
    world.refused("CloseAccount", json!({ "AccountId": MANAGEMENT }), "ConstraintViolationException").await;
    world.refused("CloseAccount", json!({ "AccountId": "123412341234" }), "AccountNotFoundException").await;
    // After ninety days it is gone, and still shut.
    world.cloud.advance(Duration::from_secs(91 * 86_400)).await.unwrap();
    wait(&world, &account, |shown| shown.is_none()).await;
    refused(root.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    world.cloud.root(&open).sqs("ListQueues", json!({})).await.unwrap();
    world.cloud.stop().await;
}

#[tokio::test]
async fn ten_accounts_may_be_closed_in_thirty_days() {
    let world = World::new().await;
    for number in 0..10 {
        let close = json!({ "AccountId": world.account(&format!("a{number}")).await });
        world.ok("CloseAccount", close).await;
    }
    let close = json!({ "AccountId": world.account("last").await });
    let text = world.refused("CloseAccount", close.clone(), "ConstraintViolationException").await;
    assert_eq!(text, "You have exceeded close account quota for the past 30 days.");
    world.cloud.advance(Duration::from_secs(30 * 86_400)).await.unwrap();
    world.ok("CloseAccount", close).await;
    world.cloud.stop().await;
}
