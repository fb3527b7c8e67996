//! Members that may look or manage policies: delegated administrators and the resource policy.

use crate::client::{MANAGEMENT, SCP, World, call, document, refused, says, text, texts};
use serde_json::{Value, json};

const CONFIG: &str = "config.amazonaws.com";

fn of(account: &str) -> Value {
    json!({ "AccountId": account, "ServicePrincipal": CONFIG })
}

#[tokio::test]
async fn a_delegated_administrator_reads_and_does_not_write() {
    let world = World::new().await;
    let account = world.account("audit").await;
    let auditor = world.administrator(&account, "ada").await;
    refused(call(&auditor, "ListAccounts", json!({})).await, "AccessDeniedException");
    let service = json!({ "ServicePrincipal": CONFIG });
    world.refused("RegisterDelegatedAdministrator", of(&account), "ConstraintViolationException").await;
    let unknown = json!({ "ServicePrincipal": "nothing.amazonaws.com" });
    let words = world.refused("EnableAWSServiceAccess", unknown, "InvalidInputException").await;
    assert_eq!(words, "You specified an unrecognized service principal.");
    world.ok("EnableAWSServiceAccess", service.clone()).await;
    let list = world.ok("ListAWSServiceAccessForOrganization", json!({})).await;
    assert_eq!(texts(&list["EnabledServicePrincipals"], "ServicePrincipal"), [CONFIG]);
    world.ok("RegisterDelegatedAdministrator", of(&account)).await;
    let register = "RegisterDelegatedAdministrator";
    let words = world.refused(register, of(&account), "AccountAlreadyRegisteredException").await;
    assert_eq!(words, "The provided account is already a delegated administrator for your organization.");
    let words = world.refused(register, of(MANAGEMENT), "ConstraintViolationException").await;
    let wanted =
        "You cannot register management account/yourself as delegated administrator for your organization.";
    assert_eq!(words, wanted);
    for (operation, input) in [
        ("ListAccounts", json!({})),
        ("DescribeAccount", json!({ "AccountId": MANAGEMENT })),
        ("ListPolicies", json!({ "Filter": SCP })),
        ("ListDelegatedAdministrators", json!({})),
    ] {
        call(&auditor, operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
    }
    let unit = json!({ "ParentId": world.root_id, "Name": "mine" });
    refused(call(&auditor, "CreateOrganizationalUnit", unit).await, "AccessDeniedException");
    // Its own policies still bound its users.
    let clerk = world.user(&account, "clerk", &says("Allow", "organizations:DescribeAccount")).await;
    refused(call(&clerk, "ListAccounts", json!({})).await, "AccessDeniedException");
    let list = world.ok("ListDelegatedAdministrators", service.clone()).await;
    assert_eq!(texts(&list["DelegatedAdministrators"], "Id"), [account.as_str()]);
    let list = world.ok("ListDelegatedServicesForAccount", json!({ "AccountId": account })).await;
    assert_eq!(texts(&list["DelegatedServices"], "ServicePrincipal"), [CONFIG]);
    world.refused("DisableAWSServiceAccess", service.clone(), "ConstraintViolationException").await;
    world.refused("CloseAccount", json!({ "AccountId": account }), "ConstraintViolationException").await;
    world.ok("DeregisterDelegatedAdministrator", of(&account)).await;
    refused(call(&auditor, "ListAccounts", json!({})).await, "AccessDeniedException");
    world.refused("DeregisterDelegatedAdministrator", of(&account), "AccountNotRegisteredException").await;
    world.ok("DisableAWSServiceAccess", service).await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn the_resource_policy_delegates_policy_management() {
    let world = World::new().await;
    world.enable(SCP).await;
    let (account, other) = (world.account("guard").await, world.account("other").await);
    let guard = world.administrator(&account, "ada").await;
    let stranger = world.administrator(&other, "eve").await;
    world.refused("DescribeResourcePolicy", json!({}), "ResourcePolicyNotFoundException").await;
    let delegation = |actions: &[&str], principal: &str| {
        let statement = json!([{ "Sid": "Delegate", "Effect": "Allow", "Principal": { "AWS": principal },
            "Action": actions, "Resource": "*",
            "Condition": { "StringLikeIfExists": { "organizations:PolicyType": [SCP] } } }]);
        document(statement)
    };
    let root = format!("arn:aws:iam::{account}:root");
    let actions =
        ["organizations:CreatePolicy", "organizations:AttachPolicy", "organizations:DescribePolicy"];
    let made = world.ok("PutResourcePolicy", json!({ "Content": delegation(&actions, &root) })).await;
    let shown = world.ok("DescribeResourcePolicy", json!({})).await;
    assert_eq!(made["ResourcePolicy"], shown["ResourcePolicy"]);
    assert!(text(&shown["ResourcePolicy"]["ResourcePolicySummary"]["Id"]).starts_with("rp-"));
    let create = json!({ "Content": says("Deny", "sqs:*"), "Description": "", "Name": "p", "Type": SCP });
    let made = call(&guard, "CreatePolicy", create.clone()).await.unwrap();
    let id = text(&made["Policy"]["PolicySummary"]["Id"]);
    call(&guard, "DescribePolicy", json!({ "PolicyId": id })).await.unwrap();
    let hook = json!({ "PolicyId": id, "TargetId": other });
    call(&guard, "AttachPolicy", hook.clone()).await.unwrap();
    refused(stranger.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    // What was not delegated, to whom it was not delegated, and whose own policies do not allow it.
    for (operation, input) in [
        ("DeletePolicy", json!({ "PolicyId": id })),
        ("DetachPolicy", hook),
        ("CreateAccount", json!({ "AccountName": "x", "Email": "x@yakumo.test" })),
    ] {
        refused(call(&guard, operation, input).await, "AccessDeniedException");
    }
    let words = refused(call(&stranger, "CreatePolicy", create.clone()).await, "AccessDeniedException");
    assert_eq!(words, "You don't have permissions to access this resource.");
    let clerk = world.user(&account, "clerk", &says("Allow", "organizations:Describe*")).await;
    refused(call(&clerk, "CreatePolicy", create).await, "AccessDeniedException");
    for wrong in [
        delegation(&["organizations:CreateAccount"], &root),
        delegation(&["organizations:*"], &root),
        delegation(&actions, &format!("arn:aws:iam::{account}:user/nobody")),
        "{".to_owned(),
    ] {
        world.refused("PutResourcePolicy", json!({ "Content": wrong }), "InvalidInputException").await;
    }
    world.ok("DeleteResourcePolicy", json!({})).await;
    refused(call(&guard, "DescribePolicy", json!({ "PolicyId": id })).await, "AccessDeniedException");
    world.refused("DeleteResourcePolicy", json!({}), "ResourcePolicyNotFoundException").await;
    world.cloud.stop().await;
}
