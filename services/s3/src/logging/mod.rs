//! Server access logging: its configuration. `hear` makes the lines, `deliver` brings them to the target bucket.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>
//!
//! Invariant: a log is written as `logging.s3.amazonaws.com`, through PutObject and the target bucket's own policy and
//! access control list.

mod deliver;
mod hear;
mod line;

use crate::access::{bucket_of, need, on_bucket};
use crate::error;
use crate::names::check_key;
use crate::registry::{Open, Registry, edit};
use crate::state::Bucket;
use crate::state::logging::{Logging, Naming};
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Caller, Ctx, Facts, Resource, Room};

pub use deliver::reconciler;
pub use hear::{Listener, Logs};
pub use line::resource_type;

/// Who writes logs.
const SERVICE: &str = "logging.s3.amazonaws.com";
const BY_EVENT: &str = "EventTime";
const BY_DELIVERY: &str = "DeliveryTime";

/// The operations of this folder.
pub fn operations(room: Room) -> Room {
    room.on(api::PutBucketLogging, on_bucket("s3:PutBucketLogging"), put_bucket_logging).on(
        api::GetBucketLogging,
        on_bucket("s3:GetBucketLogging"),
        get_bucket_logging,
    )
}

async fn put_bucket_logging(
    ctx: Ctx,
    input: api::PutBucketLoggingInput,
) -> Result<api::PutBucketLoggingOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let logging = match input.bucket_logging_status.logging_enabled {
        None => None,
        Some(given) => Some(read(&ctx, &open.record, given).await?),
    };
    let bucket = edit(&ctx, &input.bucket, |bucket| {
        bucket.logging.clone_from(&logging);
        Ok(())
    })
    .await?;
    ctx.state::<Registry>().logs.set(&bucket);
    ctx.base().nudge(deliver::NAME);
    Ok(api::PutBucketLoggingOutput::default())
}

async fn read(ctx: &Ctx, bucket: &Bucket, given: api::LoggingEnabled) -> Result<Logging> {
    if given.target_grants.is_some_and(|grants| !grants.is_empty()) {
        return Err(error::not_implemented("target grants of access logs"));
    }
    let naming = match given.target_object_key_format {
        None => Naming::Unset,
        Some(format) => match (format.simple_prefix, format.partitioned_prefix) {
            (Some(_), None) => Naming::Simple,
            (None, Some(partitioned)) => match partitioned.partition_date_source.as_deref() {
                Some(BY_EVENT) => Naming::ByEvent,
                Some(BY_DELIVERY) | None => Naming::ByDelivery,
                Some(_) => return Err(error::malformed_xml()),
            },
            _ => return Err(error::malformed_xml()),
        },
    };
    let target = ctx.state::<Registry>().bucket(&given.target_bucket).await;
    let target = target.map_err(|error| match error.code.as_ref() {
        "NoSuchBucket" => wrong_target("The target bucket for logging does not exist", &given.target_bucket),
        _ => error,
    })?;
    if target.record.directory.is_some() {
        return Err(wrong_target("The target bucket for logging does not exist", &given.target_bucket));
    }
    check_target(ctx, bucket, &target, &given.target_prefix)?;
    let logging = Logging { target: given.target_bucket, prefix: given.target_prefix, naming };
    check_key(&deliver::longest_key(bucket, &logging))?;
    Ok(logging)
}

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn wrong_target(text: &str, target: &str) -> Error {
    Error::sender("InvalidTargetBucketForLogging", text).with_field("TargetBucket", target)
}

fn check_target(ctx: &Ctx, bucket: &Bucket, target: &Open, prefix: &str) -> Result<()> {
    let name = &target.record.name;
    if target.record.owner != bucket.owner {
        let text = "The owner for the bucket to be logged and the target bucket must be the same.";
        return Err(wrong_target(text, name));
    }
    if target.record.region != bucket.region {
        let text = "Cross S3 location logging not allowed. ";
        return Err(Error::sender("CrossLocationLoggingProhibitted", text)
            .with_status(403)
            .with_field("TargetBucketLocation", target.record.region.as_str())
            .with_field("SourceBucketLocation", bucket.region.as_str()));
    }
    // AWS: "the destination bucket must not have an S3 Object Lock default retention period configuration", nor requester
    // pays: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>
    if target.record.lock.is_some_and(|lock| lock.default.is_some()) {
        return Err(wrong_target("The target bucket for logging has a default retention period", name));
    }
    if target.record.requester_pays {
        return Err(wrong_target("The target bucket for logging has requester pays enabled", name));
    }
    // AWS: with access control lists in force it is looked at whether they let the log in; a bucket policy alone is
    // looked at only when something is delivered.
    if target.record.ownership.has_lists() && !is_let_in(ctx, bucket, target, prefix) {
        let text = "You must give the log-delivery group WRITE and READ_ACP permissions to the target bucket";
        return Err(wrong_target(text, name));
    }
    Ok(())
}

fn is_let_in(ctx: &Ctx, bucket: &Bucket, target: &Open, prefix: &str) -> bool {
    let Some(visit) = ctx.world().enter() else { return false };
    let caller = Arc::new(Caller::service(SERVICE, &bucket.arn(), bucket.owner));
    let asked =
        Ctx::question(visit, "s3", caller, bucket.region, Facts::internal(ctx.facts().request_id.clone()));
    asked.ask(need(&asked, target, "s3:PutObject", Some(prefix), Vec::new())).decision.allowed
}

async fn get_bucket_logging(
    ctx: Ctx,
    input: api::GetBucketLoggingInput,
) -> Result<api::GetBucketLoggingOutput> {
    let open = bucket_of(&ctx, &input).await?;
    Ok(api::GetBucketLoggingOutput { logging_enabled: open.record.logging.as_ref().map(shown) })
}

fn shown(logging: &Logging) -> api::LoggingEnabled {
    let by = |source: &str| api::TargetObjectKeyFormat {
        partitioned_prefix: Some(api::PartitionedPrefix { partition_date_source: Some(source.to_owned()) }),
        simple_prefix: None,
    };
    let format = match logging.naming {
        Naming::Unset => None,
        Naming::Simple => Some(api::TargetObjectKeyFormat {
            simple_prefix: Some(api::SimplePrefix::default()),
            partitioned_prefix: None,
        }),
        Naming::ByDelivery => Some(by(BY_DELIVERY)),
        Naming::ByEvent => Some(by(BY_EVENT)),
    };
    api::LoggingEnabled {
        target_bucket: logging.target.clone(),
        target_prefix: logging.prefix.clone(),
        target_object_key_format: format,
        target_grants: None,
    }
}
