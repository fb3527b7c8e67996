//! Login profiles and the account's password policy.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{Client, Failure, TestCloud, element};

async fn set(client: &Client, action: &str, password: &str) -> Result<String, Failure> {
    client.iam(action, &[("UserName", "alice"), ("Password", password)]).await
}

#[tokio::test]
async fn a_login_profile_is_made_judged_changed_and_deleted() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", &says("Allow", "iam:ChangePassword")).await?;
    let name = [("UserName", "alice")];
    let text = "Login Profile for User alice cannot be found.";
    refused(root.iam("GetLoginProfile", &name).await, 404, "NoSuchEntity", text);
    let text = "Password should have a minimum length of 8";
    refused(set(&root, "CreateLoginProfile", "Ab1!").await, 400, "PasswordPolicyViolation", text);
    failed(root.iam("CreateLoginProfile", &name).await, "ValidationError");
    failed(root.iam("CreateLoginProfile", &[("Password", "Correct-horse-1")]).await, "ValidationError");
    let parameters = [name[0], ("Password", "Correct-horse-1"), ("PasswordResetRequired", "true")];
    let xml = root.iam("CreateLoginProfile", &parameters).await?;
    assert_eq!(element(&xml, "PasswordResetRequired").as_deref(), Some("true"));
    let text = "Login Profile for User alice already exists.";
    refused(set(&root, "CreateLoginProfile", "Correct-horse-1").await, 409, "EntityAlreadyExists", text);
    let change = |old: &'static str, new: &'static str| {
        let alice = &alice;
        async move { alice.iam("ChangePassword", &[("OldPassword", old), ("NewPassword", new)]).await }
    };
    refused(
        change("correct-horse-1", "Correct-horse-2").await,
        403,
        "AccessDenied",
        "The old password was incorrect.",
    );
    change("Correct-horse-1", "Correct-horse-2").await?;
    failed(change("Correct-horse-1", "Correct-horse-3").await, "AccessDenied");
    let xml = root.iam("GetLoginProfile", &name).await?;
    assert_eq!(element(&xml, "PasswordResetRequired").as_deref(), Some("false"));
    root.iam("UpdateLoginProfile", &[name[0], ("PasswordResetRequired", "true")]).await?;
    change("Correct-horse-2", "Correct-horse-4").await?;
    failed(
        root.iam("ChangePassword", &[("OldPassword", "x"), ("NewPassword", "y")]).await,
        "InvalidUserType",
    );
    let xml = root.iam("ListAccessKeys", &name).await?;
    let key = element(&xml, "AccessKeyId").unwrap_or_default();
    root.iam("DeleteUserPolicy", &[name[0], ("PolicyName", "inline")]).await?;
    root.iam("DeleteAccessKey", &[name[0], ("AccessKeyId", &key)]).await?;
    let text = "Cannot delete entity, must delete login profile first.";
    refused(root.iam("DeleteUser", &name).await, 409, "DeleteConflict", text);
    root.iam("UpdateUser", &[name[0], ("NewUserName", "bob")]).await?;
    root.iam("GetLoginProfile", &[("UserName", "bob")]).await?;
    root.iam("DeleteLoginProfile", &[("UserName", "bob")]).await?;
    failed(root.iam("DeleteLoginProfile", &[("UserName", "bob")]).await, "NoSuchEntity");
    root.iam("DeleteUser", &[("UserName", "bob")]).await?;
    Ok(())
}

#[tokio::test]
async fn the_account_policy_judges_remembers_and_lets_users_change() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let text = "The Password Policy with domain name 111122223333 cannot be found.";
    refused(root.iam("GetAccountPasswordPolicy", &[]).await, 404, "NoSuchEntity", text);
    refused(root.iam("DeleteAccountPasswordPolicy", &[]).await, 404, "NoSuchEntity", text);
    let alice = user(&cloud, &root, "alice", "").await?;
    set(&root, "CreateLoginProfile", "Correct-horse-1").await?;
    let change = |old: &'static str, new: &'static str| {
        let alice = &alice;
        async move { alice.iam("ChangePassword", &[("OldPassword", old), ("NewPassword", new)]).await }
    };
    failed(change("Correct-horse-1", "Correct-horse-2").await, "AccessDenied");
    let policy = [
        ("MinimumPasswordLength", "12"),
        ("RequireSymbols", "true"),
        ("AllowUsersToChangePassword", "true"),
        ("PasswordReusePrevention", "2"),
        ("MaxPasswordAge", "90"),
    ];
    root.iam("UpdateAccountPasswordPolicy", &policy).await?;
    let xml = root.iam("GetAccountPasswordPolicy", &[]).await?;
    for (name, value) in [
        ("MinimumPasswordLength", "12"),
        ("RequireNumbers", "false"),
        ("ExpirePasswords", "true"),
        ("MaxPasswordAge", "90"),
    ] {
        assert_eq!(element(&xml, name).as_deref(), Some(value), "{xml}");
    }
    change("Correct-horse-1", "correct-horse-b").await?;
    failed(change("correct-horse-b", "correct-horse-b").await, "PasswordPolicyViolation");
    failed(change("correct-horse-b", "Correct-horse-1").await, "PasswordPolicyViolation");
    change("correct-horse-b", "correct-horse-c").await?;
    change("correct-horse-c", "Correct-horse-1").await?;
    let text = "Password should have a minimum length of 12, Password should have at least one symbol";
    refused(change("Correct-horse-1", "short").await, 400, "PasswordPolicyViolation", text);
    let deny = says("Deny", "iam:ChangePassword");
    let put = [("UserName", "alice"), ("PolicyName", "deny"), ("PolicyDocument", deny.as_str())];
    root.iam("PutUserPolicy", &put).await?;
    failed(change("Correct-horse-1", "correct-horse-d").await, "AccessDenied");
    root.iam("UpdateAccountPasswordPolicy", &[("MinimumPasswordLength", "9")]).await?;
    let xml = root.iam("GetAccountPasswordPolicy", &[]).await?;
    assert_eq!(element(&xml, "ExpirePasswords").as_deref(), Some("false"));
    assert_eq!(element(&xml, "MaxPasswordAge"), None);
    root.iam("DeleteAccountPasswordPolicy", &[]).await?;
    Ok(())
}
