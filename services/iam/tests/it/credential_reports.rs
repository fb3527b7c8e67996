//! The credential report: its states, its four hours, its lines.

use crate::people::*;
use anyhow::{Context, Result};
use base64::Engine as _;
use std::time::Duration;
use yakumo_testkit::{Client, TestCloud, element};

/// Asks until the report is there, as clients do.
async fn report(client: &Client) -> Result<Vec<Vec<String>>> {
    for _ in 0..200 {
        let xml = client.iam("GenerateCredentialReport", &[]).await?;
        if element(&xml, "State").as_deref() == Some("COMPLETE") {
            let xml = client.iam("GetCredentialReport", &[]).await?;
            assert_eq!(element(&xml, "ReportFormat").as_deref(), Some("text/csv"));
            let content = element(&xml, "Content").context("no content")?;
            let csv = base64::engine::general_purpose::STANDARD.decode(content)?;
            let csv = String::from_utf8(csv)?;
            return Ok(csv.split('\n').map(|line| line.split(',').map(str::to_owned).collect()).collect());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("no report came")
}

#[tokio::test]
async fn a_report_is_made_once_in_four_hours() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    failed(root.iam("GetCredentialReport", &[]).await, "ReportNotPresent");
    let xml = root.iam("GenerateCredentialReport", &[]).await?;
    assert_eq!(element(&xml, "State").as_deref(), Some("STARTED"));
    let text = "No report exists. Starting a new report generation task";
    assert_eq!(element(&xml, "Description").as_deref(), Some(text));
    assert_eq!(report(&root).await?.len(), 2);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    assert_eq!(report(&root).await?.len(), 2, "the kept one");
    cloud.advance(Duration::from_secs(4 * 3_600)).await?;
    failed(root.iam("GetCredentialReport", &[]).await, "ReportExpired");
    assert_eq!(report(&root).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn lines_say_what_users_hold() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "Bob")]).await?;
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let (_, alice) = key_of(&cloud, &root, "alice").await?;
    let xml = root.iam("CreateAccessKey", &[("UserName", "alice")]).await?;
    let second = element(&xml, "AccessKeyId").context("no id")?;
    let off = [("UserName", "alice"), ("AccessKeyId", second.as_str()), ("Status", "Inactive")];
    root.iam("UpdateAccessKey", &off).await?;
    root.iam("CreateLoginProfile", &[("UserName", "alice"), ("Password", "Correct-horse-1")]).await?;
    root.iam("UpdateAccountPasswordPolicy", &[("MaxPasswordAge", "90")]).await?;
    alice.sts("GetCallerIdentity", &[]).await?;
    let lines = report(&root).await?;
    let [header, first, alice, bob] = lines.as_slice() else { panic!("{lines:?}") };
    let cell = |line: &[String], name: &str| {
        let at = header.iter().position(|column| column == name).expect("a column");
        line[at].clone()
    };
    assert_eq!((header.len(), first.len(), alice.len()), (22, 22, 22));
    assert_eq!(
        (cell(first, "user").as_str(), cell(alice, "user").as_str(), cell(bob, "user").as_str()),
        ("<root_account>", "alice", "Bob")
    );
    for (line, name, value) in [
        (first, "arn", "arn:aws:iam::111122223333:root"),
        (first, "password_enabled", "not_supported"),
        (first, "password_last_used", "no_information"),
        (first, "mfa_active", "false"),
        (alice, "password_enabled", "true"),
        (alice, "password_last_used", "no_information"),
        (alice, "access_key_1_active", "true"),
        (alice, "access_key_1_last_used_service", "sts"),
        (alice, "access_key_1_last_used_region", "us-east-1"),
        (alice, "access_key_2_active", "false"),
        (alice, "access_key_2_last_used_date", "N/A"),
        (bob, "password_enabled", "false"),
        (bob, "password_last_used", "N/A"),
        (bob, "password_next_rotation", "N/A"),
        (bob, "access_key_1_last_rotated", "N/A"),
        (bob, "cert_2_active", "false"),
    ] {
        assert_eq!(cell(line, name), value, "{name}: {line:?}");
    }
    assert!(cell(alice, "password_next_rotation") > cell(alice, "password_last_changed"));
    assert_ne!(cell(alice, "access_key_2_last_rotated"), "N/A", "an inactive key keeps its date");
    Ok(())
}
