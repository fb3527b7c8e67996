//! Appends: a PUT that says where its bytes begin.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-append.html>

use crate::bodies::{self, Expected};
use crate::directories::unheard;
use crate::error;
use crate::index;
use crate::objects::put::{Wanted, save, second};
use crate::registry::present;
use crate::state::{Bucket, Checksum, Content, PartInfo, Version};
use yakumo_aws::{Error, Result};
use yakumo_checksum::{Algorithm, combine};
use yakumo_room::{ByteStream, Ctx, Record};

/// AWS: every append is one more part.
const PARTS_MAX: usize = 10_000;
const FULL_OBJECT: &str = "FULL_OBJECT";

/// What is asked to be appended.
pub struct Append {
    /// Where the bytes begin: at the end of what is there.
    pub offset: i64,
    pub wanted: Wanted,
    pub expected: Expected,
}

/// Whether a bucket takes appends at all.
pub fn check(bucket: &Bucket) -> Result<()> {
    match bucket.directory {
        Some(_) => Ok(()),
        None => Err(unheard("x-amz-write-offset-bytes")),
    }
}

fn wrong_offset() -> Error {
    let text = "The write offset value that you specified does not match the current object size.";
    Error::sender("InvalidWriteOffset", text)
}

fn too_many_parts() -> Error {
    let text = "You have attempted to add more parts than the maximum of 10000 that are allowed for this object. You \
                can use the CopyObject operation to copy this object to another and then add more data to the newly \
                copied object.";
    Error::sender("TooManyParts", text)
}

/// Appends to an object, or makes it when it is not there. Gives it as it then is.
pub async fn put(ctx: &Ctx, bucket: &Bucket, mut append: Append, body: ByteStream) -> Result<Version> {
    let found = index::newest(ctx, bucket, &append.wanted.key).await?;
    check_offset(found.as_ref(), &append)?;
    if let Some(found) = found {
        return add(ctx, bucket, append, &found, body).await;
    }
    let received = bodies::receive(ctx.state(), body, append.expected).await?;
    // Of two who begin an object at once, one finds that it has grown.
    let is_asked = append.wanted.write_if.none_match.is_some();
    append.wanted.write_if.none_match = Some("*".to_owned());
    save(ctx, bucket, append.wanted, received).await.map_err(|error| match is_asked {
        false if error.code == "PreconditionFailed" => wrong_offset(),
        _ => error,
    })
}

fn check_offset(found: Option<&Version>, append: &Append) -> Result<()> {
    append.wanted.write_if.check(&append.wanted.key, found)?;
    let content = found.and_then(|version| version.content.as_ref());
    let size_bytes = content.map_or(0, |content| content.size_bytes);
    if u64::try_from(append.offset) != Ok(size_bytes) {
        return Err(wrong_offset());
    }
    match content {
        Some(content) if content.parts.len().max(1) >= PARTS_MAX => Err(too_many_parts()),
        _ => Ok(()),
    }
}

async fn add(
    ctx: &Ctx,
    bucket: &Bucket,
    mut append: Append,
    found: &Version,
    body: ByteStream,
) -> Result<Version> {
    if !append.wanted.metadata.is_empty() {
        return Err(error::invalid_request("The metadata of an object cannot be changed by an append."));
    }
    let before = found.content.as_ref().and_then(|content| content.checksum.as_ref());
    let algorithm = before.and_then(|checksum| Algorithm::from_name(&checksum.algorithm));
    check_algorithm(algorithm, &mut append.expected)?;
    let expected = std::mem::take(&mut append.expected);
    let received = bodies::receive(ctx.state(), body, expected).await?;
    let outcome = ctx
        .transact(|tx| {
            let (append, received) = (&append, &received);
            async move {
                let bucket = present(&tx, &bucket.name, &bucket.id).await?;
                let newest = index::newest_in(&tx, &bucket, &append.wanted.key).await?;
                check_offset(newest.as_ref(), append)?;
                let mut version = newest.ok_or_else(wrong_offset)?;
                // What took its place meanwhile may be as long, and summed up otherwise: each object has an ETag of its own.
                let etag = |version: &Version| version.content.as_ref().map(|content| content.etag.clone());
                if etag(&version) != etag(found) {
                    return Err(wrong_offset());
                }
                version.modified = second(ctx);
                let content = version.content.as_mut().ok_or_else(wrong_offset)?;
                grow(content, received, ctx.base().ids.hex(32));
                tx.raw().put(version.row(&bucket.id), version.to_bytes());
                received.keep(&tx);
                Ok(version)
            }
        })
        .await;
    if outcome.is_err() {
        received.abandon(ctx.base()).await;
    }
    outcome
}

/// What is appended is summed up as what is there.
fn check_algorithm(of_object: Option<Algorithm>, expected: &mut Expected) -> Result<()> {
    match (of_object, &expected.checksum) {
        (Some(known), Some((given, _))) if known != *given => {
            Err(error::checksum_mismatch(Some(known.as_str()), Some(given.as_str())))
        }
        (Some(known), None) => {
            expected.checksum = Some((known, None));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn grow(content: &mut Content, received: &bodies::Received, etag: String) {
    let sum = received.checksum.as_ref().map(|(_, value)| value.clone());
    if content.parts.is_empty() {
        let checksum = content.checksum.as_ref().map(|checksum| checksum.value.clone());
        content.parts.push(PartInfo { number: 1, size_bytes: content.size_bytes, checksum });
    }
    let number = i32::try_from(content.parts.len() + 1).unwrap_or(i32::MAX);
    content.parts.push(PartInfo { number, size_bytes: received.size_bytes, checksum: sum.clone() });
    content.checksum = content.checksum.take().and_then(|before| together(before, sum?, received.size_bytes));
    content.pieces.extend(received.piece());
    content.size_bytes += received.size_bytes;
    content.etag = etag;
}

/// AWS: the checksum of the whole is known where the algorithm can put two sums together.
fn together(before: Checksum, sum: String, bytes: u64) -> Option<Checksum> {
    let algorithm = Algorithm::from_name(&before.algorithm).filter(|_| before.kind == FULL_OBJECT)?;
    Some(Checksum { value: combine(algorithm, &before.value, &sum, bytes)?, ..before })
}
