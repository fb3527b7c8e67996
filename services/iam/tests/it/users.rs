//! Users and groups: life, names, tags, pages, conflicts.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn a_user_is_made_shown_renamed_and_deleted() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let xml = root
        .iam(
            "CreateUser",
            &[
                ("UserName", "Alice"),
                ("Path", "/dev/"),
                ("Tags.member.1.Key", "team"),
                ("Tags.member.1.Value", "a b"),
            ],
        )
        .await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:user/dev/Alice"));
    assert!(element(&xml, "UserId").is_some_and(|id| id.starts_with("AIDA") && id.len() == 21));
    let xml = root.iam("GetUser", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "UserName").as_deref(), Some("Alice"));
    assert_eq!(element(&xml, "Value").as_deref(), Some("a b"));
    let again = root.iam("CreateUser", &[("UserName", "ALICE")]).await;
    refused(again, 409, "EntityAlreadyExists", "User with name ALICE already exists.");
    root.iam("UpdateUser", &[("UserName", "Alice"), ("NewUserName", "Bob"), ("NewPath", "/ops/")]).await?;
    let gone = root.iam("GetUser", &[("UserName", "Alice")]).await;
    refused(gone, 404, "NoSuchEntity", "The user with name Alice cannot be found.");
    let xml = root.iam("GetUser", &[("UserName", "Bob")]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:user/ops/Bob"));
    root.iam("DeleteUser", &[("UserName", "Bob")]).await?;
    failed(root.iam("DeleteUser", &[("UserName", "Bob")]).await, "NoSuchEntity");
    Ok(())
}

