//! CopyObject, and what UploadPartCopy has in common with it.

use crate::access::{self, bucket_of, need, version_key};
use crate::acls;
use crate::bodies::{self, Expected};
use crate::directories;
use crate::error;
use crate::happenings::What;
use crate::names::check_key;
use crate::objects::conditions::{ReadIf, WriteIf, need_to_compare, write_keys};
use crate::objects::put::{Wanted, save, tag_keys};
use crate::objects::{checksums, get, request, restore, shown_id};
use crate::registry::Open;
use crate::state::access_point::split_arn;
use crate::state::{Content, Version};
use crate::{
    customer_key, encryption, extras, granted, headers, lock_of, put_checksum, put_encryption, tags,
};
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_checksum::Algorithm;
use yakumo_room::Ctx;

/// Why the handlers ask for themselves.
pub const INSIDE: &str = "two buckets have a say, and the source is found in a header";

/// Where a copy comes from: bucket, key, version id.
pub struct Source {
    bucket: String,
    key: String,
    version_id: Option<String>,
}

impl Source {
    /// Reads the header `x-amz-copy-source`: `bucket/key?versionId=id`, URL-encoded, a blank as `+` too, as Terraform does.
    /// AWS: a plus sign that is not encoded is none: <https://github.com/aws/aws-sdk-js/issues/1821>
    pub fn parse(text: &str) -> Result<Source> {
        let wrong = || {
            error::argument(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                "x-amz-copy-source",
                text,
            )
        };
        let (path, query) =
            text.split_once("?versionId=").map_or((text, None), |(path, id)| (path, Some(id)));
        let path = path.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8().map_err(|_| wrong())?;
        let version_id = query.map(str::to_owned);
        // AWS: an access point is named by its ARN, the key behind `/object/`:
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html#API_CopyObject_RequestSyntax>
        if decoded.starts_with("arn:") {
            let (point, key) = decoded.split_once("/object/").ok_or_else(wrong)?;
            let bucket = split_arn(point).filter(|_| !key.is_empty()).map(|_| point.to_owned());
            return Ok(Source { bucket: bucket.ok_or_else(wrong)?, key: key.to_owned(), version_id });
        }
        let (bucket, key) = decoded.trim_start_matches('/').split_once('/').ok_or_else(wrong)?;
        if bucket.is_empty() || key.is_empty() {
            return Err(wrong());
        }
        Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), version_id })
    }

    /// The key of the condition `s3:x-amz-copy-source`.
    pub fn keys(&self) -> crate::access::Keys {
        vec![("s3:x-amz-copy-source".to_owned(), vec![format!("{}/{}", self.bucket, self.key)])]
    }
}

/// The version that is copied, once the caller may read it.
pub struct Found {
    pub open: Arc<Open>,
    pub version: Version,
}

impl Found {
    /// Finds the source of a copy.
    pub async fn read(
        ctx: &Ctx,
        source: &Source,
        expected_owner: Option<&str>,
        payer: Option<&str>,
    ) -> Result<Found> {
        let open = access::source(ctx, &source.bucket, expected_owner).await?;
        crate::payments::check(ctx, &open.record, payer)?;
        let id = source.version_id.as_deref();
        let actions = ("s3:GetObject", "s3:GetObjectVersion");
        let version = get::readable(ctx, &open, &source.key, id, actions, "GET").await?;
        restore::check_source(&version, ctx.now())?;
        Ok(Found { open, version })
    }

    /// What the version holds.
    pub fn content(&self) -> Result<&Content> {
        self.version
            .content
            .as_ref()
            .ok_or_else(|| Error::internal("the source of a copy is a delete marker"))
    }

    /// The version's id as answers carry it.
    pub fn shown_id(&self) -> Option<String> {
        shown_id(&self.open.record, &self.version)
    }

    /// Checks the conditions of a copy.
    pub fn check(
        &self,
        matches: Option<&str>,
        none_match: Option<&str>,
        modified_since: Option<Timestamp>,
        unmodified_since: Option<Timestamp>,
    ) -> Result<()> {
        let read_if = ReadIf { matches, none_match, modified_since, unmodified_since };
        read_if.check(&self.content()?.etag, self.version.modified, true)
    }
}

