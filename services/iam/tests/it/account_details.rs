//! GetAccountAuthorizationDetails: all that is there, by kind, page by page.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{Client, TestCloud, element};

async fn account(cloud: &TestCloud) -> Result<Client> {
    let root = cloud.root(ACCOUNT);
    user(cloud, &root, "Alice", &says("Allow", "sqs:*")).await?;
    root.iam("CreateGroup", &[("GroupName", "Devs")]).await?;
    root.iam("AddUserToGroup", &[("GroupName", "Devs"), ("UserName", "Alice")]).await?;
    let document = says("Allow", "s3:*");
    let put = [("GroupName", "Devs"), ("PolicyName", "g"), ("PolicyDocument", document.as_str())];
    root.iam("PutGroupPolicy", &put).await?;
    root.iam("CreatePolicy", &[("PolicyName", "edge"), ("PolicyDocument", &document)]).await?;
    let edge = "arn:aws:iam::111122223333:policy/edge";
    root.iam("CreatePolicyVersion", &[("PolicyArn", edge), ("PolicyDocument", &says("Deny", "*"))]).await?;
    root.iam("PutUserPermissionsBoundary", &[("UserName", "Alice"), ("PermissionsBoundary", edge)]).await?;
    role(&root, "reader", &trusts("arn:aws:iam::111122223333:user/Alice"), "").await?;
    let read_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    root.iam("AttachRolePolicy", &[("RoleName", "reader"), ("PolicyArn", read_only)]).await?;
    root.iam("CreateInstanceProfile", &[("InstanceProfileName", "web")]).await?;
    let add = [("InstanceProfileName", "web"), ("RoleName", "reader")];
    root.iam("AddRoleToInstanceProfile", &add).await?;
    let tag = [("InstanceProfileName", "web"), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    root.iam("TagInstanceProfile", &tag).await?;
    Ok(root)
}

fn count(xml: &str, what: &str) -> usize {
    xml.matches(what).count()
}

#[tokio::test]
async fn everything_with_its_policies_versions_and_boundaries() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = account(&cloud).await?;
    let xml = root.iam("GetAccountAuthorizationDetails", &[]).await?;
    for wanted in [
        "<UserName>Alice</UserName>",
        "<GroupName>Devs</GroupName>",
        "<PolicyName>inline</PolicyName>",
        "<PolicyName>g</PolicyName>",
        "<RoleName>reader</RoleName>",
        "<InstanceProfileName>web</InstanceProfileName>",
        "<PolicyName>IAMReadOnlyAccess</PolicyName>",
        "<PermissionsBoundaryArn>arn:aws:iam::111122223333:policy/edge</PermissionsBoundaryArn>",
        "<PermissionsBoundaryUsageCount>1</PermissionsBoundaryUsageCount>",
        "<VersionId>v2</VersionId>",
    ] {
        assert!(xml.contains(wanted), "{wanted} in {xml}");
    }
    assert_eq!((count(&xml, "<IsDefaultVersion>true"), count(&xml, "<IsDefaultVersion>false")), (2, 1));
    assert!(!xml.contains("AdministratorAccess"), "only policies of AWS that are in use are told");
    let tags = root.iam("ListInstanceProfileTags", &[("InstanceProfileName", "web")]).await?;
    assert_eq!(element(&tags, "Value").as_deref(), Some("v"));
    root.iam("UntagInstanceProfile", &[("InstanceProfileName", "web"), ("TagKeys.member.1", "K")]).await?;
    let tags = root.iam("ListInstanceProfileTags", &[("InstanceProfileName", "web")]).await?;
    assert_eq!(element(&tags, "Value"), None);
    Ok(())
}

#[tokio::test]
async fn filters_and_pages() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = account(&cloud).await?;
    for (filter, users, roles, policies) in
        [("User", 1, 0, 0), ("Role", 0, 1, 0), ("LocalManagedPolicy", 0, 0, 1), ("AWSManagedPolicy", 0, 0, 1)]
    {
        let xml = root.iam("GetAccountAuthorizationDetails", &[("Filter.member.1", filter)]).await?;
        let found =
            (count(&xml, "<UserId>"), count(&xml, "<RolePolicyList"), count(&xml, "<PolicyVersionList>"));
        assert_eq!(found, (users, roles, policies), "{filter}: {xml}");
    }
    let (mut marker, mut pages, mut whole) = (String::new(), 0, String::new());
    loop {
        let mut parameters = vec![("MaxItems", "1")];
        if !marker.is_empty() {
            parameters.push(("Marker", &marker));
        }
        let xml = root.iam("GetAccountAuthorizationDetails", &parameters).await?;
        pages += 1;
        whole.push_str(&xml);
        match element(&xml, "Marker") {
            Some(next) => marker = next,
            None => break,
        }
    }
    assert_eq!(pages, 5, "a user, a group, a role, a policy of the account and one of AWS");
    assert_eq!(count(&whole, "<UserId>"), 1);
    for wrong in ["*", "YWFh"] {
        failed(root.iam("GetAccountAuthorizationDetails", &[("Marker", wrong)]).await, "ValidationError");
    }
    Ok(())
}

#[tokio::test]
async fn a_trust_policy_shows_the_unique_id_of_whoever_is_gone() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let xml = root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let id = element(&xml, "UserId").unwrap_or_default();
    role(&root, "reader", &trusts("arn:aws:iam::111122223333:user/alice"), "").await?;
    let shown = |xml: String| element(&xml, "AssumeRolePolicyDocument").unwrap_or_default();
    assert!(shown(root.iam("GetRole", &[("RoleName", "reader")]).await?).contains("user%2Falice"));
    root.iam("DeleteUser", &[("UserName", "alice")]).await?;
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    for (operation, parameters) in [
        ("GetRole", vec![("RoleName", "reader")]),
        ("ListRoles", vec![]),
        ("GetAccountAuthorizationDetails", vec![("Filter.member.1", "Role")]),
    ] {
        let trust = shown(root.iam(operation, &parameters).await?);
        assert!(trust.contains(&id) && !trust.contains("user%2Falice"), "{operation}: {trust}");
    }
    Ok(())
}
