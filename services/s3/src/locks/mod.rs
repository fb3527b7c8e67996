//! Object lock: set for buckets, for single versions, and by the requests that make objects.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
//!
//! Invariant: what a lock allows is decided in `state::lock`, and whether a version may go in `index::free` alone.

pub mod asked;
mod configuration;
mod versions;

use crate::access::{Keys, need, on_bucket, on_object};
use crate::registry::Open;
use crate::state::{Bypass, Lock, Retention};
use yakumo_api_s3 as api;
use yakumo_aws::Timestamp;
use yakumo_room::{Ctx, Need, Room};

pub use configuration::{check_versioning, of_new_bucket};

const BYPASS: &str = "s3:BypassGovernanceRetention";
const DAY_MS: i64 = 86_400_000;

/// The operations of this folder.
pub fn operations(room: Room) -> Room {
    room.on(
        api::GetObjectLockConfiguration,
        on_bucket("s3:GetBucketObjectLockConfiguration"),
        configuration::get_object_lock_configuration,
    )
    .on(
        api::PutObjectLockConfiguration,
        on_bucket("s3:PutBucketObjectLockConfiguration"),
        configuration::put_object_lock_configuration,
    )
    .on(api::GetObjectRetention, on_object("s3:GetObjectRetention"), versions::get_object_retention)
    .on(api::PutObjectRetention, versions::retention_access(), versions::put_object_retention)
    .on(api::GetObjectLegalHold, on_object("s3:GetObjectLegalHold"), versions::get_object_legal_hold)
    .on(api::PutObjectLegalHold, versions::legal_hold_access(), versions::put_object_legal_hold)
}

/// What a request asks for beside its own action when it passes over GOVERNANCE.
///
/// AWS: "To use this header, you must have the s3:BypassGovernanceRetention permission":
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
pub fn needs_bypass(ctx: &Ctx, open: &Open, key: &str, bypass: Bypass) -> Option<Need> {
    (bypass == Bypass::Governance).then(|| need(ctx, open, BYPASS, Some(key), Keys::new()))
}

/// The condition keys of a retention. Days that have begun count as remaining.
fn retention_keys(mode: Option<&str>, until: Option<Timestamp>, now: Timestamp) -> Keys {
    let one = |name: &str, value: String| (format!("s3:object-lock-{name}"), vec![value]);
    let mode = mode.map(|mode| one("mode", mode.to_owned()));
    let date = until.map(|until| one("retain-until-date", until.to_date_time()));
    let days = until.map(|until| {
        let left_ms = until.as_millis().saturating_sub(now.as_millis());
        one("remaining-retention-days", left_ms.saturating_add(DAY_MS - 1).div_euclid(DAY_MS).to_string())
    });
    [mode, date, days].into_iter().flatten().collect()
}

/// `s3:object-lock-legal-hold`.
fn hold_keys(status: Option<&str>) -> Keys {
    status
        .map(|status| ("s3:object-lock-legal-hold".to_owned(), vec![status.to_owned()]))
        .into_iter()
        .collect()
}

fn on_or_off(hold: bool) -> String {
    if hold { "ON" } else { "OFF" }.to_owned()
}

/// What an answer tells of a version's lock: only what its reader may read.
///
/// AWS: "only returned if the requester has the s3:GetObjectRetention permission", and as much for legal holds:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
pub fn shown(ctx: &Ctx, open: &Open, key: &str, lock: &Lock) -> (Option<Retention>, Option<String>) {
    let may = |action| ctx.ask(need(ctx, open, action, Some(key), Keys::new())).decision.allowed;
    let retention = lock.retention.filter(|_| may("s3:GetObjectRetention"));
    let hold = lock.legal_hold.filter(|_| may("s3:GetObjectLegalHold"));
    (retention, hold.map(on_or_off))
}

/// Puts a version's lock into the members of an output.
#[macro_export]
macro_rules! put_lock {
    ($output:ident, $ctx:expr, $open:expr, $version:expr) => {
        let (retention, hold) = $crate::locks::shown(&$ctx, &$open, &$version.key, &$version.lock);
        $output.object_lock_mode = retention.map(|retention| retention.mode.as_str().to_owned());
        $output.object_lock_retain_until_date = retention.map(|retention| retention.until);
        $output.object_lock_legal_hold_status = hold;
    };
}
