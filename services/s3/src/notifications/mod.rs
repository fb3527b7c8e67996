//! Event notifications: a bucket's configuration, and what becomes of changes that it is about.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html>
//!
//! Invariant: a queue is told nothing that its own policy does not let S3 tell it, neither when it is configured nor at
//! any later event.

mod deliver;
mod given;
mod message;

use crate::access::{bucket_of, on_bucket};
use crate::happenings::What;
use crate::registry::edit;
use crate::state::{Bucket, QueueConfiguration, Tiding, Version};
use std::collections::BTreeSet;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_policy::{Principal, PrincipalKind};
use yakumo_room::{Caller, Ctx, Record, Resource, Room, Tx};

pub use deliver::{NAME, reconciler};

/// Who S3 is where it acts for a bucket.
pub const SERVICE: &str = "s3.amazonaws.com";

/// The operations of this folder.
pub fn operations(room: Room) -> Room {
    room.on(
        api::PutBucketNotificationConfiguration,
        on_bucket("s3:PutBucketNotification"),
        put_bucket_notification_configuration,
    )
    .on(
        api::GetBucketNotificationConfiguration,
        on_bucket("s3:GetBucketNotification"),
        get_bucket_notification_configuration,
    )
}

async fn put_bucket_notification_configuration(
    ctx: Ctx,
    input: api::PutBucketNotificationConfigurationInput,
) -> Result<api::PutBucketNotificationConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let configurations = given::read(&ctx, &open.record, input.notification_configuration)?;
    if input.skip_destination_validation != Some(true) {
        validate(&ctx, &open.record, &configurations).await?;
    }
    edit(&ctx, &input.bucket, |bucket| {
        bucket.notifications.clone_from(&configurations);
        Ok(())
    })
    .await?;
    Ok(api::PutBucketNotificationConfigurationOutput::default())
}

/// Sends each queue a test message, as AWS does: that shows whether it is there and lets S3 in.
async fn validate(ctx: &Ctx, bucket: &Bucket, configurations: &[QueueConfiguration]) -> Result<()> {
    let queues: BTreeSet<_> = configurations.iter().map(|configuration| &configuration.queue).collect();
    let test = message::test(bucket, ctx.now(), &ctx.facts().request_id);
    let mut refused = Vec::new();
    for queue in queues {
        let caller = Arc::new(Caller::service(SERVICE, &bucket.arn(), bucket.owner));
        let sent = ctx.call(yakumo_api_sqs::SendMessage, caller, deliver::letter(queue, test.clone())?).await;
        match sent {
            Ok(_) => {}
            Err(error) if error.status >= 500 => return Err(error),
            Err(_) => refused.push(queue),
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(unable(refused)),
    }
}

/// AWS: each destination is a numbered pair of fields.
/// DIFFERS: AWS says of a queue that is not there that it does not exist. Here S3 is told no more about a queue than its
/// policy lets it know.
fn unable(refused: Vec<&String>) -> Error {
    let text = "Unable to validate the following destination configurations";
    let reason =
        "Permissions on the destination queue do not allow S3 to publish notifications from this bucket";
    let numbered = refused.into_iter().zip(1..);
    numbered.fold(Error::sender("InvalidArgument", text), |error, (queue, number)| {
        error
            .with_field(format!("ArgumentName{number}"), queue.clone())
            .with_field(format!("ArgumentValue{number}"), reason)
    })
}

async fn get_bucket_notification_configuration(
    ctx: Ctx,
    input: api::GetBucketNotificationConfigurationInput,
) -> Result<api::GetBucketNotificationConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let queues: Vec<_> = open.record.notifications.iter().map(given::shown).collect();
    Ok(api::GetBucketNotificationConfigurationOutput {
        queue_configurations: (!queues.is_empty()).then_some(queues),
        ..Default::default()
    })
}

/// Notes an event for each queue that wants to hear of it.
pub fn hear(tx: &Tx, ctx: &Ctx, bucket: &Bucket, what: What, version: &Version, sequence: u64) {
    let event = format!("s3:{}", what.event());
    let about = bucket.notifications.iter().filter(|one| one.is_about(&event, &version.key));
    for (configuration, number) in about.zip(0..) {
        let tiding = tiding(ctx, bucket, what, version, sequence, configuration);
        tx.raw().put(tiding.row(&bucket.id, number), tiding.to_bytes());
    }
}

fn tiding(
    ctx: &Ctx,
    bucket: &Bucket,
    what: What,
    version: &Version,
    sequence: u64,
    configuration: &QueueConfiguration,
) -> Tiding {
    let content = version.content.as_ref().filter(|_| !what.is_removal());
    let etag = content.map(|content| content.etag.clone());
    let is_marker = matches!(what, What::DeleteMarkerCreated | What::LifecycleDeleteMarkerCreated);
    let principal = &ctx.caller().principal;
    let facts = ctx.facts();
    let private = facts.through.as_ref().map(|through| through.address);
    let source_ip = facts.source_ip.or(private).map(|ip| ip.to_string());
    Tiding {
        event: what.event().to_owned(),
        sequence,
        at: ctx.now(),
        bucket: bucket.name.clone(),
        owner: bucket.owner,
        region: bucket.region,
        configuration: configuration.id.clone(),
        queue: configuration.queue.clone(),
        key: version.key.clone(),
        size_bytes: content.map(|content| content.size_bytes).filter(|_| what.tells_size()),
        // AWS: a delete marker has the ETag of nothing.
        etag: etag.or_else(|| is_marker.then(|| EMPTY_ETAG.to_owned())),
        version_id: bucket.has_versions().then(|| version.shown_id().to_owned()),
        storage_class: (what == What::LifecycleTransition)
            .then(|| content.and_then(|content| content.headers.storage_class.clone()))
            .flatten(),
        restored: restored(what, version),
        principal_id: principal_id(principal),
        source_ip: source_ip
            .or_else(|| matches!(principal.kind, PrincipalKind::Service(_)).then(|| SERVICE.to_owned())),
        request_id: ctx.facts().request_id.to_string(),
    }
}

fn restored(what: What, version: &Version) -> Option<(Timestamp, String)> {
    let restore = version.restore.filter(|_| what == What::RestoreCompleted)?;
    let class = version.content.as_ref()?.headers.storage_class.clone()?;
    Some((restore.expires, class))
}

const EMPTY_ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Who did something, as events name them.
fn principal_id(principal: &Principal) -> String {
    match (&principal.kind, principal.account) {
        (PrincipalKind::Service(name), _) => name.clone(),
        (PrincipalKind::Root, Some(account)) => message::customer_id(account),
        (_, Some(_)) => format!("AWS:{}", principal.user_id),
        (_, None) => "Anonymous".to_owned(),
    }
}
