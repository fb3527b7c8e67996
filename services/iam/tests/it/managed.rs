//! AWS managed policies: listed, read, attached, in force.

use crate::people::*;
use anyhow::Result;
use std::collections::BTreeSet;
use yakumo_testkit::{Client, TestCloud, element};

/// The ARNs of all policies that a filter leaves, page by page.
async fn listed(root: &Client, filter: &[(&str, &str)]) -> Result<Vec<String>> {
    let mut arns = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = filter.to_vec();
        if let Some(marker) = &marker {
            parameters.push(("Marker", marker));
        }
        let xml = root.iam("ListPolicies", &parameters).await?;
        let pieces = xml.split("<Arn>").skip(1).filter_map(|piece| piece.split("</Arn>").next());
        arns.extend(pieces.map(str::to_owned));
        marker = element(&xml, "Marker");
        if element(&xml, "IsTruncated").as_deref() == Some("false") {
            assert!(marker.is_none());
            return Ok(arns);
        }
    }
}

fn of_aws(place: &str) -> String {
    format!("arn:aws:iam::aws:policy/{place}")
}

#[tokio::test]
async fn all_are_listed_once_whatever_the_page() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let own = [("PolicyName", "own"), ("PolicyDocument", &says("Allow", "sqs:*"))];
    root.iam("CreatePolicy", &own).await?;
    let all = listed(&root, &[("Scope", "AWS"), ("MaxItems", "1000")]).await?;
    assert!(all.len() > 1_400);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert_eq!(listed(&root, &[("Scope", "AWS"), ("MaxItems", "333")]).await?, all);
    assert_eq!(listed(&root, &[]).await?.len(), all.len() + 1);
    assert_eq!(listed(&root, &[("Scope", "Local")]).await?, ["arn:aws:iam::111122223333:policy/own"]);
    let jobs = listed(&root, &[("PathPrefix", "/job-function/")]).await?;
    assert!(jobs.contains(&of_aws("job-function/Billing")), "{jobs:?}");
    assert!(jobs.iter().all(|arn| arn.starts_with("arn:aws:iam::aws:policy/job-function/")), "{jobs:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_in_use_is_found() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let (read, power) = (of_aws("ReadOnlyAccess"), of_aws("PowerUserAccess"));
    assert!(listed(&root, &[("OnlyAttached", "true")]).await?.is_empty());
    user(&cloud, &root, "alice", "").await?;
    root.iam("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", &read)]).await?;
    root.iam("PutUserPermissionsBoundary", &[("UserName", "alice"), ("PermissionsBoundary", &power)]).await?;
    assert_eq!(listed(&root, &[("OnlyAttached", "true")]).await?, [power.clone(), read.clone()]);
    let used = |usage: &'static str| [("Scope", "AWS"), ("PolicyUsageFilter", usage)];
    assert_eq!(listed(&root, &used("PermissionsPolicy")).await?, [read.as_str()]);
    assert_eq!(listed(&root, &used("PermissionsBoundary")).await?, [power.as_str()]);
    assert!(listed(&root, &[("Scope", "Local"), ("OnlyAttached", "true")]).await?.is_empty());
    let xml = root.iam("GetPolicy", &[("PolicyArn", &read)]).await?;
    let part = |name| element(&xml, name);
    assert_eq!(part("AttachmentCount").as_deref(), Some("1"));
    assert_eq!((part("PolicyName").as_deref(), part("Path").as_deref()), (Some("ReadOnlyAccess"), Some("/")));
    let version = part("DefaultVersionId").unwrap();
    let xml = root.iam("GetPolicyVersion", &[("PolicyArn", &read), ("VersionId", &version)]).await?;
    assert!(element(&xml, "Document").unwrap().contains("s3%3AGet%2A"), "{xml}");
    let xml = root.iam("ListPolicyVersions", &[("PolicyArn", &read)]).await?;
    assert_eq!(element(&xml, "VersionId"), Some(version));
    let none = root.iam("GetPolicyVersion", &[("PolicyArn", &read), ("VersionId", "v9999")]).await;
    failed(none, "NoSuchEntity");
    failed(root.iam("GetPolicy", &[("PolicyArn", &of_aws("AWSLambdaFullAccess"))]).await, "NoSuchEntity");
    Ok(())
}

#[tokio::test]
async fn a_policy_of_aws_decides_and_nobody_changes_it() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let arn = of_aws("job-function/ViewOnlyAccess");
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    root.iam("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", &arn)]).await?;
    alice.iam("ListUsers", &[]).await?;
    failed(alice.iam("CreateUser", &[("UserName", "bob")]).await, "AccessDenied");
    let document = says("Allow", "iam:*");
    let change = [("PolicyArn", arn.as_str()), ("PolicyDocument", &document)];
    failed(root.iam("CreatePolicyVersion", &change).await, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn policies_of_service_linked_roles_attach_to_nobody_else() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    role(&root, "worker", &trusts("arn:aws:iam::111122223333:root"), "").await?;
    let arn = of_aws("aws-service-role/AmazonElasticsearchServiceRolePolicy");
    let refusal = root.iam("AttachRolePolicy", &[("RoleName", "worker"), ("PolicyArn", &arn)]).await;
    let text = "Cannot attach a Service Role Policy to a Customer Role.";
    refused(refusal, 400, "PolicyNotAttachable", text);
    let arn = of_aws("service-role/AWSLambdaBasicExecutionRole");
    root.iam("AttachRolePolicy", &[("RoleName", "worker"), ("PolicyArn", &arn)]).await?;
    Ok(())
}
