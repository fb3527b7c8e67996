//! When roles were last used: by their sessions, kept over a restart, and not by being read or assumed.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

#[tokio::test]
async fn a_role_shows_the_last_use_of_its_sessions() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let cloud = TestCloud::start_in(directory.path()).await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", &says("Allow", "sts:AssumeRole")).await?;
    let arn = role(&root, "reader", &trusts(ACCOUNT), &says("Allow", "iam:ListUsers")).await?;
    let session = assume(&cloud, &alice, &arn, &[]).await?;
    let get_role = [("RoleName", "reader")];
    let unused = root.iam("GetRole", &get_role).await?;
    assert_eq!(element(&unused, "LastUsedDate"), None, "to assume a role is not to use it");
    assert!(unused.contains("<RoleLastUsed"), "{unused}");
    session.iam("ListUsers", &[]).await?;
    let used = root.iam("GetRole", &get_role).await?;
    assert!(element(&used, "LastUsedDate").is_some(), "{used}");
    assert_eq!(element(&used, "Region").as_deref(), Some("us-east-1"));
    let listed = root.iam("ListRoles", &[]).await?;
    assert!(!listed.contains("RoleLastUsed"), "lists do not tell: {listed}");
    let cloud = cloud.restart().await?;
    let kept = cloud.root(ACCOUNT).iam("GetRole", &get_role).await?;
    assert_eq!(element(&kept, "LastUsedDate"), element(&used, "LastUsedDate"));
    Ok(())
}
