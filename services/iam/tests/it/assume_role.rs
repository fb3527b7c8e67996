//! AssumeRole: who may, for how long, with which rights; each refusal beside what is allowed.

use crate::people::*;
use anyhow::Result;
use std::time::Duration;
use yakumo_testkit::{TestCloud, element};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

#[tokio::test]
async fn both_the_trust_policy_and_the_caller_decide() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let bob = user(&cloud, &root, "bob", &says("Allow", "sts:AssumeRole")).await?;
    let by_name = role(&root, "by-name", &trusts(ALICE), &says("Allow", "iam:ListUsers")).await?;
    let by_account = role(&root, "by-account", &trusts(ACCOUNT), "").await?;
    let session = assume(&cloud, &alice, &by_name, &[]).await?;
    let xml = session.sts("GetCallerIdentity", &[]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:sts::111122223333:assumed-role/by-name/s1"));
    assert!(element(&xml, "UserId").is_some_and(|id| id.starts_with("AROA") && id.ends_with(":s1")));
    session.iam("ListUsers", &[]).await?;
    failed(session.iam("ListRoles", &[]).await, "AccessDenied");
    let denied = |who: &str, arn: &str| {
        format!(
            "User: arn:aws:iam::111122223333:user/{who} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )
    };
    refused(assume(&cloud, &bob, &by_name, &[]).await, 403, "AccessDenied", &denied("bob", &by_name));
    assume(&cloud, &bob, &by_account, &[]).await?;
    refused(
        assume(&cloud, &alice, &by_account, &[]).await,
        403,
        "AccessDenied",
        &denied("alice", &by_account),
    );
    let missing = "arn:aws:iam::111122223333:role/missing";
    refused(assume(&cloud, &bob, missing, &[]).await, 403, "AccessDenied", &denied("bob", missing));
    let text = "Roles may not be assumed by root accounts.";
    refused(assume(&cloud, &root, &by_account, &[]).await, 403, "AccessDenied", text);
    Ok(())
}

#[tokio::test]
async fn another_account_needs_both_sides_and_the_external_id() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"{OTHER}"}},
            "Condition":{{"StringEquals":{{"sts:ExternalId":"secret-7"}}}}}}}}"#
    );
    let arn = role(&root, "vendor", &trust, &says("Allow", "iam:ListUsers")).await?;
    let weak = user(&cloud, &other, "weak", "").await?;
    let vendor = user(&cloud, &other, "vendor", &says("Allow", "sts:AssumeRole")).await?;
    let with_id = [("ExternalId", "secret-7")];
    failed(assume(&cloud, &weak, &arn, &with_id).await, "AccessDenied");
    failed(assume(&cloud, &vendor, &arn, &[]).await, "AccessDenied");
    failed(assume(&cloud, &vendor, &arn, &[("ExternalId", "guess")]).await, "AccessDenied");
    let session = assume(&cloud, &vendor, &arn, &with_id).await?;
    session.iam("ListUsers", &[]).await?;
    let xml = session.sts("GetCallerIdentity", &[]).await?;
    assert_eq!(element(&xml, "Account").as_deref(), Some(ACCOUNT));
    Ok(())
}

#[tokio::test]
async fn a_session_policy_cuts() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let arn = role(&root, "reader", &trusts(ALICE), &says("Allow", "iam:*")).await?;
    let policy = says("Allow", "iam:ListUsers");
    let session = assume(&cloud, &alice, &arn, &[("Policy", &policy)]).await?;
    session.iam("ListUsers", &[]).await?;
    let text = "User: arn:aws:sts::111122223333:assumed-role/reader/s1 is not authorized to perform: iam:ListRoles on \
                resource: arn:aws:iam::111122223333:role/ because no session policy allows the iam:ListRoles action";
    refused(session.iam("ListRoles", &[]).await, 403, "AccessDenied", text);
    let by_arn = [("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AmazonSQSFullAccess")];
    let session = assume(&cloud, &alice, &arn, &by_arn).await?;
    failed(session.iam("ListUsers", &[]).await, "AccessDenied");
    failed(assume(&cloud, &alice, &arn, &[("Policy", "{}")]).await, "MalformedPolicyDocument");
    let long = says("Allow", &format!("iam:{}", "x".repeat(2_000)));
    failed(assume(&cloud, &alice, &arn, &[("Policy", &long)]).await, "PackedPolicyTooLarge");
    Ok(())
}

#[tokio::test]
async fn durations_and_chains() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let first = role(&root, "first", &trusts(ALICE), &says("Allow", "sts:*")).await?;
    let second = role(&root, "second", &trusts(&first), "").await?;
    root.iam("UpdateRole", &[("RoleName", "second"), ("MaxSessionDuration", "43200")]).await?;
    let long = [("DurationSeconds", "3601")];
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    refused(assume(&cloud, &alice, &first, &long).await, 400, "ValidationError", text);
    failed(assume(&cloud, &alice, &first, &[("DurationSeconds", "899")]).await, "ValidationError");
    let session = assume(&cloud, &alice, &first, &[("DurationSeconds", "900")]).await?;
    let text =
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    refused(assume(&cloud, &session, &second, &long).await, 400, "ValidationError", text);
    let chained = assume(&cloud, &session, &second, &[]).await?;
    failed(assume(&cloud, &alice, &second, &[]).await, "AccessDenied");
    cloud.advance(Duration::from_secs(901)).await?;
    let text = "The security token included in the request is expired";
    refused(session.sts("GetCallerIdentity", &[]).await, 403, "ExpiredToken", text);
    chained.sts("GetCallerIdentity", &[]).await?;
    Ok(())
}

