//! Names, paths, ARNs and principals that IAM does not take, in its own words, each beside what it takes.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn names_and_paths_are_judged_in_iams_words() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let trust = trusts(ACCOUNT);
    let document = says("Allow", "sqs:*");
    for (operation, parameter, more) in [
        ("CreateUser", "UserName", None),
        ("CreateGroup", "GroupName", None),
        ("CreateInstanceProfile", "InstanceProfileName", None),
        ("CreateRole", "RoleName", Some(("AssumeRolePolicyDocument", trust.as_str()))),
        ("CreatePolicy", "PolicyName", Some(("PolicyDocument", document.as_str()))),
    ] {
        let call = |name: &'static str, path: &'static str| {
            let mut parameters = vec![(parameter, name), ("Path", path)];
            parameters.extend(more);
            let root = &root;
            async move { root.iam(operation, &parameters).await }
        };
        let shown = format!("{}{}", parameter[..1].to_lowercase(), &parameter[1..]);
        let text = format!(
            "The specified value for {shown} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        );
        refused(call("a/b", "/").await, 400, "ValidationError", &text);
        let text = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
                    characters and/or / characters.";
        refused(call("ab", "team").await, 400, "ValidationError", text);
        let xml = call("a+=,.@_-b", "/team/").await?;
        let created = element(&xml, "CreateDate").unwrap_or_default();
        assert!(created.len() == 20 && !created.contains('.'), "whole seconds: {created}");
    }
    Ok(())
}

#[tokio::test]
async fn arns_of_policies_are_judged_whole() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    for operation in ["AttachUserPolicy", "DetachUserPolicy"] {
        let call = |arn: &'static str| {
            let root = &root;
            async move { root.iam(operation, &[("UserName", "alice"), ("PolicyArn", arn)]).await }
        };
        for arn in [
            "arn:aws:iam:aws:policy/AdministratorAccess",
            "arn:aws:iam::aws:policy/arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::aws:policy/AdministratorAccess ",
            "arn:aws:iam:us-east-1:aws:policy/AdministratorAccess",
            "arn:aws:sqs::aws:policy/AdministratorAccess",
            "arn:aws:iam::111122223333:role/reader",
        ] {
            refused(call(arn).await, 400, "InvalidInput", &format!("ARN {arn} is not valid."));
        }
        let china = "arn:aws-cn:iam::aws:policy/AdministratorAccess";
        refused(call(china).await, 400, "ValidationError", "Invalid ARN partition");
        call("arn:aws:iam::aws:policy/AdministratorAccess").await?;
    }
    let get = root.iam("GetPolicy", &[("PolicyArn", "arn:aws:iam::aws:policy/a b")]).await;
    refused(get, 400, "InvalidInput", "ARN arn:aws:iam::aws:policy/a b is not valid.");
    Ok(())
}

#[tokio::test]
async fn a_boundary_that_does_not_exist_is_called_scope() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let missing = ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/missing");
    let text = "Scope ARN: arn:aws:iam::111122223333:policy/missing does not exist or is not attachable.";
    let created = root.iam("CreateUser", &[("UserName", "alice"), missing]).await;
    refused(created, 404, "NoSuchEntity", text);
    failed(root.iam("GetUser", &[("UserName", "alice")]).await, "NoSuchEntity");
    let known = ("PermissionsBoundary", "arn:aws:iam::aws:policy/PowerUserAccess");
    root.iam("CreateUser", &[("UserName", "alice"), known]).await?;
    let put = root.iam("PutUserPermissionsBoundary", &[("UserName", "alice"), missing]).await;
    refused(put, 404, "NoSuchEntity", text);
    let xml = root.iam("GetUser", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "PermissionsBoundaryArn").as_deref(), Some(known.1));
    Ok(())
}

#[tokio::test]
async fn principals_of_trust_policies() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let create = |principal: &'static str| {
        let root = &root;
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:*","Principal":{{{principal}}}}}}}"#
        );
        let document = document.replace("sts:*", "sts:AssumeRole");
        async move {
            let parameters = [("RoleName", "r"), ("AssumeRolePolicyDocument", document.as_str())];
            let outcome = root.iam("CreateRole", &parameters).await;
            if outcome.is_ok() {
                root.iam("DeleteRole", &[("RoleName", "r")]).await?;
            }
            outcome
        }
    };
    for (given, named) in [
        (r#""Service":"ec2""#, r#""SERVICE":"ec2""#),
        (r#""Service":["ec2.amazonaws.com","a..b"]"#, r#""SERVICE":"a..b""#),
        (r#""Federated":"google""#, r#""FEDERATED":"google""#),
        (
            r#""Federated":"arn:aws:iam::111122223333:role/reader""#,
            r#""FEDERATED":"arn:aws:iam::111122223333:role/reader""#,
        ),
    ] {
        let text = format!("Invalid principal in policy: {named}");
        refused(create(given).await, 400, "MalformedPolicyDocument", &text);
    }
    create(r#""Service":"ec2.amazonaws.com""#).await?;
    create(r#""Federated":"accounts.google.com""#).await?;
    let xml = create(r#""AWS":"444455556666""#).await?;
    assert!(xml.contains("arn%3Aaws%3Aiam%3A%3A444455556666%3Aroot"), "{xml}");
    Ok(())
}

#[tokio::test]
async fn session_tags_of_aws_and_policies_that_do_not_fit_are_refused() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", &says("Allow", "sts:*")).await?;
    let arn = role(&root, "reader", &trusts(ACCOUNT), "").await?;
    let tag = |key: &'static str| [("Tags.member.1.Key", key), ("Tags.member.1.Value", "v")];
    let outcome = assume(&cloud, &alice, &arn, &tag("aws:team")).await.map(drop);
    let text = "aws: prefixed tag key names are not allowed for external use.";
    refused(outcome, 400, "InvalidParameterValue", text);
    assume(&cloud, &alice, &arn, &tag("team")).await?;
    let long = says("Allow", &format!("sqs:{}", "x".repeat(4_000)));
    let outcome = assume(&cloud, &alice, &arn, &[("Policy", &long)]).await.map(drop);
    let per_cent = (long.len() * 100).div_ceil(2_048);
    let text = format!("Packed policy consumes {per_cent}% of allotted space, please use smaller policy.");
    refused(outcome, 400, "PackedPolicyTooLarge", &text);
    assume(&cloud, &alice, &arn, &[("Policy", &says("Allow", "sqs:*"))]).await?;
    Ok(())
}
