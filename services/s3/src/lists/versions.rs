//! ListObjectVersions.

use crate::access::bucket_of;
use crate::buckets::owner;
use crate::error;
use crate::index;
use crate::lists::{Encoding, Entry, Walk, common_prefixes, max_keys, wants_restores};
use crate::objects::restore;
use crate::state::version::order_of;
use crate::state::{Bucket, Version};
use yakumo_api_s3 as api;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

pub async fn list_object_versions(
    ctx: Ctx,
    input: api::ListObjectVersionsInput,
) -> Result<api::ListObjectVersionsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    if input.max_keys.is_some_and(|asked| asked < 0) {
        return Err(error::unfit("max-keys cannot be negative", "max-keys"));
    }
    match input.version_id_marker.as_deref() {
        Some(id) if input.key_marker.is_none() => {
            let text = "A version-id marker cannot be specified without a key marker.";
            return Err(error::argument(text, "version-id-marker", id));
        }
        Some("") => {
            return Err(error::argument("A version-id marker cannot be empty.", "version-id-marker", ""));
        }
        _ => {}
    }
    let (most, echoed) = max_keys(input.max_keys)?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let restores = wants_restores(input.optional_object_attributes.as_deref())?.then(|| ctx.now());
    let after = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let walk = Walk {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after,
        after_order: order(&ctx, &open.record, after, input.version_id_marker.as_deref()).await?,
        max_keys: most,
        versions: true,
    };
    let page = walk.go(&ctx, &open.record).await?;
    let next = page.entries.last().filter(|_| page.is_truncated);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for entry in &page.entries {
        if let Entry::Version(version, is_latest) = entry {
            match shown(version, &open.record, encoding, *is_latest, restores) {
                Some(object) => versions.push(object),
                None => markers.push(marker(version, &open.record, encoding, *is_latest)),
            }
        }
    }
    Ok(api::ListObjectVersionsOutput {
        is_truncated: Some(page.is_truncated),
        next_key_marker: next.map(|last| encoding.write(last.name())),
        next_version_id_marker: next.and_then(|last| match last {
            Entry::Version(version, _) => Some(version.shown_id().to_owned()),
            Entry::Prefix(_) => None,
        }),
        versions: (!versions.is_empty()).then_some(versions),
        delete_markers: (!markers.is_empty()).then_some(markers),
        name: Some(open.record.name.clone()),
        common_prefixes: common_prefixes(&page.entries, encoding),
        max_keys: Some(echoed),
        prefix: Some(encoding.write(input.prefix.unwrap_or_default())),
        delimiter: encoding.option(input.delimiter.filter(|delimiter| !delimiter.is_empty())),
        key_marker: Some(encoding.write(input.key_marker.unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// The place of the version marker among the versions of the key marker.
async fn order(ctx: &Ctx, bucket: &Bucket, key: Option<&str>, id: Option<&str>) -> Result<Option<u64>> {
    match (key, id.filter(|id| !id.is_empty())) {
        (_, None) => Ok(None),
        (None, Some(id)) => {
            let text = "A version-id marker cannot be specified without a key marker.";
            Err(error::argument(text, "version-id-marker", id))
        }
        // The id `null` does not tell its place. Where that version is gone the key is listed from its beginning, so that
        // nothing is passed over.
        (Some(key), Some("null")) => {
            let found = index::version(ctx, bucket, key, "null").await?;
            Ok(Some(found.map_or(u64::MAX, |version| version.order)))
        }
        (Some(_), Some(id)) => order_of(id).map(Some).ok_or_else(|| error::invalid_version_id(id)),
    }
}

fn shown(
    version: &Version,
    bucket: &Bucket,
    encoding: Encoding,
    is_latest: bool,
    restores: Option<Timestamp>,
) -> Option<api::ObjectVersion> {
    let content = version.content.as_ref()?;
    Some(api::ObjectVersion {
        e_tag: Some(format!("\"{}\"", content.etag)),
        checksum_algorithm: content.checksum.as_ref().map(|checksum| vec![checksum.algorithm.clone()]),
        checksum_type: content.checksum.as_ref().map(|checksum| checksum.kind.clone()),
        size: i64::try_from(content.size_bytes).ok(),
        storage_class: Some(content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())),
        key: Some(encoding.write(version.key.as_str())),
        version_id: Some(version.shown_id().to_owned()),
        is_latest: Some(is_latest),
        last_modified: Some(version.modified),
        owner: Some(owner(bucket.holder_of(version))),
        restore_status: restores.and_then(|now| restore::status(version, now)),
    })
}

fn marker(version: &Version, bucket: &Bucket, encoding: Encoding, is_latest: bool) -> api::DeleteMarkerEntry {
    api::DeleteMarkerEntry {
        owner: Some(owner(bucket.holder_of(version))),
        key: Some(encoding.write(version.key.as_str())),
        version_id: Some(version.shown_id().to_owned()),
        is_latest: Some(is_latest),
        last_modified: Some(version.modified),
    }
}
