//! Who may do what in IAM itself: nothing by default, and a change acts on the next request.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::TestCloud;

#[tokio::test]
async fn a_user_without_policies_can_do_nothing_but_ask_who_it_is() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    alice.sts("GetCallerIdentity", &[]).await?;
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:CreateUser on resource: \
                arn:aws:iam::111122223333:user/bob because no identity-based policy allows the iam:CreateUser action";
    refused(alice.iam("CreateUser", &[("UserName", "bob")]).await, 403, "AccessDenied", text);
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:GetRole on resource: role \
                reader because no identity-based policy allows the iam:GetRole action";
    refused(alice.iam("GetRole", &[("RoleName", "reader")]).await, 403, "AccessDenied", text);
    for action in ["ListUsers", "ListRoles", "ListPolicies", "ListGroups", "GetUser", "CreateAccessKey"] {
        failed(alice.iam(action, &[]).await, "AccessDenied");
    }
    failed(root.iam("GetUser", &[("UserName", "bob")]).await, "NoSuchEntity");
    Ok(())
}

#[tokio::test]
async fn a_change_of_policy_acts_on_the_next_request() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let admin = [("UserName", "alice"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    for _ in 0..3 {
        failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
        root.iam("AttachUserPolicy", &admin).await?;
        alice.iam("ListUsers", &[]).await?;
        root.iam("DetachUserPolicy", &admin).await?;
    }
    let deny = says("Deny", "iam:ListUsers");
    root.iam("AttachUserPolicy", &admin).await?;
    let put = [("UserName", "alice"), ("PolicyName", "deny"), ("PolicyDocument", deny.as_str())];
    root.iam("PutUserPolicy", &put).await?;
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:ListUsers on resource: \
                arn:aws:iam::111122223333:user/ with an explicit deny in an identity-based policy";
    refused(alice.iam("ListUsers", &[]).await, 403, "AccessDenied", text);
    Ok(())
}

#[tokio::test]
async fn a_boundary_cuts_and_cannot_be_deleted_while_it_is_one() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", &says("Allow", "iam:*")).await?;
    let document = says("Allow", "iam:List*");
    root.iam("CreatePolicy", &[("PolicyName", "edge"), ("PolicyDocument", &document)]).await?;
    let arn = "arn:aws:iam::111122223333:policy/edge";
    alice.iam("GetUser", &[]).await?;
    let boundary = [("UserName", "alice"), ("PermissionsBoundary", arn)];
    root.iam("PutUserPermissionsBoundary", &boundary).await?;
    alice.iam("ListUsers", &[]).await?;
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:GetUser on resource: \
                user alice because no permissions boundary allows the iam:GetUser action";
    refused(alice.iam("GetUser", &[]).await, 403, "AccessDenied", text);
    let xml = root.iam("GetUser", &[("UserName", "alice")]).await?;
    assert!(xml.contains(&format!("<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn>")), "{xml}");
    failed(root.iam("DeletePolicy", &[("PolicyArn", arn)]).await, "DeleteConflict");
    root.iam("DeleteUserPermissionsBoundary", &[("UserName", "alice")]).await?;
    alice.iam("GetUser", &[]).await?;
    root.iam("DeletePolicy", &[("PolicyArn", arn)]).await?;
    Ok(())
}

#[tokio::test]
async fn conditions_see_tags_and_policy_arns() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*",
         "Condition":{"StringEquals":{"aws:ResourceTag/owner":"${aws:username}"}}},
        {"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*",
         "Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["owner"]},
                      "StringEquals":{"aws:RequestTag/owner":"${aws:username}"}}},
        {"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*",
         "Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}}}]}"#;
    let alice = user(&cloud, &root, "alice", policy).await?;
    let create = |name: &'static str, owner: &'static str| {
        let alice = &alice;
        async move {
            let tag = [("UserName", name), ("Tags.member.1.Key", "owner"), ("Tags.member.1.Value", owner)];
            alice.iam("CreateUser", &tag).await
        }
    };
    failed(create("x", "bob").await, "AccessDenied");
    create("x", "alice").await?;
    root.iam("CreateUser", &[("UserName", "y")]).await?;
    let attach = |policy: &'static str| {
        let alice = &alice;
        async move { alice.iam("AttachUserPolicy", &[("UserName", "y"), ("PolicyArn", policy)]).await }
    };
    failed(attach("arn:aws:iam::aws:policy/AdministratorAccess").await, "AccessDenied");
    attach("arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess").await?;
    failed(alice.iam("DeleteUser", &[("UserName", "y")]).await, "AccessDenied");
    alice.iam("DeleteUser", &[("UserName", "x")]).await?;
    Ok(())
}

#[tokio::test]
async fn who_makes_something_with_tags_needs_the_permission_to_tag() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    let trust = trusts(ACCOUNT);
    let policy = says("Allow", "sqs:*");
    let cases = [
        ("CreateUser", "iam:TagUser", vec![("UserName", "made")]),
        ("CreateRole", "iam:TagRole", vec![("RoleName", "made"), ("AssumeRolePolicyDocument", &trust)]),
        ("CreatePolicy", "iam:TagPolicy", vec![("PolicyName", "made"), ("PolicyDocument", &policy)]),
        ("CreateInstanceProfile", "iam:TagInstanceProfile", vec![("InstanceProfileName", "made")]),
        ("CreateVirtualMFADevice", "iam:TagMFADevice", vec![("VirtualMFADeviceName", "made")]),
    ];
    for (operation, tagging, input) in cases {
        let maker = user(&cloud, &root, operation, &says("Allow", &format!("iam:{operation}"))).await?;
        let tagged = [input.as_slice(), tag.as_slice()].concat();
        let text = match maker.iam(operation, &tagged).await {
            Err(failure) => failure.message,
            Ok(xml) => panic!("{operation} was allowed: {xml}"),
        };
        assert!(
            text.contains(&format!("is not authorized to perform: {tagging} on resource: arn:aws:iam::")),
            "{text}"
        );
        let blue = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{tagging}","Resource":"*",
                "Condition":{{"StringEquals":{{"aws:RequestTag/team":"blue"}}}}}}}}"#
        );
        let parameters =
            [("UserName", operation), ("PolicyName", "tagging"), ("PolicyDocument", blue.as_str())];
        root.iam("PutUserPolicy", &parameters).await?;
        let red = [input.as_slice(), &[tag[0], ("Tags.member.1.Value", "red")]].concat();
        failed(maker.iam(operation, &red).await, "AccessDenied");
        maker.iam(operation, &tagged).await?;
    }
    Ok(())
}
