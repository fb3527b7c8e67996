//! CompleteMultipartUpload: the parts become an object, in one commit.

use crate::access::{bucket_of, need};
use crate::bodies;
use crate::directories;
use crate::directories::access::SESSION;
use crate::error;
use crate::happenings::{self, What};
use crate::index;
use crate::multipart::{algorithm, asked, parts_of, sums, upload_in};
use crate::objects::conditions::{WriteIf, need_to_compare, write_keys};
use crate::objects::{checksums, shown_id};
use crate::registry::present;
use crate::state::{Bucket, Content, Part, PartInfo, Upload, Version, part_key, scope};
use crate::{checksum_members, chosen, put_checksum};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_checksum::Algorithm;
use yakumo_room::{Access, Ctx, Tx};

/// AWS: every part but the last has as many bytes at least.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// AWS: the largest object: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const OBJECT_BYTES_MAX: u64 = 50 * 1024 * 1024 * 1024 * 1024;

/// The rule of CompleteMultipartUpload.
pub fn access() -> Access<api::CompleteMultipartUploadInput> {
    let actions = ["s3:PutObject", "s3:GetObject", SESSION];
    Access::needs(actions, |ctx: &Ctx, input: &api::CompleteMultipartUploadInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            let matches = input.if_match.as_deref();
            let mut keys = write_keys(matches, input.if_none_match.as_deref(), true);
            keys.extend(asked(ctx, &open, &input.key, &input.upload_id).await?);
            let write = need(ctx, &open, "s3:PutObject", Some(&input.key), keys);
            let compare = need_to_compare(ctx, &open, &input.key, matches);
            Ok(std::iter::once(write).chain(compare).collect())
        })
    })
}

pub async fn complete_multipart_upload(
    ctx: Ctx,
    input: api::CompleteMultipartUploadInput,
) -> Result<api::CompleteMultipartUploadOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let given = chosen!(input, None::<String>)?;
    let named =
        input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
    let write_if = WriteIf::new(input.if_match.clone(), input.if_none_match.clone())?;
    let bucket = &open.record;
    let version = happenings::transact(&ctx, bucket, |tx| {
        let (ctx, input, write_if, given) = (&ctx, &input, &write_if, &given);
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            let newest = index::newest_in(&tx, &bucket, &input.key).await?;
            if let Some(version) = newest.as_ref().filter(|newest| is_repeated(newest, input, named)) {
                check(input, given.as_ref(), version)?;
                return Ok(version.clone());
            }
            let upload = upload_in(&tx, &bucket.id, &input.key, &input.upload_id).await?;
            sums::check_whole(&upload, given.as_ref().map(|(algorithm, _)| *algorithm))?;
            let stored = parts_of(&tx, &upload).await?;
            let parts = choose(&upload, named, &stored)?;
            check_numbers(&bucket, &parts)?;
            let mut new = assemble(&upload, &parts)?;
            if let Some(content) = &mut new.content {
                content.etag = directories::etag(ctx, &bucket, std::mem::take(&mut content.etag));
            }
            check(input, given.as_ref(), &new)?;
            write_if.check(&input.key, newest.as_ref())?;
            clear(&tx, &bucket, &upload, &stored, &parts);
            let mut version = new;
            index::write(&tx, ctx, &bucket, newest.as_ref(), &mut version).await?;
            happenings::note(&tx, ctx, &bucket, What::CompleteMultipartUpload, &version);
            Ok(version)
        }
    })
    .await?;
    let content = version.content.as_ref();
    let mut output = api::CompleteMultipartUploadOutput {
        location: Some(format!("{}/{}/{}", ctx.facts().endpoint, bucket.name, version.key)),
        bucket: Some(bucket.name.clone()),
        e_tag: content.map(|content| format!("\"{}\"", content.etag)),
        server_side_encryption: content
            .is_some_and(|content| content.customer.is_none())
            .then(|| "AES256".to_owned()),
        version_id: shown_id(bucket, &version),
        key: Some(version.key.clone()),
        ..Default::default()
    };
    let checksum = content.and_then(|content| content.checksum.as_ref());
    put_checksum!(output, checksums::pair(checksum));
    output.checksum_type = checksum.map(|checksum| checksum.kind.clone());
    Ok(output)
}

/// Whether this is the object that the same request has made before.
///
/// AWS: a completion that is sent again, since its answer was lost, is answered as before. Its papers say only that the
/// upload is not there any more; S3 was seen to answer 200, by several: <https://github.com/minio/minio/issues/13318>,
/// <https://github.com/adobe/S3Mock/issues/2586>. DIFFERS: here until another version of the key is written.
fn is_repeated(
    newest: &Version,
    input: &api::CompleteMultipartUploadInput,
    named: &[api::CompletedPart],
) -> bool {
    let numbers = named.iter().map(|part| part.part_number);
    let etags = named.iter().map(|part| part.e_tag.as_deref().unwrap_or_default());
    let content = newest.content.as_ref().filter(|content| content.upload.as_ref() == Some(&input.upload_id));
    content.is_some_and(|content| {
        content.etag == sums::etag(etags.map(|etag| etag.trim_matches('"')))
            && content.parts.iter().map(|part| Some(part.number)).eq(numbers)
    })
}

