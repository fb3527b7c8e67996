//! What will happen to an object by the time alone: a restored copy comes, and goes.
//!
//! Invariant: a row only says when to look; what has happened is read off the version within the transaction that tells
//! it, so that a restore that was changed meanwhile is told as it is now.

use crate::happenings::{self, What};
use crate::registry::present;
use crate::state::notification::Later;
use crate::state::{Bucket, Version, scope};
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::store::Range;
use yakumo_room::{Caller, Ctx, Facts, Reconciler, Record, Tx, World};

/// The name of the reconciler.
const NAME: &str = "s3.events-to-come";
/// How many rows are read at a time.
const PAGE: usize = 200;

/// Notes that a version is to be looked at again at that time.
pub fn look_again(tx: &Tx, bucket: &Bucket, version: &Version, at: Timestamp) {
    let later = Later {
        bucket: bucket.name.clone(),
        bucket_id: bucket.id.clone(),
        owner: bucket.owner,
        region: bucket.region,
        key: version.key.clone(),
        order: version.order,
        at,
    };
    tx.raw().put(later.row(), later.to_bytes());
}

/// Looks at what is due.
pub fn reconciler() -> Reconciler {
    Reconciler::new(NAME, Duration::from_secs(1), run)
}

async fn run(world: Arc<World>) -> Result<()> {
    loop {
        let rows = world.base.store.scan(Range::prefix(scope().key(Later::TABLE).build()), PAGE).await?;
        for (_, bytes) in &rows {
            let later = Later::from_bytes(bytes).map_err(Error::internal)?;
            // The rows are in the order of their times.
            if later.at > world.base.clock.now() || !look(&world, &later).await? {
                return Ok(());
            }
        }
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

/// Tells what has happened to one version; false when the cloud is stopping.
async fn look(world: &Arc<World>, later: &Later) -> Result<bool> {
    let Some(visit) = world.enter() else { return Ok(false) };
    let arn = format!("arn:{}:s3:::{}", later.region.partition().as_str(), later.bucket);
    let caller = Arc::new(Caller::service(crate::notifications::SERVICE, &arn, later.owner));
    let ctx = Ctx::question(visit, "s3", caller, later.region, Facts::internal(world.base.ids.uuid()));
    ctx.transact(|tx| {
        let ctx = &ctx;
        async move {
            tx.raw().delete(later.row());
            let bucket = match present(&tx, &later.bucket, &later.bucket_id).await {
                Err(error) if error.code == "NoSuchBucket" => return Ok(()),
                found => found?,
            };
            let row = crate::state::version::row(&bucket.id, &later.key, later.order);
            let Some(bytes) = tx.raw().get(&row).await? else { return Ok(()) };
            let version = Version::from_bytes(&bytes).map_err(Error::internal)?;
            match version.restore {
                Some(restore) if restore.ready == later.at => {
                    happenings::note(&tx, ctx, &bucket, What::RestoreCompleted, &version);
                }
                Some(restore) if restore.expires == later.at => {
                    happenings::note(&tx, ctx, &bucket, What::RestoreDelete, &version);
                }
                _ => {}
            }
            Ok(())
        }
    })
    .await?;
    ctx.base().nudge(crate::notifications::NAME);
    Ok(true)
}
