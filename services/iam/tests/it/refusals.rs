//! Every operation of IAM and STS refuses a user without rights, and lets an administrator past authorisation.
//!
//! All registered operations are tried: one that comes new is tried, too, and fails here when it asks for nothing, or
//! when it needs a parameter that the lists below do not have.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{Client, Failure, TestCloud};

const IAM: &str = include_str!("../../../../apis/iam/operations.txt");
const STS: &str = include_str!("../../../../apis/sts/operations.txt");

/// Operations that everybody may call, or that carry no credentials of this cloud, each with AWS's page.
const OPEN: &[(&str, &str)] = &[
    ("GetCallerIdentity", "API_GetCallerIdentity: no permissions are required"),
    ("GetSessionToken", "API_GetSessionToken: no permissions are required"),
    ("AssumeRoleWithSAML", "API_AssumeRoleWithSAML: called without AWS credentials"),
    ("AssumeRoleWithWebIdentity", "API_AssumeRoleWithWebIdentity: called without AWS credentials"),
];

/// Operations whose action has another name, or that need another permission first.
const ACTIONS: &[(&str, &str)] = &[];

/// Every parameter that an operation may require; an operation takes those that it knows.
const PARAMETERS: &[(&str, &str)] = &[
    ("AWSServiceName", "spot.amazonaws.com"),
    ("AccountAlias", "example-alias"),
    ("ActionNames.member.1", "s3:ListBucket"),
    ("Arn", "arn:aws:iam::111122223333:user/target"),
    ("AuthenticationCode1", "123456"),
    ("AuthenticationCode2", "654321"),
    ("CertificateId", "ABCDEFGHIJKLMNOPQRSTUVWX"),
    ("ClientID", "client"),
    ("DelegationRequestId", "delegation-request-1"),
    ("DeletionTaskId", "task/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot/1"),
    ("Description", "text"),
    ("Encoding", "SSH"),
    ("EntityArn", "arn:aws:iam::111122223333:user/target"),
    ("EntityPath", "o-abcdefghij/r-abcd"),
    ("GlobalEndpointTokenVersion", "v2Token"),
    ("GroupName", "target"),
    ("InstanceProfileName", "target"),
    ("JobId", "00000000-0000-0000-0000-000000000000"),
    ("Name", "target"),
    ("NewPassword", "Correct-Horse-9-Battery"),
    ("OldPassword", "Wrong-Horse-9-Battery"),
    ("OpenIDConnectProviderArn", "arn:aws:iam::111122223333:oidc-provider/example.com"),
    ("Password", "Correct-Horse-9-Battery"),
    ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/target"),
    ("PolicyArn", "arn:aws:iam::111122223333:policy/target"),
    ("PolicyName", "target"),
    ("PolicySourceArn", "arn:aws:iam::111122223333:user/target"),
    ("PrivateKey", "key"),
    ("RoleName", "target"),
    ("SAMLProviderArn", "arn:aws:iam::111122223333:saml-provider/target"),
    ("SSHPublicKeyBody", "ssh-rsa AAAA"),
    ("SSHPublicKeyId", "APKAEXAMPLEEXAMPLEEX"),
    ("SerialNumber", "arn:aws:iam::111122223333:mfa/target"),
    ("ServerCertificateName", "target"),
    ("ServiceName", "codecommit.amazonaws.com"),
    ("ServiceNamespace", "sqs"),
    ("ServiceNamespaces.member.1", "sqs"),
    ("ServiceSpecificCredentialId", "ACCAEXAMPLEEXAMPLEEX"),
    ("Status", "Inactive"),
    ("TagKeys.member.1", "k"),
    ("Tags.member.1.Key", "k"),
    ("Tags.member.1.Value", "v"),
    ("ThumbprintList.member.1", "0123456789abcdef0123456789abcdef01234567"),
    ("Url", "https://example.com"),
    ("UserName", "target"),
    ("VersionId", "v1"),
    ("VirtualMFADeviceName", "target"),
    // STS
    ("EncodedMessage", "message"),
    ("RoleArn", "arn:aws:iam::111122223333:role/trusting"),
    ("RoleSessionName", "session"),
    ("TargetPrincipal", "444455556666"),
    ("TaskPolicyArn.arn", "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"),
    ("Audience.member.1", "https://example.com"),
    ("SigningAlgorithm", "RS256"),
];

/// `key` is the id of an access key of the account: whose it is, is part of the question.
async fn call(client: &Client, service: &str, operation: &str, key: &str) -> Result<String, Failure> {
    let document = says("Allow", "sqs:*");
    let (trust, metadata) = (trusts(ACCOUNT), "x".repeat(1_000));
    let mut parameters = PARAMETERS.to_vec();
    parameters.extend([
        ("AccessKeyId", key),
        ("PolicyDocument", document.as_str()),
        ("PolicyInputList.member.1", document.as_str()),
        ("AssumeRolePolicyDocument", trust.as_str()),
        ("SAMLMetadataDocument", metadata.as_str()),
        ("CertificateBody", "certificate"),
    ]);
    if operation == "UpdateAssumeRolePolicy" {
        parameters.retain(|(name, _)| *name != "PolicyDocument");
        parameters.push(("PolicyDocument", trust.as_str()));
    }
    if service == "sts" {
        // A second factor that does not exist is refused before anything else.
        parameters.retain(|(name, _)| *name != "SerialNumber");
    }
    match service {
        "iam" => client.iam(operation, &parameters).await,
        _ => client.sts(operation, &parameters).await,
    }
}

/// Whether an outcome is the policies' refusal, and not an error of what was asked.
fn is_refused(outcome: &Result<String, Failure>) -> bool {
    outcome.as_ref().is_err_and(|failure| {
        failure.code == "AccessDenied" && failure.message.contains(" is not authorized to perform: ")
    })
}

#[tokio::test]
async fn every_operation_is_refused_to_a_user_without_rights_and_open_to_an_administrator() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let nobody = user(&cloud, &root, "nobody", "").await?;
    let admin = user(&cloud, &root, "admin", &says("Allow", "*")).await?;
    role(&root, "trusting", &trusts(ACCOUNT), "").await?;
    user(&cloud, &root, "spare", "").await?;
    let (key, _) = key_of(&cloud, &root, "spare").await?;
    let mut wrong = Vec::new();
    for (service, operations) in [("iam", IAM), ("sts", STS)] {
        for operation in operations.split_whitespace() {
            if OPEN.iter().any(|(open, _)| *open == operation) {
                continue;
            }
            let action = ACTIONS.iter().find(|(known, _)| *known == operation);
            let action =
                action.map_or_else(|| format!("{service}:{operation}"), |(_, name)| name.to_string());
            let who =
                format!("User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: {action}");
            match call(&nobody, service, operation, &key).await {
                Err(failure) if failure.status == 403 && failure.message.starts_with(&who) => {}
                other => wrong.push(format!("{operation} was not refused: {other:?}")),
            }
            let outcome = call(&admin, service, operation, &key).await;
            if is_refused(&outcome) || outcome.as_ref().is_err_and(|failure| failure.status >= 500) {
                wrong.push(format!("{operation} did not let an administrator in: {outcome:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
