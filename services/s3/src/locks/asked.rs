//! Locks in requests that make objects: PutObject, CopyObject, CreateMultipartUpload.
//!
//! Invariant: what is asked for is held against the bucket and against its own permissions before anything is written.

use crate::access::{Keys, need};
use crate::error;
use crate::locks::{hold_keys, retention_keys};
use crate::registry::Open;
use crate::state::{Bucket, Lock, Mode, Retention};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Need};

/// The lock that a request gives its object.
pub struct Asked<'a> {
    pub mode: Option<&'a str>,
    pub until: Option<Timestamp>,
    pub hold: Option<&'a str>,
    /// Whether it speaks of event holds.
    pub has_event: bool,
}

/// The lock of one of the three inputs that make objects.
#[macro_export]
macro_rules! lock_of {
    ($input:expr) => {
        $crate::locks::asked::Asked {
            mode: $input.object_lock_mode.as_deref(),
            until: $input.object_lock_retain_until_date,
            hold: $input.object_lock_legal_hold_status.as_deref(),
            has_event: $input.object_lock_event_hold.is_some()
                || $input.object_lock_event_hold_duration_days.is_some()
                || $input.object_lock_event_hold_duration_years.is_some(),
        }
    };
}

impl Asked<'_> {
    fn has_retention(&self) -> bool {
        self.mode.is_some() || self.until.is_some()
    }

    /// The condition keys of the request.
    pub fn keys(&self, now: Timestamp) -> Keys {
        let mut keys = retention_keys(self.mode, self.until, now);
        keys.extend(hold_keys(self.hold));
        keys
    }

    /// What the request asks for beside `s3:PutObject`.
    ///
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
    pub fn needs(&self, ctx: &Ctx, open: &Open, key: &str) -> Vec<Need> {
        let retention = self.has_retention().then(|| {
            let keys = retention_keys(self.mode, self.until, ctx.now());
            need(ctx, open, "s3:PutObjectRetention", Some(key), keys)
        });
        let hold =
            self.hold.map(|hold| need(ctx, open, "s3:PutObjectLegalHold", Some(key), hold_keys(Some(hold))));
        retention.into_iter().chain(hold).collect()
    }

    /// The lock, checked.
    pub fn read(&self, bucket: &Bucket, now: Timestamp) -> Result<Lock> {
        if !self.has_retention() && self.hold.is_none() && !self.has_event {
            return Ok(Lock::default());
        }
        if bucket.lock.is_none() {
            return Err(error::no_bucket_lock());
        }
        if self.has_event {
            return Err(error::not_implemented("event holds"));
        }
        let retention = match (self.mode, self.until) {
            (None, None) => None,
            (Some(mode), Some(until)) => Some(retention(mode, until, now)?),
            (mode, _) => {
                let text =
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                let name = match mode {
                    Some(_) => "x-amz-object-lock-retain-until-date",
                    None => "x-amz-object-lock-mode",
                };
                return Err(error::argument(text, name, ""));
            }
        };
        Ok(Lock { retention, legal_hold: self.hold.map(hold).transpose()? })
    }
}

fn retention(mode: &str, until: Timestamp, now: Timestamp) -> Result<Retention> {
    let unknown = || error::argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode);
    let retention = Retention { mode: Mode::parse(mode).ok_or_else(unknown)?, until };
    match retention.is_active(now) {
        true => Ok(retention),
        false => Err(past("x-amz-object-lock-retain-until-date", until)),
    }
}

/// A date that has passed.
pub fn past(name: &'static str, until: Timestamp) -> yakumo_aws::Error {
    error::argument("The retain until date must be in the future!", name, &until.to_date_time())
}

fn hold(status: &str) -> Result<bool> {
    match status {
        "ON" => Ok(true),
        "OFF" => Ok(false),
        other => {
            let text = "Legal Hold must be either of 'ON' or 'OFF'";
            Err(error::argument(text, "x-amz-object-lock-legal-hold", other))
        }
    }
}

/// AWS: what becomes locked must come with a sum that it can be checked against:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>. `what` is `Object` or `Part`.
pub fn check_sum(bucket: &Bucket, lock: &Lock, has_sum: bool, what: &str) -> Result<()> {
    let locks = !lock.is_unset() || bucket.lock.is_some_and(|lock| lock.default.is_some());
    if !locks || has_sum {
        return Ok(());
    }
    let text = format!(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {what} requests with Object Lock parameters"
    );
    Err(error::invalid_request(&text))
}
