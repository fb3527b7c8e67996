//! Multipart uploads: begun, filled part by part, completed or aborted.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>

pub mod complete;
pub mod list;
pub mod parts;
pub mod sums;
mod walk;

use crate::access::{Keys, bucket_of, need};
use crate::acls;
use crate::bodies;
use crate::directories;
use crate::error;
use crate::names::check_key;
use crate::objects::conditions::write_keys;
use crate::objects::put::{ACTIONS, tag_keys};
use crate::objects::request;
use crate::registry::{Open, present};
use crate::state::{Bucket, Part, Upload, scope};
use crate::{customer_key, encryption, extras, granted, headers, lock_of, put_encryption, tags};
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_checksum::Algorithm;
use yakumo_room::store::Range;
use yakumo_room::{Access, Ctx, Record, Tx};

/// AWS: the most parts, and the greatest number of one.
pub const PARTS_MAX: i32 = 10_000;

/// What the policies of an upload's later requests are told of its beginning.
///
/// AWS: policies that demand these of `s3:PutObject` let parts through whose upload was begun with them, as its users saw:
/// <https://github.com/aws/aws-cli/issues/1674>. Grants and storage classes are told of the beginning only, as they saw, too:
/// <https://github.com/boto/boto3/issues/2525>.
const ASKED: [&str; 2] = ["s3:x-amz-acl", "s3:x-amz-server-side-encryption"];

/// The condition keys that an upload brings to its later requests; none when there is no such upload.
pub async fn asked(ctx: &Ctx, open: &Open, key: &str, id: &str) -> Result<Keys> {
    if open.record.directory.is_some() {
        return Ok(Keys::new());
    }
    let found = ctx.get::<Upload>(&scope(), &[&open.record.id, key, id]).await?;
    let asked = found.map(|upload| upload.asked).unwrap_or_default();
    Ok(asked.into_iter().map(|(name, value)| (name, vec![value])).collect())
}

/// The rule of CreateMultipartUpload.
pub fn create_access() -> Access<api::CreateMultipartUploadInput> {
    Access::needs(ACTIONS, |ctx: &Ctx, input: &api::CreateMultipartUploadInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            if open.record.directory.is_some() {
                return Ok(vec![need(ctx, &open, "s3:PutObject", Some(&input.key), Vec::new())]);
            }
            let tags = tags::from_header(input.tagging.as_deref())?;
            let headers = granted!(input);
            let mut keys = tag_keys(&tags);
            keys.extend(request::keys(&extras!(input)));
            keys.extend(write_keys(None, None, false));
            let lock = lock_of!(input);
            keys.extend(headers.keys());
            keys.extend(lock.keys(ctx.now()));
            let mut needs = vec![need(ctx, &open, "s3:PutObject", Some(&input.key), keys)];
            needs.extend(acls::needs_list(ctx, &open, &headers, &input.key)?);
            if !tags.is_empty() {
                needs.push(need(ctx, &open, "s3:PutObjectTagging", Some(&input.key), tag_keys(&tags)));
            }
            needs.extend(lock.needs(ctx, &open, &input.key));
            Ok(needs)
        })
    })
}

pub async fn create_multipart_upload(
    ctx: Ctx,
    input: api::CreateMultipartUploadInput,
) -> Result<api::CreateMultipartUploadOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_key(&input.key)?;
    request::check(&extras!(input), &open.record)?;
    let customer = customer_key!(input)?;
    let given = input.server_side_encryption.as_deref();
    encryption::check(&ctx, &open, &input.key, given, customer.as_ref())?;
    let checksum = sums::chosen(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
    let now = ctx.now();
    let acl = acls::of_new(&ctx, &open.record, &granted!(input))?;
    let lock = lock_of!(input).read(&open.record, now)?;
    let asked = [(ASKED[0], input.acl.clone()), (ASKED[1], input.server_side_encryption.clone())].into_iter();
    let upload = Upload {
        asked: asked.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
        acl,
        lock,
        // Begins with the time, so that lists of uploads of one key are in the order in which they were begun.
        id: format!("{:016x}{}", now.as_millis(), ctx.base().ids.hex(48)),
        initiated: crate::objects::put::second(&ctx),
        initiator: (ctx.account(), ctx.caller().principal.arn.clone()),
        headers: directories::classed(&open.record, request::with_type(headers!(input))),
        metadata: request::metadata(input.metadata)?,
        tags: tags::from_header(input.tagging.as_deref())?,
        checksum: checksum.map(|(algorithm, kind)| (algorithm.as_str().to_owned(), kind.to_owned())),
        customer: customer.as_ref().map(|customer| customer.proof(ctx.base())).transpose()?,
        key: input.key,
    };
    let bucket = &open.record;
    ctx.transact(|tx| {
        let upload = &upload;
        async move {
            present(&tx, &bucket.name, &bucket.id).await?;
            tx.put(&scope(), &[&bucket.id, &upload.key, &upload.id], upload);
            Ok(())
        }
    })
    .await?;
    let mut output = api::CreateMultipartUploadOutput {
        bucket: Some(bucket.name.clone()),
        key: Some(upload.key),
        upload_id: Some(upload.id),
        checksum_algorithm: upload.checksum.as_ref().map(|(algorithm, _)| algorithm.clone()),
        checksum_type: upload.checksum.map(|(_, kind)| kind),
        ..Default::default()
    };
    put_encryption!(output, &customer);
    Ok(output)
}

