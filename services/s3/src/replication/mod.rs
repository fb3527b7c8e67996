//! Replication: its configuration, and what waits to be replicated.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html>
//!
//! Invariant: that a version is to be replicated is written together with the version, so that a crash loses neither.

mod given;
mod work;

use crate::access::{OnBucket, bucket_of, need, on_bucket};
use crate::error;
use crate::happenings::What;
use crate::notifications::SERVICE;
use crate::registry::edit;
use crate::state::replication::{Status, Task};
use crate::state::{Bucket, Version};
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Arn, Error, Result};
use yakumo_room::{Access, Ctx, Need, Record, Resource, Room, Tx};

pub use work::{NAME, reconciler};

/// The operations of this folder.
pub fn operations(room: Room) -> Room {
    room.on(api::PutBucketReplication, put_access(), put_bucket_replication)
        .on(api::GetBucketReplication, on_bucket("s3:GetReplicationConfiguration"), get_bucket_replication)
        .on(
            api::DeleteBucketReplication,
            on_bucket("s3:PutReplicationConfiguration"),
            delete_bucket_replication,
        )
}

/// The rule of PutBucketReplication. AWS: who sets a role must be allowed to pass it:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html>
fn put_access() -> Access<api::PutBucketReplicationInput> {
    let actions = ["s3:PutReplicationConfiguration", "iam:PassRole"];
    Access::needs(actions, |ctx: &Ctx, input: &api::PutBucketReplicationInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            if open.through.is_some() {
                return Err(error::not_through_access_points());
            }
            let mut needs = vec![need(ctx, &open, "s3:PutReplicationConfiguration", None, Vec::new())];
            // What is no role is refused by the handler, to those who may ask.
            let role = &input.replication_configuration.role;
            if let Some(owner) = role_account(role) {
                let pass = Need::new("iam:PassRole", role.clone(), owner)
                    .with_key("iam:PassedToService", vec![SERVICE.to_owned()])
                    .with_key("iam:AssociatedResourceArn", vec![open.record.arn()]);
                needs.push(pass);
            }
            Ok(needs)
        })
    })
}

async fn put_bucket_replication(
    ctx: Ctx,
    input: api::PutBucketReplicationInput,
) -> Result<api::PutBucketReplicationOutput> {
    if input.token.is_some() {
        return Err(error::not_implemented("tokens of object lock"));
    }
    let open = bucket_of(&ctx, &input).await?;
    let replication = given::read(&ctx, &open.record, input.replication_configuration).await?;
    edit(&ctx, &input.bucket, |bucket| {
        given::check_versioning(bucket)?;
        bucket.replication = Some(replication.clone());
        Ok(())
    })
    .await?;
    Ok(api::PutBucketReplicationOutput::default())
}

async fn get_bucket_replication(
    ctx: Ctx,
    input: api::GetBucketReplicationInput,
) -> Result<api::GetBucketReplicationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let none = || {
        let text = "The replication configuration was not found";
        error::no_such("ReplicationConfigurationNotFoundError", text, &open.record.name)
    };
    let replication = open.record.replication.as_ref().ok_or_else(none)?;
    Ok(api::GetBucketReplicationOutput { replication_configuration: Some(given::shown(replication)) })
}

async fn delete_bucket_replication(
    ctx: Ctx,
    input: api::DeleteBucketReplicationInput,
) -> Result<api::DeleteBucketReplicationOutput> {
    edit(&ctx, input.bucket(), |bucket| {
        bucket.replication = None;
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketReplicationOutput::default())
}

/// What a bucket with a configuration answers to whoever stops its versions.
/// Seen: <https://github.com/nozaq/terraform-aws-remote-state-s3-backend/issues/59>
pub fn keeps_versions() -> Error {
    let text = "A replication configuration is present on this bucket, so you cannot change the versioning state. To \
                change the versioning state, first delete the replication configuration.";
    Error::sender("InvalidBucketState", text).with_status(409)
}

/// Notes within the transaction of a change that it is to be replicated, if it is.
pub fn hear(tx: &Tx, bucket: &Bucket, what: What, version: &Version, number: u64) {
    let is_change = match what {
        What::Put | What::Post | What::Copy | What::CompleteMultipartUpload | What::DeleteMarkerCreated => {
            false
        }
        What::TaggingPut | What::TaggingDelete | What::AclPut | What::LockPut => true,
        // AWS: what lifecycle rules do, and what removes a version for good, is not replicated:
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html>
        _ => return,
    };
    let is_replica = version.replication == Some(Status::Replica);
    // AWS: replicas are not replicated, nor changes of what was there before the rules.
    if is_change == version.replication.is_none() || (is_replica && !is_change) {
        return;
    }
    let Some(replication) = &bucket.replication else { return };
    if replication.of(version).is_empty() {
        return;
    }
    if !is_replica {
        let pending = Version { replication: Some(Status::Pending), ..version.clone() };
        tx.raw().put(pending.row(&bucket.id), pending.to_bytes());
    }
    let task = Task {
        bucket: bucket.name.clone(),
        bucket_id: bucket.id.clone(),
        key: version.key.clone(),
        order: version.order,
        version_id: version.shown_id().to_owned(),
        is_change,
        is_lock: what == What::LockPut,
        number,
    };
    tx.raw().put(task.row(), task.to_bytes());
}

/// The account in the ARN of a role. IAM is in no region, and a role has a name.
fn role_account(arn: &str) -> Option<AccountId> {
    let arn = Arn::parse(arn).ok()?;
    let is_named = arn.resource().strip_prefix("role/").is_some_and(|name| !name.is_empty());
    let is_role = arn.service() == "iam" && arn.region().is_empty() && is_named;
    AccountId::parse(arn.account()).filter(|_| is_role)
}
