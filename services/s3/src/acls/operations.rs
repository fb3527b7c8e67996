//! The operations on lists and on ownership.

use crate::access::{bucket_of, version_key};
use crate::acls::given::{body, shown};
use crate::acls::{check_public, need_of, not_supported, not_with_enforced, ownership};
use crate::buckets::owner;
use crate::error;
use crate::granted;
use crate::happenings::{self, What};
use crate::index;
use crate::objects::{get, object};
use crate::registry::{edit, present};
use crate::state::{Acl, Ownership};
use crate::tags;
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Record};

/// Why the operations on an object's list ask for themselves.
pub const INSIDE: &str = "the object may belong to another account than its bucket";

pub async fn get_bucket_acl(ctx: Ctx, input: api::GetBucketAclInput) -> Result<api::GetBucketAclOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket = &open.record;
    let private = Acl::private(bucket.owner);
    let acl = bucket.acl.as_ref().filter(|_| bucket.ownership.has_lists()).unwrap_or(&private);
    Ok(api::GetBucketAclOutput { owner: Some(owner(bucket.owner)), grants: Some(shown(acl)) })
}

/// What a bucket without lists makes of a request to set one.
///
/// AWS: it takes what says that the bucket's owner has full control, as the canned list of that name or in XML, and
/// nothing else (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>).
fn without_lists(
    owner: AccountId,
    canned: Option<&str>,
    headers: Option<Acl>,
    given: Option<api::AccessControlPolicy>,
) -> Result<()> {
    let good = match (canned, headers, given) {
        (Some("bucket-owner-full-control"), _, None) => true,
        (None, None, Some(given)) => body(given, owner)? == Acl::private(owner),
        _ => false,
    };
    if good { Ok(()) } else { Err(not_supported()) }
}

/// AWS: a request to set a list says it in one way, and in one.
fn missing() -> Error {
    Error::sender("MissingSecurityHeader", "Your request was missing a required header")
        .with_field("MissingHeaderName", "x-amz-acl")
}

fn too_much() -> Error {
    Error::sender("UnexpectedContent", "This request contains unsupported content.")
}

pub async fn put_bucket_acl(ctx: Ctx, input: api::PutBucketAclInput) -> Result<api::PutBucketAclOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket = &open.record;
    let headers = granted!(input, write);
    if !bucket.ownership.has_lists() {
        let read = headers.read(bucket.owner, None)?;
        without_lists(bucket.owner, input.acl.as_deref(), read, input.access_control_policy)?;
        return Ok(api::PutBucketAclOutput::default());
    }
    let acl = match (headers.read(bucket.owner, None)?, input.access_control_policy) {
        (Some(_), Some(given)) if given.grants.is_some() => return Err(too_much()),
        (Some(acl), _) => acl,
        (None, Some(given)) => body(given, bucket.owner)?,
        (None, None) => return Err(missing()),
    };
    check_public(&ctx, bucket, &acl, "s3:PutBucketAcl")?;
    edit(&ctx, &bucket.name, |bucket| {
        bucket.acl = Some(acl.clone());
        Ok(())
    })
    .await?;
    Ok(api::PutBucketAclOutput::default())
}

pub async fn get_object_acl(ctx: Ctx, input: api::GetObjectAclInput) -> Result<api::GetObjectAclOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let actions = ("s3:GetObjectAcl", "s3:GetObjectVersionAcl");
    let version = get::readable(&ctx, &open, &input.key, input.version_id.as_deref(), actions, "GET").await?;
    let private = Acl::private(open.record.owner);
    let counts = open.record.ownership.has_lists();
    let acl = version.acl.as_ref().filter(|_| counts).unwrap_or(&private);
    Ok(api::GetObjectAclOutput {
        owner: Some(owner(acl.owner)),
        grants: Some(shown(acl)),
        ..Default::default()
    })
}