/// The parts that the request names, checked against those that were uploaded.
fn choose(upload: &Upload, named: &[api::CompletedPart], stored: &[Part]) -> Result<Vec<Part>> {
    if named.is_empty() {
        return Err(error::malformed_xml());
    }
    let mut parts: Vec<Part> = Vec::with_capacity(named.len());
    for one in named {
        let number = one.part_number.ok_or_else(error::malformed_xml)?;
        let etag = one.e_tag.as_deref().unwrap_or_default().trim_matches('"');
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(error::invalid_part_order());
        }
        // Both lists are in the order of their numbers: ten thousand parts are looked up, not compared with each other.
        let found = stored.binary_search_by_key(&number, |part| part.number).ok();
        let found = found.and_then(|at| stored.get(at)).filter(|part| part.etag == etag);
        let found = found.ok_or_else(|| error::invalid_part(&upload.id, number, etag))?;
        let mut sums = checksum_members!(one).into_iter().filter_map(|(_, sum)| sum.as_ref()).peekable();
        if let Some((algorithm, kind)) = &upload.checksum {
            if kind == sums::COMPOSITE && sums.peek().is_none() {
                return Err(error::missing_part_checksum(algorithm, number));
            }
            if sums.any(|sum| found.checksum.as_ref() != Some(sum)) {
                return Err(error::invalid_part(&upload.id, number, etag));
            }
        }
        parts.push(found.clone());
    }
    let short = parts.iter().rev().skip(1).rev().find(|part| part.size_bytes < PART_BYTES_MIN);
    match short {
        Some(part) => Err(error::entity_too_small(part.number, part.size_bytes, &part.etag)),
        None => Ok(parts),
    }
}

/// AWS: in a directory bucket the parts are counted from one without a gap.
fn check_numbers(bucket: &Bucket, parts: &[Part]) -> Result<()> {
    let counted = parts.iter().zip(1..).all(|(part, number)| part.number == number);
    match counted || bucket.directory.is_none() {
        true => Ok(()),
        false => Err(error::invalid_part_order()),
    }
}

fn assemble(upload: &Upload, parts: &[Part]) -> Result<Version> {
    let size_bytes: u64 = parts.iter().map(|part| part.size_bytes).sum();
    if size_bytes > OBJECT_BYTES_MAX {
        return Err(error::entity_too_large(size_bytes, OBJECT_BYTES_MAX));
    }
    let kind = upload.checksum.as_ref().map_or(sums::FULL_OBJECT, |(_, kind)| kind.as_str());
    let content = Content {
        size_bytes,
        etag: sums::etag(parts.iter().map(|part| part.etag.as_str())),
        pieces: parts.iter().filter_map(|part| part.piece.clone()).collect(),
        checksum: sums::whole(algorithm(upload), kind, parts),
        parts: parts
            .iter()
            .map(|part| PartInfo {
                number: part.number,
                size_bytes: part.size_bytes,
                checksum: part.checksum.clone().filter(|_| upload.checksum.is_some()),
            })
            .collect(),
        headers: upload.headers.clone(),
        metadata: upload.metadata.clone(),
        customer: upload.customer.clone(),
        upload: Some(upload.id.clone()),
    };
    Ok(Version {
        key: upload.key.clone(),
        order: 0,
        id: None,
        // AWS: an object made of parts is as old as its upload.
        modified: upload.initiated,
        content: Some(content),
        tags: upload.tags.clone(),
        acl: upload.acl.clone(),
        lock: upload.lock,
        restore: None,
        replication: None,
    })
}

/// Checks what the request says of the whole.
fn check(
    input: &api::CompleteMultipartUploadInput,
    given: Option<&(Algorithm, Option<String>)>,
    new: &Version,
) -> Result<()> {
    let content =
        new.content.as_ref().ok_or_else(|| Error::internal("an assembled object without content"))?;
    if input.mpu_object_size.is_some_and(|size| u64::try_from(size) != Ok(content.size_bytes)) {
        let text = "The provided 'x-amz-mp-object-size' header does not match what was computed.";
        return Err(error::invalid_request(text));
    }
    let kept = content.checksum.as_ref();
    if let Some(kind) = input.checksum_type.as_deref()
        && kept.is_none_or(|kept| kept.kind != kind)
    {
        return Err(error::invalid_request("The upload was created using a different checksum type."));
    }
    if let (Some((algorithm, Some(given))), Some(kept)) = (given, kept)
        && algorithm.as_str() == kept.algorithm
        && *given != kept.value
        && Some(given.as_str()) != kept.value.split('-').next()
    {
        return Err(error::bad_checksum(&kept.algorithm));
    }
    Ok(())
}

/// Removes the upload; parts that were not named go with their bodies.
fn clear(tx: &Tx, bucket: &Bucket, upload: &Upload, stored: &[Part], used: &[Part]) {
    for part in stored {
        if used.binary_search_by_key(&part.number, |used| used.number).is_err() {
            bodies::discard(tx, part.piece.as_slice());
        }
        tx.delete::<Part>(&scope(), &[&upload.id, &part_key(part.number)]);
    }
    tx.delete::<Upload>(&scope(), &[&bucket.id, &upload.key, &upload.id]);
}
