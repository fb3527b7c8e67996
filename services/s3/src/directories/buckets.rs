//! Directory buckets made and listed.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>

use crate::buckets::{Owned, new_bucket};
use crate::control::with_request;
use crate::directories::{unheard, zones};
use crate::error;
use crate::lists;
use crate::names::check_directory;
use crate::state::directory::zone_in;
use crate::state::{Bucket, Directory, Encryption, scope};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Access, Ctx, Need, Resource};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html>
pub const BUCKETS_MAX: usize = 100;
const PAGE_MAX: i32 = 1000;

/// The bucket that a request asks for.
///
/// # Errors
/// What is wrong with its name, its zone, or what it is to be set to.
pub fn asked(ctx: &Ctx, input: &api::CreateBucketInput) -> Result<Bucket> {
    let unheard_of = [
        ("x-amz-acl", input.acl.is_some()),
        ("x-amz-grant-full-control", input.grant_full_control.is_some()),
        ("x-amz-grant-read", input.grant_read.is_some()),
        ("x-amz-grant-read-acp", input.grant_read_acp.is_some()),
        ("x-amz-grant-write", input.grant_write.is_some()),
        ("x-amz-grant-write-acp", input.grant_write_acp.is_some()),
        ("x-amz-bucket-object-lock-enabled", input.object_lock_enabled_for_bucket == Some(true)),
        ("x-amz-bucket-namespace", input.bucket_namespace.is_some()),
        // AWS: the owner of a directory bucket owns what is in it, and nothing else can be chosen.
        (
            "x-amz-object-ownership",
            input.object_ownership.as_deref().is_some_and(|ownership| ownership != "BucketOwnerEnforced"),
        ),
    ];
    if let Some((header, _)) = unheard_of.into_iter().find(|(_, given)| *given) {
        return Err(unheard(header));
    }
    check_directory(&input.bucket)?;
    let zone = zone_in(&input.bucket).ok_or_else(|| error::invalid_bucket_name(&input.bucket))?;
    let configuration = input.create_bucket_configuration.as_ref().ok_or_else(error::malformed_xml)?;
    // AWS: a constraint beside a location is malformed. Seen: <https://github.com/aws/aws-cli/issues/8502>
    let (Some(location), Some(kind), None) =
        (&configuration.location, &configuration.bucket, &configuration.location_constraint)
    else {
        return Err(error::malformed_xml());
    };
    check_location(ctx, &input.bucket, zone, location)?;
    if kind.r#type.as_deref() != Some("Directory")
        || kind.data_redundancy.as_deref() != Some("SingleAvailabilityZone")
    {
        return Err(error::malformed_xml());
    }
    Ok(Bucket {
        directory: Some(Directory { zone: zone.to_owned() }),
        encryption: Encryption::default(),
        tags: crate::buckets::tags(input)?,
        ..new_bucket(ctx, &input.bucket, ctx.region())
    })
}

fn check_location(ctx: &Ctx, name: &str, zone: &str, location: &api::LocationInfo) -> Result<()> {
    if location.r#type.as_deref() == Some("LocalZone") {
        return Err(error::not_implemented("directory buckets in Local Zones"));
    }
    if location.r#type.is_none() {
        return Err(error::malformed_xml());
    }
    if location.name.as_deref() != Some(zone) {
        return Err(error::invalid_bucket_name(name));
    }
    match zones::has(ctx.region(), zone) {
        true => Ok(()),
        false => {
            let text = "The specified location-constraint is not valid";
            Err(Error::sender("InvalidLocationConstraint", text).with_field("LocationConstraint", zone))
        }
    }
}

/// The address of a bucket, as CreateBucket answers it.
pub fn address(bucket: &Bucket, directory: &Directory) -> String {
    format!("https://{}.s3express-{}.{}.amazonaws.com/", bucket.name, directory.zone, bucket.region)
}

/// The rule of ListDirectoryBuckets.
pub fn list_access() -> Access<api::ListDirectoryBucketsInput> {
    let action = "s3express:ListAllMyDirectoryBuckets";
    Access::needs([action], move |ctx: &Ctx, _: &api::ListDirectoryBucketsInput| {
        Box::pin(async move { Ok(vec![with_request(ctx, Need::new(action, "*", ctx.account()))]) })
    })
}

pub async fn list_directory_buckets(
    ctx: Ctx,
    input: api::ListDirectoryBucketsInput,
) -> Result<api::ListDirectoryBucketsOutput> {
    let most = input.max_directory_buckets.filter(|most| *most > 0).unwrap_or(PAGE_MAX);
    let most = usize::try_from(most).unwrap_or_default();
    let after = input.continuation_token.as_deref().filter(|token| !token.is_empty());
    let after = after.map(lists::read_token).transpose()?;
    let account = ctx.account();
    let range = [account.as_str(), after.as_deref().unwrap_or_default()];
    let behind = after.as_ref().map(|_| &range[..]);
    let owned = ctx.list::<Owned>(&scope(), &[account.as_str()], behind, usize::MAX).await?;
    let mut buckets: Vec<api::Bucket> = Vec::new();
    let mut token = None;
    for Owned { name } in owned {
        if zone_in(&name).is_none() {
            continue;
        }
        let Some(bucket) = ctx.get::<Bucket>(&scope(), &[&name]).await? else { continue };
        // AWS: the Regional endpoint knows the buckets of its region.
        if bucket.directory.is_none() || bucket.region != ctx.region() {
            continue;
        }
        if buckets.len() == most {
            token = buckets.last().and_then(|last| last.name.as_deref()).map(lists::token);
            break;
        }
        buckets.push(api::Bucket {
            creation_date: Some(bucket.created),
            bucket_arn: Some(bucket.arn()),
            bucket_region: None,
            name: Some(bucket.name),
        });
    }
    Ok(api::ListDirectoryBucketsOutput { buckets: Some(buckets), continuation_token: token })
}
