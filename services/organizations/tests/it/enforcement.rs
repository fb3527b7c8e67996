//! What control policies do to requests of every service: nobody in a member account gets out of them.

use crate::client::{MANAGEMENT, OUTSIDER, RCP, SCP, World, call, deny, document, refused, says};
use serde_json::{Value, json};
use yakumo_testkit::{Client, element};

async fn can_list_queues(client: &Client) -> bool {
    match client.sqs("ListQueues", json!({})).await {
        Ok(_) => true,
        Err(failure) => {
            assert_eq!(failure.code, "AccessDeniedException", "{failure}");
            false
        }
    }
}

fn everybody_sends() -> Value {
    json!({ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*" })
}

#[tokio::test]
async fn an_scp_acts_on_the_next_request_and_on_everybody_but_the_management_account() {
    let world = World::new().await;
    world.enable(SCP).await;
    let account = world.account("dev").await;
    let member = world.administrator(&account, "ada").await;
    let manager = world.administrator(MANAGEMENT, "max").await;
    let inside = world.session_in(&manager, &account).await.unwrap();
    let root = world.cloud.root(&account);
    let policy = world.policy(SCP, "no-queues", deny("sqs:*")).await;
    for target in [&account, &world.root_id] {
        for client in [&member, &inside, &root] {
            assert!(can_list_queues(client).await);
        }
        world.attach(&policy, target).await;
        for client in [&member, &inside, &root] {
            assert!(!can_list_queues(client).await, "{target}");
        }
        assert!(can_list_queues(&manager).await && can_list_queues(&world.root).await);
        world.detach(&policy, target).await;
    }
    world.attach(&policy, &account).await;
    let text = refused(member.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    assert!(text.contains("with an explicit deny in a service control policy"), "{text}");
    world.ok("UpdatePolicy", json!({ "PolicyId": policy, "Content": says("Deny", "s3:*") })).await;
    assert!(can_list_queues(&member).await);
    world.cloud.stop().await;
}

#[tokio::test]
async fn every_level_must_allow() {
    let world = World::new().await;
    world.enable(SCP).await;
    let unit = world.unit(&world.root_id, "dev").await;
    let account = world.account("dev").await;
    let member = world.administrator(&account, "ada").await;
    let only = json!({ "Effect": "Allow", "Action": "iam:*", "Resource": "*" });
    let only = world.policy(SCP, "only-iam", only).await;
    world.attach(&only, &unit).await;
    world.detach("p-FullAWSAccess", &unit).await;
    assert!(can_list_queues(&member).await);
    world.relocate(&account, &world.root_id, &unit).await;
    let text = refused(member.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    assert!(text.contains("because no service control policy allows the sqs:"), "{text}");
    member.iam("ListUsers", &[]).await.unwrap();
    world.relocate(&account, &unit, &world.root_id).await;
    assert!(can_list_queues(&member).await);
    world.relocate(&account, &world.root_id, &unit).await;
    assert!(!can_list_queues(&member).await);
    world.ok("DisablePolicyType", json!({ "RootId": world.root_id, "PolicyType": SCP })).await;
    assert!(can_list_queues(&member).await);
    world.cloud.stop().await;
}

/// AWS: no user, role, boundary or policy in the account gives back what an SCP takes.
#[tokio::test]
async fn an_administrator_cannot_get_out_of_an_scp() {
    let world = World::new().await;
    world.enable(SCP).await;
    let account = world.account("dev").await;
    let member = world.administrator(&account, "ada").await;
    let walls = json!([deny("sqs:*"), deny("organizations:LeaveOrganization")]);
    let policy = world.policy(SCP, "walls", walls).await;
    world.attach(&policy, &account).await;
    // More policies, a boundary, another user, a role: all hers to make, none of them a way out.
    let all = says("Allow", "*");
    let made = member.iam("CreatePolicy", &[("PolicyName", "all"), ("PolicyDocument", &all)]).await.unwrap();
    let arn = element(&made, "Arn").unwrap();
    member.iam("AttachUserPolicy", &[("UserName", "ada"), ("PolicyArn", &arn)]).await.unwrap();
    let boundary = [("UserName", "ada"), ("PermissionsBoundary", arn.as_str())];
    member.iam("PutUserPermissionsBoundary", &boundary).await.unwrap();
    assert!(!can_list_queues(&member).await);
    assert!(!can_list_queues(&world.administrator(&account, "second").await).await);
    let trust = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": account } });
    let trust = document(trust);
    let role = [("RoleName", "out"), ("AssumeRolePolicyDocument", trust.as_str())];
    let role = element(&member.iam("CreateRole", &role).await.unwrap(), "Arn").unwrap();
    member.iam("AttachRolePolicy", &[("RoleName", "out"), ("PolicyArn", &arn)]).await.unwrap();
    let session = world.assume(&member, &role).await.unwrap();
    assert!(!can_list_queues(&session).await);
    session.iam("ListUsers", &[]).await.unwrap();
    // Nor can she leave, change the policy or take it off; nor can the root user.
    for client in [&member, &world.cloud.root(&account)] {
        for (operation, input) in [
            ("LeaveOrganization", json!({})),
            ("DetachPolicy", json!({ "PolicyId": policy, "TargetId": account })),
            ("UpdatePolicy", json!({ "PolicyId": policy, "Content": all })),
        ] {
            refused(call(client, operation, input).await, "AccessDeniedException");
        }
    }
    // A queue elsewhere that is open to everybody lets her in; her SCP does not let her go.
    let url = world.queue(&world.root, everybody_sends()).await;
    let send = json!({ "QueueUrl": url, "MessageBody": "x" });
    refused(member.sqs("SendMessage", send.clone()).await, "AccessDeniedException");
    world.administrator(OUTSIDER, "out").await.sqs("SendMessage", send).await.unwrap();
    world.cloud.stop().await;
}

#[tokio::test]
async fn an_rcp_bounds_who_reaches_the_resources_of_members() {
    let world = World::new().await;
    world.enable(RCP).await;
    let account = world.account("dev").await;
    let owner = world.administrator(&account, "ada").await;
    let friend = world.administrator(MANAGEMENT, "max").await;
    let stranger = world.administrator(OUTSIDER, "eve").await;
    let url = world.queue(&owner, everybody_sends()).await;
    let send = json!({ "QueueUrl": url, "MessageBody": "x" });
    stranger.sqs("SendMessage", send.clone()).await.unwrap();
    let perimeter = json!({ "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
        "Condition": { "StringNotEqualsIfExists": { "aws:PrincipalOrgID": world.organization } } });
    let policy = world.policy(RCP, "perimeter", perimeter).await;
    world.attach(&policy, &world.root_id).await;
    let text = refused(stranger.sqs("SendMessage", send.clone()).await, "AccessDeniedException");
    assert!(text.contains("with an explicit deny in a resource control policy"), "{text}");
    for inside in [&owner, &friend] {
        inside.sqs("SendMessage", send.clone()).await.unwrap();
    }
    // AWS: RCPs do not act on resources of the management account.
    let url = world.queue(&world.root, everybody_sends()).await;
    stranger.sqs("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })).await.unwrap();
    world.cloud.stop().await;
}

#[tokio::test]
async fn policies_see_the_organization_and_the_path() {
    let world = World::new().await;
    let unit = world.unit(&world.root_id, "dev").await;
    let (inside, beside) = (world.account("inside").await, world.account("beside").await);
    world.relocate(&inside, &world.root_id, &unit).await;
    let path = format!("{}/{}/{unit}/*", world.organization, world.root_id);
    let statements = json!([
        { "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
          "Condition": { "StringEquals": { "aws:PrincipalOrgID": world.organization } } },
        { "Effect": "Allow", "Principal": "*", "Action": "sqs:GetQueueAttributes", "Resource": "*",
          "Condition": { "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": path } } }]);
    let url = world.queue(&world.root, statements).await;
    for (account, sends, reads) in
        [(inside.as_str(), true, true), (beside.as_str(), true, false), (OUTSIDER, false, false)]
    {
        let client = world.administrator(account, "ada").await;
        let sent = client.sqs("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })).await;
        let read =
            client.sqs("GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] })).await;
        assert_eq!((sent.is_ok(), read.is_ok()), (sends, reads), "{account}");
    }
    world.cloud.stop().await;
}
