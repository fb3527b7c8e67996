//! Managed and inline policies, versions, entities, sizes.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

const ARN: &str = "arn:aws:iam::111122223333:policy/team/p";

#[tokio::test]
async fn versions_come_and_go_and_the_default_one_is_in_force() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let (list, get) = (says("Allow", "iam:ListUsers"), says("Allow", "iam:GetUser"));
    let xml = root
        .iam("CreatePolicy", &[("PolicyName", "p"), ("Path", "/team/"), ("PolicyDocument", &list)])
        .await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some(ARN));
    assert_eq!(element(&xml, "DefaultVersionId").as_deref(), Some("v1"));
    let again = root.iam("CreatePolicy", &[("PolicyName", "P"), ("PolicyDocument", &list)]).await;
    refused(
        again,
        409,
        "EntityAlreadyExists",
        "A policy called P already exists. Duplicate names are not allowed.",
    );
    root.iam("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", ARN)]).await?;
    alice.iam("ListUsers", &[]).await?;
    failed(alice.iam("GetUser", &[]).await, "AccessDenied");
    root.iam("CreatePolicyVersion", &[("PolicyArn", ARN), ("PolicyDocument", &get)]).await?;
    failed(alice.iam("GetUser", &[]).await, "AccessDenied");
    root.iam("SetDefaultPolicyVersion", &[("PolicyArn", ARN), ("VersionId", "v2")]).await?;
    alice.iam("GetUser", &[]).await?;
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    let xml = root.iam("GetPolicyVersion", &[("PolicyArn", ARN), ("VersionId", "v1")]).await?;
    assert_eq!(element(&xml, "IsDefaultVersion").as_deref(), Some("false"));
    assert!(element(&xml, "Document").is_some_and(|text| text.contains("iam%3AListUsers")));
    for _ in 3..=5 {
        let more = [("PolicyArn", ARN), ("PolicyDocument", list.as_str()), ("SetAsDefault", "true")];
        root.iam("CreatePolicyVersion", &more).await?;
    }
    let text = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                existing version.";
    let sixth = root.iam("CreatePolicyVersion", &[("PolicyArn", ARN), ("PolicyDocument", &get)]).await;
    refused(sixth, 409, "LimitExceeded", text);
    let xml = root.iam("ListPolicyVersions", &[("PolicyArn", ARN), ("MaxItems", "2")]).await?;
    assert_eq!(element(&xml, "VersionId").as_deref(), Some("v5"));
    let default = root.iam("DeletePolicyVersion", &[("PolicyArn", ARN), ("VersionId", "v5")]).await;
    refused(default, 409, "DeleteConflict", "Cannot delete the default version of a policy.");
    let attached = root.iam("DeletePolicy", &[("PolicyArn", ARN)]).await;
    refused(attached, 409, "DeleteConflict", "Cannot delete a policy attached to entities.");
    root.iam("DetachUserPolicy", &[("UserName", "alice"), ("PolicyArn", ARN)]).await?;
    failed(root.iam("DeletePolicy", &[("PolicyArn", ARN)]).await, "DeleteConflict");
    for version in ["v1", "v2", "v3", "v4"] {
        root.iam("DeletePolicyVersion", &[("PolicyArn", ARN), ("VersionId", version)]).await?;
    }
    root.iam("DeletePolicy", &[("PolicyArn", ARN)]).await?;
    let gone = root.iam("GetPolicy", &[("PolicyArn", ARN)]).await;
    refused(gone, 404, "NoSuchEntity", &format!("Policy {ARN} was not found."));
    Ok(())
}

