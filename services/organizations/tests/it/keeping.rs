//! What was acknowledged is there after a restart, and bounds everybody as before.

use crate::client::{SCP, World, call, deny, refused, text};
use serde_json::json;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn a_restart_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::with(TestCloud::start_in(directory.path()).await.unwrap(), "ALL").await;
    world.enable(SCP).await;
    let unit = world.unit(&world.root_id, "dev").await;
    let account = world.account("dev").await;
    world.relocate(&account, &world.root_id, &unit).await;
    let member = world.administrator(&account, "ada").await;
    let key = member.iam("CreateAccessKey", &[("UserName", "ada")]).await.unwrap();
    let policy = world.policy(SCP, "p", deny("sqs:*")).await;
    world.attach(&policy, &unit).await;
    refused(member.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    let (organization, root_id) = (world.organization.clone(), world.root_id.clone());
    let world = World::over(world.cloud.restart().await.unwrap(), organization).await;
    assert_eq!(world.root_id, root_id);
    let part = |name| element(&key, name).unwrap();
    let member = world.cloud.client(&part("AccessKeyId"), &part("SecretAccessKey"), None);
    refused(member.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    let parents = world.ok("ListParents", json!({ "ChildId": account })).await;
    assert_eq!(text(&parents["Parents"][0]["Id"]), unit);
    world.detach(&policy, &unit).await;
    member.sqs("ListQueues", json!({})).await.unwrap();
    world.cloud.stop().await;
}

#[tokio::test]
async fn a_reset_leaves_no_organization_behind() {
    let world = World::new().await;
    world.enable(SCP).await;
    let root = world.cloud.root(&world.account("dev").await);
    let policy = world.policy(SCP, "p", deny("sqs:*")).await;
    world.attach(&policy, &world.root_id).await;
    refused(root.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    world.cloud.cloud().reset().await.unwrap();
    root.sqs("ListQueues", json!({})).await.unwrap();
    let outcome = call(&world.root, "DescribeOrganization", json!({})).await;
    refused(outcome, "AWSOrganizationsNotInUseException");
    world.cloud.stop().await;
}
