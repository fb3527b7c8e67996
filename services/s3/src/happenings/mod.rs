//! The one place where a change of an object becomes an event.
//!
//! Invariant: what is told is written in the transaction of the change itself, so that nothing is told that did not
//! happen, and nothing that happened is lost by a crash. A bucket that nobody listens to pays nothing.

pub mod later;

use crate::notifications;
use crate::registry::Registry;
use crate::replication;
use crate::state::{Bucket, Version};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

/// What can happen to an object.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Put,
    Post,
    Copy,
    CompleteMultipartUpload,
    /// An object, or a version of one, was removed for good.
    Delete,
    DeleteMarkerCreated,
    LifecycleDelete,
    LifecycleDeleteMarkerCreated,
    LifecycleTransition,
    TaggingPut,
    TaggingDelete,
    AclPut,
    /// A retention or a legal hold was set. AWS: there is no event of it, but it is replicated.
    LockPut,
    /// A restored copy was asked for, is there, has gone.
    RestorePost,
    RestoreCompleted,
    RestoreDelete,
}

impl What {
    /// AWS's name of the event, without `s3:`.
    pub fn event(self) -> &'static str {
        match self {
            What::Put => "ObjectCreated:Put",
            What::Post => "ObjectCreated:Post",
            What::Copy => "ObjectCreated:Copy",
            What::CompleteMultipartUpload => "ObjectCreated:CompleteMultipartUpload",
            What::Delete => "ObjectRemoved:Delete",
            What::DeleteMarkerCreated => "ObjectRemoved:DeleteMarkerCreated",
            What::LifecycleDelete => "LifecycleExpiration:Delete",
            What::LifecycleDeleteMarkerCreated => "LifecycleExpiration:DeleteMarkerCreated",
            What::LifecycleTransition => "LifecycleTransition",
            What::TaggingPut => "ObjectTagging:Put",
            What::TaggingDelete => "ObjectTagging:Delete",
            What::AclPut => "ObjectAcl:Put",
            What::LockPut => "",
            What::RestorePost => "ObjectRestore:Post",
            What::RestoreCompleted => "ObjectRestore:Completed",
            What::RestoreDelete => "ObjectRestore:Delete",
        }
    }
}

impl What {
    /// Whether the object of it is no longer there.
    pub fn is_removal(self) -> bool {
        self.event().starts_with("ObjectRemoved") || self.event().starts_with("LifecycleExpiration")
    }

    /// Whether its event tells the object's size.
    pub fn tells_size(self) -> bool {
        let is_restore = matches!(self, What::RestorePost | What::RestoreCompleted);
        self.event().starts_with("ObjectCreated") || self == What::LifecycleTransition || is_restore
    }
}

/// Whether anybody wants to hear of changes in a bucket.
fn is_heard(bucket: &Bucket) -> bool {
    !bucket.notifications.is_empty() || bucket.replication.is_some()
}

/// Notes within the transaction of a change that it happened: `version` as it was written, or as it was before it went.
/// Call it behind the reads of the change, so that the order of what is told of a key is the order of its changes.
pub fn note(tx: &Tx, ctx: &Ctx, bucket: &Bucket, what: What, version: &Version) {
    if !is_heard(bucket) {
        return;
    }
    // Whoever commits a change of the same key later has read what this one wrote, and so draws a higher number.
    let sequence = ctx.state::<Registry>().next_sequence();
    if what != What::LockPut {
        notifications::hear(tx, ctx, bucket, what, version, sequence);
    }
    replication::hear(tx, bucket, what, version, sequence);
}

/// A transaction that may call [`note`]: those who listen are woken when it is committed.
pub async fn transact<T, F, R>(ctx: &Ctx, bucket: &Bucket, work: F) -> Result<T>
where
    F: Fn(Tx) -> R,
    R: Future<Output = Result<T>>,
{
    let outcome = ctx.transact(work).await;
    if outcome.is_ok() && is_heard(bucket) {
        ctx.base().nudge(notifications::NAME);
        if bucket.replication.is_some() {
            ctx.base().nudge(replication::NAME);
        }
    }
    outcome
}
