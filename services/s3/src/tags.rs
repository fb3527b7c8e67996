//! Tags of buckets and objects.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>

use crate::access::{Keys, OnObject, bucket_of, need, version_key};
use crate::error;
use crate::happenings::{self, What};
use crate::index;
use crate::objects::put::tag_keys;
use crate::registry::{edit, present};
use crate::state::{Bucket, Version};
use std::collections::BTreeMap;
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Record, Tx};

const BUCKET_TAGS_MAX: usize = 50;
/// AWS: an object has ten tags at most.
pub const OBJECT_TAGS_MAX: usize = 10;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// `s3:ExistingObjectTag/…`: what policies are told of the tags of the version that is meant.
pub fn existing(version: Option<&Version>) -> Keys {
    let tags = version.into_iter().flat_map(|version| &version.tags);
    tags.map(|(name, value)| (format!("s3:ExistingObjectTag/{name}"), vec![value.clone()])).collect()
}

/// Tags of a request as a map.
pub fn checked(tags: &[api::Tag], most: usize) -> Result<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for tag in tags {
        add(&mut map, &tag.key, &tag.value)?;
    }
    if map.len() > most {
        let what = if most == OBJECT_TAGS_MAX { "Object" } else { "Bucket" };
        return Err(yakumo_aws::Error::sender(
            "BadRequest",
            format!("{what} tags cannot be greater than {most}"),
        ));
    }
    Ok(map)
}

fn add(map: &mut BTreeMap<String, String>, key: &str, value: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c);
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX || !key.chars().all(allowed) {
        return Err(error::invalid_tag("The TagKey you have provided is invalid"));
    }
    if value.chars().count() > VALUE_CHARS_MAX || !value.chars().all(allowed) {
        return Err(error::invalid_tag("The TagValue you have provided is invalid"));
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(error::invalid_tag("System tags cannot be added/updated by requester"));
    }
    match map.insert(key.to_owned(), value.to_owned()) {
        None => Ok(()),
        Some(_) => Err(error::invalid_tag("Cannot provide multiple Tags with the same key")),
    }
}

/// The header `x-amz-tagging`: a query string.
pub fn from_header(text: Option<&str>) -> Result<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            percent_encoding::percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).map_err(|_| {
                error::argument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.", "x-amz-tagging", pair)
            })
        };
        add(&mut map, &decode(key)?, &decode(value)?)?;
    }
    match map.len() > OBJECT_TAGS_MAX {
        true => Err(yakumo_aws::Error::sender("BadRequest", "Object tags cannot be greater than 10")),
        false => Ok(map),
    }
}

fn tag_set(tags: BTreeMap<String, String>) -> Vec<api::Tag> {
    tags.into_iter().map(|(key, value)| api::Tag { key, value }).collect()
}

pub async fn get_bucket_tagging(
    ctx: Ctx,
    input: api::GetBucketTaggingInput,
) -> Result<api::GetBucketTaggingOutput> {
    let open = bucket_of(&ctx, &input).await?;
    if open.record.tags.is_empty() {
        return Err(error::no_such("NoSuchTagSet", "The TagSet does not exist", &open.record.name));
    }
    Ok(api::GetBucketTaggingOutput { tag_set: tag_set(open.record.tags.clone()) })
}

/// The rule of PutBucketTagging. AWS: the tags are no condition keys of it, but tag policies act on them:
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_supported-resources-enforcement.html>
pub fn put_access() -> Access<api::PutBucketTaggingInput> {
    Access::needs(["s3:PutBucketTagging"], |ctx: &Ctx, input: &api::PutBucketTaggingInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            if open.through.is_some() {
                return Err(error::not_through_access_points());
            }
            let mut need = need(ctx, &open, "s3:PutBucketTagging", None, Vec::new());
            let given = input.tagging.tag_set.iter();
            need.tags = given.map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            Ok(vec![need])
        })
    })
}

