//! The object lock of a bucket and its default retention.
//!
//! Invariant: a bucket with object lock keeps versions, and neither ends.

use crate::access::bucket_of;
use crate::error;
use crate::registry::edit;
use crate::state::{Bucket, BucketLock, DefaultRetention, Mode, Period, Versioning};
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>
const DAYS_MAX: i32 = 36_500;
const YEARS_MAX: i32 = 100;

/// Versioning and lock of a bucket that is made with or without object lock.
pub fn of_new_bucket(enabled: Option<bool>) -> (Versioning, Option<BucketLock>) {
    match enabled {
        Some(true) => (Versioning::Enabled, Some(BucketLock::default())),
        _ => (Versioning::Never, None),
    }
}

/// Whether versioning may become this.
///
/// # Errors
/// InvalidBucketState when a lock relies on the versions.
pub fn check_versioning(bucket: &Bucket, wanted: Versioning) -> Result<()> {
    match bucket.lock.is_some() && wanted != Versioning::Enabled {
        true => Err(error::invalid_bucket_state(
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        )),
        false => Ok(()),
    }
}

pub async fn get_object_lock_configuration(
    ctx: Ctx,
    input: api::GetObjectLockConfigurationInput,
) -> Result<api::GetObjectLockConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let Some(lock) = open.record.lock else {
        let text = "Object Lock configuration does not exist for this bucket";
        return Err(error::no_such("ObjectLockConfigurationNotFoundError", text, &open.record.name));
    };
    Ok(api::GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(api::ObjectLockConfiguration {
            object_lock_enabled: Some("Enabled".to_owned()),
            rule: lock.default.map(shown),
        }),
    })
}

fn shown(default: DefaultRetention) -> api::ObjectLockRule {
    let (days, years) = match default.period {
        Period::Days(days) => (Some(days), None),
        Period::Years(years) => (None, Some(years)),
    };
    let mode = Some(default.mode.as_str().to_owned());
    let retention = api::DefaultRetention { mode, days, years, ..Default::default() };
    api::ObjectLockRule { default_retention: Some(retention) }
}

pub async fn put_object_lock_configuration(
    ctx: Ctx,
    input: api::PutObjectLockConfigurationInput,
) -> Result<api::PutObjectLockConfigurationOutput> {
    bucket_of(&ctx, &input).await?;
    if input.token.is_some() {
        return Err(error::not_implemented("tokens for object lock"));
    }
    let given = input.object_lock_configuration.ok_or_else(error::no_document)?;
    // AWS: a bucket that already has object lock can be given another rule without saying so again.
    let enables = match given.object_lock_enabled.as_deref() {
        Some("Enabled") => true,
        None => false,
        Some(_) => return Err(error::malformed_xml()),
    };
    // What says nothing sets nothing, and must not take away what there is.
    if !enables && given.rule.is_none() {
        return Err(error::malformed_xml());
    }
    let default = given.rule.map(rule).transpose()?;
    edit(&ctx, &input.bucket, |bucket| {
        if bucket.lock.is_none() && !enables {
            return Err(error::malformed_xml());
        }
        if bucket.versioning != Versioning::Enabled {
            return Err(error::invalid_bucket_state(
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            ));
        }
        bucket.lock = Some(BucketLock { default });
        Ok(())
    })
    .await?;
    Ok(api::PutObjectLockConfigurationOutput::default())
}

fn rule(given: api::ObjectLockRule) -> Result<DefaultRetention> {
    let given = given.default_retention.ok_or_else(error::malformed_xml)?;
    if given.default_event_hold.is_some() {
        return Err(error::not_implemented("event holds"));
    }
    let mode = given.mode.as_deref().and_then(Mode::parse).ok_or_else(error::malformed_xml)?;
    let period = match (given.days, given.years) {
        (Some(days), None) => Period::Days(bounded(days, DAYS_MAX, "Days")?),
        (None, Some(years)) => Period::Years(bounded(years, YEARS_MAX, "Years")?),
        _ => return Err(error::malformed_xml()),
    };
    Ok(DefaultRetention { mode, period })
}

fn bounded(given: i32, most: i32, name: &'static str) -> Result<i32> {
    let text = match given {
        given if given <= 0 => "Default retention period must be a positive integer value.",
        given if given > most => "Default retention period is larger than the maximum of 100 years.",
        given => return Ok(given),
    };
    Err(error::argument(text, name, &given.to_string()))
}
