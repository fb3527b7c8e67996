//! UploadPart and UploadPartCopy.

use crate::access::{bucket_of, need};
use crate::bodies::{self, Expected, Received};
use crate::directories::access::SESSION;
use crate::directories::{check_md5, sessions};
use crate::error;
use crate::locks::asked::check_sum;
use crate::multipart::{PARTS_MAX, algorithm, asked, sums, upload, upload_in};
use crate::objects::checksums;
use crate::objects::conditions::write_keys;
use crate::objects::copy::{Found, Source};
use crate::objects::ranges;
use crate::state::{Bucket, Part, Upload, part_key, scope};
use crate::{chosen, customer_key, put_checksum, put_encryption, sealing};
use std::ops::Range;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Tx};

/// Checks the number of a part.
pub fn check_number(number: i32) -> Result<()> {
    match (1..=PARTS_MAX).contains(&number) {
        true => Ok(()),
        false => Err(error::argument(
            "Part number must be an integer between 1 and 10000, inclusive",
            "partNumber",
            &number.to_string(),
        )),
    }
}

/// The rule of UploadPart.
pub fn access() -> Access<api::UploadPartInput> {
    Access::needs(["s3:PutObject", SESSION], |ctx: &Ctx, input: &api::UploadPartInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            let mut keys = asked(ctx, &open, &input.key, &input.upload_id).await?;
            let name = "s3:x-amz-server-side-encryption-customer-algorithm";
            let customer = input.sse_customer_algorithm.iter();
            keys.extend(customer.map(|value| (name.to_owned(), vec![value.clone()])));
            keys.extend(write_keys(None, None, false));
            Ok(vec![need(ctx, &open, "s3:PutObject", Some(&input.key), keys)])
        })
    })
}

pub async fn upload_part(ctx: Ctx, input: api::UploadPartInput) -> Result<api::UploadPartOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_number(input.part_number)?;
    check_md5(&open.record, input.content_md5.as_deref())?;
    let customer = customer_key!(input)?.map(Arc::new);
    let upload = upload(&ctx, &open.record.id, &input.key, &input.upload_id).await?;
    sealing::check_part(upload.customer.as_ref(), customer.as_deref())?;
    let given = chosen!(input, input.checksum_algorithm)?;
    check_sum(&open.record, &upload.lock, input.content_md5.is_some() || given.is_some(), "Part")?;
    let wanted = algorithm(&upload);
    sums::check_part(&upload, given.as_ref().map(|(given, _)| *given))?;
    let expected = Expected {
        md5: input.content_md5.clone(),
        // Without a choice at the beginning, what a part brings is checked, and CRC-64 is what is kept.
        also: Some(wanted).filter(|wanted| given.as_ref().is_some_and(|(given, _)| given != wanted)),
        checksum: Some(given.unwrap_or((wanted, None))),
        length: input.content_length.and_then(|length| u64::try_from(length).ok()),
        customer: customer.clone(),
    };
    let received = bodies::receive(ctx.state(), input.body, expected).await?;
    let answered = received.checksum.clone();
    let part = save(&ctx, &open.record, &upload, input.part_number, received).await?;
    let mut output =
        api::UploadPartOutput { e_tag: Some(format!("\"{}\"", part.etag)), ..Default::default() };
    put_encryption!(output, &customer);
    put_checksum!(output, answered.as_ref().map(|(algorithm, value)| (algorithm.as_str(), value.as_str())));
    Ok(output)
}

/// Keeps a part; one of the same number goes.
async fn save(ctx: &Ctx, bucket: &Bucket, upload: &Upload, number: i32, received: Received) -> Result<Part> {
    let part = Part {
        number,
        modified: crate::objects::put::second(ctx),
        size_bytes: received.size_bytes,
        etag: received.md5.clone(),
        checksum: received.of(algorithm(upload)),
        piece: received.piece(),
    };
    let outcome = ctx
        .transact(|tx: Tx| {
            let (part, received) = (&part, &received);
            async move {
                upload_in(&tx, &bucket.id, &upload.key, &upload.id).await?;
                let place = part_key(part.number);
                if let Some(before) = tx.get::<Part>(&scope(), &[&upload.id, &place]).await? {
                    bodies::discard(&tx, before.piece.as_slice());
                }
                tx.put(&scope(), &[&upload.id, &place], part);
                received.keep(&tx);
                Ok(())
            }
        })
        .await;
    if outcome.is_err() {
        received.abandon(ctx.base()).await;
    }
    outcome.map(|()| part)
}

/// The bytes that `x-amz-copy-source-range` names of a source.
///
/// AWS: unlike a range that is read, it must be there as a whole: <https://github.com/versity/versitygw/issues/610>.
fn copied(text: &str, size_bytes: u64) -> Result<Range<u64>> {
    let wrong = |text_of: &str| error::argument(text_of, "x-amz-copy-source-range", text);
    match ranges::exact(text) {
        None => Err(wrong(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
        Some(range) if range.end > size_bytes => {
            Err(wrong(&format!("Range specified is not valid for source object of size: {size_bytes}")))
        }
        Some(range) => Ok(range),
    }
}

pub async fn upload_part_copy(
    ctx: Ctx,
    input: api::UploadPartCopyInput,
) -> Result<api::UploadPartCopyOutput> {
    let open = bucket_of(&ctx, &input).await?;
    sessions::check_none(&ctx)?;
    let source = Source::parse(&input.copy_source)?;
    let mut keys = source.keys();
    keys.extend(write_keys(None, None, false));
    keys.extend(asked(&ctx, &open, &input.key, &input.upload_id).await?);
    ctx.authorize(need(&ctx, &open, "s3:PutObject", Some(&input.key), keys))?;
    let (owner, payer) = (input.expected_source_bucket_owner.as_deref(), input.request_payer.as_deref());
    let found = Found::read(&ctx, &source, owner, payer).await?;
    check_number(input.part_number)?;
    let customer = customer_key!(input)?.map(Arc::new);
    let source_customer = customer_key!(source input)?;
    sealing::check(found.content()?, source_customer.as_ref())?;
    found.check(
        input.copy_source_if_match.as_deref(),
        input.copy_source_if_none_match.as_deref(),
        input.copy_source_if_modified_since,
        input.copy_source_if_unmodified_since,
    )?;
    let upload = upload(&ctx, &open.record.id, &input.key, &input.upload_id).await?;
    sealing::check_part(upload.customer.as_ref(), customer.as_deref())?;
    let content = found.content()?;
    let range = match &input.copy_source_range {
        None => 0..content.size_bytes,
        Some(text) => copied(text, content.size_bytes)?,
    };
    let body = bodies::read(ctx.state(), content, range, source_customer.as_ref()).await?;
    let checksum = Some((algorithm(&upload), None));
    let expected = Expected { checksum, customer: customer.clone(), ..Expected::default() };
    let received = bodies::receive(ctx.state(), body, expected).await?;
    let part = save(&ctx, &open.record, &upload, input.part_number, received).await?;
    let mut result = api::CopyPartResult {
        e_tag: Some(format!("\"{}\"", part.etag)),
        last_modified: Some(part.modified),
        ..Default::default()
    };
    let kept = part.checksum.map(|value| (algorithm(&upload), value));
    let kept = checksums::full(kept);
    put_checksum!(result, checksums::pair(kept.as_ref()));
    let mut output = api::UploadPartCopyOutput {
        copy_source_version_id: found.shown_id(),
        copy_part_result: Some(result),
        ..Default::default()
    };
    put_encryption!(output, &customer);
    Ok(output)
}
