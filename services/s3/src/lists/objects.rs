//! ListObjectsV2 and ListObjects.

use crate::access::bucket_of;
use crate::buckets::owner;
use crate::directories;
use crate::lists::{Encoding, Entry, Walk, common_prefixes, max_keys, read_token, token, wants_restores};
use crate::objects::restore;
use crate::state::{Bucket, Version};
use yakumo_api_s3 as api;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

pub async fn list_objects_v2(ctx: Ctx, input: api::ListObjectsV2Input) -> Result<api::ListObjectsV2Output> {
    let open = bucket_of(&ctx, &input).await?;
    directories::lists::check(&open.record, input.prefix.as_deref(), input.delimiter.as_deref())?;
    directories::lists::check_start(&open.record, input.start_after.as_deref())?;
    let (most, echoed) = max_keys(input.max_keys)?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let restores = wants_restores(input.optional_object_attributes.as_deref())?;
    let token_name = input.continuation_token.as_deref().map(read_token).transpose()?;
    let walk = Walk {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: token_name.as_deref().or(input.start_after.as_deref()),
        after_order: None,
        max_keys: most,
        versions: false,
    };
    let mut page = walk.go(&ctx, &open.record).await?;
    if open.record.directory.is_some() && walk.delimiter == Some("/") && most > 0 {
        directories::lists::with_uploads(&ctx, &open.record, &mut page, walk.prefix, walk.after, most)
            .await?;
    }
    let shown = Shown {
        with_owner: input.fetch_owner == Some(true),
        restores: restores.then(|| ctx.now()),
        encoding,
    };
    Ok(api::ListObjectsV2Output {
        is_truncated: Some(page.is_truncated),
        contents: contents(&page.entries, &open.record, &shown),
        name: Some(open.record.name.clone()),
        common_prefixes: common_prefixes(&page.entries, encoding),
        key_count: i32::try_from(page.entries.len()).ok(),
        max_keys: Some(echoed),
        next_continuation_token: page
            .entries
            .last()
            .filter(|_| page.is_truncated)
            .map(|last| token(last.name())),
        prefix: Some(encoding.write(input.prefix.unwrap_or_default())),
        delimiter: encoding.option(input.delimiter.filter(|delimiter| !delimiter.is_empty())),
        encoding_type: input.encoding_type,
        continuation_token: input.continuation_token,
        start_after: encoding.option(input.start_after),
        request_charged: None,
    })
}

pub async fn list_objects(ctx: Ctx, input: api::ListObjectsInput) -> Result<api::ListObjectsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let (most, echoed) = max_keys(input.max_keys)?;
    let encoding = Encoding::parse(input.encoding_type.as_deref())?;
    let restores = wants_restores(input.optional_object_attributes.as_deref())?;
    let shown = Shown { with_owner: true, restores: restores.then(|| ctx.now()), encoding };
    let walk = Walk {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
        after_order: None,
        max_keys: most,
        versions: false,
    };
    let page = walk.go(&ctx, &open.record).await?;
    // AWS: the next marker is only told when there is a delimiter; else it is the last key.
    let next = page.entries.last().filter(|_| page.is_truncated && input.delimiter.is_some());
    Ok(api::ListObjectsOutput {
        is_truncated: Some(page.is_truncated),
        next_marker: next.map(|last| encoding.write(last.name())),
        contents: contents(&page.entries, &open.record, &shown),
        name: Some(open.record.name.clone()),
        common_prefixes: common_prefixes(&page.entries, encoding),
        max_keys: Some(echoed),
        marker: Some(encoding.write(input.marker.unwrap_or_default())),
        prefix: Some(encoding.write(input.prefix.unwrap_or_default())),
        delimiter: encoding.option(input.delimiter.filter(|delimiter| !delimiter.is_empty())),
        encoding_type: input.encoding_type,
        request_charged: None,
    })
}

/// What is told of each object.
struct Shown {
    encoding: Encoding,
    with_owner: bool,
    /// At which time its restored copy is looked for, if it is.
    restores: Option<Timestamp>,
}

fn contents(entries: &[Entry], bucket: &Bucket, shown: &Shown) -> Option<Vec<api::Object>> {
    let list: Vec<api::Object> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Version(version, _) => line(version, bucket, shown),
            Entry::Prefix(_) => None,
        })
        .collect();
    (!list.is_empty()).then_some(list)
}

fn line(version: &Version, bucket: &Bucket, shown: &Shown) -> Option<api::Object> {
    let content = version.content.as_ref()?;
    Some(api::Object {
        key: Some(shown.encoding.write(version.key.as_str())),
        last_modified: Some(version.modified),
        e_tag: Some(format!("\"{}\"", content.etag)),
        checksum_algorithm: content.checksum.as_ref().map(|checksum| vec![checksum.algorithm.clone()]),
        checksum_type: content.checksum.as_ref().map(|checksum| checksum.kind.clone()),
        size: i64::try_from(content.size_bytes).ok(),
        storage_class: Some(content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())),
        owner: shown.with_owner.then(|| owner(bucket.holder_of(version))),
        restore_status: shown.restores.and_then(|now| restore::status(version, now)),
    })
}
