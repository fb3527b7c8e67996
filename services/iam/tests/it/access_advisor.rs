//! The access advisor: what could be used, what was, by whom; and which policies grant it.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{Client, TestCloud, element};

async fn report(root: &Client, arn: &str) -> Result<(String, String)> {
    let xml = root.iam("GenerateServiceLastAccessedDetails", &[("Arn", arn)]).await?;
    let id = element(&xml, "JobId").unwrap_or_default();
    let xml = root.iam("GetServiceLastAccessedDetails", &[("JobId", &id)]).await?;
    assert_eq!(element(&xml, "JobStatus").as_deref(), Some("COMPLETED"));
    Ok((id, xml))
}

/// The part of a report that is about one service.
fn service(xml: &str, namespace: &str) -> Option<String> {
    let members = xml.split("<ServiceName>").skip(1);
    let named = format!("<ServiceNamespace>{namespace}</ServiceNamespace>");
    members.filter(|member| member.contains(&named)).map(str::to_owned).next()
}

#[tokio::test]
async fn a_report_tells_what_a_user_could_use_and_did() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:Get*","sqs:*"],"Resource":"*"}}"#;
    let alice = user(&cloud, &root, "alice", policy).await?;
    let arn = "arn:aws:iam::111122223333:user/alice";
    alice.iam("GetUser", &[]).await?;
    // An attempt counts, whether it succeeds or not.
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    let (id, xml) = report(&root, arn).await?;
    let iam = service(&xml, "iam").unwrap_or_default();
    assert_eq!(element(&iam, "LastAuthenticatedEntity").as_deref(), Some(arn), "{xml}");
    assert_eq!(element(&iam, "TotalAuthenticatedEntities").as_deref(), Some("1"));
    let sqs = service(&xml, "sqs").unwrap_or_default();
    assert_eq!(element(&sqs, "LastAuthenticated"), None, "{sqs}");
    assert_eq!(element(&sqs, "TotalAuthenticatedEntities").as_deref(), Some("0"));
    assert!(service(&xml, "s3").is_none());
    assert!(sqs.starts_with("Amazon SQS</ServiceName>"), "{sqs}");
    // A report stays as it was made, and is its maker's.
    let again = root.iam("GetServiceLastAccessedDetails", &[("JobId", &id)]).await?;
    assert_eq!(element(&again, "LastAuthenticated"), element(&xml, "LastAuthenticated"));
    let admin = user(&cloud, &root, "admin", &says("Allow", "iam:*")).await?;
    failed(admin.iam("GetServiceLastAccessedDetails", &[("JobId", &id)]).await, "NoSuchEntity");
    failed(
        root.iam("GenerateServiceLastAccessedDetails", &[("Arn", &format!("{arn}x"))]).await,
        "NoSuchEntity",
    );
    let absent = "arn:aws:iam::aws:policy/NoSuchPolicy";
    failed(root.iam("GenerateServiceLastAccessedDetails", &[("Arn", absent)]).await, "NoSuchEntity");
    let action = [("Arn", arn), ("Granularity", "ACTION_LEVEL")];
    assert_eq!(
        root.iam("GenerateServiceLastAccessedDetails", &action).await.expect_err("absent").status,
        501
    );
    Ok(())
}

#[tokio::test]
async fn reports_of_groups_policies_and_roles_name_their_people() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", &says("Allow", "sts:AssumeRole")).await?;
    user(&cloud, &root, "bob", "").await?;
    root.iam("CreateGroup", &[("GroupName", "devs")]).await?;
    let read_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    root.iam("AttachGroupPolicy", &[("GroupName", "devs"), ("PolicyArn", read_only)]).await?;
    for name in ["alice", "bob"] {
        root.iam("AddUserToGroup", &[("GroupName", "devs"), ("UserName", name)]).await?;
    }
    let role_arn = role(&root, "reader", &trusts(ACCOUNT), "").await?;
    root.iam("AttachRolePolicy", &[("RoleName", "reader"), ("PolicyArn", read_only)]).await?;
    alice.iam("ListUsers", &[]).await?;
    let (id, xml) = report(&root, "arn:aws:iam::111122223333:group/devs").await?;
    let iam = service(&xml, "iam").unwrap_or_default();
    assert!(element(&iam, "LastAuthenticatedEntity").is_some_and(|arn| arn.ends_with("user/alice")), "{xml}");
    let people = [("JobId", id.as_str()), ("ServiceNamespace", "iam")];
    let xml = root.iam("GetServiceLastAccessedDetailsWithEntities", &people).await?;
    let order = (xml.find("<Name>alice</Name>"), xml.find("<Name>bob</Name>"));
    assert!(order.0.is_some() && order.0 < order.1, "who used it comes first: {xml}");
    assert_eq!(xml.matches("<LastAuthenticated>").count(), 1);
    // The policy is carried by the group's members and by the role, which is used by its sessions.
    assume(&cloud, &alice, &role_arn, &[]).await?.iam("ListUsers", &[]).await?;
    let (_, xml) = report(&root, read_only).await?;
    let iam = service(&xml, "iam").unwrap_or_default();
    assert_eq!(element(&iam, "TotalAuthenticatedEntities").as_deref(), Some("2"), "{iam}");
    assert!(service(&xml, "sqs").is_none(), "the policy is about IAM alone");
    let (_, xml) = report(&root, &role_arn).await?;
    let iam = service(&xml, "iam").unwrap_or_default();
    assert_eq!(element(&iam, "LastAuthenticatedEntity"), Some(role_arn));
    Ok(())
}

#[tokio::test]
async fn which_policies_grant_a_service() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    user(&cloud, &root, "alice", &says("Allow", "sqs:*")).await?;
    root.iam("CreateGroup", &[("GroupName", "devs")]).await?;
    root.iam("AddUserToGroup", &[("GroupName", "devs"), ("UserName", "alice")]).await?;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    root.iam("AttachGroupPolicy", &[("GroupName", "devs"), ("PolicyArn", admin)]).await?;
    let arn = ("Arn", "arn:aws:iam::111122223333:user/alice");
    let ask = [arn, ("ServiceNamespaces.member.1", "sqs"), ("ServiceNamespaces.member.2", "iam")];
    let xml = root.iam("ListPoliciesGrantingServiceAccess", &ask).await?;
    let (iam, sqs) = xml.split_once("<ServiceNamespace>sqs").unwrap_or_default();
    assert!(iam.contains(admin) && !iam.contains("inline"), "{xml}");
    let both = sqs.to_owned() + iam.rsplit("</ServiceNamespace>").next().unwrap_or_default();
    assert!(
        both.contains("<PolicyName>inline</PolicyName>") && both.contains("<EntityName>alice</EntityName>")
    );
    let edges = [arn, ("ServiceNamespaces.member.1", "nothing")];
    let xml = root.iam("ListPoliciesGrantingServiceAccess", &edges).await?;
    assert_eq!(element(&xml, "PolicyName"), None);
    Ok(())
}
