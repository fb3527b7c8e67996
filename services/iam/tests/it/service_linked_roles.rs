//! Service-linked roles: made from the service's template, protected, deleted through a task.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

const SPOT: (&str, &str) = ("AWSServiceName", "spot.amazonaws.com");
const ROLE: (&str, &str) = ("RoleName", "AWSServiceRoleForEC2Spot");

#[tokio::test]
async fn a_role_is_made_from_its_services_template() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let xml = root.iam("CreateServiceLinkedRole", &[SPOT]).await?;
    let arn = "arn:aws:iam::111122223333:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    assert_eq!(element(&xml, "Arn").as_deref(), Some(arn));
    assert!(
        element(&xml, "AssumeRolePolicyDocument").is_some_and(|text| text.contains("spot.amazonaws.com"))
    );
    let listed = root.iam("ListAttachedRolePolicies", &[ROLE]).await?;
    assert_eq!(element(&listed, "PolicyName").as_deref(), Some("AWSEC2SpotServiceRolePolicy"));
    let text = "Service role name AWSServiceRoleForEC2Spot has been taken in this account, please try a different suffix.";
    refused(root.iam("CreateServiceLinkedRole", &[SPOT]).await, 400, "InvalidInput", text);
    let text = "Custom suffix is not allowed for spot.amazonaws.com";
    let suffix = root.iam("CreateServiceLinkedRole", &[SPOT, ("CustomSuffix", "x")]).await;
    refused(suffix, 400, "InvalidInput", text);
    let text = "Cannot find Service Linked Role template for ec2.amazonaws.com";
    let unknown = root.iam("CreateServiceLinkedRole", &[("AWSServiceName", "ec2.amazonaws.com")]).await;
    refused(unknown, 403, "AccessDenied", text);
    let scaling =
        [("AWSServiceName", "autoscaling.amazonaws.com"), ("CustomSuffix", "blue"), ("Description", "mine")];
    let xml = root.iam("CreateServiceLinkedRole", &scaling).await?;
    assert_eq!(element(&xml, "RoleName").as_deref(), Some("AWSServiceRoleForAutoScaling_blue"));
    assert_eq!(element(&xml, "Description").as_deref(), Some("mine"));
    let listed = root.iam("ListRoles", &[("PathPrefix", "/aws-service-role/spot.amazonaws.com/")]).await?;
    assert_eq!(element(&listed, "RoleName").as_deref(), Some(ROLE.1));
    // Nobody makes such a role in another way.
    let (trust, path) = (trusts(ACCOUNT), ("Path", "/aws-service-role/spot.amazonaws.com/"));
    let other =
        root.iam("CreateRole", &[("RoleName", "x"), path, ("AssumeRolePolicyDocument", &trust)]).await;
    failed(other, "InvalidInput");
    Ok(())
}

#[tokio::test]
async fn only_the_service_changes_its_role() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateServiceLinkedRole", &[SPOT]).await?;
    let (document, trust) = (says("Allow", "*"), trusts(ACCOUNT));
    let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    root.iam("CreateInstanceProfile", &[("InstanceProfileName", "web")]).await?;
    let text = "Cannot perform the operation on the protected role 'AWSServiceRoleForEC2Spot' - this role is only \
                modifiable by AWS";
    for (operation, more) in [
        ("PutRolePolicy", vec![("PolicyName", "p"), ("PolicyDocument", document.as_str())]),
        ("DeleteRolePolicy", vec![("PolicyName", "p")]),
        ("AttachRolePolicy", vec![admin]),
        ("DetachRolePolicy", vec![admin]),
        ("PutRolePermissionsBoundary", vec![("PermissionsBoundary", admin.1)]),
        ("DeleteRolePermissionsBoundary", vec![]),
        ("UpdateAssumeRolePolicy", vec![("PolicyDocument", trust.as_str())]),
        ("UpdateRole", vec![("MaxSessionDuration", "7200")]),
        ("AddRoleToInstanceProfile", vec![("InstanceProfileName", "web")]),
        ("DeleteRole", vec![]),
    ] {
        let parameters: Vec<_> = [ROLE].into_iter().chain(more).collect();
        let outcome = root.iam(operation, &parameters).await;
        refused(outcome, 400, "UnmodifiableEntity", text);
    }
    // Its description and its tags may be changed.
    root.iam("UpdateRole", &[ROLE, ("Description", "ours")]).await?;
    let tag = [ROLE, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    root.iam("TagRole", &tag).await?;
    Ok(())
}

#[tokio::test]
async fn a_role_goes_with_a_task_that_tells_how_it_went() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateServiceLinkedRole", &[SPOT]).await?;
    let xml = root.iam("DeleteServiceLinkedRole", &[ROLE]).await?;
    let task = element(&xml, "DeletionTaskId").unwrap_or_default();
    assert!(task.starts_with("task/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot/"), "{task}");
    let status = [("DeletionTaskId", task.as_str())];
    let xml = root.iam("GetServiceLinkedRoleDeletionStatus", &status).await?;
    assert_eq!(element(&xml, "Status").as_deref(), Some("SUCCEEDED"));
    failed(root.iam("GetRole", &[ROLE]).await, "NoSuchEntity");
    failed(root.iam("DeleteServiceLinkedRole", &[ROLE]).await, "NoSuchEntity");
    failed(cloud.root(OTHER).iam("GetServiceLinkedRoleDeletionStatus", &status).await, "NoSuchEntity");
    let wrong = [("DeletionTaskId", "task/x")];
    failed(root.iam("GetServiceLinkedRoleDeletionStatus", &wrong).await, "InvalidInput");
    // An ordinary role is not deleted in this way.
    role(&root, "reader", &trusts(ACCOUNT), "").await?;
    failed(root.iam("DeleteServiceLinkedRole", &[("RoleName", "reader")]).await, "NoSuchEntity");
    root.iam("CreateServiceLinkedRole", &[SPOT]).await?;
    Ok(())
}

#[tokio::test]
async fn a_policy_may_allow_the_roles_of_one_service() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole",
        "Resource":"arn:aws:iam::*:role/aws-service-role/*",
        "Condition":{"StringEquals":{"iam:AWSServiceName":"spot.amazonaws.com"}}}}"#;
    let alice = user(&cloud, &root, "alice", policy).await?;
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:CreateServiceLinkedRole on \
                resource: arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS because \
                no identity-based policy allows the iam:CreateServiceLinkedRole action";
    let ecs = alice.iam("CreateServiceLinkedRole", &[("AWSServiceName", "ecs.amazonaws.com")]).await;
    refused(ecs, 403, "AccessDenied", text);
    alice.iam("CreateServiceLinkedRole", &[SPOT]).await?;
    Ok(())
}