#[tokio::test]
async fn entities_are_counted_and_listed() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let document = says("Allow", "sqs:*");
    root.iam("CreatePolicy", &[("PolicyName", "p"), ("Path", "/team/"), ("PolicyDocument", &document)])
        .await?;
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    root.iam("CreateGroup", &[("GroupName", "devs")]).await?;
    let trust = trusts(ACCOUNT);
    root.iam("CreateRole", &[("RoleName", "reader"), ("AssumeRolePolicyDocument", &trust)]).await?;
    root.iam("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", ARN)]).await?;
    root.iam("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", ARN)]).await?;
    root.iam("AttachGroupPolicy", &[("GroupName", "devs"), ("PolicyArn", ARN)]).await?;
    root.iam("AttachRolePolicy", &[("RoleName", "reader"), ("PolicyArn", ARN)]).await?;
    root.iam("PutRolePermissionsBoundary", &[("RoleName", "reader"), ("PermissionsBoundary", ARN)]).await?;
    let xml = root.iam("GetPolicy", &[("PolicyArn", ARN)]).await?;
    assert_eq!(element(&xml, "AttachmentCount").as_deref(), Some("3"));
    assert_eq!(element(&xml, "PermissionsBoundaryUsageCount").as_deref(), Some("1"));
    root.iam("UpdateUser", &[("UserName", "alice"), ("NewUserName", "carol")]).await?;
    let xml = root.iam("ListEntitiesForPolicy", &[("PolicyArn", ARN)]).await?;
    for part in ["<UserName>carol<", "<GroupName>devs<", "<RoleName>reader<"] {
        assert_eq!(xml.matches(part).count(), 1, "{part} in {xml}");
    }
    let only = root.iam("ListEntitiesForPolicy", &[("PolicyArn", ARN), ("EntityFilter", "Role")]).await?;
    assert!(only.contains("reader") && !only.contains("carol"));
    let xml = root.iam("ListPolicies", &[("Scope", "Local"), ("OnlyAttached", "true")]).await?;
    assert_eq!(element(&xml, "PolicyName").as_deref(), Some("p"));
    let xml = root.iam("ListPolicies", &[("Scope", "AWS"), ("MaxItems", "1000")]).await?;
    assert!(xml.contains("AmazonSQSFullAccess") && !xml.contains("team"));
    root.iam("DeleteRolePermissionsBoundary", &[("RoleName", "reader")]).await?;
    root.iam("DetachRolePolicy", &[("RoleName", "reader"), ("PolicyArn", ARN)]).await?;
    let xml = root.iam("GetPolicy", &[("PolicyArn", ARN)]).await?;
    assert_eq!(element(&xml, "AttachmentCount").as_deref(), Some("2"));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_attached_or_written() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let attach = |arn: &'static str| {
        let root = &root;
        async move { root.iam("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", arn)]).await }
    };
    let missing = "arn:aws:iam::111122223333:policy/missing";
    let text = format!("Policy {missing} does not exist or is not attachable.");
    refused(attach(missing).await, 404, "NoSuchEntity", &text);
    failed(attach("arn:aws:iam::aws:policy/NoSuchPolicyOfAws").await, "NoSuchEntity");
    failed(attach("arn:aws:s3:::not-a-policy-but-long-enough").await, "InvalidInput");
    let put = |document: String| {
        let root = &root;
        async move {
            let parameters =
                [("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", document.as_str())];
            root.iam("PutUserPolicy", &parameters).await
        }
    };
    refused(put("{}".into()).await, 400, "MalformedPolicyDocument", "Syntax errors in policy.");
    let actions = format!("sqs:{}", "x".repeat(2_000));
    refused(
        put(says("Allow", &actions)).await,
        409,
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user alice",
    );
    put(says("Allow", "sqs:*")).await?;
    let xml = root.iam("ListUserPolicies", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "member").as_deref(), Some("p"));
    let missing = root.iam("GetUserPolicy", &[("UserName", "alice"), ("PolicyName", "q")]).await;
    refused(missing, 404, "NoSuchEntity", "The user policy with name q cannot be found.");
    let old = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
    let managed = root.iam("CreatePolicy", &[("PolicyName", "old"), ("PolicyDocument", old)]).await;
    let text = "Policy document must be version 2012-10-17 or greater.";
    refused(managed, 400, "MalformedPolicyDocument", text);
    let xml = root.iam("ListAttachedUserPolicies", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "PolicyName"), None);
    let protected =
        root.iam("DeletePolicy", &[("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    failed(protected, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn tags_on_a_policy() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let document = says("Allow", "sqs:*");
    root.iam("CreatePolicy", &[("PolicyName", "p"), ("Path", "/team/"), ("PolicyDocument", &document)])
        .await?;
    let tag = [("PolicyArn", ARN), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    root.iam("TagPolicy", &tag).await?;
    let xml = root.iam("ListPolicyTags", &[("PolicyArn", ARN)]).await?;
    assert_eq!(element(&xml, "Value").as_deref(), Some("blue"));
    root.iam("UntagPolicy", &[("PolicyArn", ARN), ("TagKeys.member.1", "team")]).await?;
    let xml = root.iam("GetPolicy", &[("PolicyArn", ARN)]).await?;
    assert_eq!(element(&xml, "Value"), None);
    Ok(())
}
