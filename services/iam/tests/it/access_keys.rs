//! Access keys, session tokens, and who they stand for.

use crate::people::*;
use anyhow::Result;
use std::time::Duration;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn a_key_works_until_it_is_inactive_or_deleted() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let (id, alice) = key_of(&cloud, &root, "alice").await?;
    let xml = alice.sts("GetCallerIdentity", &[]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:user/alice"));
    assert_eq!(element(&xml, "Account").as_deref(), Some(ACCOUNT));
    let xml = root.sts("GetAccessKeyInfo", &[("AccessKeyId", &id)]).await?;
    assert_eq!(element(&xml, "Account").as_deref(), Some(ACCOUNT));
    let status = |status: &'static str| {
        let (root, id) = (&root, &id);
        async move {
            root.iam("UpdateAccessKey", &[("UserName", "alice"), ("AccessKeyId", id), ("Status", status)])
                .await
        }
    };
    status("Inactive").await?;
    let text = "The security token included in the request is invalid.";
    refused(alice.sts("GetCallerIdentity", &[]).await, 403, "InvalidClientTokenId", text);
    let xml = root.iam("ListAccessKeys", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "Status").as_deref(), Some("Inactive"));
    assert!(!xml.contains("SecretAccessKey"));
    status("Active").await?;
    alice.sts("GetCallerIdentity", &[]).await?;
    root.iam("DeleteAccessKey", &[("UserName", "alice"), ("AccessKeyId", &id)]).await?;
    failed(alice.sts("GetCallerIdentity", &[]).await, "InvalidClientTokenId");
    let again = root.iam("DeleteAccessKey", &[("UserName", "alice"), ("AccessKeyId", &id)]).await;
    refused(again, 404, "NoSuchEntity", &format!("The Access Key with id {id} cannot be found."));
    Ok(())
}

#[tokio::test]
async fn two_keys_are_the_most_and_root_may_have_its_own() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    for _ in 0..2 {
        root.iam("CreateAccessKey", &[("UserName", "alice")]).await?;
    }
    let third = root.iam("CreateAccessKey", &[("UserName", "alice")]).await;
    refused(third, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
    let xml = root.iam("CreateAccessKey", &[]).await?;
    let part = |name| element(&xml, name).unwrap_or_default();
    let own = cloud.client(&part("AccessKeyId"), &part("SecretAccessKey"), None);
    let xml = own.sts("GetCallerIdentity", &[]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:root"));
    let xml = own.iam("GetUser", &[]).await?;
    assert_eq!(element(&xml, "UserId").as_deref(), Some(ACCOUNT));
    let xml = own.iam("ListAccessKeys", &[]).await?;
    assert!(xml.contains("<AccessKeyId>") && !xml.contains("UserName"), "{xml}");
    let xml = own.iam("ListAccessKeys", &[("UserName", "alice")]).await?;
    assert_eq!(xml.matches("<UserName>alice<").count(), 2);
    failed(root.iam("CreateAccessKey", &[("UserName", "bob")]).await, "NoSuchEntity");
    Ok(())
}

#[tokio::test]
async fn a_users_own_keys_need_no_name() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:*AccessKey*","iam:GetUser"],
        "Resource":"arn:aws:iam::111122223333:user/${aws:username}"}}"#;
    let alice = user(&cloud, &root, "alice", policy).await?;
    root.iam("CreateUser", &[("UserName", "bob")]).await?;
    alice.iam("CreateAccessKey", &[]).await?;
    let xml = alice.iam("GetUser", &[]).await?;
    assert_eq!(element(&xml, "UserName").as_deref(), Some("alice"));
    failed(alice.iam("CreateAccessKey", &[("UserName", "bob")]).await, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn a_session_token_has_its_users_rights_and_ends_by_the_clouds_clock() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sts:*","sqs:*"],"Resource":"*"}}"#).await?;
    let xml = alice
        .sts("GetSessionToken", &[("DurationSeconds", "900"), ("MinimumSessionTokenSize", "1000")])
        .await?;
    assert_eq!(element(&xml, "SessionTokenSize").as_deref(), Some("1000"));
    assert!(element(&xml, "AccessKeyId").is_some_and(|id| id.starts_with("ASIA")));
    let session = session(&cloud, &xml)?;
    let me = session.sts("GetCallerIdentity", &[]).await?;
    assert_eq!(element(&me, "Arn").as_deref(), Some("arn:aws:iam::111122223333:user/alice"));
    session.sqs("ListQueues", serde_json::json!({})).await?;
    // AWS: of STS, such a session may call no more than AssumeRole and GetCallerIdentity.
    let text = "Cannot call GetAccessKeyInfo with session credentials";
    let key = [("AccessKeyId", "ASIAQNZGKIQY56JQ7WML")];
    alice.sts("GetAccessKeyInfo", &key).await?;
    refused(session.sts("GetAccessKeyInfo", &key).await, 403, "AccessDenied", text);
    // AWS: without MFA, such a session cannot call IAM, nor make another one.
    failed(session.iam("ListUsers", &[]).await, "InvalidClientTokenId");
    let text = "Cannot call GetSessionToken with session credentials";
    refused(session.sts("GetSessionToken", &[]).await, 403, "AccessDenied", text);
    let part = |name| element(&xml, name).unwrap_or_default();
    let without_token = cloud.client(&part("AccessKeyId"), &part("SecretAccessKey"), None);
    failed(without_token.sts("GetCallerIdentity", &[]).await, "InvalidClientTokenId");
    cloud.advance(Duration::from_secs(901)).await?;
    failed(session.sts("GetCallerIdentity", &[]).await, "ExpiredToken");
    Ok(())
}
