//! Shortcuts that the tests share: an account's root user, users with keys and policies, sessions.

use anyhow::{Context, Result};
use yakumo_testkit::{Client, Failure, TestCloud, element};

pub const ACCOUNT: &str = "111122223333";
pub const OTHER: &str = "444455556666";

/// A policy with one statement over every resource.
pub fn says(effect: &str, action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#
    )
}

/// A trust policy for one AWS principal.
pub fn trusts(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{{"AWS":"{principal}"}}}}}}"#
    )
}

/// A new access key of a user, as a client.
pub async fn key_of(cloud: &TestCloud, root: &Client, user: &str) -> Result<(String, Client)> {
    let xml = root.iam("CreateAccessKey", &[("UserName", user)]).await?;
    let id = element(&xml, "AccessKeyId").context("no key id")?;
    let secret = element(&xml, "SecretAccessKey").context("no secret")?;
    let client = cloud.client(&id, &secret, None);
    Ok((id, client))
}

/// A new user with a key and, if not empty, an inline policy.
pub async fn user(cloud: &TestCloud, root: &Client, name: &str, policy: &str) -> Result<Client> {
    root.iam("CreateUser", &[("UserName", name)]).await?;
    if !policy.is_empty() {
        let parameters = [("UserName", name), ("PolicyName", "inline"), ("PolicyDocument", policy)];
        root.iam("PutUserPolicy", &parameters).await?;
    }
    Ok(key_of(cloud, root, name).await?.1)
}

/// A new role with a trust policy and, if not empty, an inline policy; gives its ARN.
pub async fn role(root: &Client, name: &str, trust: &str, policy: &str) -> Result<String> {
    let xml = root.iam("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", trust)]).await?;
    if !policy.is_empty() {
        let parameters = [("RoleName", name), ("PolicyName", "inline"), ("PolicyDocument", policy)];
        root.iam("PutRolePolicy", &parameters).await?;
    }
    element(&xml, "Arn").context("no ARN")
}

/// The client with the credentials in an answer of STS.
pub fn session(cloud: &TestCloud, xml: &str) -> Result<Client> {
    let part = |name| element(xml, name).with_context(|| format!("no {name}"));
    let token = part("SessionToken")?;
    Ok(cloud.client(&part("AccessKeyId")?, &part("SecretAccessKey")?, Some(&token)))
}

/// Assumes a role with further parameters.
pub async fn assume(
    cloud: &TestCloud,
    client: &Client,
    arn: &str,
    more: &[(&str, &str)],
) -> Result<Client, Failure> {
    let mut parameters = vec![("RoleArn", arn), ("RoleSessionName", "s1")];
    parameters.extend_from_slice(more);
    let xml = client.sts("AssumeRole", &parameters).await?;
    Ok(session(cloud, &xml).expect("an answer has credentials"))
}

/// Checks that a call failed with this status, code and text.
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>, status: u16, code: &str, text: &str) {
    match outcome {
        Err(failure) => {
            assert_eq!(
                (failure.status, failure.code.as_str(), failure.message.as_str()),
                (status, code, text)
            );
        }
        Ok(answer) => panic!("wanted {code}, got {answer:?}"),
    }
}

/// Checks that a call failed with this code.
pub fn failed<T: std::fmt::Debug>(outcome: Result<T, Failure>, code: &str) {
    assert_eq!(outcome.expect_err("refused").code, code);
}
