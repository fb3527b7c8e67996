//! Roles, their trust policies, and instance profiles.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn a_role_is_made_shown_changed_and_deleted() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let arn = role(&root, "reader", &trusts(ACCOUNT), "").await?;
    assert_eq!(arn, "arn:aws:iam::111122223333:role/reader");
    let xml = root.iam("GetRole", &[("RoleName", "reader")]).await?;
    assert_eq!(element(&xml, "MaxSessionDuration").as_deref(), Some("3600"));
    assert!(element(&xml, "AssumeRolePolicyDocument").is_some_and(|text| text.starts_with("%7B")));
    assert!(element(&xml, "RoleId").is_some_and(|id| id.starts_with("AROA")));
    // What an UpdateRole does not give stays as it is.
    root.iam("UpdateRole", &[("RoleName", "reader"), ("MaxSessionDuration", "7200")]).await?;
    root.iam("UpdateRole", &[("RoleName", "reader"), ("Description", "reads")]).await?;
    root.iam("UpdateRole", &[("RoleName", "reader")]).await?;
    let xml = root.iam("GetRole", &[("RoleName", "reader")]).await?;
    assert_eq!(element(&xml, "Description").as_deref(), Some("reads"));
    root.iam("UpdateRoleDescription", &[("RoleName", "reader"), ("Description", "reads much")]).await?;
    let xml = root.iam("GetRole", &[("RoleName", "reader")]).await?;
    assert_eq!(element(&xml, "MaxSessionDuration").as_deref(), Some("7200"));
    assert_eq!(element(&xml, "Description").as_deref(), Some("reads much"));
    let tag = [("RoleName", "reader"), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    root.iam("TagRole", &tag).await?;
    let xml = root.iam("ListRoleTags", &[("RoleName", "reader")]).await?;
    assert_eq!(element(&xml, "Key").as_deref(), Some("k"));
    root.iam("UntagRole", &[("RoleName", "reader"), ("TagKeys.member.1", "k")]).await?;
    let again = root
        .iam("CreateRole", &[("RoleName", "Reader"), ("AssumeRolePolicyDocument", &trusts(ACCOUNT))])
        .await;
    refused(again, 409, "EntityAlreadyExists", "Role with name Reader already exists.");
    let document = says("Allow", "sqs:*");
    let inline = [("RoleName", "reader"), ("PolicyName", "p"), ("PolicyDocument", document.as_str())];
    root.iam("PutRolePolicy", &inline).await?;
    let xml = root.iam("ListRolePolicies", &[("RoleName", "reader")]).await?;
    assert_eq!(element(&xml, "member").as_deref(), Some("p"));
    root.iam("GetRolePolicy", &[("RoleName", "reader"), ("PolicyName", "p")]).await?;
    failed(root.iam("DeleteRole", &[("RoleName", "reader")]).await, "DeleteConflict");
    root.iam("DeleteRolePolicy", &[("RoleName", "reader"), ("PolicyName", "p")]).await?;
    let xml = root.iam("ListAttachedRolePolicies", &[("RoleName", "reader")]).await?;
    assert_eq!(element(&xml, "IsTruncated").as_deref(), Some("false"));
    root.iam("DeleteRole", &[("RoleName", "reader")]).await?;
    let gone = root.iam("GetRole", &[("RoleName", "reader")]).await;
    refused(gone, 404, "NoSuchEntity", "The role with name reader cannot be found.");
    assert!(!root.iam("ListRoles", &[]).await?.contains("reader"));
    Ok(())
}

#[tokio::test]
async fn a_trust_policy_names_only_those_who_exist() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let ghost = "arn:aws:iam::111122223333:user/ghost";
    let create = |trust: String| {
        let root = &root;
        async move { root.iam("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &trust)]).await }
    };
    let text = format!("Invalid principal in policy: \"AWS\":\"{ghost}\"");
    refused(create(trusts(ghost)).await, 400, "MalformedPolicyDocument", &text);
    root.iam("CreateUser", &[("UserName", "ghost")]).await?;
    create(trusts(ghost)).await?;
    let update = |document: &'static str| {
        let root = &root;
        async move { root.iam("UpdateAssumeRolePolicy", &[("RoleName", "r"), ("PolicyDocument", document)]).await }
    };
    let resource = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Principal":"*"}}"#;
    refused(update(resource).await, 400, "MalformedPolicyDocument", "Has prohibited field Resource");
    update(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}}"#).await?;
    let xml = root.iam("GetRole", &[("RoleName", "r")]).await?;
    assert!(xml.contains("ec2.amazonaws.com"));
    Ok(())
}

#[tokio::test]
async fn an_instance_profile_holds_one_role() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    role(&root, "one", &trusts(ACCOUNT), "").await?;
    role(&root, "two", &trusts(ACCOUNT), "").await?;
    let name = ("InstanceProfileName", "web");
    let xml = root.iam("CreateInstanceProfile", &[name]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:instance-profile/web"));
    failed(root.iam("CreateInstanceProfile", &[name]).await, "EntityAlreadyExists");
    let weak = user(&cloud, &root, "weak", &says("Allow", "iam:AddRoleToInstanceProfile")).await?;
    failed(weak.iam("AddRoleToInstanceProfile", &[name, ("RoleName", "one")]).await, "AccessDenied");
    root.iam("AddRoleToInstanceProfile", &[name, ("RoleName", "one")]).await?;
    failed(root.iam("AddRoleToInstanceProfile", &[name, ("RoleName", "two")]).await, "LimitExceeded");
    let xml = root.iam("GetInstanceProfile", &[name]).await?;
    assert_eq!(element(&xml, "RoleName").as_deref(), Some("one"));
    let xml = root.iam("ListInstanceProfilesForRole", &[("RoleName", "one")]).await?;
    assert_eq!(element(&xml, "InstanceProfileName").as_deref(), Some("web"));
    assert!(root.iam("ListInstanceProfiles", &[]).await?.contains("web"));
    let text = "Cannot delete entity, must remove roles from instance profile first.";
    refused(root.iam("DeleteInstanceProfile", &[name]).await, 409, "DeleteConflict", text);
    refused(root.iam("DeleteRole", &[("RoleName", "one")]).await, 409, "DeleteConflict", text);
    root.iam("RemoveRoleFromInstanceProfile", &[name, ("RoleName", "one")]).await?;
    failed(root.iam("RemoveRoleFromInstanceProfile", &[name, ("RoleName", "one")]).await, "NoSuchEntity");
    root.iam("DeleteInstanceProfile", &[name]).await?;
    root.iam("DeleteRole", &[("RoleName", "one")]).await?;
    let gone = root.iam("GetInstanceProfile", &[name]).await;
    refused(gone, 404, "NoSuchEntity", "Instance Profile web cannot be found.");
    Ok(())
}
