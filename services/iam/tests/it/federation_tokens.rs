//! GetFederationToken and DecodeAuthorizationMessage.

use crate::people::*;
use anyhow::Result;
use serde_json::json;
use std::time::Duration;
use yakumo_testkit::{TestCloud, element};

const SQS: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sqs:*","sts:*","iam:*"],"Resource":"*"}}"#;

#[tokio::test]
async fn a_federated_user_has_what_both_policies_allow() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", SQS).await?;
    let policy = says("Allow", "sqs:ListQueues");
    let name = ("Name", "web");
    let xml =
        alice.sts("GetFederationToken", &[name, ("Policy", &policy), ("DurationSeconds", "900")]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:sts::111122223333:federated-user/web"));
    assert_eq!(element(&xml, "FederatedUserId").as_deref(), Some("111122223333:web"));
    let web = session(&cloud, &xml)?;
    let me = web.sts("GetCallerIdentity", &[]).await?;
    assert_eq!(element(&me, "Arn").as_deref(), Some("arn:aws:sts::111122223333:federated-user/web"));
    web.sqs("ListQueues", json!({})).await?;
    failed(web.sqs("CreateQueue", json!({"QueueName": "jobs"})).await, "AccessDeniedException");
    // Not IAM, and of STS only GetCallerIdentity, whatever the policies say.
    failed(web.iam("ListUsers", &[]).await, "InvalidClientTokenId");
    for (action, parameters) in [
        ("GetFederationToken", vec![name]),
        ("GetSessionToken", vec![]),
        ("GetAccessKeyInfo", vec![("AccessKeyId", "ASIAQNZGKIQY56JQ7WML")]),
        ("DecodeAuthorizationMessage", vec![("EncodedMessage", "x")]),
        ("AssumeRole", vec![("RoleArn", "arn:aws:iam::111122223333:role/any"), ("RoleSessionName", "s1")]),
    ] {
        failed(web.sts(action, &parameters).await, "AccessDenied");
    }
    cloud.advance(Duration::from_secs(901)).await?;
    failed(web.sts("GetCallerIdentity", &[]).await, "ExpiredToken");
    Ok(())
}

#[tokio::test]
async fn without_a_policy_it_has_what_resources_allow() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", SQS).await?;
    let created = root.sqs("CreateQueue", json!({"QueueName": "jobs"})).await?;
    let url = created["QueueUrl"].clone();
    let xml = alice.sts("GetFederationToken", &[("Name", "web")]).await?;
    assert_eq!(element(&xml, "PackedPolicySize"), None);
    let web = session(&cloud, &xml)?;
    failed(web.sqs("ReceiveMessage", json!({"QueueUrl": url})).await, "AccessDeniedException");
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:ReceiveMessage",
        "Principal": {"AWS": "arn:aws:sts::111122223333:federated-user/web"}, "Resource": "*"}});
    root.sqs("SetQueueAttributes", json!({"QueueUrl": url, "Attributes": {"Policy": policy.to_string()}}))
        .await?;
    web.sqs("ReceiveMessage", json!({"QueueUrl": url})).await?;
    let other = session(&cloud, &alice.sts("GetFederationToken", &[("Name", "other")]).await?)?;
    failed(other.sqs("ReceiveMessage", json!({"QueueUrl": url})).await, "AccessDeniedException");
    Ok(())
}

#[tokio::test]
async fn who_may_ask_and_with_which_tags() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"arn:aws:sts::111122223333:federated-user/web"},
        {"Effect":"Allow","Action":"sqs:ListQueues","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}]}"#;
    let alice = user(&cloud, &root, "alice", policy).await?;
    let everything = says("Allow", "*");
    let cut = ("Policy", everything.as_str());
    let web = session(&cloud, &alice.sts("GetFederationToken", &[("Name", "web"), cut]).await?)?;
    failed(web.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/other because no identity-based policy allows the sts:GetFederationToken action";
    refused(alice.sts("GetFederationToken", &[("Name", "other"), cut]).await, 403, "AccessDenied", text);
    let tagged = [("Name", "web"), cut, ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    failed(alice.sts("GetFederationToken", &tagged).await, "AccessDenied");
    let tag = says("Allow", "sts:TagSession");
    root.iam("PutUserPolicy", &[("UserName", "alice"), ("PolicyName", "tag"), ("PolicyDocument", &tag)])
        .await?;
    let web = session(&cloud, &alice.sts("GetFederationToken", &tagged).await?)?;
    web.sqs("ListQueues", json!({})).await?;
    // A session may not make another one; the root user's end after an hour.
    let own = session(&cloud, &alice.sts("GetSessionToken", &[]).await?)?;
    let text = "Cannot call GetFederationToken with session credentials";
    refused(own.sts("GetFederationToken", &[("Name", "web"), cut]).await, 403, "AccessDenied", text);
    let xml = root.sts("GetFederationToken", &[("Name", "boss"), cut, ("DurationSeconds", "7200")]).await?;
    let boss = session(&cloud, &xml)?;
    boss.sqs("ListQueues", json!({})).await?;
    cloud.advance(Duration::from_secs(3_601)).await?;
    failed(boss.sqs("ListQueues", json!({})).await, "ExpiredTokenException");
    root.iam("DeleteUserPolicy", &[("UserName", "alice"), ("PolicyName", "inline")]).await?;
    failed(web.sqs("ListQueues", json!({})).await, "AccessDeniedException");
    Ok(())
}

#[tokio::test]
async fn only_messages_of_ours_are_decoded_and_only_for_who_may() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let text = r#"{"allowed":false}"#;
    let account = yakumo_aws::AccountId::parse(ACCOUNT).unwrap();
    let message = cloud.cloud().world().principals.seal(account, text).await?;
    let encoded = [("EncodedMessage", message.as_str())];
    let xml = root.sts("DecodeAuthorizationMessage", &encoded).await?;
    assert_eq!(element(&xml, "DecodedMessage").as_deref(), Some(text));
    let code = "InvalidAuthorizationMessageException";
    failed(cloud.root(OTHER).sts("DecodeAuthorizationMessage", &encoded).await, code);
    failed(root.sts("DecodeAuthorizationMessage", &[("EncodedMessage", "no message")]).await, code);
    let weak = user(&cloud, &root, "weak", "").await?;
    failed(weak.sts("DecodeAuthorizationMessage", &encoded).await, "AccessDenied");
    Ok(())
}
