//! The rows of objects: finding a version, writing one, removing one, within a transaction or as last committed.
//!
//! Invariant: a version goes only as [`Free`], and what a lock holds is never that.

use crate::bodies;
use crate::error;
use crate::state::version::{new_id, order_of, row, rows_of};
use crate::state::{Bucket, Bypass, Version, Versioning};
use bytes::Bytes;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::store::{Pair, Range};
use yakumo_room::{Ctx, Record, Tx};

/// How many versions of a key are read at a time while the version `null` is looked for.
const PAGE: usize = 256;

fn decode(bytes: &Bytes) -> Result<Version> {
    Version::from_bytes(bytes).map_err(Error::internal)
}

/// Where rows are read: as last committed, or as a transaction sees them.
enum Rows<'a> {
    Committed(&'a Ctx),
    In(&'a Tx),
}

impl Rows<'_> {
    async fn get(&self, key: Bytes) -> Result<Option<Version>> {
        let row = match self {
            Rows::Committed(ctx) => ctx.base().store.get(&key).await?,
            Rows::In(tx) => tx.raw().get(&key).await?,
        };
        row.map(|bytes| decode(&bytes)).transpose()
    }

    async fn scan(&self, range: Range, limit: usize) -> Result<Vec<Pair>> {
        Ok(match self {
            Rows::Committed(ctx) => ctx.base().store.scan(range, limit).await?,
            Rows::In(tx) => tx.raw().scan(range, limit).await?,
        })
    }

    async fn newest(&self, bucket: &Bucket, key: &str) -> Result<Option<Version>> {
        if !bucket.has_versions() {
            return self.get(row(&bucket.id, key, 0)).await;
        }
        let rows = self.scan(Range::prefix(rows_of(&bucket.id, key)), 1).await?;
        rows.first().map(|(_, bytes)| decode(bytes)).transpose()
    }

    async fn version(&self, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Version>> {
        if id != "null" {
            let order = order_of(id).ok_or_else(|| error::invalid_version_id(id))?;
            let found = self.get(row(&bucket.id, key, order)).await?;
            return Ok(found.filter(|version| version.id.as_deref() == Some(id)));
        }
        let mut range = Range::prefix(rows_of(&bucket.id, key));
        loop {
            let rows = self.scan(range.clone(), PAGE).await?;
            for (_, bytes) in &rows {
                let version = decode(bytes)?;
                if version.id.is_none() {
                    return Ok(Some(version));
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == PAGE => range = range.after(key.clone()),
                _ => return Ok(None),
            }
        }
    }
}

/// The newest version of a key as last committed, delete markers included.
pub async fn newest(ctx: &Ctx, bucket: &Bucket, key: &str) -> Result<Option<Version>> {
    Rows::Committed(ctx).newest(bucket, key).await
}

/// The version of that id as last committed.
pub async fn version(ctx: &Ctx, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Version>> {
    Rows::Committed(ctx).version(bucket, key, id).await
}

/// The newest version of a key within a transaction.
pub async fn newest_in(tx: &Tx, bucket: &Bucket, key: &str) -> Result<Option<Version>> {
    Rows::In(tx).newest(bucket, key).await
}

/// The version of that id within a transaction.
pub async fn version_in(tx: &Tx, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Version>> {
    Rows::In(tx).version(bucket, key, id).await
}

/// Gives a new version its place and id, and its bucket's default retention when it says nothing itself, and writes it.
/// What it replaces goes.
pub async fn write(
    tx: &Tx,
    ctx: &Ctx,
    bucket: &Bucket,
    newest: Option<&Version>,
    version: &mut Version,
) -> Result<()> {
    let now = u64::try_from(ctx.now().as_millis()).unwrap_or_default().saturating_mul(1000);
    let next = newest.map_or(1, |newest| newest.order.saturating_add(1)).max(now);
    let replaced = match bucket.versioning {
        Versioning::Never => {
            (version.order, version.id) = (0, None);
            newest.cloned()
        }
        Versioning::Enabled => {
            let mut random = [0; 16];
            ctx.base().ids.fill(&mut random);
            (version.order, version.id) = (next, Some(new_id(next, &random)));
            None
        }
        Versioning::Suspended => {
            (version.order, version.id) = (next, None);
            version_in(tx, bucket, &version.key, "null").await?
        }
    };
    if let Some(replaced) = replaced {
        remove(tx, bucket, free(&replaced, ctx.now(), Bypass::No)?);
    }
    hold_new(bucket, version, ctx.now());
    tx.raw().put(version.row(&bucket.id), version.to_bytes());
    Ok(())
}

/// Gives a new object its bucket's default retention when it says nothing itself.
pub fn hold_new(bucket: &Bucket, version: &mut Version, now: Timestamp) {
    if version.content.is_some() && version.lock.retention.is_none() {
        let default = bucket.lock.and_then(|lock| lock.default);
        version.lock.retention = default.map(|default| default.starting(now));
    }
}

/// A version, read in a transaction, that nothing holds: it may go.
pub struct Free<'a>(&'a Version);

/// The one place that decides whether a version may go.
///
/// # Errors
/// AccessDenied while a lock holds it. AWS: it does not say which:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
pub fn free(version: &Version, now: Timestamp, bypass: Bypass) -> Result<Free<'_>> {
    match version.lock.holds(now, bypass) {
        true => Err(error::locked()),
        false => Ok(Free(version)),
    }
}

/// Removes a version and its body.
pub fn remove(tx: &Tx, bucket: &Bucket, Free(version): Free<'_>) {
    if let Some(content) = &version.content {
        bodies::discard(tx, &content.pieces);
    }
    tx.raw().delete(version.row(&bucket.id));
}