#[tokio::test]
async fn a_new_name_needs_the_permission_on_the_arn_that_it_makes() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    for (kind, create, update) in
        [("User", "CreateUser", "UpdateUser"), ("Group", "CreateGroup", "UpdateGroup")]
    {
        let (name, new_name) = (format!("{kind}Name"), format!("New{kind}Name"));
        let lower = kind.to_lowercase();
        for made in ["a", "b"] {
            root.iam(create, &[(name.as_str(), made), ("Path", "/dev/")]).await?;
        }
        let within = format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Action":"iam:{update}","Resource":"arn:aws:iam::*:{lower}/dev/*"}},
                {{"Effect":"Deny","Action":"iam:{update}","Resource":"arn:aws:iam::*:{lower}/dev/boss"}}]}}"#
        );
        let renamer = user(&cloud, &root, &format!("{lower}-renamer"), &within).await?;
        renamer.iam(update, &[(name.as_str(), "a"), (new_name.as_str(), "c")]).await?;
        failed(
            renamer.iam(update, &[(name.as_str(), "b"), (new_name.as_str(), "boss")]).await,
            "AccessDenied",
        );
        failed(renamer.iam(update, &[(name.as_str(), "b"), ("NewPath", "/ops/")]).await, "AccessDenied");
    }
    Ok(())
}

#[tokio::test]
async fn accounts_are_separate_worlds() -> Result<()> {
    let cloud = TestCloud::start().await?;
    cloud.root(ACCOUNT).iam("CreateUser", &[("UserName", "alice")]).await?;
    failed(cloud.root(OTHER).iam("GetUser", &[("UserName", "alice")]).await, "NoSuchEntity");
    cloud.root(OTHER).iam("CreateUser", &[("UserName", "alice")]).await?;
    Ok(())
}

#[tokio::test]
async fn what_a_user_carries_must_go_first() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateGroup", &[("GroupName", "devs")]).await?;
    user(&cloud, &root, "alice", &says("Allow", "sqs:*")).await?;
    root.iam("AddUserToGroup", &[("GroupName", "devs"), ("UserName", "alice")]).await?;
    let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    root.iam("AttachUserPolicy", &[("UserName", "alice"), admin]).await?;
    let delete = || root.iam("DeleteUser", &[("UserName", "alice")]);
    refused(delete().await, 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.");
    root.iam("DetachUserPolicy", &[("UserName", "alice"), admin]).await?;
    refused(delete().await, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.");
    root.iam("DeleteUserPolicy", &[("UserName", "alice"), ("PolicyName", "inline")]).await?;
    refused(delete().await, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.");
    let xml = root.iam("ListAccessKeys", &[("UserName", "alice")]).await?;
    let id = element(&xml, "AccessKeyId").unwrap_or_default();
    root.iam("DeleteAccessKey", &[("UserName", "alice"), ("AccessKeyId", &id)]).await?;
    let text = "Cannot delete entity, must remove users from group first.";
    refused(delete().await, 409, "DeleteConflict", text);
    refused(root.iam("DeleteGroup", &[("GroupName", "devs")]).await, 409, "DeleteConflict", text);
    root.iam("RemoveUserFromGroup", &[("GroupName", "devs"), ("UserName", "alice")]).await?;
    delete().await?;
    root.iam("DeleteGroup", &[("GroupName", "devs")]).await?;
    Ok(())
}

#[tokio::test]
async fn lists_come_in_pages_and_by_path() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    for name in ["a", "b", "c", "d", "e"] {
        let path = if name == "c" { "/other/" } else { "/team/" };
        root.iam("CreateUser", &[("UserName", name), ("Path", path)]).await?;
    }
    let mut marker: Option<String> = None;
    let mut names = Vec::new();
    loop {
        let mut parameters = vec![("PathPrefix", "/team"), ("MaxItems", "3")];
        if let Some(marker) = &marker {
            parameters.push(("Marker", marker));
        }
        let xml = root.iam("ListUsers", &parameters).await?;
        names.extend(
            xml.split("<UserName>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned),
        );
        let truncated = element(&xml, "IsTruncated");
        marker = element(&xml, "Marker");
        assert_eq!(truncated.as_deref() == Some("true"), marker.is_some());
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "d", "e"]);
    failed(root.iam("ListUsers", &[("Marker", "*")]).await, "ValidationError");
    let xml = root.iam("ListGroups", &[]).await?;
    assert!(!xml.contains("<GroupName>"));
    Ok(())
}

#[tokio::test]
async fn tags_on_a_user() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let tag =
        |key: &'static str| [("UserName", "alice"), ("Tags.member.1.Key", key), ("Tags.member.1.Value", "v")];
    root.iam("TagUser", &tag("Team")).await?;
    root.iam("TagUser", &tag("stage")).await?;
    let xml = root.iam("ListUserTags", &[("UserName", "alice"), ("MaxItems", "1")]).await?;
    assert_eq!(element(&xml, "Key").as_deref(), Some("Team"));
    assert_eq!(element(&xml, "IsTruncated").as_deref(), Some("true"));
    root.iam("UntagUser", &[("UserName", "alice"), ("TagKeys.member.1", "team")]).await?;
    let xml = root.iam("ListUserTags", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "Key").as_deref(), Some("stage"));
    Ok(())
}

#[tokio::test]
async fn groups_have_members_and_can_be_renamed() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    root.iam("CreateGroup", &[("GroupName", "devs")]).await?;
    failed(root.iam("CreateGroup", &[("GroupName", "DEVS")]).await, "EntityAlreadyExists");
    let policy = says("Allow", "iam:ListUsers");
    let put = [("GroupName", "devs"), ("PolicyName", "list"), ("PolicyDocument", policy.as_str())];
    root.iam("PutGroupPolicy", &put).await?;
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    root.iam("AddUserToGroup", &[("GroupName", "devs"), ("UserName", "alice")]).await?;
    alice.iam("ListUsers", &[]).await?;
    root.iam("UpdateGroup", &[("GroupName", "devs"), ("NewGroupName", "builders")]).await?;
    alice.iam("ListUsers", &[]).await?;
    let xml = root.iam("GetGroup", &[("GroupName", "builders")]).await?;
    assert_eq!(element(&xml, "UserName").as_deref(), Some("alice"));
    let xml = root.iam("ListGroupsForUser", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "GroupName").as_deref(), Some("builders"));
    let xml = root.iam("ListGroupPolicies", &[("GroupName", "builders")]).await?;
    assert_eq!(element(&xml, "member").as_deref(), Some("list"));
    let xml = root.iam("GetGroupPolicy", &[("GroupName", "builders"), ("PolicyName", "list")]).await?;
    assert!(element(&xml, "PolicyDocument").is_some_and(|text| text.starts_with("%7B%22Version%22")));
    root.iam("UpdateUser", &[("UserName", "alice"), ("NewUserName", "carol")]).await?;
    alice.iam("ListUsers", &[]).await?;
    root.iam("RemoveUserFromGroup", &[("GroupName", "builders"), ("UserName", "carol")]).await?;
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    root.iam("RemoveUserFromGroup", &[("GroupName", "builders"), ("UserName", "carol")]).await?;
    let nobody = root.iam("RemoveUserFromGroup", &[("GroupName", "builders"), ("UserName", "dave")]).await;
    failed(nobody, "NoSuchEntity");
    let nowhere = root.iam("RemoveUserFromGroup", &[("GroupName", "devs"), ("UserName", "carol")]).await;
    failed(nowhere, "NoSuchEntity");
    root.iam("DeleteGroupPolicy", &[("GroupName", "builders"), ("PolicyName", "list")]).await?;
    let admin = [("GroupName", "builders"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    root.iam("AttachGroupPolicy", &admin).await?;
    let xml = root.iam("ListAttachedGroupPolicies", &[("GroupName", "builders")]).await?;
    assert_eq!(element(&xml, "PolicyName").as_deref(), Some("AdministratorAccess"));
    root.iam("DetachGroupPolicy", &admin).await?;
    root.iam("DeleteGroup", &[("GroupName", "builders")]).await?;
    Ok(())
}
