//! SSH public keys and service-specific credentials.

use crate::people::*;
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;
use yakumo_testkit::{TestCloud, element};

/// An `ssh-rsa` line with a made-up modulus of so many bytes that begins with this one.
fn ssh_key(first: u8, bytes: usize) -> String {
    let modulus = [&[0, first | 0x80][..], &vec![7; bytes - 1]].concat();
    let fields = [&b"ssh-rsa"[..], &[1, 0, 1], &modulus];
    let wire: Vec<u8> =
        fields.iter().flat_map(|field| [&(field.len() as u32).to_be_bytes()[..], field].concat()).collect();
    format!("ssh-rsa {} alice@laptop", STANDARD.encode(wire))
}

#[tokio::test]
async fn ssh_keys_are_read_kept_and_shown_in_both_forms() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let name = ("UserName", "alice");
    let upload = |body: String| {
        let root = &root;
        async move { root.iam("UploadSSHPublicKey", &[("UserName", "alice"), ("SSHPublicKeyBody", &body)]).await }
    };
    failed(upload("ssh-rsa nonsense".into()).await, "InvalidPublicKey");
    failed(upload(ssh_key(1, 128)).await, "InvalidPublicKey");
    failed(upload("ssh-ed25519 AAAA".into()).await, "UnrecognizedPublicKeyEncoding");
    let xml = upload(ssh_key(1, 256)).await?;
    let id = element(&xml, "SSHPublicKeyId").context("no id")?;
    assert!(id.starts_with("APKA"), "{id}");
    failed(upload(ssh_key(1, 256)).await, "DuplicateSSHPublicKey");
    let key = ("SSHPublicKeyId", id.as_str());
    let xml = root.iam("GetSSHPublicKey", &[name, key, ("Encoding", "PEM")]).await?;
    let pem = element(&xml, "SSHPublicKeyBody").context("no body")?;
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"), "{pem}");
    // The same key in its other form is the same key.
    failed(upload(pem.replace("&#xA;", "\n")).await, "DuplicateSSHPublicKey");
    root.iam("UpdateSSHPublicKey", &[name, key, ("Status", "Inactive")]).await?;
    let xml = root.iam("ListSSHPublicKeys", &[name]).await?;
    assert_eq!(element(&xml, "Status").as_deref(), Some("Inactive"));
    for number in 2..=5 {
        upload(ssh_key(number, 256)).await?;
    }
    let text = "Cannot exceed quota for SSHPublicKeysPerUser: 5";
    refused(upload(ssh_key(6, 256)).await, 409, "LimitExceeded", text);
    let text = "Cannot delete entity, must remove referenced objects first.";
    refused(root.iam("DeleteUser", &[name]).await, 409, "DeleteConflict", text);
    root.iam("DeleteSSHPublicKey", &[name, key]).await?;
    failed(root.iam("DeleteSSHPublicKey", &[name, key]).await, "NoSuchEntity");
    Ok(())
}

#[tokio::test]
async fn service_credentials_are_answered_once_reset_and_expire() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let create = |service: &'static str, more: Option<(&'static str, &'static str)>| {
        let root = &root;
        async move {
            let mut parameters = vec![("UserName", "alice"), ("ServiceName", service)];
            parameters.extend(more);
            root.iam("CreateServiceSpecificCredential", &parameters).await
        }
    };
    let (git, bedrock) = ("codecommit.amazonaws.com", "bedrock.amazonaws.com");
    failed(create("sqs.amazonaws.com", None).await, "NotSupportedService");
    failed(create(git, Some(("CredentialAgeDays", "3"))).await, "ValidationError");
    let xml = create(git, None).await?;
    assert_eq!(element(&xml, "ServiceUserName").as_deref(), Some("alice-at-111122223333"));
    let (id, secret) = (element(&xml, "ServiceSpecificCredentialId"), element(&xml, "ServicePassword"));
    let (id, secret) = (id.context("no id")?, secret.context("no password")?);
    let xml = create(git, None).await?;
    assert_eq!(element(&xml, "ServiceUserName").as_deref(), Some("alice+1-at-111122223333"));
    let text = "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2";
    refused(create(git, None).await, 409, "LimitExceeded", text);
    let credential = [("UserName", "alice"), ("ServiceSpecificCredentialId", id.as_str())];
    let xml = root.iam("ResetServiceSpecificCredential", &credential).await?;
    assert!(element(&xml, "ServicePassword").is_some_and(|new| new != secret));
    let xml = root.iam("ListServiceSpecificCredentials", &[("UserName", "alice")]).await?;
    assert!(!xml.contains("ServicePassword"), "{xml}");
    let xml = create(bedrock, Some(("CredentialAgeDays", "3"))).await?;
    assert!(element(&xml, "ServiceCredentialSecret").is_some_and(|secret| secret.starts_with("ABSK")));
    assert!(element(&xml, "ServiceCredentialAlias").is_some() && element(&xml, "ServiceUserName").is_none());
    cloud.advance(Duration::from_secs(4 * 86_400)).await?;
    let all = [("AllUsers", "true"), ("ServiceName", bedrock)];
    let xml = root.iam("ListServiceSpecificCredentials", &all).await?;
    assert_eq!(element(&xml, "Status").as_deref(), Some("Expired"));
    let status = [credential[0], credential[1], ("Status", "Inactive")];
    root.iam("UpdateServiceSpecificCredential", &status).await?;
    root.iam("DeleteServiceSpecificCredential", &credential).await?;
    failed(root.iam("DeleteServiceSpecificCredential", &credential).await, "NoSuchEntity");
    Ok(())
}