pub async fn put_object_acl(ctx: Ctx, input: api::PutObjectAclInput) -> Result<api::PutObjectAclOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let (bucket, id) = (&open.record, input.version_id.as_deref());
    let headers = granted!(input, write);
    let found = match id {
        Some(id) => index::version(&ctx, bucket, &input.key, id).await?,
        None => index::newest(&ctx, bucket, &input.key).await?,
    };
    let action = if id.is_some() { "s3:PutObjectVersionAcl" } else { "s3:PutObjectAcl" };
    let mut keys = headers.keys();
    keys.extend(version_key(id));
    keys.extend(tags::existing(found.as_ref()));
    ctx.authorize(need_of(&ctx, &open, found.as_ref(), action, &input.key, keys)?)?;
    let found = object(found, &input.key, id, "PUT")?;
    if !bucket.ownership.has_lists() {
        let read = headers.read(bucket.owner, Some(bucket.owner))?;
        without_lists(bucket.owner, input.acl.as_deref(), read, input.access_control_policy)?;
        return Ok(api::PutObjectAclOutput::default());
    }
    let holder = found.acl.as_ref().map_or(bucket.owner, |acl| acl.owner);
    let acl = match (headers.read(holder, Some(bucket.owner))?, input.access_control_policy) {
        (Some(_), Some(given)) if given.grants.is_some() => return Err(too_much()),
        (Some(acl), _) => acl,
        (None, Some(given)) => body(given, holder)?,
        (None, None) => return Err(missing()),
    };
    check_public(&ctx, bucket, &acl, "s3:PutObjectAcl")?;
    happenings::transact(&ctx, bucket, |tx| {
        let (ctx, key, order, acl) = (&ctx, &found.key, found.order, &acl);
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            let now = match id {
                Some(id) => index::version_in(&tx, &bucket, key, id).await?,
                None => index::newest_in(&tx, &bucket, key).await?,
            };
            let mut version = object(now, key, id, "PUT")?;
            // What took its place in between was not what was asked about.
            let owner = version.acl.as_ref().map_or(bucket.owner, |acl| acl.owner);
            if version.order != order || owner != acl.owner {
                return Err(error::access_denied());
            }
            let is_change = version.acl.as_ref() != Some(acl);
            version.acl = Some(acl.clone());
            tx.raw().put(version.row(&bucket.id), version.to_bytes());
            // AWS: there is no event when the list stays as it is.
            if is_change {
                happenings::note(&tx, ctx, &bucket, What::AclPut, &version);
            }
            Ok(())
        }
    })
    .await?;
    Ok(api::PutObjectAclOutput::default())
}

pub async fn put_bucket_ownership_controls(
    ctx: Ctx,
    input: api::PutBucketOwnershipControlsInput,
) -> Result<api::PutBucketOwnershipControlsOutput> {
    let [rule] = input.ownership_controls.rules.as_slice() else { return Err(error::malformed_xml()) };
    let wanted = ownership(&rule.object_ownership)?;
    edit(&ctx, &input.bucket, |bucket| {
        let shares = bucket.acl.as_ref().is_some_and(|acl| *acl != Acl::private(bucket.owner));
        if !wanted.has_lists() && shares {
            return Err(not_with_enforced());
        }
        bucket.ownership = wanted;
        Ok(())
    })
    .await?;
    Ok(api::PutBucketOwnershipControlsOutput::default())
}

pub async fn get_bucket_ownership_controls(
    ctx: Ctx,
    input: api::GetBucketOwnershipControlsInput,
) -> Result<api::GetBucketOwnershipControlsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let name = match open.record.ownership {
        Ownership::BucketOwnerEnforced => "BucketOwnerEnforced",
        Ownership::BucketOwnerPreferred => "BucketOwnerPreferred",
        Ownership::ObjectWriter => "ObjectWriter",
        Ownership::Unset => {
            let text = "The bucket ownership controls were not found";
            return Err(error::no_such("OwnershipControlsNotFoundError", text, &open.record.name));
        }
    };
    let rules = vec![api::OwnershipControlsRule { object_ownership: name.to_owned() }];
    Ok(api::GetBucketOwnershipControlsOutput { ownership_controls: Some(api::OwnershipControls { rules }) })
}

pub async fn delete_bucket_ownership_controls(
    ctx: Ctx,
    input: api::DeleteBucketOwnershipControlsInput,
) -> Result<api::DeleteBucketOwnershipControlsOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.ownership = Ownership::Unset;
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketOwnershipControlsOutput::default())
}
