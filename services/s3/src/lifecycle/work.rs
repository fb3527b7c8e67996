//! Lifecycle at work: once a day of the cloud's clock, and after a change of rules.
//!
//! Invariant: what is done to a version is decided again within the transaction that does it.

use crate::directories::access::{READ_WRITE, session};
use crate::happenings::{self, What};
use crate::index;
use crate::objects::delete;
use crate::registry::{self, Registry, present};
use crate::state::lifecycle::{Fate, Place, after};
use crate::state::version::rows_under;
use crate::state::{Bucket, Bypass, Upload, Version, scope};
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::store::Range;
use yakumo_room::{Caller, Ctx, Facts, Reconciler, Record, Resource, World};

/// The name of the reconciler.
pub const NAME: &str = "s3.lifecycle";

const DAY_S: i64 = 86_400;
/// How many rows are read at a time.
const PAGE: usize = 500;
/// How many versions of one key are looked at: those behind them wait until some of these have gone.
const VERSIONS_MAX: usize = 10_000;

/// Ends and moves objects, aborts uploads.
pub fn reconciler(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(NAME, Duration::from_secs(2), move |world| run(world, registry.clone()))
}

async fn run(world: Arc<World>, registry: Arc<Registry>) -> Result<()> {
    let day = world.base.clock.now().as_secs().div_euclid(DAY_S);
    let Some(turn) = registry.lifecycle_turn(day) else { return Ok(()) };
    let mut range = Range::prefix(scope().key(Bucket::TABLE).build());
    loop {
        let rows = world.base.store.scan(range.clone(), PAGE).await?;
        for (_, bytes) in &rows {
            let bucket = Bucket::from_bytes(bytes).map_err(Error::internal)?;
            if bucket.lifecycle.rules.iter().any(|rule| rule.enabled) && !tend(&world, &bucket).await? {
                return Ok(());
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == PAGE => range = range.after(key.clone()),
            _ => break,
        }
    }
    registry.lifecycle_done(turn);
    Ok(())
}

/// A context in which S3 itself acts; `None` when the cloud is stopping.
fn context(world: &Arc<World>, bucket: &Bucket) -> Option<Ctx> {
    let name = if bucket.directory.is_some() { "lifecycle.s3.amazonaws.com" } else { "s3.amazonaws.com" };
    let caller = Caller::service(name, &bucket.arn(), bucket.owner);
    let facts = Facts::internal(world.base.ids.uuid());
    Some(Ctx::question(world.enter()?, "s3", Arc::new(caller), bucket.region, facts))
}

/// AWS: a directory bucket's policy must let lifecycle open a session:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-lifecycle.html>
fn is_let_in(ctx: &Ctx, bucket: &Bucket) -> Result<bool> {
    if bucket.directory.is_none() {
        return Ok(true);
    }
    let open = registry::open(bucket.clone())?;
    Ok(ctx.ask(session(ctx, &open, READ_WRITE)).decision.allowed)
}

/// Goes through one bucket; false when the cloud is stopping.
async fn tend(world: &Arc<World>, bucket: &Bucket) -> Result<bool> {
    match context(world, bucket) {
        None => return Ok(false),
        Some(ctx) if !is_let_in(&ctx, bucket)? => return Ok(true),
        Some(_) => {}
    }
    let mut range = Range::prefix(rows_under(&bucket.id, ""));
    let mut versions: Vec<Version> = Vec::new();
    loop {
        let Some(ctx) = context(world, bucket) else { return Ok(false) };
        let rows = world.base.store.scan(range.clone(), PAGE).await?;
        for (_, bytes) in &rows {
            let version = Version::from_bytes(bytes).map_err(Error::internal)?;
            if versions.first().is_some_and(|first| first.key != version.key) {
                tend_key(&ctx, bucket, &versions).await?;
                versions.clear();
            }
            if versions.len() < VERSIONS_MAX {
                versions.push(version);
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == PAGE => range = range.after(key.clone()),
            _ => {
                tend_key(&ctx, bucket, &versions).await?;
                break;
            }
        }
    }
    let Some(ctx) = context(world, bucket) else { return Ok(false) };
    tend_uploads(&ctx, bucket).await?;
    Ok(true)
}

fn places<'a>(bucket: &Bucket, versions: &'a [Version]) -> impl Iterator<Item = Place<'a>> {
    let keeps_versions = bucket.has_versions();
    let newer = std::iter::once(None).chain(versions.iter().map(|version| Some(version.modified)));
    versions.iter().zip(newer).zip(-1_i32..).map(move |((version, replaced), newer_noncurrent)| Place {
        version,
        replaced,
        newer_noncurrent: newer_noncurrent.max(0),
        alone: versions.len() == 1,
        is_kept: keeps_versions && replaced.is_none() && version.content.is_some(),
    })
}