#[tokio::test]
async fn a_role_made_anew_is_not_the_one_that_was_trusted() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let arn = role(&root, "reader", &trusts(ALICE), &says("Allow", "iam:ListUsers")).await?;
    let session = assume(&cloud, &alice, &arn, &[]).await?;
    root.iam("DeleteRolePolicy", &[("RoleName", "reader"), ("PolicyName", "inline")]).await?;
    failed(session.iam("ListUsers", &[]).await, "AccessDenied");
    root.iam("DeleteRole", &[("RoleName", "reader")]).await?;
    failed(session.sts("GetCallerIdentity", &[]).await, "InvalidClientTokenId");
    role(&root, "reader", &trusts(ALICE), &says("Allow", "iam:ListUsers")).await?;
    failed(session.sts("GetCallerIdentity", &[]).await, "InvalidClientTokenId");
    // The user is deleted and made again: the trust policy still means the first one.
    for (action, parameters) in
        [("DeleteAccessKey", vec![("UserName", "alice")]), ("DeleteUser", vec![("UserName", "alice")])]
    {
        let xml = root.iam("ListAccessKeys", &[("UserName", "alice")]).await?;
        let id = element(&xml, "AccessKeyId").unwrap_or_default();
        let mut parameters = parameters;
        if action == "DeleteAccessKey" {
            parameters.push(("AccessKeyId", &id));
        }
        root.iam(action, &parameters).await?;
    }
    let impostor = user(&cloud, &root, "alice", &says("Allow", "sts:AssumeRole")).await?;
    failed(assume(&cloud, &impostor, &arn, &[]).await, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn session_tags_become_principal_tags_and_transitive_ones_go_on() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"sts:*","Resource":"*"},
        {"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}]}"#;
    let first = role(&root, "first", &trusts(ALICE), policy).await?;
    let second = role(&root, "second", &trusts(&first), policy).await?;
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    let transitive = [tag[0], tag[1], ("TransitiveTagKeys.member.1", "team")];
    failed(assume(&cloud, &alice, &first, &[]).await?.iam("ListUsers", &[]).await, "AccessDenied");
    let tagged = assume(&cloud, &alice, &first, &tag).await?;
    tagged.iam("ListUsers", &[]).await?;
    failed(assume(&cloud, &tagged, &second, &[]).await?.iam("ListUsers", &[]).await, "AccessDenied");
    let handing_on = assume(&cloud, &alice, &first, &transitive).await?;
    assume(&cloud, &handing_on, &second, &[]).await?.iam("ListUsers", &[]).await?;
    failed(assume(&cloud, &handing_on, &second, &tag).await, "InvalidParameterValue");
    // Keys have no case: a tag that is handed on under another case is handed on, and stays as it is.
    let in_capitals = [tag[0], tag[1], ("TransitiveTagKeys.member.1", "TEAM")];
    let in_capitals = assume(&cloud, &alice, &first, &in_capitals).await?;
    assume(&cloud, &in_capitals, &second, &[]).await?.iam("ListUsers", &[]).await?;
    let other = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "red")];
    failed(assume(&cloud, &in_capitals, &second, &other).await, "InvalidParameterValue");
    let of_aws = [("Tags.member.1.Key", "AWS:team"), ("Tags.member.1.Value", "blue")];
    failed(assume(&cloud, &alice, &first, &of_aws).await, "InvalidParameterValue");
    let no_tags = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"}}}"#;
    let untagged = role(&root, "untagged", no_tags, "").await?;
    assume(&cloud, &tagged, &untagged, &[]).await?;
    failed(assume(&cloud, &tagged, &untagged, &tag).await, "AccessDenied");
    failed(assume(&cloud, &handing_on, &untagged, &[]).await, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn a_source_identity_goes_on_and_never_changes() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let all = says("Allow", "sts:*");
    let lets_name = |principal: &str| trusts(principal).replace("sts:TagSession", "sts:SetSourceIdentity");
    let first = role(&root, "first", &lets_name(ALICE), &all).await?;
    let second = role(&root, "second", &lets_name(&first), &all).await?;
    let silent = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"}}}"#;
    let silent = role(&root, "silent", silent, "").await?;
    let named = assume(&cloud, &alice, &first, &[("SourceIdentity", "alice")]).await?;
    assume(&cloud, &named, &second, &[]).await?;
    assume(&cloud, &named, &second, &[("SourceIdentity", "alice")]).await?;
    failed(assume(&cloud, &named, &second, &[("SourceIdentity", "mallory")]).await, "AccessDenied");
    failed(assume(&cloud, &named, &silent, &[]).await, "AccessDenied");
    let nameless = assume(&cloud, &alice, &first, &[]).await?;
    assume(&cloud, &nameless, &silent, &[]).await?;
    assume(&cloud, &nameless, &second, &[("SourceIdentity", "mallory")]).await?;
    Ok(())
}
