//! Aliases, the summary, and the last use of access keys.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn an_alias_is_one_accounts_alone() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let alias = |name: &'static str| [("AccountAlias", name)];
    root.iam("CreateAccountAlias", &alias("acme")).await?;
    let text = "The account alias acme already exists.";
    refused(other.iam("CreateAccountAlias", &alias("acme")).await, 409, "EntityAlreadyExists", text);
    failed(other.iam("DeleteAccountAlias", &alias("acme")).await, "NoSuchEntity");
    for bad in ["ab", "-acme", "a--b", "Acme"] {
        failed(other.iam("CreateAccountAlias", &[("AccountAlias", bad)]).await, "ValidationError");
    }
    // The new one takes the old one's place, which is free again.
    root.iam("CreateAccountAlias", &alias("acme-two")).await?;
    let xml = root.iam("ListAccountAliases", &[]).await?;
    assert!(xml.contains("<member>acme-two</member>") && !xml.contains("<member>acme</member>"), "{xml}");
    other.iam("CreateAccountAlias", &alias("acme")).await?;
    root.iam("DeleteAccountAlias", &alias("acme-two")).await?;
    assert!(!root.iam("ListAccountAliases", &[]).await?.contains("<member>"));
    Ok(())
}

#[tokio::test]
async fn the_summary_counts() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    for name in ["a", "b"] {
        root.iam("CreateUser", &[("UserName", name)]).await?;
    }
    root.iam("CreateGroup", &[("GroupName", "g")]).await?;
    role(&root, "r", &trusts(ACCOUNT), "").await?;
    let document = says("Allow", "sqs:*");
    root.iam("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &document)]).await?;
    let arn = ("PolicyArn", "arn:aws:iam::111122223333:policy/p");
    root.iam("CreatePolicyVersion", &[arn, ("PolicyDocument", &document)]).await?;
    root.iam("SetSecurityTokenServicePreferences", &[("GlobalEndpointTokenVersion", "v2Token")]).await?;
    root.iam("CreateAccessKey", &[]).await?;
    let xml = root.iam("GetAccountSummary", &[]).await?;
    for (key, value) in [
        ("Users", 2),
        ("UsersQuota", 5_000),
        ("Groups", 1),
        ("GroupsQuota", 300),
        ("Roles", 1),
        ("RolesQuota", 1_000),
        ("Policies", 1),
        ("PoliciesQuota", 1_500),
        ("PolicyVersionsInUse", 2),
        ("InstanceProfiles", 0),
        ("ServerCertificatesQuota", 20),
        ("MFADevices", 0),
        ("AccountMFAEnabled", 0),
        ("AccountAccessKeysPresent", 1),
        ("GlobalEndpointTokenVersion", 2),
    ] {
        assert!(xml.contains(&format!("<key>{key}</key><value>{value}</value>")), "{key}: {xml}");
    }
    Ok(())
}

#[tokio::test]
async fn the_last_use_of_a_key_is_told_to_its_account_alone() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let (id, alice) = key_of(&cloud, &root, "alice").await?;
    let parameters = [("AccessKeyId", id.as_str())];
    let xml = root.iam("GetAccessKeyLastUsed", &parameters).await?;
    assert_eq!(element(&xml, "UserName").as_deref(), Some("alice"));
    assert_eq!((element(&xml, "ServiceName").as_deref(), element(&xml, "LastUsedDate")), (Some("N/A"), None));
    alice.sts("GetCallerIdentity", &[]).await?;
    let xml = root.iam("GetAccessKeyLastUsed", &parameters).await?;
    assert_eq!(element(&xml, "ServiceName").as_deref(), Some("sts"));
    assert_eq!(element(&xml, "Region").as_deref(), Some("us-east-1"));
    assert!(element(&xml, "LastUsedDate").is_some());
    let text = format!(
        "User: arn:aws:iam::444455556666:root is not authorized to perform: iam:GetAccessKeyLastUsed on resource: \
         access key {id}"
    );
    refused(other.iam("GetAccessKeyLastUsed", &parameters).await, 403, "AccessDenied", &text);
    failed(alice.iam("GetAccessKeyLastUsed", &parameters).await, "AccessDenied");
    Ok(())
}
