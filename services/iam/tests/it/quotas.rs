//! Quotas of a whole account, at their edge.

use crate::people::*;
use anyhow::Result;
use futures_util::future::join_all;
use yakumo_testkit::TestCloud;

#[tokio::test]
async fn the_last_place_is_given_once() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let create = |number: usize| {
        let root = &root;
        async move { root.iam("CreateGroup", &[("GroupName", &format!("g{number}"))]).await }
    };
    for number in 0..295 {
        create(number).await?;
    }
    let outcomes = join_all((295..315).map(create)).await;
    let (made, others): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.is_ok());
    assert_eq!(made.len(), 5);
    for outcome in others {
        refused(outcome, 409, "LimitExceeded", "Cannot exceed quota for GroupsPerAccount: 300");
    }
    root.iam("DeleteGroup", &[("GroupName", "g7")]).await?;
    create(7).await?;
    failed(create(400).await, "LimitExceeded");
    cloud.root(OTHER).iam("CreateGroup", &[("GroupName", "g")]).await?;
    Ok(())
}
