//! Signing certificates and server certificates, with real X.509.

use crate::people::*;
use anyhow::Result;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::time::Duration;
use yakumo_testkit::{Client, Failure, TestCloud, element};

const MALFORMED: &str = "Unable to parse certificate. Please ensure the certificate is in PEM format.";

fn authority(name: &str) -> Result<(Certificate, Issuer<'static, KeyPair>)> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?, Issuer::new(params, key)))
}

/// A certificate and its key, in PEM.
fn made(issuer: &Issuer<'static, KeyPair>) -> Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["www.example.test".into()])?;
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

async fn upload(
    root: &Client,
    name: &str,
    body: &str,
    key: &str,
    chain: Option<&str>,
) -> Result<String, Failure> {
    let mut parameters =
        vec![("ServerCertificateName", name), ("CertificateBody", body), ("PrivateKey", key)];
    parameters.extend(chain.map(|chain| ("CertificateChain", chain)));
    root.iam("UploadServerCertificate", &parameters).await
}

#[tokio::test]
async fn a_server_certificate_is_checked_against_its_key_and_chain() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let (ca, issuer) = authority("ca.test")?;
    let (stranger, _) = authority("stranger.test")?;
    let ((body, key), (_, other_key)) = (made(&issuer)?, made(&issuer)?);
    refused(upload(&root, "web", "x", &key, None).await, 400, "MalformedCertificate", MALFORMED);
    let outcome = upload(&root, "web", &body, "x", None).await;
    refused(outcome, 400, "MalformedCertificate", "Invalid Private Key.");
    failed(upload(&root, "web", &body, &other_key, None).await, "KeyPairMismatch");
    let text = "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                certificate is: -1";
    let outcome = upload(&root, "web", &body, &key, Some(&stranger.pem())).await;
    refused(outcome, 400, "MalformedCertificate", text);
    let xml = upload(&root, "web", &body, &key, Some(&ca.pem())).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:server-certificate/web"));
    assert_eq!(element(&xml, "Expiration").as_deref(), Some("2040-01-01T00:00:00Z"));
    let text = "The Server Certificate with name WEB already exists.";
    refused(upload(&root, "WEB", &body, &key, None).await, 409, "EntityAlreadyExists", text);
    let name = ("ServerCertificateName", "web");
    let xml = root.iam("GetServerCertificate", &[name]).await?;
    assert!(xml.contains("BEGIN CERTIFICATE") && !xml.contains("PRIVATE KEY"), "{xml}");
    root.iam("UpdateServerCertificate", &[name, ("NewServerCertificateName", "site"), ("NewPath", "/cdn/")])
        .await?;
    let text = "The Server Certificate with name web cannot be found.";
    refused(root.iam("GetServerCertificate", &[name]).await, 404, "NoSuchEntity", text);
    let site = ("ServerCertificateName", "site");
    root.iam("TagServerCertificate", &[site, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")])
        .await?;
    let xml = root.iam("ListServerCertificateTags", &[site]).await?;
    assert_eq!(element(&xml, "Value").as_deref(), Some("v"));
    root.iam("UntagServerCertificate", &[site, ("TagKeys.member.1", "k")]).await?;
    let xml = root.iam("ListServerCertificates", &[("PathPrefix", "/cdn/")]).await?;
    assert_eq!(element(&xml, "ServerCertificateName").as_deref(), Some("site"));
    let auditor = user(&cloud, &root, "auditor", &says("Allow", "iam:List*")).await?;
    auditor.iam("ListServerCertificates", &[]).await?;
    failed(auditor.iam("DeleteServerCertificate", &[site]).await, "AccessDenied");
    for number in 1..20 {
        upload(&root, &format!("c{number}"), &body, &key, None).await?;
    }
    let text = "Cannot exceed quota for ServerCertificatesPerAccount: 20";
    refused(upload(&root, "late", &body, &key, None).await, 409, "LimitExceeded", text);
    root.iam("DeleteServerCertificate", &[site]).await?;
    upload(&root, "late", &body, &key, None).await?;
    cloud.advance(Duration::from_secs(20 * 366 * 86_400)).await?;
    root.iam("DeleteServerCertificate", &[("ServerCertificateName", "late")]).await?;
    failed(upload(&root, "late", &body, &key, None).await, "MalformedCertificate");
    Ok(())
}

#[tokio::test]
async fn signing_certificates_are_one_users() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    for name in ["alice", "bob"] {
        root.iam("CreateUser", &[("UserName", name)]).await?;
    }
    let (_, issuer) = authority("ca.test")?;
    let bodies = [made(&issuer)?.0, made(&issuer)?.0, made(&issuer)?.0];
    let upload = |user: &'static str, body: String| {
        let root = &root;
        async move {
            root.iam("UploadSigningCertificate", &[("UserName", user), ("CertificateBody", &body)]).await
        }
    };
    refused(upload("alice", "x".into()).await, 400, "MalformedCertificate", MALFORMED);
    let xml = upload("alice", bodies[0].clone()).await?;
    let id = element(&xml, "CertificateId").unwrap_or_default();
    failed(upload("bob", bodies[0].clone()).await, "DuplicateCertificate");
    upload("alice", bodies[1].clone()).await?;
    let text = "Cannot exceed quota for CertificatesPerUser: 2";
    refused(upload("alice", bodies[2].clone()).await, 409, "LimitExceeded", text);
    let name = ("UserName", "alice");
    root.iam("UpdateSigningCertificate", &[name, ("CertificateId", &id), ("Status", "Inactive")]).await?;
    assert!(root.iam("ListSigningCertificates", &[name]).await?.contains("<Status>Inactive</Status>"));
    let text = "Cannot delete entity, must delete certificates first.";
    refused(root.iam("DeleteUser", &[name]).await, 409, "DeleteConflict", text);
    root.iam("DeleteSigningCertificate", &[name, ("CertificateId", &id)]).await?;
    failed(root.iam("DeleteSigningCertificate", &[name, ("CertificateId", &id)]).await, "NoSuchEntity");
    upload("bob", bodies[0].clone()).await?;
    Ok(())
}