async fn tend_key(ctx: &Ctx, bucket: &Bucket, versions: &[Version]) -> Result<()> {
    let now = ctx.now();
    // The oldest first, so that those that stay are still counted as they were when the next is decided.
    let due: Vec<_> = places(bucket, versions)
        .filter_map(|place| Some((place.version, place.replaced, bucket.lifecycle.fate(&place, now)?)))
        .collect();
    for (version, replaced, fate) in due.into_iter().rev() {
        carry_out(ctx, bucket, version, replaced, &fate).await?;
    }
    Ok(())
}

async fn carry_out(
    ctx: &Ctx,
    bucket: &Bucket,
    version: &Version,
    replaced: Option<Timestamp>,
    fate: &Fate,
) -> Result<()> {
    let outcome = happenings::transact(ctx, bucket, |tx| async move {
        let bucket = present(&tx, &bucket.name, &bucket.id).await?;
        let found = index::version_in(&tx, &bucket, &version.key, version.shown_id()).await?;
        let newest = index::newest_in(&tx, &bucket, &version.key).await?;
        let is_newest = newest.as_ref().is_some_and(|newest| newest.order == version.order);
        // Something was written, tagged or removed since it was looked at, or the rules are others: the next turn
        // decides anew.
        let rules_hold = bucket.lifecycle.rules.iter().any(|rule| rule.is_about(version));
        if found.as_ref() != Some(version) || is_newest != replaced.is_none() || !rules_hold {
            return Ok(());
        }
        match fate {
            Fate::Ends if is_newest && version.content.is_some() => {
                delete::expire(&tx, ctx, &bucket, &version.key).await?;
            }
            // AWS: what a lock holds stays, and goes with the first turn after the lock:
            // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
            Fate::Ends => {
                let Ok(free) = index::free(version, ctx.now(), Bypass::No) else { return Ok(()) };
                index::remove(&tx, &bucket, free);
                happenings::note(&tx, ctx, &bucket, What::LifecycleDelete, version);
            }
            Fate::Moves(class) => {
                let mut moved = version.clone();
                if let Some(content) = &mut moved.content {
                    content.headers.storage_class = Some(class.clone());
                }
                tx.raw().put(moved.row(&bucket.id), moved.to_bytes());
                happenings::note(&tx, ctx, &bucket, What::LifecycleTransition, &moved);
            }
        }
        Ok(())
    })
    .await;
    match outcome {
        Err(error) if error.code == "NoSuchBucket" => Ok(()),
        outcome => outcome,
    }
}

async fn tend_uploads(ctx: &Ctx, bucket: &Bucket) -> Result<()> {
    let rows = Range::prefix(scope().record_key(Upload::TABLE, &[&bucket.id]));
    for (_, bytes) in ctx.base().store.scan(rows, usize::MAX).await? {
        let upload = Upload::from_bytes(&bytes).map_err(Error::internal)?;
        let mut days = bucket
            .lifecycle
            .rules
            .iter()
            .filter(|rule| rule.enabled && upload.key.starts_with(rule.prefix()))
            .filter_map(|rule| rule.abort_days);
        if days.any(|days| after(upload.initiated, days) <= ctx.now()) {
            crate::multipart::give_up(ctx, bucket, &upload).await?;
        }
    }
    Ok(())
}