pub async fn put_bucket_tagging(
    ctx: Ctx,
    input: api::PutBucketTaggingInput,
) -> Result<api::PutBucketTaggingOutput> {
    let tags = checked(&input.tagging.tag_set, BUCKET_TAGS_MAX)?;
    edit(&ctx, &input.bucket, |bucket| {
        bucket.tags.clone_from(&tags);
        Ok(())
    })
    .await?;
    Ok(api::PutBucketTaggingOutput::default())
}

pub async fn delete_bucket_tagging(
    ctx: Ctx,
    input: api::DeleteBucketTaggingInput,
) -> Result<api::DeleteBucketTaggingOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.tags.clear();
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketTaggingOutput::default())
}

/// The rule of an operation on the tags of an object or of one of its versions, which have actions of their own; `given`
/// are the tags that it sets.
pub fn object_access<I: OnObject>(
    [action, version_action]: [&'static str; 2],
    version: impl Fn(&I) -> Option<&str> + Send + Sync + 'static,
    given: impl Fn(&I) -> &[api::Tag] + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action, version_action], move |ctx: &Ctx, input: &I| {
        let id = version(input).map(str::to_owned);
        let given: BTreeMap<_, _> =
            given(input).iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            let id = id.as_deref();
            let found = match id {
                Some(id) => index::version(ctx, &open.record, input.key(), id).await?,
                None => index::newest(ctx, &open.record, input.key()).await?,
            };
            let mut keys = version_key(id);
            keys.extend(existing(found.as_ref()));
            keys.extend(tag_keys(&given));
            let action = if id.is_some() { version_action } else { action };
            Ok(vec![need(ctx, &open, action, Some(input.key()), keys)])
        })
    })
}

pub async fn get_object_tagging(
    ctx: Ctx,
    input: api::GetObjectTaggingInput,
) -> Result<api::GetObjectTaggingOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let id = input.version_id.as_deref();
    let version = crate::objects::find(&ctx, &open.record, &input.key, id, "GET").await?;
    let version_id = shown_id(&open.record, &version);
    Ok(api::GetObjectTaggingOutput { tag_set: tag_set(version.tags), version_id })
}

fn shown_id(bucket: &Bucket, version: &Version) -> Option<String> {
    bucket.has_versions().then(|| version.shown_id().to_owned())
}

pub async fn put_object_tagging(
    ctx: Ctx,
    input: api::PutObjectTaggingInput,
) -> Result<api::PutObjectTaggingOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let tags = checked(&input.tagging.tag_set, OBJECT_TAGS_MAX)?;
    let version_id =
        set(&ctx, &open.record, &input.key, input.version_id.as_deref(), tags, What::TaggingPut).await?;
    Ok(api::PutObjectTaggingOutput { version_id })
}

pub async fn delete_object_tagging(
    ctx: Ctx,
    input: api::DeleteObjectTaggingInput,
) -> Result<api::DeleteObjectTaggingOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let id = input.version_id.as_deref();
    let version_id = set(&ctx, &open.record, &input.key, id, BTreeMap::new(), What::TaggingDelete).await?;
    Ok(api::DeleteObjectTaggingOutput { version_id })
}

async fn set(
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
    tags: BTreeMap<String, String>,
    what: What,
) -> Result<Option<String>> {
    happenings::transact(ctx, bucket, |tx: Tx| {
        let tags = &tags;
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            let found = match id {
                Some(id) => index::version_in(&tx, &bucket, key, id).await?,
                None => index::newest_in(&tx, &bucket, key).await?,
            };
            let mut version = crate::objects::object(found, key, id, "PUT")?;
            version.tags.clone_from(tags);
            tx.raw().put(version.row(&bucket.id), version.to_bytes());
            happenings::note(&tx, ctx, &bucket, what, &version);
            Ok(shown_id(&bucket, &version))
        }
    })
    .await
}
