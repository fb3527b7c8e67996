//! Organizations made, shown and taken apart; who may look.

use crate::client::{MANAGEMENT, OUTSIDER, SCP, World, call, deny, document, refused, says};
use serde_json::json;
use std::time::Duration;
use yakumo_testkit::TestCloud;

#[tokio::test]
async fn an_organization_is_made_once_and_shown() {
    let world = World::new().await;
    let shown = world.ok("DescribeOrganization", json!({})).await["Organization"].clone();
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:organization/{}", world.organization);
    assert_eq!((&shown["Id"], &shown["Arn"]), (&json!(world.organization), &json!(arn)));
    assert_eq!((&shown["FeatureSet"], &shown["MasterAccountId"]), (&json!("ALL"), &json!(MANAGEMENT)));
    assert_eq!(shown["AvailablePolicyTypes"], json!([{ "Type": SCP, "Status": "ENABLED" }]));
    let roots = world.ok("ListRoots", json!({})).await;
    assert_eq!((&roots["Roots"][0]["Name"], &roots["Roots"][0]["PolicyTypes"]), (&json!("Root"), &json!([])));
    let text = world.refused("CreateOrganization", json!({}), "AlreadyInOrganizationException").await;
    assert_eq!(text, "The provided account is already a member of an organization.");
    world.cloud.stop().await;
}

#[tokio::test]
async fn who_is_in_none_is_told_so() {
    let cloud = TestCloud::start().await.unwrap();
    let root = cloud.root(MANAGEMENT);
    for (operation, input) in [
        ("DescribeOrganization", json!({})),
        ("ListAccounts", json!({})),
        ("LeaveOrganization", json!({})),
        ("CreateAccount", json!({ "AccountName": "a", "Email": "a@yakumo.test" })),
        ("DescribePolicy", json!({ "PolicyId": "p-FullAWSAccess" })),
    ] {
        let text = refused(call(&root, operation, input).await, "AWSOrganizationsNotInUseException");
        assert_eq!(text, "Your account is not a member of an organization.", "{operation}");
    }
    assert_eq!(call(&root, "ListHandshakesForAccount", json!({})).await.unwrap()["Handshakes"], json!([]));
    cloud.stop().await;
}

