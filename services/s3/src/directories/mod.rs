//! Directory buckets (S3 Express One Zone): what differs from other buckets.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html>
//!
//! Invariant: a request reaches a directory bucket only when it is signed for them, and an operation only if it is in
//! [`TAKEN`].

pub mod access;
pub mod append;
pub mod buckets;
pub mod lists;
pub mod rename;
pub mod sessions;
pub mod zones;

use crate::error;
use crate::objects::request::Extras;
use crate::registry::Open;
use crate::state::directory::STORAGE_CLASS;
use crate::state::{Bucket, Headers};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Access, Ctx, Resource, Room};

/// The name that their requests are signed with.
const SIGNING_NAME: &str = "s3express";

/// The operations that they take.
const TAKEN: [&str; 30] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "CreateSession",
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketLifecycle",
    "DeleteBucketPolicy",
    "DeleteObject",
    "DeleteObjects",
    "GetBucketEncryption",
    "GetBucketLifecycleConfiguration",
    "GetBucketMetricsConfiguration",
    "GetBucketPolicy",
    "GetObject",
    "GetObjectAttributes",
    "HeadBucket",
    "HeadObject",
    "ListBucketMetricsConfigurations",
    "ListMultipartUploads",
    "ListObjectsV2",
    "ListParts",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketPolicy",
    "PutObject",
    "RenameObject",
    "UploadPart",
    "UploadPartCopy",
];

/// What AWS takes and this room does not yet.
const NOT_YET: [&str; 4] = [
    "CreateAccessPoint",
    "GetBucketInventoryConfiguration",
    "ListBucketInventoryConfigurations",
    "PutBucketInventoryConfiguration",
];

/// Settings that they do not have, and the root of the document that sets each.
const DOCUMENTS: [(&str, &str); 11] = [
    ("PutBucketAcl", "AccessControlPolicy"),
    ("PutBucketCors", "CORSConfiguration"),
    ("PutBucketLogging", "BucketLoggingStatus"),
    ("PutBucketNotificationConfiguration", "NotificationConfiguration"),
    ("PutBucketOwnershipControls", "OwnershipControls"),
    ("PutBucketReplication", "ReplicationConfiguration"),
    ("PutBucketRequestPayment", "RequestPaymentConfiguration"),
    ("PutBucketTagging", "Tagging"),
    ("PutBucketVersioning", "VersioningConfiguration"),
    ("PutBucketWebsite", "WebsiteConfiguration"),
    ("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
];

/// The operations that only they have.
pub fn operations(room: Room) -> Room {
    room.on(api::CreateSession, sessions::access(), sessions::create_session)
        .on(api::ListDirectoryBuckets, buckets::list_access(), buckets::list_directory_buckets)
        .on(
            api::RenameObject,
            Access::inside([access::SESSION, "s3:PutObject"], "both kinds of buckets are asked for"),
            rename::rename_object,
        )
}

/// Whether a request was signed for directory buckets.
pub fn is_meant(ctx: &Ctx) -> bool {
    ctx.facts().signing_name == Some(SIGNING_NAME)
}

/// Whether a request may go on to this bucket.
///
/// # Errors
/// AWS: neither kind of bucket is found at the endpoints of the other. What a directory bucket does not have is, when it is
/// set, taken for an attempt to make the bucket again; what is not there for objects is not implemented. Both seen in
/// <https://github.com/hashicorp/terraform-provider-aws/tree/main/internal/service/s3>.
pub fn check(ctx: &Ctx, open: &Open) -> Result<()> {
    let bucket = &open.record;
    if bucket.directory.is_some() != is_meant(ctx) {
        return Err(error::no_such_bucket(&bucket.name));
    }
    if bucket.directory.is_none() {
        return Ok(());
    }
    let operation = ctx.operation();
    if NOT_YET.contains(&operation) {
        return Err(error::not_implemented(&format!("{operation} of directory buckets")));
    }
    // S3 Control names buckets by their ARNs, and asks for nothing else of them.
    if !TAKEN.contains(&operation) && ctx.service() == "s3" {
        return Err(not_taken(operation));
    }
    sessions::check_bucket(ctx, &bucket.id, &bucket.arn())
}

fn not_taken(operation: &str) -> Error {
    if let Some((_, root)) = DOCUMENTS.iter().find(|(known, _)| *known == operation) {
        let text = format!("{root} is not valid, expected CreateBucketConfiguration");
        return Error::sender("InvalidArgument", text);
    }
    if !operation.contains("Bucket") && !operation.contains("PublicAccessBlock") {
        let text = "A header you provided implies functionality that is not implemented";
        return Error::sender("NotImplemented", text).with_status(501);
    }
    Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
}

/// A header that means what directory buckets do not have.
pub fn unheard(header: &'static str) -> Error {
    let text = "A header you provided implies functionality that is not implemented";
    Error::sender("NotImplemented", text).with_status(501).with_field("Header", header)
}

/// Refuses what a new object in a directory bucket cannot be.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html#API_PutObject_RequestSyntax>
pub fn check_object(extras: &Extras<'_>) -> Result<()> {
    let grants =
        ["x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write-acp"];
    let granted = grants.into_iter().zip(extras.grants).find(|(_, given)| given.is_some());
    let unheard_of = [
        ("x-amz-acl", extras.acl.is_some()),
        ("x-amz-tagging", extras.tagging.as_deref().is_some_and(|tags| !tags.is_empty())),
        ("x-amz-website-redirect-location", extras.redirect.is_some()),
        ("x-amz-server-side-encryption-customer-algorithm", extras.customer.is_some()),
        ("x-amz-object-lock-mode", extras.locks),
        ("Content-Encoding", extras.coded.as_deref().is_some_and(|coded| coded != "aws-chunked")),
    ];
    let found = unheard_of.into_iter().find(|(_, given)| *given).map(|(name, _)| name);
    match found.or(granted.map(|(name, _)| name)) {
        Some(header) => Err(unheard(header)),
        None if extras.storage_class.as_deref().is_some_and(|class| class != STORAGE_CLASS) => {
            Err(Error::sender("InvalidStorageClass", "The storage class you specified is not valid"))
        }
        None => Ok(()),
    }
}

/// AWS: MD5 is not supported. Seen: <https://github.com/apache/iceberg/pull/11021>
pub fn check_md5(bucket: &Bucket, given: Option<&str>) -> Result<()> {
    match given {
        Some(_) if bucket.directory.is_some() => {
            let text = "This bucket does not support Content Md5 header.";
            Err(Error::sender("NotImplemented", text).with_status(501))
        }
        _ => Ok(()),
    }
}

/// AWS: there are no versions; only the id `null` is taken.
pub fn check_version(bucket: &Bucket, id: Option<&str>) -> Result<()> {
    match id {
        Some(id) if bucket.directory.is_some() && id != "null" => Err(error::invalid_version_id(id)),
        _ => Ok(()),
    }
}

/// The headers of an object that comes into a bucket.
pub fn classed(bucket: &Bucket, mut headers: Headers) -> Headers {
    if bucket.directory.is_some() {
        headers.storage_class = Some(STORAGE_CLASS.to_owned());
    }
    headers
}

/// The ETag of a new object. AWS: in a directory bucket it says nothing of the bytes.
pub fn etag(ctx: &Ctx, bucket: &Bucket, of_bytes: String) -> String {
    if bucket.directory.is_some() { ctx.base().ids.hex(32) } else { of_bytes }
}
