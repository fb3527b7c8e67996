//! ListParts and ListMultipartUploads.

use crate::access::bucket_of;
use crate::buckets::{canonical_id, owner};
use crate::directories;
use crate::error;
use crate::lists::{Encoding, read_token, token};
use crate::multipart::walk::{Page, Walk};
use crate::multipart::{algorithm, upload};
use crate::put_checksum;
use crate::state::{Part, Upload, part_key, scope};
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Result};
use yakumo_room::Ctx;

const PAGE_MAX: i32 = 1000;

fn page(asked: Option<i32>, name: &'static str) -> Result<usize> {
    let asked = asked.unwrap_or(PAGE_MAX);
    let most = usize::try_from(asked.min(PAGE_MAX));
    most.map_err(|_| {
        let text = format!("Argument {name} must be an integer between 0 and 2147483647");
        error::argument(&text, name, &asked.to_string())
    })
}

fn initiator(upload: &Upload) -> api::Initiator {
    let (account, arn) = &upload.initiator;
    let id = if arn.ends_with(":root") { canonical_id(*account) } else { arn.clone() };
    api::Initiator { id: Some(id), display_name: arn.rsplit('/').next().map(str::to_owned) }
}

fn storage_class(upload: &Upload) -> String {
    upload.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())
}

/// Behind which key, and which of its uploads, a list goes on.
///
/// AWS: an upload id marker without a key marker is ignored; in directory buckets the key marker is a token of both:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
fn markers(input: &api::ListMultipartUploadsInput, is_directory: bool) -> Result<(String, String)> {
    let key = input.key_marker.as_deref().unwrap_or_default();
    let id = input.upload_id_marker.as_deref().unwrap_or_default();
    match is_directory {
        true if !id.is_empty() => Err(directories::unheard("upload-id-marker")),
        true if !key.is_empty() => {
            let text = read_token(key)?;
            let (key, id) = text.rsplit_once('\n').unwrap_or((&text, ""));
            Ok((key.to_owned(), id.to_owned()))
        }
        _ if key.is_empty() => Ok((String::new(), String::new())),
        _ => Ok((key.to_owned(), id.to_owned())),
    }
}

pub async fn list_parts(ctx: Ctx, input: api::ListPartsInput) -> Result<api::ListPartsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let upload = upload(&ctx, &open.record.id, &input.key, &input.upload_id).await?;
    let most = page(input.max_parts, "max-parts")?;
    let marker = input.part_number_marker.unwrap_or(0).max(0);
    let behind = part_key(marker);
    let mut parts = ctx.list::<Part>(&scope(), &[&upload.id], Some(&[&upload.id, &behind]), most + 1).await?;
    let is_truncated = parts.len() > most;
    parts.truncate(most);
    let last = parts.last().map_or(0, |part| part.number);
    let algorithm = algorithm(&upload);
    let shown = |part: Part| {
        let mut shown = api::Part {
            part_number: Some(part.number),
            last_modified: Some(part.modified),
            e_tag: Some(format!("\"{}\"", part.etag)),
            size: i64::try_from(part.size_bytes).ok(),
            ..Default::default()
        };
        let chosen = part.checksum.as_deref().filter(|_| upload.checksum.is_some());
        put_checksum!(shown, chosen.map(|value| (algorithm.as_str(), value)));
        shown
    };
    let parts: Vec<api::Part> = parts.into_iter().map(shown).collect();
    Ok(api::ListPartsOutput {
        bucket: Some(open.record.name.clone()),
        part_number_marker: Some(marker),
        next_part_number_marker: Some(last),
        max_parts: i32::try_from(most).ok(),
        is_truncated: Some(is_truncated),
        parts: (!parts.is_empty()).then_some(parts),
        initiator: Some(initiator(&upload)),
        owner: Some(owner(open.record.owner)),
        storage_class: Some(storage_class(&upload)),
        checksum_algorithm: upload.checksum.as_ref().map(|(algorithm, _)| algorithm.clone()),
        checksum_type: upload.checksum.map(|(_, kind)| kind),
        key: Some(upload.key),
        upload_id: Some(upload.id),
        ..Default::default()
    })
}

fn shown(upload: Upload, bucket_owner: AccountId, encoding: Encoding) -> api::MultipartUpload {
    api::MultipartUpload {
        initiator: Some(initiator(&upload)),
        owner: Some(owner(bucket_owner)),
        storage_class: Some(storage_class(&upload)),
        initiated: Some(upload.initiated),
        checksum_algorithm: upload.checksum.as_ref().map(|(algorithm, _)| algorithm.clone()),
        checksum_type: upload.checksum.map(|(_, kind)| kind),
        key: Some(encoding.write(upload.key)),
        upload_id: Some(upload.id),
        version_id: None,
    }
}

pub async fn list_multipart_uploads(
    ctx: Ctx,
    input: api::ListMultipartUploadsInput,
) -> Result<api::ListMultipartUploadsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let most = page(input.max_uploads, "max-uploads")?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let is_directory = open.record.directory.is_some();
    directories::lists::check(&open.record, input.prefix.as_deref(), delimiter)?;
    let marker = markers(&input, is_directory)?;
    let (key_marker, id_marker) = (marker.0.as_str(), marker.1.as_str());
    let walk = Walk { prefix, delimiter, key_marker, id_marker, max_uploads: most };
    let Page { uploads, prefixes, is_truncated } = walk.go(&ctx, &open.record.id).await?;
    let (next_key, next_id) = match (uploads.last(), prefixes.last()) {
        (Some(upload), Some(prefix)) if *prefix > upload.key => (Some(prefix.clone()), None),
        (Some(upload), _) => (Some(upload.key.clone()), Some(upload.id.clone())),
        (None, prefix) => (prefix.cloned(), None),
    };
    let (next_key, next_id) = match (is_directory, next_key) {
        (true, Some(key)) => (Some(token(&format!("{key}\n{}", next_id.unwrap_or_default()))), None),
        (_, key) => (key, next_id),
    };
    let uploads: Vec<_> =
        uploads.into_iter().map(|upload| shown(upload, open.record.owner, encoding)).collect();
    let prefixes: Vec<api::CommonPrefix> = prefixes
        .into_iter()
        .map(|prefix| api::CommonPrefix { prefix: Some(encoding.write(prefix)) })
        .collect();
    Ok(api::ListMultipartUploadsOutput {
        bucket: Some(open.record.name.clone()),
        next_key_marker: encoding.option(next_key.filter(|_| is_truncated)),
        next_upload_id_marker: next_id.filter(|_| is_truncated),
        max_uploads: i32::try_from(most).ok(),
        is_truncated: Some(is_truncated),
        uploads: (!uploads.is_empty()).then_some(uploads),
        common_prefixes: (!prefixes.is_empty()).then_some(prefixes),
        prefix: Some(encoding.write(prefix)),
        delimiter: encoding.option(input.delimiter.filter(|delimiter| !delimiter.is_empty())),
        key_marker: Some(encoding.write(key_marker)),
        upload_id_marker: Some(input.upload_id_marker.clone().unwrap_or_default()),
        encoding_type: input.encoding_type.clone(),
        request_charged: None,
    })
}
