//! GetObjectAttributes.

use crate::access::bucket_of;
use crate::error;
use crate::objects::get::readable;
use crate::objects::{checksums, shown_id};
use crate::state::Content;
use crate::{customer_key, put_checksum};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

const PARTS_MAX: i32 = 1000;
const KNOWN: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

pub async fn get_object_attributes(
    ctx: Ctx,
    input: api::GetObjectAttributesInput,
) -> Result<api::GetObjectAttributesOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let id = input.version_id.as_deref();
    // AWS: both actions are needed: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>
    let attributes = ("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes");
    readable(&ctx, &open, &input.key, id, attributes, "GET").await?;
    let actions = ("s3:GetObject", "s3:GetObjectVersion");
    let version = readable(&ctx, &open, &input.key, id, actions, "GET").await?;
    // AWS: a comma at the end is nothing.
    let ends = input.object_attributes.iter().rev().take_while(|name| name.is_empty()).count();
    let named = input.object_attributes.get(..input.object_attributes.len() - ends).unwrap_or_default();
    if let Some(other) = named.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(error::argument("Invalid attribute name specified.", "x-amz-object-attributes", other));
    }
    if named.is_empty() {
        return Err(no_attributes());
    }
    let content = version.content.as_ref().ok_or_else(|| Error::internal("an object without content"))?;
    crate::sealing::check(content, customer_key!(input)?.as_ref())?;
    let wants = |name: &str| input.object_attributes.iter().any(|wanted| wanted == name);
    let storage_class = content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned());
    Ok(api::GetObjectAttributesOutput {
        last_modified: Some(version.modified),
        version_id: shown_id(&open.record, &version),
        e_tag: wants("ETag").then(|| content.etag.clone()),
        checksum: checksum(content).filter(|_| wants("Checksum")),
        object_parts: parts(content, &input).filter(|_| wants("ObjectParts")),
        storage_class: wants("StorageClass").then_some(storage_class),
        object_size: i64::try_from(content.size_bytes).ok().filter(|_| wants("ObjectSize")),
        ..Default::default()
    })
}

/// Nothing is asked for.
pub fn no_attributes() -> Error {
    error::invalid_request(
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
    )
}

fn checksum(content: &Content) -> Option<api::Checksum> {
    let known = content.checksum.as_ref()?;
    let mut checksum = api::Checksum { checksum_type: Some(known.kind.clone()), ..Default::default() };
    put_checksum!(checksum, checksums::pair(Some(known)));
    Some(checksum)
}

fn parts(content: &Content, input: &api::GetObjectAttributesInput) -> Option<api::GetObjectAttributesParts> {
    if content.parts.is_empty() {
        return None;
    }
    let total = i32::try_from(content.parts.len()).ok();
    let with_checksums = content.parts.iter().all(|part| part.checksum.is_some());
    if !with_checksums {
        // AWS: without additional checksums only the number of parts is known.
        return Some(api::GetObjectAttributesParts { total_parts_count: total, ..Default::default() });
    }
    let algorithm = content.checksum.as_ref().map_or("CRC64NVME", |checksum| checksum.algorithm.as_str());
    let marker = input.part_number_marker.unwrap_or(0);
    let most = input.max_parts.unwrap_or(PARTS_MAX).clamp(0, PARTS_MAX);
    let behind: Vec<_> = content.parts.iter().filter(|part| part.number > marker).collect();
    let page = behind.iter().take(usize::try_from(most).unwrap_or_default());
    let parts: Vec<api::ObjectPart> = page
        .map(|part| {
            let mut shown = api::ObjectPart {
                part_number: Some(part.number),
                size: i64::try_from(part.size_bytes).ok(),
                ..Default::default()
            };
            put_checksum!(shown, part.checksum.as_deref().map(|value| (algorithm, value)));
            shown
        })
        .collect();
    Some(api::GetObjectAttributesParts {
        total_parts_count: total,
        part_number_marker: Some(marker),
        next_part_number_marker: parts.last().and_then(|part| part.part_number).or(Some(0)),
        max_parts: Some(most),
        is_truncated: Some(parts.len() < behind.len()),
        parts: Some(parts),
    })
}