fn replaces(directive: Option<&str>, name: &'static str) -> Result<bool> {
    let what = if name.contains("tagging") { "tagging" } else { "metadata" };
    match directive {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(error::argument(&format!("Unknown {what} directive."), name, other)),
    }
}

pub async fn copy_object(ctx: Ctx, input: api::CopyObjectInput) -> Result<api::CopyObjectOutput> {
    let open = bucket_of(&ctx, &input).await?;
    directories::sessions::check_none(&ctx)?;
    let source = Source::parse(&input.copy_source)?;
    let new_tags = replaces(input.tagging_directive.as_deref(), "x-amz-tagging-directive")?;
    let tags = tags::from_header(input.tagging.as_deref().filter(|_| new_tags))?;
    let mut keys = source.keys();
    keys.extend(
        input
            .metadata_directive
            .iter()
            .map(|value| ("s3:x-amz-metadata-directive".to_owned(), vec![value.clone()])),
    );
    keys.extend(tag_keys(&tags));
    keys.extend(request::keys(&extras!(input)));
    keys.extend(write_keys(input.if_match.as_deref(), input.if_none_match.as_deref(), true));
    let list = granted!(input);
    keys.extend(list.keys());
    let lock = lock_of!(input);
    keys.extend(lock.keys(ctx.now()));
    ctx.authorize(need(&ctx, &open, "s3:PutObject", Some(&input.key), keys))?;
    if open.record.directory.is_some() {
        request::check(&extras!(input), &open.record)?;
    }
    if let Some(need) = acls::needs_list(&ctx, &open, &list, &input.key)? {
        ctx.authorize(need)?;
    }
    if !tags.is_empty() {
        ctx.authorize(need(&ctx, &open, "s3:PutObjectTagging", Some(&input.key), tag_keys(&tags)))?;
    }
    lock.needs(&ctx, &open, &input.key).into_iter().try_for_each(|need| ctx.authorize(need))?;
    if let Some(need) = need_to_compare(&ctx, &open, &input.key, input.if_match.as_deref()) {
        ctx.authorize(need)?;
    }
    let (owner, payer) = (input.expected_source_bucket_owner.as_deref(), input.request_payer.as_deref());
    let found = Found::read(&ctx, &source, owner, payer).await?;
    if !new_tags {
        may_copy_tags(&ctx, &open, &input.key, &source, &found)?;
    }
    check_key(&input.key)?;
    request::check(&extras!(input), &open.record)?;
    let source_customer = customer_key!(source input)?;
    crate::sealing::check(found.content()?, source_customer.as_ref())?;
    let customer = customer_key!(input)?.map(Arc::new);
    encryption::check(&ctx, &open, &input.key, input.server_side_encryption.as_deref(), customer.as_deref())?;
    found.check(
        input.copy_source_if_match.as_deref(),
        input.copy_source_if_none_match.as_deref(),
        input.copy_source_if_modified_since,
        input.copy_source_if_unmodified_since,
    )?;
    let content = found.content()?;
    let new_head = replaces(input.metadata_directive.as_deref(), "x-amz-metadata-directive")?;
    check_changes(&input, &open, &found, new_head)?;
    if content.size_bytes > bodies::UPLOAD_BYTES_MAX {
        let text = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        return Err(error::invalid_request(text));
    }
    let mut wanted = Wanted {
        what: What::Copy,
        key: input.key.clone(),
        acl: acls::of_new(&ctx, &open.record, &list)?,
        lock: lock.read(&open.record, ctx.now())?,
        headers: content.headers.clone(),
        metadata: content.metadata.clone(),
        tags: if new_tags { tags } else { found.version.tags.clone() },
        write_if: WriteIf::new(input.if_match.clone(), input.if_none_match.clone())?,
    };
    if open.record.directory.is_some() && !wanted.tags.is_empty() {
        // AWS: not even tags that are copied: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
        return Err(directories::unheard("x-amz-tagging"));
    }
    if new_head {
        wanted.headers = request::with_type(headers!(input));
        wanted.metadata = request::metadata(input.metadata.clone())?;
    }
    // AWS: neither the redirect nor the storage class is copied.
    wanted.headers.redirect.clone_from(&input.website_redirect_location);
    wanted.headers.storage_class = input.storage_class.clone().filter(|class| class != "STANDARD");
    wanted.headers = directories::classed(&open.record, wanted.headers);
    let range = 0..content.size_bytes;
    let body = bodies::read(ctx.state(), content, range, source_customer.as_ref()).await?;
    let expected = Expected {
        checksum: algorithm(&input, content)?.map(|one| (one, None)),
        customer: customer.clone(),
        ..Expected::default()
    };
    let received = bodies::receive(ctx.state(), body, expected).await?;
    let version = save(&ctx, &open.record, wanted, received).await?;
    let copied = version.content.as_ref();
    let mut result = api::CopyObjectResult {
        e_tag: copied.map(|content| format!("\"{}\"", content.etag)),
        last_modified: Some(version.modified),
        ..Default::default()
    };
    let checksum = copied.and_then(|content| content.checksum.as_ref());
    put_checksum!(result, checksums::pair(checksum));
    result.checksum_type = checksum.map(|checksum| checksum.kind.clone());
    let mut output = api::CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: found.shown_id(),
        version_id: shown_id(&open.record, &version),
        ..Default::default()
    };
    output.expiration = crate::lifecycle::expiration(&open.record, &version);
    put_encryption!(output, &customer);
    Ok(output)
}

