//! Lifecycle configurations: written, read, removed; what they say of an object.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>

mod rules;
mod together;
mod work;

use crate::access::{bucket_of, on_bucket};
use crate::error;
use crate::registry::{Registry, edit};
use crate::state::{Bucket, Lifecycle, Version};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, http_date};

pub use work::reconciler;

const ALL_128K: &str = "all_storage_classes_128K";
const VARIES: &str = "varies_by_storage_class";

/// The operations of this folder.
pub fn operations(room: Room) -> Room {
    room.on(
        api::PutBucketLifecycleConfiguration,
        on_bucket("s3:PutLifecycleConfiguration"),
        put_bucket_lifecycle_configuration,
    )
    .on(
        api::GetBucketLifecycleConfiguration,
        on_bucket("s3:GetLifecycleConfiguration"),
        get_bucket_lifecycle_configuration,
    )
    .on(api::DeleteBucketLifecycle, on_bucket("s3:PutLifecycleConfiguration"), delete_bucket_lifecycle)
}

async fn put_bucket_lifecycle_configuration(
    ctx: Ctx,
    input: api::PutBucketLifecycleConfigurationInput,
) -> Result<api::PutBucketLifecycleConfigurationOutput> {
    let given = input.lifecycle_configuration.clone().ok_or_else(error::no_document)?;
    let minimum_varies = match input.transition_default_minimum_object_size.as_deref() {
        None | Some(ALL_128K) => false,
        Some(VARIES) => true,
        Some(other) => {
            let text = "Invalid transition default minimum object size";
            return Err(error::argument(text, "x-amz-transition-default-minimum-object-size", other));
        }
    };
    let lifecycle = Lifecycle { rules: rules::read(ctx.base(), given.rules)?, minimum_varies };
    if bucket_of(&ctx, &input).await?.record.directory.is_some() {
        rules::check_directory(&lifecycle.rules)?;
    }
    edit(&ctx, &input.bucket, |bucket| {
        bucket.lifecycle = lifecycle.clone();
        crate::mfa::check_lifecycle(bucket)
    })
    .await?;
    ctx.state::<Registry>().lifecycle_changed();
    ctx.base().nudge(work::NAME);
    Ok(api::PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(minimum(&lifecycle)),
    })
}

fn minimum(lifecycle: &Lifecycle) -> String {
    if lifecycle.minimum_varies { VARIES } else { ALL_128K }.to_owned()
}

async fn get_bucket_lifecycle_configuration(
    ctx: Ctx,
    input: api::GetBucketLifecycleConfigurationInput,
) -> Result<api::GetBucketLifecycleConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let lifecycle = &open.record.lifecycle;
    if lifecycle.rules.is_empty() {
        return Err(none(&open.record.name));
    }
    Ok(api::GetBucketLifecycleConfigurationOutput {
        rules: Some(lifecycle.rules.iter().map(rules::shown).collect()),
        transition_default_minimum_object_size: Some(minimum(lifecycle)),
    })
}

fn none(bucket: &str) -> Error {
    let text = "The lifecycle configuration does not exist";
    error::no_such("NoSuchLifecycleConfiguration", text, bucket)
}

async fn delete_bucket_lifecycle(
    ctx: Ctx,
    input: api::DeleteBucketLifecycleInput,
) -> Result<api::DeleteBucketLifecycleOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.lifecycle = Lifecycle::default();
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketLifecycleOutput::default())
}

/// The header `x-amz-expiration` of an object, when a rule ends it.
pub fn expiration(bucket: &Bucket, version: &Version) -> Option<String> {
    // AWS: "this header returns the value "NotImplemented" in all responses for directory buckets":
    // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
    if bucket.directory.is_some() {
        return Some("NotImplemented".to_owned());
    }
    let (end, rule) = bucket.lifecycle.end_of(version)?;
    let rule = percent_encoding::utf8_percent_encode(rule, percent_encoding::NON_ALPHANUMERIC);
    Some(format!("expiry-date=\"{}\", rule-id=\"{rule}\"", http_date(end)))
}
