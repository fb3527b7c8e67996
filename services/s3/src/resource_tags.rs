//! Tags of buckets and access points by their ARNs.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html>

use crate::access::{Keys, need};
use crate::access_points::operations as points;
use crate::control::{account, not_implemented, with_request};
use crate::error;
use crate::registry::edit;
use crate::state::access_point::{self, split_arn};
use std::collections::BTreeMap;
use yakumo_api_s3control as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Access, Ctx, Need, Resource};

const TAGS_MAX: usize = 50;

/// `aws:RequestTag/…` and `aws:TagKeys`.
pub fn keys(tags: &[api::Tag]) -> Keys {
    let mut keys: Keys =
        tags.iter().map(|tag| (format!("aws:RequestTag/{}", tag.key), vec![tag.value.clone()])).collect();
    if !tags.is_empty() {
        keys.push(("aws:TagKeys".to_owned(), tags.iter().map(|tag| tag.key.clone()).collect()));
    }
    keys
}

/// What `given` makes of the tags that are there.
pub fn checked(given: &[api::Tag], there: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let given = given
        .iter()
        .map(|tag| yakumo_api_s3::Tag { key: tag.key.clone(), value: tag.value.clone() })
        .collect::<Vec<_>>();
    let mut tags = there.clone();
    tags.extend(crate::tags::checked(&given, TAGS_MAX)?);
    match tags.len() > TAGS_MAX {
        true => Err(Error::sender("TooManyTags", "The number of tags exceeds the limit of 50 tags")),
        false => Ok(tags),
    }
}

/// What an ARN names.
enum Named<'a> {
    Bucket(&'a str),
    Point(AccountId, &'a str),
}

fn named(arn: &str) -> Result<Named<'_>> {
    if let Some((_, account, name)) = split_arn(arn) {
        return Ok(Named::Point(account, name));
    }
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "s3", "", "", bucket] if !bucket.contains('/') => Ok(Named::Bucket(bucket)),
        ["arn", _, "s3express", _, _, resource] => match resource.strip_prefix("bucket/") {
            Some(bucket) => Ok(Named::Bucket(bucket)),
            None => Err(not_implemented("tags of access points of directory buckets")),
        },
        ["arn", _, "s3", ..] => {
            Err(not_implemented("tags of other resources than buckets and access points"))
        }
        _ => Err(Error::sender("InvalidRequest", "Invalid resource ARN")),
    }
}

async fn needs(ctx: &Ctx, action: &'static str, id: &str, arn: &str, keys: Keys) -> Result<Vec<Need>> {
    let given = account(id)?;
    let mut need = match named(arn)? {
        Named::Bucket(name) => {
            let open = crate::access::bucket(ctx, name, Some(id)).await?;
            if open.through.is_some() {
                return Err(error::no_such_bucket(name));
            }
            if open.record.arn() != arn {
                return Err(error::no_such_bucket(name));
            }
            need(ctx, &open, action, None, Vec::new())
        }
        Named::Point(owner, _) if owner != given => return Err(error::access_denied()),
        // What is asked for is what is changed: the access point of this name in the region of the request.
        Named::Point(owner, name) if access_point::arn(ctx.region(), owner, name) != arn => {
            return Err(error::no_such_access_point(name));
        }
        Named::Point(owner, _) => with_request(ctx, Need::new(action, arn, owner)),
    };
    need.keys.extend(keys);
    Ok(vec![need])
}

/// The rule of TagResource.
pub fn tag_access() -> Access<api::TagResourceInput> {
    Access::needs(["s3:TagResource", "s3express:TagResource"], |ctx: &Ctx, input: &api::TagResourceInput| {
        let keys = keys(&input.tags);
        Box::pin(needs(ctx, "s3:TagResource", &input.account_id, &input.resource_arn, keys))
    })
}

/// The rule of UntagResource.
pub fn untag_access() -> Access<api::UntagResourceInput> {
    Access::needs(
        ["s3:UntagResource", "s3express:UntagResource"],
        |ctx: &Ctx, input: &api::UntagResourceInput| {
            let keys = vec![("aws:TagKeys".to_owned(), input.tag_keys.clone())];
            Box::pin(needs(ctx, "s3:UntagResource", &input.account_id, &input.resource_arn, keys))
        },
    )
}

/// The rule of ListTagsForResource.
pub fn list_access() -> Access<api::ListTagsForResourceInput> {
    let actions = ["s3:ListTagsForResource", "s3express:ListTagsForResource"];
    Access::needs(actions, |ctx: &Ctx, input: &api::ListTagsForResourceInput| {
        let (id, arn) = (&input.account_id, &input.resource_arn);
        Box::pin(needs(ctx, "s3:ListTagsForResource", id, arn, Keys::new()))
    })
}

type Tags = BTreeMap<String, String>;

async fn change(ctx: &Ctx, arn: &str, change: impl Fn(&Tags) -> Result<Tags>) -> Result<()> {
    match named(arn)? {
        Named::Bucket(name) => {
            let set = |bucket: &mut crate::state::Bucket| {
                bucket.tags = change(&bucket.tags)?;
                Ok(())
            };
            edit(ctx, name, set).await.map(drop)
        }
        Named::Point(account, name) => {
            let set = |point: &mut crate::state::AccessPoint| {
                point.tags = change(&point.tags)?;
                Ok(())
            };
            points::edit(ctx, account, name, set).await
        }
    }
}

pub async fn tag_resource(ctx: Ctx, input: api::TagResourceInput) -> Result<api::TagResourceOutput> {
    change(&ctx, &input.resource_arn, |there| checked(&input.tags, there)).await?;
    Ok(api::TagResourceOutput::default())
}

pub async fn untag_resource(ctx: Ctx, input: api::UntagResourceInput) -> Result<api::UntagResourceOutput> {
    change(&ctx, &input.resource_arn, |there| {
        let mut tags = there.clone();
        tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(tags)
    })
    .await?;
    Ok(api::UntagResourceOutput::default())
}

pub async fn list_tags_for_resource(
    ctx: Ctx,
    input: api::ListTagsForResourceInput,
) -> Result<api::ListTagsForResourceOutput> {
    let tags = match named(&input.resource_arn)? {
        Named::Bucket(name) => crate::access::bucket(&ctx, name, None).await?.record.tags().clone(),
        Named::Point(account, name) => points::found(&ctx, account, name).await?.tags,
    };
    let tags = tags.into_iter().map(|(key, value)| api::Tag { key, value });
    Ok(api::ListTagsForResourceOutput { tags: Some(tags.collect()) })
}