/// AWS: "You must have s3:GetObjectTagging permission for the source object and s3:PutObjectTagging permission for objects
/// in the destination bucket": <https://repost.aws/knowledge-center/s3-troubleshoot-copy-between-buckets>.
/// Directory buckets have no tags, and what has some is not copied into them.
fn may_copy_tags(ctx: &Ctx, open: &Open, key: &str, source: &Source, found: &Found) -> Result<()> {
    let version = &found.version;
    if version.tags.is_empty() || open.record.directory.is_some() {
        return Ok(());
    }
    let id = source.version_id.as_deref();
    let action = if id.is_some() { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" };
    let mut keys = version_key(id);
    keys.extend(tags::existing(Some(version)));
    ctx.authorize(need(ctx, &found.open, action, Some(&version.key), keys))?;
    ctx.authorize(need(ctx, open, "s3:PutObjectTagging", Some(key), tag_keys(&version.tags)))
}

/// AWS: an object is copied onto itself only to change something about it.
fn check_changes(input: &api::CopyObjectInput, open: &Open, found: &Found, new_head: bool) -> Result<()> {
    let same = open.record.id == found.open.record.id
        && input.key == found.version.key
        && !input.copy_source.contains("?versionId=");
    let changes = new_head
        || input.storage_class.is_some()
        || input.website_redirect_location.is_some()
        || input.server_side_encryption.is_some()
        || input.sse_customer_algorithm.is_some()
        || input.copy_source_sse_customer_algorithm.is_some();
    if same && !changes {
        let text = "This copy request is illegal because it is trying to copy an object to itself without changing \
                    the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(error::invalid_request(text));
    }
    Ok(())
}

/// The checksum of the copy: the one that is asked for, else the source's algorithm.
fn algorithm(input: &api::CopyObjectInput, content: &Content) -> Result<Option<Algorithm>> {
    let known = content.checksum.as_ref().map(|checksum| checksum.algorithm.as_str());
    let Some(name) = input.checksum_algorithm.as_deref().or(known) else { return Ok(None) };
    let algorithm = Algorithm::from_name(name);
    algorithm.map(Some).ok_or_else(error::unknown_checksum)
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn sources_of_copies() {
        for (text, bucket, key, id) in [
            ("b/k", "b", "k", None),
            ("/b/a/k", "b", "a/k", None),
            ("b/a%20b%2Fc?versionId=v1", "b", "a b/c", Some("v1")),
            (
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/a/b?versionId=v1",
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap",
                "a/b",
                Some("v1"),
            ),
        ] {
            let source = Source::parse(text).unwrap();
            assert_eq!(
                (source.bucket.as_str(), source.key.as_str(), source.version_id.as_deref()),
                (bucket, key, id)
            );
        }
        for bad in ["", "b", "/b/", "b/", "/", "%ff/k"] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
    }
}
