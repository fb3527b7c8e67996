//! What is kept over a restart, and what happens when many ask for the same at once.

use crate::people::*;
use anyhow::Result;
use futures_util::future::join_all;
use yakumo_testkit::{Failure, TestCloud, element};

#[tokio::test]
async fn users_keys_roles_and_sessions_survive_a_restart() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let cloud = TestCloud::start_in(directory.path()).await?;
    let root = cloud.root(ACCOUNT);
    root.iam("CreateUser", &[("UserName", "alice")]).await?;
    let xml = root.iam("CreateAccessKey", &[("UserName", "alice")]).await?;
    let part = |name| element(&xml, name).unwrap_or_default();
    let (id, secret) = (part("AccessKeyId"), part("SecretAccessKey"));
    let alice = cloud.client(&id, &secret, None);
    let trust = trusts("arn:aws:iam::111122223333:user/alice");
    let arn = role(&root, "reader", &trust, &says("Allow", "iam:ListUsers")).await?;
    let xml = alice.sts("AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "s1")]).await?;
    let cloud = cloud.restart().await?;
    let alice = cloud.client(&id, &secret, None);
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    session(&cloud, &xml)?.iam("ListUsers", &[]).await?;
    assume(&cloud, &alice, &arn, &[]).await?.iam("ListUsers", &[]).await?;
    Ok(())
}

#[tokio::test]
async fn of_many_who_make_the_same_user_one_succeeds() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let made = race(|| root.iam("CreateUser", &[("UserName", "alice")]), "EntityAlreadyExists").await;
    assert_eq!(made, 1);
    let made = race(|| root.iam("CreateAccessKey", &[("UserName", "alice")]), "LimitExceeded").await;
    assert_eq!(made, 2);
    Ok(())
}

/// Calls eight times at once; gives how many succeeded, and fails when another failed with another code.
async fn race<F: Future<Output = Result<String, Failure>>>(call: impl Fn() -> F, code: &str) -> usize {
    let outcomes = join_all((0..8).map(|_| call())).await;
    outcomes
        .into_iter()
        .filter(|outcome| outcome.as_ref().map_err(|failure| assert_eq!(failure.code, code)).is_ok())
        .count()
}
