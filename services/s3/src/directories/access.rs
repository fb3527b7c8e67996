//! What is asked of the policies about a directory bucket: actions of their own, and for everything in it one, to open
//! a session that may read or also write.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam.html>

use crate::access::{Keys, is_shut_out, request_keys};
use crate::directories::sessions::is_held;
use crate::registry::Open;
use yakumo_room::{Ctx, Need, Resource};

/// The action by which objects are reached.
pub const SESSION: &str = "s3express:CreateSession";
const MODE: &str = "s3express:SessionMode";
/// The modes of sessions.
pub const READ_WRITE: &str = "ReadWrite";
pub const READ_ONLY: &str = "ReadOnly";

/// Actions on buckets, and the same in the words of directory buckets.
const SETTINGS: [(&str, &str); 13] = [
    ("s3:CreateBucket", "s3express:CreateBucket"),
    ("s3:DeleteBucket", "s3express:DeleteBucket"),
    ("s3:GetBucketPolicy", "s3express:GetBucketPolicy"),
    ("s3:PutBucketPolicy", "s3express:PutBucketPolicy"),
    ("s3:DeleteBucketPolicy", "s3express:DeleteBucketPolicy"),
    ("s3:GetEncryptionConfiguration", "s3express:GetEncryptionConfiguration"),
    ("s3:PutEncryptionConfiguration", "s3express:PutEncryptionConfiguration"),
    ("s3:GetLifecycleConfiguration", "s3express:GetLifecycleConfiguration"),
    ("s3:PutLifecycleConfiguration", "s3express:PutLifecycleConfiguration"),
    ("s3:GetMetricsConfiguration", "s3express:GetMetricsConfiguration"),
    ("s3:GetInventoryConfiguration", "s3express:GetInventoryConfiguration"),
    ("s3:TagResource", "s3express:TagResource"),
    ("s3:UntagResource", "s3express:UntagResource"),
];

/// What a session that only reads may do.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html#API_CreateSession_RequestParameters>
const READS: [&str; 7] = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
    "s3:ListBucket",
    "s3:ListMultipartUploadParts",
    "s3:ListBucketMultipartUploads",
];

/// The operations of Zonal endpoints, which sessions are for. All others are of Regional endpoints.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-APIs.html>
const ZONAL: [&str; 18] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "CreateSession",
    "DeleteObject",
    "DeleteObjects",
    "GetObject",
    "GetObjectAttributes",
    "HeadBucket",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjectsV2",
    "ListParts",
    "PutObject",
    "RenameObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Whether an operation is one that sessions are for.
pub fn is_zonal(operation: &str) -> bool {
    ZONAL.contains(&operation)
}

/// Whether an operation on a directory bucket is one of Regional endpoints, which SDKs that are told an endpoint send a session
/// to nevertheless.
pub fn is_regional(operation: &str) -> bool {
    operation == "CreateBucket" || super::TAKEN.contains(&operation) && !is_zonal(operation)
}

/// S3's action in the words of directory buckets.
pub fn action(of_s3: &str) -> &'static str {
    if of_s3 == "s3:ListTagsForResource" {
        return "s3express:ListTagsForResource";
    }
    SETTINGS.iter().find(|(known, _)| *known == of_s3).map_or(SESSION, |(_, action)| action)
}

/// An action of S3 on a directory bucket or on what is in it; `of_s3` names it in S3's words.
pub fn need(ctx: &Ctx, open: &Open, of_s3: &str, keys: Keys) -> Need {
    let action = action(of_s3);
    if action != SESSION {
        let mut need = plain(ctx, open, action);
        need.keys.extend(keys.into_iter().filter(|(name, _)| name.starts_with("aws:")));
        return need;
    }
    let most = session(ctx, open, READ_WRITE);
    match READS.contains(&of_s3) && !ctx.ask(most.clone()).decision.allowed {
        true => session(ctx, open, READ_ONLY),
        false => most,
    }
}

/// What it takes to open a session, or to do at once what one in this mode may do.
pub fn session(ctx: &Ctx, open: &Open, mode: &str) -> Need {
    plain(ctx, open, SESSION).with_key(MODE, vec![mode.to_owned()])
}

/// AWS: a session was let in when it was opened, and policies have no more say in what it does:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-create-session.html>
fn plain(ctx: &Ctx, open: &Open, action: &'static str) -> Need {
    let (bucket, of_session) = (&open.record, is_held(ctx));
    let policy = open.policy.clone().filter(|_| !of_session && !is_shut_out(ctx, open));
    let owner = if of_session { ctx.account() } else { bucket.owner };
    let arn = bucket.arn();
    let mut need = Need::new(action, arn, owner).with_policy(policy).quoted();
    need.keys = request_keys(ctx, action, bucket.owner);
    for (name, value) in &bucket.tags {
        for key in ["aws:ResourceTag", "s3express:BucketTag"] {
            need.keys.put(&format!("{key}/{name}"), value);
        }
    }
    need
}
