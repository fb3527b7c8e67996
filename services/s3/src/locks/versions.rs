//! Retention and legal hold of a version: read and changed.
//!
//! Invariant: a lock is changed in the transaction that reads it, so that neither a delete nor another change comes between.

use crate::access::{bucket_of, need};
use crate::error;
use crate::happenings::{self, What};
use crate::index;
use crate::locks::asked::past;
use crate::locks::{hold_keys, needs_bypass, on_or_off, retention_keys};
use crate::objects::{find, object};
use crate::registry::{Open, present};
use crate::state::{Bypass, Lock, Mode, Retention};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Access, Ctx, Need, Record, Tx};

/// The rule of PutObjectRetention.
pub fn retention_access() -> Access<api::PutObjectRetentionInput> {
    let actions = ["s3:PutObjectRetention", "s3:BypassGovernanceRetention"];
    Access::needs(actions, |ctx: &Ctx, input: &api::PutObjectRetentionInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            let given = input.retention.as_ref();
            let mode = given.and_then(|given| given.mode.as_deref());
            let until = given.and_then(|given| given.retain_until_date);
            let keys = retention_keys(mode, until, ctx.now());
            let mut needs = vec![need(ctx, &open, "s3:PutObjectRetention", Some(&input.key), keys)];
            let bypass = Bypass::asked(input.bypass_governance_retention);
            needs.extend(needs_bypass(ctx, &open, &input.key, bypass));
            Ok(needs)
        })
    })
}

/// The rule of PutObjectLegalHold.
pub fn legal_hold_access() -> Access<api::PutObjectLegalHoldInput> {
    Access::needs(["s3:PutObjectLegalHold"], |ctx: &Ctx, input: &api::PutObjectLegalHoldInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            let status = input.legal_hold.as_ref().and_then(|hold| hold.status.as_deref());
            let needed: Need = need(ctx, &open, "s3:PutObjectLegalHold", Some(&input.key), hold_keys(status));
            Ok(vec![needed])
        })
    })
}

fn check_bucket(open: &Open) -> Result<()> {
    if open.record.lock.is_none() { Err(error::no_bucket_lock()) } else { Ok(()) }
}

fn nothing(key: &str) -> Error {
    let text = "The specified object does not have a ObjectLock configuration";
    Error::sender("NoSuchObjectLockConfiguration", text).with_status(404).with_field("Key", key)
}

pub async fn get_object_retention(
    ctx: Ctx,
    input: api::GetObjectRetentionInput,
) -> Result<api::GetObjectRetentionOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_bucket(&open)?;
    let version = find(&ctx, &open.record, &input.key, input.version_id.as_deref(), "GET").await?;
    let retention = version.lock.retention.ok_or_else(|| nothing(&input.key))?;
    Ok(api::GetObjectRetentionOutput {
        retention: Some(api::ObjectLockRetention {
            mode: Some(retention.mode.as_str().to_owned()),
            retain_until_date: Some(retention.until),
            ..Default::default()
        }),
    })
}

pub async fn put_object_retention(
    ctx: Ctx,
    input: api::PutObjectRetentionInput,
) -> Result<api::PutObjectRetentionOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_bucket(&open)?;
    let wanted = retention(input.retention.ok_or_else(error::no_document)?)?;
    let now = ctx.now();
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_active(now)) {
        return Err(past("RetainUntilDate", wanted.until));
    }
    let bypass = Bypass::asked(input.bypass_governance_retention);
    change(&ctx, &open, &input.key, input.version_id.as_deref(), |lock| {
        if !lock.allows(wanted, ctx.now(), bypass) {
            return Err(error::locked());
        }
        lock.retention = wanted;
        Ok(())
    })
    .await?;
    Ok(api::PutObjectRetentionOutput::default())
}

/// The retention of a request. AWS: an empty one removes what there is, where that is allowed.
fn retention(given: api::ObjectLockRetention) -> Result<Option<Retention>> {
    if given.event_hold.is_some() || given.event_hold_duration.is_some() {
        return Err(error::not_implemented("event holds"));
    }
    match (given.mode, given.retain_until_date) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = Mode::parse(&mode).ok_or_else(error::malformed_xml)?;
            Ok(Some(Retention { mode, until }))
        }
        _ => Err(error::malformed_xml()),
    }
}

pub async fn get_object_legal_hold(
    ctx: Ctx,
    input: api::GetObjectLegalHoldInput,
) -> Result<api::GetObjectLegalHoldOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_bucket(&open)?;
    let version = find(&ctx, &open.record, &input.key, input.version_id.as_deref(), "GET").await?;
    let hold = version.lock.legal_hold.ok_or_else(|| nothing(&input.key))?;
    let status = Some(on_or_off(hold));
    Ok(api::GetObjectLegalHoldOutput { legal_hold: Some(api::ObjectLockLegalHold { status }) })
}

pub async fn put_object_legal_hold(
    ctx: Ctx,
    input: api::PutObjectLegalHoldInput,
) -> Result<api::PutObjectLegalHoldOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_bucket(&open)?;
    let given = input.legal_hold.ok_or_else(error::no_document)?;
    let hold = match given.status.as_deref() {
        Some("ON") => true,
        Some("OFF") => false,
        _ => return Err(error::malformed_xml()),
    };
    change(&ctx, &open, &input.key, input.version_id.as_deref(), |lock| {
        lock.legal_hold = Some(hold);
        Ok(())
    })
    .await?;
    Ok(api::PutObjectLegalHoldOutput::default())
}

/// Changes the lock of the version that is meant when the change is made.
async fn change(
    ctx: &Ctx,
    open: &Open,
    key: &str,
    id: Option<&str>,
    edit: impl Fn(&mut Lock) -> Result<()>,
) -> Result<()> {
    let bucket = &open.record;
    happenings::transact(ctx, bucket, |tx: Tx| {
        let edit = &edit;
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            let found = match id {
                Some(id) => index::version_in(&tx, &bucket, key, id).await?,
                None => index::newest_in(&tx, &bucket, key).await?,
            };
            let mut version = object(found, key, id, "PUT")?;
            edit(&mut version.lock)?;
            tx.raw().put(version.row(&bucket.id), version.to_bytes());
            happenings::note(&tx, ctx, &bucket, What::LockPut, &version);
            Ok(())
        }
    })
    .await
}
