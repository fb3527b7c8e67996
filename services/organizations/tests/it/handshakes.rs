//! Invitations and the change to all features.

use crate::client::{MANAGEMENT, OUTSIDER, SCP, World, call, deny, refused, text, texts};
use serde_json::{Value, json};
use std::time::Duration;
use yakumo_testkit::TestCloud;

fn to_account(id: &str) -> Value {
    json!({ "Target": { "Id": id, "Type": "ACCOUNT" }, "Notes": "join us" })
}

fn by(id: &Value) -> Value {
    json!({ "HandshakeId": id })
}

#[tokio::test]
async fn an_invited_account_joins_when_it_accepts() {
    let world = World::new().await;
    world.enable(SCP).await;
    let guest = world.cloud.root(OUTSIDER);
    let handshake = world.ok("InviteAccountToOrganization", to_account(OUTSIDER)).await["Handshake"].clone();
    assert_eq!((&handshake["Action"], &handshake["State"]), (&json!("INVITE"), &json!("OPEN")));
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:handshake/{}/invite/", world.organization);
    assert!(text(&handshake["Arn"]).starts_with(&arn));
    assert_eq!(
        handshake["Parties"],
        json!([{ "Id": world.organization, "Type": "ORGANIZATION" }, { "Id": OUTSIDER, "Type": "ACCOUNT" }])
    );
    assert_eq!(handshake["Resources"][0]["Resources"][2]["Value"], "ALL");
    let id = &handshake["Id"];
    world.refused("InviteAccountToOrganization", to_account(OUTSIDER), "DuplicateHandshakeException").await;
    // It is for the guest to accept, and for nobody else to see.
    world.refused("AcceptHandshake", by(id), "AccessDeniedException").await;
    let stranger = world.cloud.root("123412341234");
    for operation in ["AcceptHandshake", "DescribeHandshake", "CancelHandshake"] {
        refused(call(&stranger, operation, by(id)).await, "HandshakeNotFoundException");
    }
    refused(call(&guest, "CancelHandshake", by(id)).await, "AccessDeniedException");
    let mine = call(&guest, "ListHandshakesForAccount", json!({})).await.unwrap();
    assert_eq!(texts(&mine["Handshakes"], "Id"), [text(id)]);
    let accepted = call(&guest, "AcceptHandshake", by(id)).await.unwrap();
    assert_eq!(accepted["Handshake"]["State"], "ACCEPTED");
    refused(call(&guest, "AcceptHandshake", by(id)).await, "HandshakeAlreadyInStateException");
    refused(call(&guest, "DeclineHandshake", by(id)).await, "InvalidHandshakeTransitionException");
    let shown = world.ok("DescribeAccount", json!({ "AccountId": OUTSIDER })).await["Account"].clone();
    assert_eq!((&shown["JoinedMethod"], &shown["Status"]), (&json!("INVITED"), &json!("ACTIVE")));
    let again = world.refused(
        "InviteAccountToOrganization",
        to_account(OUTSIDER),
        "HandshakeConstraintViolationException",
    );
    again.await;
    // From now on it is bounded; and it may leave at once, since it was not created here.
    let policy = world.policy(SCP, "p", deny("sqs:*")).await;
    guest.sqs("ListQueues", json!({})).await.unwrap();
    world.attach(&policy, &world.root_id).await;
    refused(guest.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    call(&guest, "LeaveOrganization", json!({})).await.unwrap();
    guest.sqs("ListQueues", json!({})).await.unwrap();
    world.cloud.stop().await;
}

#[tokio::test]
async fn invitations_are_declined_canceled_and_run_out() {
    let world = World::new().await;
    let guest = world.cloud.root(OUTSIDER);
    for (end, client) in [("DeclineHandshake", &guest), ("CancelHandshake", &world.root)] {
        let made = world.ok("InviteAccountToOrganization", to_account(OUTSIDER)).await;
        let id = &made["Handshake"]["Id"];
        call(client, end, by(id)).await.unwrap();
        refused(call(&guest, "AcceptHandshake", by(id)).await, "InvalidHandshakeTransitionException");
    }
    let by_mail = json!({ "Target": { "Id": format!("{OUTSIDER}@example.com"), "Type": "EMAIL" } });
    let made = world.ok("InviteAccountToOrganization", by_mail).await;
    let id = &made["Handshake"]["Id"];
    world.cloud.advance(Duration::from_secs(15 * 86_400)).await.unwrap();
    assert_eq!(world.ok("DescribeHandshake", by(id)).await["Handshake"]["State"], "EXPIRED");
    refused(call(&guest, "AcceptHandshake", by(id)).await, "InvalidHandshakeTransitionException");
    let filter = json!({ "Filter": { "ActionType": "INVITE" } });
    let list = world.ok("ListHandshakesForOrganization", filter).await;
    assert_eq!(list["Handshakes"].as_array().unwrap().len(), 3);
    world.cloud.advance(Duration::from_secs(30 * 86_400)).await.unwrap();
    world.refused("DescribeHandshake", by(id), "HandshakeNotFoundException").await;
    for (id, kind) in [("12", "ACCOUNT"), ("o-exampleorg", "ORGANIZATION"), ("nobody", "EMAIL")] {
        let input = json!({ "Target": { "Id": id, "Type": kind } });
        world.refused("InviteAccountToOrganization", input, "InvalidInputException").await;
    }
    world.cloud.stop().await;
}

#[tokio::test]
async fn invited_members_agree_to_all_features() {
    let world = World::with(TestCloud::start().await.unwrap(), "CONSOLIDATED_BILLING").await;
    let guest = world.cloud.root(OUTSIDER);
    let made = world.ok("InviteAccountToOrganization", to_account(OUTSIDER)).await;
    call(&guest, "AcceptHandshake", by(&made["Handshake"]["Id"])).await.unwrap();
    let whole = world.ok("EnableAllFeatures", json!({})).await["Handshake"].clone();
    assert_eq!(whole["State"], "REQUESTED");
    world.refused("AcceptHandshake", by(&whole["Id"]), "InvalidHandshakeTransitionException").await;
    let code = "HandshakeConstraintViolationException";
    world.refused("InviteAccountToOrganization", to_account("123412341234"), code).await;
    let filter = json!({ "Filter": { "ActionType": "APPROVE_ALL_FEATURES" } });
    let mine = call(&guest, "ListHandshakesForAccount", filter).await.unwrap();
    let part = &mine["Handshakes"][0];
    assert!(texts(&part["Resources"], "Type").contains(&"PARENT_HANDSHAKE".to_owned()));
    call(&guest, "AcceptHandshake", by(&part["Id"])).await.unwrap();
    assert_eq!(world.ok("DescribeHandshake", by(&whole["Id"])).await["Handshake"]["State"], "OPEN");
    world.ok("AcceptHandshake", by(&whole["Id"])).await;
    assert_eq!(world.ok("DescribeOrganization", json!({})).await["Organization"]["FeatureSet"], "ALL");
    world.refused("EnableAllFeatures", json!({}), code).await;
    world.cloud.stop().await;
}
