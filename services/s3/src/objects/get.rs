//! GetObject and HeadObject.

use crate::access::{bucket_of, need, version_key};
use crate::acls::need_of;
use crate::bodies;
use crate::directories::check_version;
use crate::error;
use crate::index;
use crate::multipart::parts::check_number;
use crate::objects::conditions::ReadIf;
use crate::objects::ranges::{self, Asked};
use crate::objects::{checksums, object, restore, shown_id};
use crate::registry::Open;
use crate::state::{Content, Version};
use crate::{customer_key, put_checksum, put_encryption, put_lock, sealing, tags};
use std::ops::Range;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Need, http_date};

/// Why the handlers ask for themselves.
pub const INSIDE: &str =
    "the object's tags are condition keys, and whether its absence is told depends on s3:ListBucket";

/// Finds the version that a read means and asks whether it may be read.
///
/// AWS: who may not list the bucket is not told whether an object is there
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>).
pub async fn readable(
    ctx: &Ctx,
    open: &Open,
    key: &str,
    id: Option<&str>,
    actions: (&'static str, &'static str),
    method: &str,
) -> Result<Version> {
    check_version(&open.record, id)?;
    let found = match id {
        Some(id) => Box::pin(index::version(ctx, &open.record, key, id)).await?,
        None => index::newest(ctx, &open.record, key).await?,
    };
    let mut keys = version_key(id);
    keys.extend(tags::existing(found.as_ref()));
    let action = if id.is_some() { actions.1 } else { actions.0 };
    ctx.authorize(need_of(ctx, open, found.as_ref(), action, key, keys)?)?;
    if found.as_ref().is_none_or(|version| version.content.is_none()) && id.is_none() {
        let listing: Need = need(ctx, open, "s3:ListBucket", None, Vec::new());
        ctx.authorize(listing)?;
    }
    object(found, key, id, method)
}

/// The part of a body that is answered.
struct Cut {
    range: Range<u64>,
    /// Whether the answer is a 206.
    partial: bool,
    parts_count: Option<i32>,
}

/// Checks the header `x-amz-checksum-mode`; whether checksums are told.
fn wants_checksum(mode: Option<&str>) -> Result<bool> {
    match mode {
        None => Ok(false),
        Some(mode) if mode.eq_ignore_ascii_case("ENABLED") => Ok(true),
        Some(_) => Err(error::invalid_request("Value for x-amz-checksum-mode header is invalid.")),
    }
}

fn cut(content: &Content, range: Option<&str>, part_number: Option<i32>) -> Result<Cut> {
    let whole = 0..content.size_bytes;
    let parts_count = i32::try_from(content.parts.len()).ok().filter(|count| *count > 0);
    if range.is_some() && part_number.is_some() {
        return Err(error::invalid_request(
            "Cannot specify both Range header and partNumber query parameter",
        ));
    }
    if let Some(number) = part_number {
        check_number(number)?;
        let mut start = 0;
        for part in &content.parts {
            if part.number == number {
                return Ok(Cut { range: start..start + part.size_bytes, partial: true, parts_count });
            }
            start += part.size_bytes;
        }
        return match content.parts.is_empty() && number == 1 {
            true => Ok(Cut { range: whole, partial: true, parts_count: None }),
            false => Err(error::invalid_part_number(number, content.parts.len().max(1))),
        };
    }
    match ranges::parse(range, content.size_bytes) {
        Asked::Whole => Ok(Cut { range: whole, partial: false, parts_count: None }),
        Asked::Part(range) => Ok(Cut { range, partial: true, parts_count: None }),
        Asked::Outside => Err(error::invalid_range(range.unwrap_or_default(), content.size_bytes)),
    }
}

/// Fills the members that GetObject and HeadObject have in common.
macro_rules! described {
    ($output:ident, $ctx:expr, $open:expr, $version:expr, $content:expr, $cut:expr, $input:expr) => {
        let (content, headers) = ($content, &$content.headers);
        $output.expiration = crate::lifecycle::expiration(&$open.record, &$version);
        $output.replication_status = $version.replication.map(|status| status.as_str().to_owned());
        $output.accept_ranges = Some("bytes".to_owned());
        $output.last_modified = Some($version.modified);
        $output.content_length = i64::try_from($cut.range.end - $cut.range.start).ok();
        $output.e_tag = Some(format!("\"{}\"", content.etag));
        $output.version_id = shown_id(&$open.record, &$version);
        $output.cache_control =
            $input.response_cache_control.clone().or_else(|| headers.cache_control.clone());
        $output.content_disposition =
            $input.response_content_disposition.clone().or_else(|| headers.content_disposition.clone());
        $output.content_encoding =
            $input.response_content_encoding.clone().or_else(|| headers.content_encoding.clone());
        $output.content_language =
            $input.response_content_language.clone().or_else(|| headers.content_language.clone());
        $output.content_type = $input.response_content_type.clone().or_else(|| headers.content_type.clone());
        $output.expires = $input.response_expires.map(http_date).or_else(|| headers.expires.clone());
        $output.website_redirect_location = headers.redirect.clone();
        $output.metadata = Some(content.metadata.clone());
        $output.storage_class = headers.storage_class.clone();
        $output.restore = restore::header(&$version, $ctx.now());
        $output.parts_count = $cut.parts_count;
        $output.tag_count = i32::try_from($version.tags.len()).ok().filter(|count| *count > 0);
        if $cut.partial {
            let (first, last) = ($cut.range.start, $cut.range.end.saturating_sub(1));
            $output.content_range = Some(format!("bytes {first}-{last}/{}", content.size_bytes));
        }
        // AWS: the checksum of a whole object is not that of a range of it.
        if wants_checksum($input.checksum_mode.as_deref())? && !$cut.partial {
            put_checksum!($output, checksums::pair(content.checksum.as_ref()));
            $output.checksum_type = content.checksum.as_ref().map(|checksum| checksum.kind.clone());
        }
    };
}