#[tokio::test]
async fn an_organization_with_members_stays() {
    let world = World::new().await;
    let account = world.account("dev").await;
    let text = world.refused("DeleteOrganization", json!({}), "OrganizationNotEmptyException").await;
    assert_eq!(
        text,
        "To delete an organization you must first remove all member accounts (except the master)."
    );
    let text = world.refused("LeaveOrganization", json!({}), "MasterCannotLeaveOrganizationException").await;
    assert!(text.starts_with("You can't remove the management account from the organization."));
    let member = world.cloud.root(&account);
    let early = call(&member, "LeaveOrganization", json!({})).await;
    assert!(refused(early, "ConstraintViolationException").contains("7 days"));
    let remove = json!({ "AccountId": account });
    world.refused("RemoveAccountFromOrganization", remove, "ConstraintViolationException").await;
    world.cloud.advance(Duration::from_secs(7 * 86_400)).await.unwrap();
    call(&member, "LeaveOrganization", json!({})).await.unwrap();
    let outcome = call(&member, "DescribeOrganization", json!({})).await;
    refused(outcome, "AWSOrganizationsNotInUseException");
    world.ok("DeleteOrganization", json!({})).await;
    world.refused("DescribeOrganization", json!({}), "AWSOrganizationsNotInUseException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn members_see_little_and_change_nothing() {
    let world = World::new().await;
    let account = world.account("dev").await;
    let member = world.administrator(&account, "ada").await;
    call(&member, "DescribeOrganization", json!({})).await.unwrap();
    for (operation, input) in [
        ("ListAccounts", json!({})),
        ("ListRoots", json!({})),
        ("DescribeAccount", json!({ "AccountId": account })),
        ("ListParents", json!({ "ChildId": account })),
        ("CreateOrganizationalUnit", json!({ "ParentId": world.root_id, "Name": "mine" })),
        ("EnablePolicyType", json!({ "RootId": world.root_id, "PolicyType": SCP })),
        ("TagResource", json!({ "ResourceId": account, "Tags": [{ "Key": "a", "Value": "b" }] })),
        ("RemoveAccountFromOrganization", json!({ "AccountId": account })),
        ("DeleteOrganization", json!({})),
    ] {
        for client in [&member, &world.cloud.root(&account)] {
            let text = refused(call(client, operation, input.clone()).await, "AccessDeniedException");
            assert_eq!(text, "You don't have permissions to access this resource.", "{operation}");
        }
    }
    world.cloud.stop().await;
}

#[tokio::test]
async fn users_of_the_management_account_need_permission() {
    let world = World::new().await;
    let reader = world.user(MANAGEMENT, "reader", &says("Allow", "organizations:List*")).await;
    call(&reader, "ListAccounts", json!({})).await.unwrap();
    let text = refused(call(&reader, "DescribeOrganization", json!({})).await, "AccessDeniedException");
    let wanted = format!(
        "User: arn:aws:iam::{MANAGEMENT}:user/reader is not authorized to perform: \
         organizations:DescribeOrganization because no identity-based policy allows the \
         organizations:DescribeOrganization action"
    );
    assert_eq!(text, wanted);
    // A permission for one unit is not one for another.
    let (mine, other) = (world.unit(&world.root_id, "mine").await, world.unit(&world.root_id, "other").await);
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:ou/{}/{mine}", world.organization);
    let statement =
        json!({ "Effect": "Allow", "Action": "organizations:DescribeOrganizationalUnit", "Resource": arn });
    let policy = document(statement);
    let keeper = world.user(MANAGEMENT, "keeper", &policy).await;
    let describe = |id: &str| json!({ "OrganizationalUnitId": id });
    call(&keeper, "DescribeOrganizationalUnit", describe(&mine)).await.unwrap();
    refused(call(&keeper, "DescribeOrganizationalUnit", describe(&other)).await, "AccessDeniedException");
    // Who may make something may not tag it by that.
    let maker =
        world.user(MANAGEMENT, "maker", &says("Allow", "organizations:CreateOrganizationalUnit")).await;
    let plain = json!({ "ParentId": world.root_id, "Name": "plain" });
    call(&maker, "CreateOrganizationalUnit", plain).await.unwrap();
    let tagged =
        json!({ "ParentId": world.root_id, "Name": "tagged", "Tags": [{ "Key": "a", "Value": "b" }] });
    refused(call(&maker, "CreateOrganizationalUnit", tagged).await, "AccessDeniedException");
    world.cloud.stop().await;
}

#[tokio::test]
async fn consolidated_billing_has_no_policies() {
    let world = World::with(TestCloud::start().await.unwrap(), "CONSOLIDATED_BILLING").await;
    let shown = world.ok("DescribeOrganization", json!({})).await["Organization"].clone();
    assert_eq!(shown["FeatureSet"], "CONSOLIDATED_BILLING");
    assert_eq!(shown["AvailablePolicyTypes"], json!([]));
    let input = json!({ "RootId": world.root_id, "PolicyType": SCP });
    world.refused("EnablePolicyType", input, "PolicyTypeNotAvailableForOrganizationException").await;
    let close = json!({ "AccountId": world.account("dev").await });
    world.refused("CloseAccount", close.clone(), "ConstraintViolationException").await;
    // Accounts that were created here need not agree: the management account turns all features on by itself.
    let handshake = world.ok("EnableAllFeatures", json!({})).await["Handshake"].clone();
    assert_eq!((&handshake["Action"], &handshake["State"]), (&json!("ENABLE_ALL_FEATURES"), &json!("OPEN")));
    world.refused("EnableAllFeatures", json!({}), "HandshakeConstraintViolationException").await;
    world.ok("AcceptHandshake", json!({ "HandshakeId": handshake["Id"] })).await;
    assert_eq!(world.ok("DescribeOrganization", json!({})).await["Organization"]["FeatureSet"], "ALL");
    world.ok("CloseAccount", close).await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn two_organizations_know_nothing_of_each_other() {
    let world = World::new().await;
    let unit = json!({ "OrganizationalUnitId": world.unit(&world.root_id, "ours").await });
    let policy = json!({ "PolicyId": world.policy(SCP, "ours", deny("sqs:*")).await });
    let other = world.cloud.root(OUTSIDER);
    call(&other, "CreateOrganization", json!({})).await.unwrap();
    for (operation, input, code) in [
        ("DescribeOrganizationalUnit", unit, "OrganizationalUnitNotFoundException"),
        ("DescribePolicy", policy, "PolicyNotFoundException"),
        ("DescribeAccount", json!({ "AccountId": MANAGEMENT }), "AccountNotFoundException"),
        (
            "ListChildren",
            json!({ "ParentId": world.root_id, "ChildType": "ACCOUNT" }),
            "ParentNotFoundException",
        ),
    ] {
        refused(call(&other, operation, input).await, code);
    }
    call(&other, "DescribePolicy", json!({ "PolicyId": "p-FullAWSAccess" })).await.unwrap();
    world.cloud.stop().await;
}
