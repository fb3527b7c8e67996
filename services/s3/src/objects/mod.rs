//! Objects: written, read, copied, deleted.

pub mod attributes;
pub mod checksums;
pub mod conditions;
pub mod copy;
pub mod delete;
pub mod get;
pub mod put;
pub mod ranges;
pub mod request;
pub mod restore;

use crate::error;
use crate::index;
use crate::state::{Bucket, Version};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, http_date};

/// The version that a request means, as last committed; an error when it is absent or a delete marker.
pub async fn find(ctx: &Ctx, bucket: &Bucket, key: &str, id: Option<&str>, method: &str) -> Result<Version> {
    let found = match id {
        Some(id) => index::version(ctx, bucket, key, id).await?,
        None => index::newest(ctx, bucket, key).await?,
    };
    object(found, key, id, method)
}

/// A version that holds something.
///
/// AWS: a delete marker is "not found" when it is the newest version, and cannot be read when it is asked for by its id;
/// headers say that it is one
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>).
pub fn object(found: Option<Version>, key: &str, id: Option<&str>, method: &str) -> Result<Version> {
    match (found, id) {
        (Some(version), _) if version.content.is_some() => Ok(version),
        (Some(marker), Some(_)) => Err(of_marker(error::method_not_allowed(method), &marker)
            .with_header("allow", "DELETE")
            .with_header("last-modified", http_date(marker.modified))),
        (Some(marker), None) => Err(of_marker(error::no_such_key(key), &marker)),
        (None, Some(id)) => Err(error::no_such_version(key, id)),
        (None, None) => Err(error::no_such_key(key)),
    }
}

fn of_marker(error: Error, marker: &Version) -> Error {
    error.with_header("x-amz-delete-marker", "true").with_header("x-amz-version-id", marker.shown_id())
}

/// A version's id as answers carry it: only buckets that keep versions have them.
pub fn shown_id(bucket: &Bucket, version: &Version) -> Option<String> {
    bucket.has_versions().then(|| version.shown_id().to_owned())
}