fn content(version: &Version) -> Result<&Content> {
    version
        .content
        .as_ref()
        .ok_or_else(|| Error::internal("a version without content was found to be an object"))
}

/// What is told of an object that has not changed, as headers: those by which a cache knows it and how long it keeps it.
/// RFC 9110, section 15.4.5.
fn unchanged(error: Error, open: &Open, version: &Version, content: &Content) -> Error {
    if error.status != 304 {
        return error;
    }
    let headers = &content.headers;
    let told = [
        ("etag", Some(format!("\"{}\"", content.etag))),
        ("last-modified", Some(http_date(version.modified))),
        ("x-amz-version-id", shown_id(&open.record, version)),
        ("cache-control", headers.cache_control.clone()),
        ("expires", headers.expires.clone()),
    ];
    let told = told.into_iter().filter_map(|(name, value)| Some((name, value?)));
    told.fold(error, |error, (name, value)| error.with_header(name, value))
}

/// AWS: answers of anonymous requests cannot have their headers replaced:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.
fn check_overrides(ctx: &Ctx, any: bool) -> Result<()> {
    match any && ctx.caller().principal.account.is_none() {
        true => Err(error::invalid_request(
            "Request specific response headers cannot be used for anonymous GET requests.",
        )),
        false => Ok(()),
    }
}

pub async fn get_object(ctx: Ctx, input: api::GetObjectInput) -> Result<api::GetObjectOutput> {
    let mut left = LOOKS;
    loop {
        match look(&ctx, &input).await {
            Err(error) if left > 0 && bodies::was_replaced(&error) => left -= 1,
            answer => return answer,
        }
    }
}

/// So often a version is looked for again when it was overwritten before its body was read.
const LOOKS: usize = 16;

async fn look(ctx: &Ctx, input: &api::GetObjectInput) -> Result<api::GetObjectOutput> {
    let open = bucket_of(ctx, input).await?;
    let id = input.version_id.as_deref();
    let version =
        readable(ctx, &open, &input.key, id, ("s3:GetObject", "s3:GetObjectVersion"), "GET").await?;
    let customer = customer_key!(input)?;
    check_overrides(
        ctx,
        input.response_cache_control.is_some()
            || input.response_content_disposition.is_some()
            || input.response_content_encoding.is_some()
            || input.response_content_language.is_some()
            || input.response_content_type.is_some()
            || input.response_expires.is_some(),
    )?;
    restore::check_at_hand(&version, ctx.now())?;
    let content = content(&version)?;
    sealing::check(content, customer.as_ref())?;
    let read_if = ReadIf {
        matches: input.if_match.as_deref(),
        none_match: input.if_none_match.as_deref(),
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    read_if
        .check(&content.etag, version.modified, false)
        .map_err(|error| unchanged(error, &open, &version, content))?;
    let cut = cut(content, input.range.as_deref(), input.part_number)?;
    let mut output = api::GetObjectOutput {
        body: bodies::read(ctx.state(), content, cut.range.clone(), customer.as_ref()).await?,
        ..Default::default()
    };
    described!(output, ctx, open, version, content, cut, input);
    put_encryption!(output, &customer);
    put_lock!(output, ctx, open, version);
    Ok(output)
}

pub async fn head_object(ctx: Ctx, input: api::HeadObjectInput) -> Result<api::HeadObjectOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let id = input.version_id.as_deref();
    let version =
        readable(&ctx, &open, &input.key, id, ("s3:GetObject", "s3:GetObjectVersion"), "HEAD").await?;
    let customer = customer_key!(input)?;
    let content = content(&version)?;
    sealing::check(content, customer.as_ref())?;
    let read_if = ReadIf {
        matches: input.if_match.as_deref(),
        none_match: input.if_none_match.as_deref(),
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    read_if
        .check(&content.etag, version.modified, false)
        .map_err(|error| unchanged(error, &open, &version, content))?;
    let cut = cut(content, input.range.as_deref(), input.part_number)?;
    let mut output = api::HeadObjectOutput::default();
    described!(output, ctx, open, version, content, cut, input);
    put_encryption!(output, &customer);
    put_lock!(output, ctx, open, version);
    Ok(output)
}