/// The upload that a request names.
pub async fn upload(ctx: &Ctx, bucket_id: &str, key: &str, id: &str) -> Result<Upload> {
    let found = ctx.get::<Upload>(&scope(), &[bucket_id, key, id]).await?;
    found.ok_or_else(|| error::no_such_upload(id))
}

/// The same within a transaction.
pub async fn upload_in(tx: &Tx, bucket_id: &str, key: &str, id: &str) -> Result<Upload> {
    let found = tx.get::<Upload>(&scope(), &[bucket_id, key, id]).await?;
    found.ok_or_else(|| error::no_such_upload(id))
}

/// The checksum algorithm of an upload's parts; without a choice S3 calculates CRC-64.
pub fn algorithm(upload: &Upload) -> Algorithm {
    let chosen = upload.checksum.as_ref().and_then(|(name, _)| Algorithm::from_name(name));
    chosen.unwrap_or(Algorithm::Crc64Nvme)
}

pub async fn abort_multipart_upload(
    ctx: Ctx,
    input: api::AbortMultipartUploadInput,
) -> Result<api::AbortMultipartUploadOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket = &open.record;
    ctx.transact(|tx| {
        let input = &input;
        async move {
            let upload = upload_in(&tx, &bucket.id, &input.key, &input.upload_id).await?;
            if input.if_match_initiated_time.is_some_and(|time| time.as_secs() != upload.initiated.as_secs())
            {
                return Err(error::precondition_failed("x-amz-if-match-initiated-time"));
            }
            abort(&tx, &bucket.id, &upload).await
        }
    })
    .await?;
    Ok(api::AbortMultipartUploadOutput::default())
}

/// Aborts an upload that grew too old, if it is still there.
pub async fn give_up(ctx: &Ctx, bucket: &Bucket, upload: &Upload) -> Result<()> {
    ctx.transact(|tx| async move {
        match tx.get::<Upload>(&scope(), &[&bucket.id, &upload.key, &upload.id]).await? {
            Some(upload) => abort(&tx, &bucket.id, &upload).await,
            None => Ok(()),
        }
    })
    .await
}

async fn abort(tx: &Tx, bucket_id: &str, upload: &Upload) -> Result<()> {
    for part in parts_of(tx, upload).await? {
        bodies::discard(tx, part.piece.as_slice());
        tx.delete::<Part>(&scope(), &[&upload.id, &crate::state::part_key(part.number)]);
    }
    tx.delete::<Upload>(&scope(), &[bucket_id, &upload.key, &upload.id]);
    Ok(())
}

/// All parts of an upload, in the order of their numbers.
pub async fn parts_of(tx: &Tx, upload: &Upload) -> Result<Vec<Part>> {
    tx.list::<Part>(&scope(), &[&upload.id], None, PARTS_MAX as usize).await
}

/// Whether a bucket has uploads under way.
pub async fn any(tx: &Tx, bucket_id: &str) -> Result<bool> {
    let rows = Range::prefix(scope().record_key(Upload::TABLE, &[bucket_id]));
    Ok(!tx.raw().scan(rows, 1).await?.is_empty())
}

/// Aborts all uploads of a bucket that goes.
pub async fn abort_all(tx: &Tx, bucket_id: &str) -> Result<()> {
    let rows =
        tx.raw().scan(Range::prefix(scope().record_key(Upload::TABLE, &[bucket_id])), usize::MAX).await?;
    for (_, bytes) in rows {
        let upload = Upload::from_bytes(&bytes).map_err(yakumo_aws::Error::internal)?;
        abort(tx, bucket_id, &upload).await?;
    }
    Ok(())
}
