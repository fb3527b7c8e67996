//! Policies and what they hang on: limits, names, types.

use crate::client::{RCP, SCP, World, deny, document, says, texts};
use serde_json::{Value, json};

fn hook(policy: &str, target: &str) -> Value {
    json!({ "PolicyId": policy, "TargetId": target })
}

fn new(policy_type: &str, content: &str) -> Value {
    json!({ "Content": content, "Description": "", "Name": "p", "Type": policy_type })
}

#[tokio::test]
async fn a_policy_is_made_changed_and_removed() {
    let world = World::new().await;
    let policy = world.policy(SCP, "p", deny("sqs:*")).await;
    world.refused("CreatePolicy", new(SCP, &says("Deny", "*")), "DuplicatePolicyException").await;
    let change =
        json!({ "PolicyId": policy, "Name": "wall", "Description": "d", "Content": says("Deny", "s3:*") });
    let changed = world.ok("UpdatePolicy", change).await["Policy"].clone();
    assert_eq!(changed["PolicySummary"]["Name"], "wall");
    assert_eq!(changed["PolicySummary"]["AwsManaged"], false);
    assert_eq!(changed["Content"], says("Deny", "s3:*"));
    let list = world.ok("ListPolicies", json!({ "Filter": SCP })).await;
    let mut names = texts(&list["Policies"], "Name");
    names.sort();
    assert_eq!(names, ["FullAWSAccess", "wall"]);
    world.refused("DeletePolicy", json!({ "PolicyId": "p-FullAWSAccess" }), "InvalidInputException").await;
    world.ok("DeletePolicy", json!({ "PolicyId": policy })).await;
    world.refused("DescribePolicy", json!({ "PolicyId": policy }), "PolicyNotFoundException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn what_does_not_act_is_not_kept() {
    let world = World::new().await;
    for policy_type in
        ["CHATBOT_POLICY", "BACKUP_POLICY", "AISERVICES_OPT_OUT_POLICY", "DECLARATIVE_POLICY_EC2"]
    {
        let text = world.refused("CreatePolicy", new(policy_type, "{}"), "NotImplemented").await;
        assert!(text.contains(policy_type), "{text}");
        let input = json!({ "RootId": world.root_id, "PolicyType": policy_type });
        world.refused("EnablePolicyType", input, "NotImplemented").await;
        assert_eq!(world.ok("ListPolicies", json!({ "Filter": policy_type })).await["Policies"], json!([]));
    }
    world.cloud.stop().await;
}

#[tokio::test]
async fn malformed_and_oversized_policies_are_refused() {
    let world = World::new().await;
    for content in ["{", "{}", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny"}]}"#] {
        let text = world.refused("CreatePolicy", new(SCP, content), "MalformedPolicyDocumentException").await;
        let wanted =
            "The provided policy document does not meet the requirements of the specified policy type.";
        assert_eq!(text, wanted, "{content}");
    }
    let allow = json!({ "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*" });
    let allow = document(allow);
    world.refused("CreatePolicy", new(RCP, &allow), "MalformedPolicyDocumentException").await;
    world.refused("CreatePolicy", new(SCP, ""), "InvalidInputException").await;
    let long = format!("{}{}", says("Deny", "*"), " ".repeat(5_120));
    world.refused("CreatePolicy", new(SCP, &long), "ConstraintViolationException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn types_are_enabled_before_policies_hang() {
    let world = World::new().await;
    let policy = world.policy(SCP, "guard", deny("sqs:*")).await;
    let unit = world.unit(&world.root_id, "dev").await;
    let text = world.refused("AttachPolicy", hook(&policy, &unit), "PolicyTypeNotEnabledException").await;
    assert_eq!(text, "This operation can be performed only for enabled policy types.");
    world.enable(SCP).await;
    let enable = json!({ "RootId": world.root_id, "PolicyType": SCP });
    let text = world.refused("EnablePolicyType", enable.clone(), "PolicyTypeAlreadyEnabledException").await;
    assert_eq!(text, "The specified policy type is already enabled.");
    let hanging = json!({ "TargetId": unit, "Filter": SCP });
    let list = world.ok("ListPoliciesForTarget", hanging.clone()).await;
    assert_eq!(texts(&list["Policies"], "Id"), ["p-FullAWSAccess"]);
    let (later, account) = (world.unit(&unit, "later").await, world.account("a").await);
    let targets = world.ok("ListTargetsForPolicy", json!({ "PolicyId": "p-FullAWSAccess" })).await;
    for id in [&unit, &later, &account, &world.root_id] {
        assert!(texts(&targets["Targets"], "TargetId").contains(id), "{id}");
    }
    world.attach(&policy, &unit).await;
    let disabled = world.ok("DisablePolicyType", enable.clone()).await;
    assert_eq!(disabled["Root"]["PolicyTypes"], json!([]));
    world.refused("DisablePolicyType", enable, "PolicyTypeNotEnabledException").await;
    world.enable(SCP).await;
    let list = world.ok("ListPoliciesForTarget", hanging).await;
    assert_eq!(texts(&list["Policies"], "Id"), ["p-FullAWSAccess"]);
    let absent = json!({ "RootId": "r-zzzz", "PolicyType": SCP });
    world.refused("EnablePolicyType", absent, "RootNotFoundException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn one_stays_and_five_are_the_most() {
    let world = World::new().await;
    world.enable(SCP).await;
    let unit = world.unit(&world.root_id, "dev").await;
    let full = hook("p-FullAWSAccess", &unit);
    let text = world.refused("DetachPolicy", full, "ConstraintViolationException").await;
    let wanted = "You cannot remove the last policy attached to the specified target. You must have at least one \
                  attached at all times.";
    assert_eq!(text, wanted);
    let mut policies = Vec::new();
    for number in 0..5 {
        policies.push(world.policy(SCP, &format!("p{number}"), deny("sqs:*")).await);
    }
    for policy in &policies[..4] {
        world.attach(policy, &unit).await;
    }
    let text = world.refused("AttachPolicy", hook(&policies[4], &unit), "ConstraintViolationException").await;
    assert_eq!(text, "You have attached the maximum number of policies to the specified target.");
    for (operation, input, code) in [
        ("AttachPolicy", hook(&policies[0], &unit), "DuplicatePolicyAttachmentException"),
        ("DetachPolicy", hook(&policies[4], &unit), "PolicyNotAttachedException"),
        ("AttachPolicy", hook(&policies[4], "123412341234"), "TargetNotFoundException"),
        ("AttachPolicy", hook("p-absent12", &unit), "PolicyNotFoundException"),
        ("DeletePolicy", json!({ "PolicyId": policies[0] }), "PolicyInUseException"),
    ] {
        world.refused(operation, input, code).await;
    }
    world.detach("p-FullAWSAccess", &unit).await;
    world.attach(&policies[4], &unit).await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn the_rcp_that_lets_all_through_cannot_be_taken_off() {
    let world = World::new().await;
    world.enable(RCP).await;
    let unit = world.unit(&world.root_id, "dev").await;
    world.refused("DetachPolicy", hook("p-RCPFullAWSAccess", &unit), "InvalidInputException").await;
    let statement = json!({ "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*" });
    let policy = world.policy(RCP, "guard", statement).await;
    world.attach(&policy, &unit).await;
    world.detach(&policy, &unit).await;
    world.cloud.stop().await;
}
