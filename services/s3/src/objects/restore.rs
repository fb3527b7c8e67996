//! RestoreObject, and what it means for those who read.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>

use crate::access::bucket_of;
use crate::error;
use crate::happenings::later::look_again;
use crate::happenings::{self, What};
use crate::index;
use crate::objects::object;
use crate::registry::present;
use crate::state::restore::{Archive, Restore, Standing, Tier};
use crate::state::{Bucket, Version};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Record, Tx, http_date};

const ACCEPTED: i32 = 202;
const OK: i32 = 200;

fn class(version: &Version) -> &str {
    let content = version.content.as_ref();
    content.and_then(|content| content.headers.storage_class.as_deref()).unwrap_or("STANDARD")
}

fn invalid_state(text: &str, version: &Version) -> Error {
    Error::sender("InvalidObjectState", text)
        .with_status(403)
        .with_field("StorageClass", class(version).to_owned())
}

/// Whether the content of a version can be read now.
///
/// # Errors
/// InvalidObjectState when it is archived and there is no copy.
pub fn check_at_hand(version: &Version, now: Timestamp) -> Result<()> {
    match version.is_at_hand(now) {
        true => Ok(()),
        false => Err(invalid_state("The operation is not valid for the object's storage class", version)),
    }
}

/// The same of the source of a copy.
pub fn check_source(version: &Version, now: Timestamp) -> Result<()> {
    match version.is_at_hand(now) {
        true => Ok(()),
        false => Err(invalid_state("Operation is not valid for the source object's storage class", version)),
    }
}

/// The header `x-amz-restore`.
pub fn header(version: &Version, now: Timestamp) -> Option<String> {
    match version.standing(now) {
        Standing::Absent => None,
        Standing::Ongoing(_) => Some("ongoing-request=\"true\"".to_owned()),
        Standing::Here(restore) => {
            Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date(restore.expires)))
        }
    }
}

/// What lists tell of it when they are asked for `RestoreStatus`.
pub fn status(version: &Version, now: Timestamp) -> Option<api::RestoreStatus> {
    let (is_ongoing, expires) = match version.standing(now) {
        Standing::Absent => return None,
        Standing::Ongoing(_) => (true, None),
        Standing::Here(restore) => (false, Some(restore.expires)),
    };
    Some(api::RestoreStatus { is_restore_in_progress: Some(is_ongoing), restore_expiry_date: expires })
}

/// What a request wants.
struct Wanted {
    days: Option<i32>,
    tier: Option<Tier>,
}

fn wanted(given: Option<api::RestoreRequest>) -> Result<Wanted> {
    let given = given.ok_or_else(error::malformed_xml)?;
    if given.r#type.is_some() || given.select_parameters.is_some() || given.output_location.is_some() {
        return Err(error::not_implemented("restores that select"));
    }
    if given.description.is_some() {
        return Err(error::not_implemented("descriptions of restores"));
    }
    if given.days.is_some_and(|days| days < 1) {
        return Err(error::malformed_xml());
    }
    let tiers = [given.glacier_job_parameters.map(|parameters| parameters.tier), given.tier];
    let mut tiers = tiers.iter().flatten().map(|tier| Tier::parse(tier).ok_or_else(error::malformed_xml));
    let tier = tiers.next().transpose()?;
    match tiers.next() {
        Some(_) => Err(error::malformed_xml()),
        None => Ok(Wanted { days: given.days, tier }),
    }
}

pub async fn restore_object(ctx: Ctx, input: api::RestoreObjectInput) -> Result<api::RestoreObjectOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let (bucket, id) = (&open.record, input.version_id.as_deref());
    let status = happenings::transact(&ctx, bucket, |tx: Tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            let found = match id {
                Some(id) => index::version_in(&tx, &bucket, &input.key, id).await?,
                None => index::newest_in(&tx, &bucket, &input.key).await?,
            };
            let version = object(found, &input.key, id, "POST")?;
            let archive = archive(&version, input.restore_request.as_ref())?;
            let wanted = wanted(input.restore_request.clone())?;
            let (restore, status) = decide(&version, archive, &wanted, ctx.now())?;
            let version = save(&tx, &bucket, version, restore, ctx.now());
            if status == ACCEPTED {
                happenings::note(&tx, ctx, &bucket, What::RestorePost, &version);
            }
            Ok(status)
        }
    })
    .await?;
    Ok(api::RestoreObjectOutput { status_code: Some(status), ..Default::default() })
}

fn save(tx: &Tx, bucket: &Bucket, mut version: Version, restore: Restore, now: Timestamp) -> Version {
    version.restore = Some(restore);
    tx.raw().put(version.row(&bucket.id), version.to_bytes());
    // A copy that is prolonged is there already, which has been told.
    for at in [restore.ready, restore.expires].into_iter().filter(|at| *at > now) {
        look_again(tx, bucket, &version, at);
    }
    version
}

/// The archive that a version is in.
fn archive(version: &Version, given: Option<&api::RestoreRequest>) -> Result<Archive> {
    if let Some(archive) = version.archive() {
        return Ok(archive);
    }
    if class(version) != "INTELLIGENT_TIERING" {
        let text = "Restore is not allowed for the object's current storage class";
        return Err(invalid_state(text, version));
    }
    // AWS: what is tiered comes back for good, and here it never leaves the tier of frequent access.
    let days = given.and_then(|given| given.days);
    Err(match days {
        Some(days) => {
            let text = "INTELLIGENT_TIERING objects are not subject to restore expiry. Do not specify Days when \
                        restoring this object";
            error::argument(text, "Days", &days.to_string())
        }
        None => {
            let text = "This action is not allowed against this storage tier";
            Error::sender("ObjectAlreadyInActiveTierError", text).with_status(403)
        }
    })
}

/// What becomes of the copy, and the status of the answer: 202 for one that is to come, 200 for one that is there.
fn decide(version: &Version, archive: Archive, wanted: &Wanted, now: Timestamp) -> Result<(Restore, i32)> {
    let tier = wanted.tier.unwrap_or(Tier::Standard);
    let begin = |days| {
        let text = "Retrieval option is not supported by this storage class";
        let unsupported = || error::argument(text, "Tier", "Expedited");
        Restore::begin(archive, tier, days, now).ok_or_else(unsupported)
    };
    match version.standing(now) {
        Standing::Absent => Ok((begin(wanted.days.ok_or_else(error::malformed_xml)?)?, ACCEPTED)),
        Standing::Here(restore) => {
            Ok((restore.prolonged(wanted.days.ok_or_else(error::malformed_xml)?, now), OK))
        }
        // AWS: a restore that is under way can be made faster:
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html#restoring-objects-upgrade-tier>
        Standing::Ongoing(restore) if tier > restore.tier => {
            let faster = begin(restore.days)?;
            let ready = faster.ready.min(restore.ready);
            let expires = faster.expires.min(restore.expires);
            Ok((Restore { ready, expires, ..faster }, ACCEPTED))
        }
        Standing::Ongoing(_) => {
            let text = "Object restore is already in progress";
            Err(Error::sender("RestoreAlreadyInProgress", text).with_status(409))
        }
    }
}
