//! Buckets: made, listed, found, removed.

use crate::access::{bucket_of, need, request_keys};
use crate::acls;
use crate::directories;
use crate::error;
use crate::granted;
use crate::locks;
use crate::names::check_bucket;
use crate::registry::Registry;
use crate::state::directory::zone_in;
use crate::state::version::rows_under;
use crate::state::{Bucket, Encryption, Ownership, PublicAccess, Versioning, scope};
use std::collections::BTreeMap;
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Region, Result};
use yakumo_room::store::Range;
use yakumo_room::{Access, Ctx, Need, Record, Resource, Tx};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/BucketRestrictions.html>
const BUCKETS_MAX: usize = 10_000;
const PAGE_MAX: i32 = 10_000;
const TAGS_MAX: usize = 50;

/// The name of a bucket in the list of its owner. Key: account, name.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Owned {
    pub name: String,
}

impl Record for Owned {
    const TABLE: &'static str = "owned-buckets";
}

/// The rule of CreateBucket.
pub fn create_access() -> Access<api::CreateBucketInput> {
    let actions = [
        "s3:CreateBucket",
        "s3:PutBucketAcl",
        "s3:PutBucketOwnershipControls",
        "s3:TagResource",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketVersioning",
        "s3express:CreateBucket",
        "s3express:TagResource",
    ];
    Access::needs(actions, |ctx: &Ctx, input: &api::CreateBucketInput| {
        Box::pin(async move {
            if directories::is_meant(ctx) {
                return needs_directory(ctx, input);
            }
            let arn = format!("arn:{}:s3:::{}", ctx.region().partition().as_str(), input.bucket);
            let other = |action: &'static str| {
                let mut need = Need::new(action, arn.clone(), ctx.account()).quoted();
                need.keys = request_keys(ctx, action, ctx.account());
                need
            };
            let headers = granted!(input, write);
            let mut need = other("s3:CreateBucket");
            need.keys.extend(headers.keys());
            need.keys.extend(tag_keys(input));
            if let Some(region) = location(input) {
                need = need.with_key("s3:LocationConstraint", vec![region.to_owned()]);
            }
            if let Some(ownership) = &input.object_ownership {
                need = need.with_key("s3:x-amz-object-ownership", vec![ownership.clone()]);
            }
            let mut needs = vec![need];
            // AWS: lists and ownership are actions of their own:
            // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
            if headers.is_given() {
                let mut need = other("s3:PutBucketAcl");
                need.keys.extend(headers.keys());
                needs.push(need);
            }
            if input.object_ownership.is_some() {
                needs.push(other("s3:PutBucketOwnershipControls"));
            }
            // AWS: object lock needs what setting it and versioning later would need, by the same page.
            if input.object_lock_enabled_for_bucket == Some(true) {
                needs.push(other("s3:PutBucketObjectLockConfiguration"));
                needs.push(other("s3:PutBucketVersioning"));
            }
            // AWS: "You must have the s3:TagResource permission to create a general purpose bucket with tags":
            // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html>
            if !given_tags(input).is_empty() {
                let mut need = other("s3:TagResource");
                need.keys = tag_keys(input).as_slice().into();
                needs.push(need);
            }
            Ok(needs)
        })
    })
}

/// What a new directory bucket asks for.
fn needs_directory(ctx: &Ctx, input: &api::CreateBucketInput) -> Result<Vec<Need>> {
    let (partition, region) = (ctx.region().partition().as_str(), ctx.region());
    let arn = format!("arn:{partition}:s3express:{region}:{}:bucket/{}", ctx.account(), input.bucket);
    directories::sessions::check_bucket(ctx, "", &arn)?;
    let other = |action: &'static str| {
        let mut need = Need::new(action, arn.clone(), ctx.account()).quoted();
        need.keys = request_keys(ctx, action, ctx.account());
        need.keys.extend(tag_keys(input));
        need
    };
    let mut need = other("s3express:CreateBucket");
    if let Some(zone) = zone_in(&input.bucket) {
        need = need.with_key("s3express:LocationName", vec![zone.to_owned()]);
    }
    let mut needs = vec![need];
    if !given_tags(input).is_empty() {
        needs.push(other("s3express:TagResource"));
    }
    Ok(needs)
}

fn given_tags(input: &api::CreateBucketInput) -> &[api::Tag] {
    let tags =
        input.create_bucket_configuration.as_ref().and_then(|configuration| configuration.tags.as_deref());
    tags.unwrap_or_default()
}

/// `aws:RequestTag/…` and `aws:TagKeys`.
fn tag_keys(input: &api::CreateBucketInput) -> crate::access::Keys {
    let tags = given_tags(input);
    let mut keys: crate::access::Keys =
        tags.iter().map(|tag| (format!("aws:RequestTag/{}", tag.key), vec![tag.value.clone()])).collect();
    if !tags.is_empty() {
        keys.push(("aws:TagKeys".to_owned(), tags.iter().map(|tag| tag.key.clone()).collect()));
    }
    keys
}

fn location(input: &api::CreateBucketInput) -> Option<&str> {
    input.create_bucket_configuration.as_ref()?.location_constraint.as_deref()
}

pub async fn create_bucket(ctx: Ctx, input: api::CreateBucketInput) -> Result<api::CreateBucketOutput> {
    let bucket = match directories::is_meant(&ctx) {
        true => directories::buckets::asked(&ctx, &input)?,
        false => general(&ctx, input)?,
    };
    let made = ctx.transact(|tx| make(tx, bucket.clone())).await;
    ctx.state::<Registry>().forget(&bucket.name);
    made?;
    let location = match &bucket.directory {
        Some(directory) => directories::buckets::address(&bucket, directory),
        None if bucket.region == Region::US_EAST_1 => format!("/{}", bucket.name),
        None => format!("http://{}.s3.amazonaws.com/", bucket.name),
    };
    Ok(api::CreateBucketOutput { location: Some(location), bucket_arn: Some(bucket.arn()) })
}

/// The general purpose bucket that a request asks for.
fn general(ctx: &Ctx, input: api::CreateBucketInput) -> Result<Bucket> {
    refuse_unknown(&input)?;
    check_bucket(&input.bucket)?;
    let region = region(ctx, location(&input))?;
    let tags = tags(&input)?;
    let ownership = input.object_ownership.as_deref().map(acls::ownership).transpose()?.unwrap_or_default();
    let acl = acls::of_new_bucket(&granted!(input, write), ctx.account(), ownership)?;
    let (versioning, lock) = locks::of_new_bucket(input.object_lock_enabled_for_bucket);
    Ok(Bucket {
        versioning,
        lock,
        // AWS: since April 2026 new buckets refuse customer keys until told otherwise.
        encryption: Encryption { bucket_key: false, blocks_customer_keys: true },
        tags,
        ownership,
        acl,
        ..new_bucket(ctx, &input.bucket, region)
    })
}

/// A bucket as nobody has said anything of it yet.
pub fn new_bucket(ctx: &Ctx, name: &str, region: Region) -> Bucket {
    Bucket {
        name: name.to_owned(),
        owner: ctx.account(),
        region,
        created: ctx.now(),
        id: ctx.base().ids.hex(16),
        versioning: Versioning::Never,
        mfa_delete: None,
        lock: None,
        lifecycle: Default::default(),
        encryption: Encryption::default(),
        tags: BTreeMap::new(),
        policy: None,
        public_access: Some(PublicAccess::ALL),
        ownership: Ownership::BucketOwnerEnforced,
        acl: None,
        cors: Vec::new(),
        website: None,
        notifications: Vec::new(),
        replication: None,
        blocked_above: PublicAccess::default(),
        logging: None,
        requester_pays: false,
        directory: None,
    }
}

async fn make(tx: Tx, bucket: Bucket) -> Result<()> {
    if let Some(known) = tx.get::<Bucket>(&scope(), &[&bucket.name]).await? {
        return match known.owner == bucket.owner {
            // AWS: in us-east-1, making one's own bucket again is no error.
            true if known.region == Region::US_EAST_1
                && bucket.region == Region::US_EAST_1
                && known.directory.is_none() =>
            {
                Ok(())
            }
            true => Err(error::bucket_already_owned(&bucket.name)),
            false => Err(error::bucket_already_exists(&bucket.name)),
        };
    }
    let owned = Owned { name: bucket.name.clone() };
    let there = tx.list::<Owned>(&scope(), &[bucket.owner.as_str()], None, usize::MAX).await?;
    let of_its_kind = |owned: &&Owned| zone_in(&owned.name).is_some() == bucket.directory.is_some();
    let most = if bucket.directory.is_some() { directories::buckets::BUCKETS_MAX } else { BUCKETS_MAX };
    if there.iter().filter(of_its_kind).count() >= most {
        let text = "You have attempted to create more buckets than allowed";
        return Err(yakumo_aws::Error::sender("TooManyBuckets", text));
    }
    tx.put(&scope(), &[bucket.owner.as_str(), &bucket.name], &owned);
    tx.put_resource(&scope(), None, &bucket);
    Ok(())
}

/// What this room cannot give a new bucket.
fn refuse_unknown(input: &api::CreateBucketInput) -> Result<()> {
    let configuration = input.create_bucket_configuration.as_ref();
    if configuration
        .is_some_and(|configuration| configuration.bucket.is_some() || configuration.location.is_some())
    {
        // AWS: what makes a directory bucket is for the endpoint of directory buckets.
        return Err(error::malformed_xml());
    }
    if input.bucket_namespace.as_deref().is_some_and(|namespace| namespace != "global") {
        return Err(error::not_implemented("account regional namespaces"));
    }
    Ok(())
}

/// AWS: the endpoint of us-east-1 takes buckets for every region, others only for their own.
fn region(ctx: &Ctx, constraint: Option<&str>) -> Result<Region> {
    let asked = match constraint {
        None | Some("") => Region::US_EAST_1,
        Some("EU") => Region::parse("eu-west-1").unwrap_or(Region::US_EAST_1),
        Some(name) => {
            let invalid = || {
                yakumo_aws::Error::sender(
                    "InvalidLocationConstraint",
                    "The specified location-constraint is not valid",
                )
                .with_field("LocationConstraint", name)
            };
            Region::parse(name).filter(|region| *region != Region::US_EAST_1).ok_or_else(invalid)?
        }
    };
    match ctx.region() == asked || ctx.region() == Region::US_EAST_1 {
        true => Ok(asked),
        false => Err(error::illegal_location(constraint.unwrap_or("unspecified"))),
    }
}

/// The tags that a request gives a new bucket.
pub fn tags(input: &api::CreateBucketInput) -> Result<BTreeMap<String, String>> {
    crate::tags::checked(given_tags(input), TAGS_MAX)
}

pub async fn delete_bucket(ctx: Ctx, input: api::DeleteBucketInput) -> Result<api::DeleteBucketOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket = &open.record;
    let outcome = ctx
        .transact(|tx| async move {
            let present = crate::registry::present(&tx, &bucket.name, &bucket.id).await?;
            if !tx.raw().scan(Range::prefix(rows_under(&bucket.id, "")), 1).await?.is_empty() {
                return Err(error::bucket_not_empty(&bucket.name, present.has_versions()));
            }
            // AWS: a directory bucket does not go while uploads are under way.
            if present.directory.is_some() && crate::multipart::any(&tx, &bucket.id).await? {
                return Err(error::bucket_not_empty(&bucket.name, false));
            }
            directories::rename::forget(&tx, &bucket.id).await?;
            crate::access_points::check_none(&tx, &present).await?;
            crate::multipart::abort_all(&tx, &bucket.id).await?;
            crate::inventories::forget(&tx, &bucket.id).await?;
            tx.delete::<Owned>(&scope(), &[bucket.owner.as_str(), &bucket.name]);
            tx.delete_resource(&scope(), &present);
            Ok(())
        })
        .await;
    ctx.state::<Registry>().forget(&bucket.name);
    if outcome.is_ok() {
        ctx.state::<Registry>().logs.forget(&bucket.name);
    }
    outcome.map(|()| api::DeleteBucketOutput::default())
}

pub async fn head_bucket(ctx: Ctx, input: api::HeadBucketInput) -> Result<api::HeadBucketOutput> {
    let open = bucket_of(&ctx, &input).await?;
    Ok(api::HeadBucketOutput {
        bucket_arn: Some(open.record.arn()),
        bucket_region: Some(open.record.region.to_string()),
        access_point_alias: Some(open.through.is_some()),
        bucket_location_type: open.record.directory.as_ref().map(|_| "AvailabilityZone".to_owned()),
        bucket_location_name: open.record.directory.as_ref().map(|directory| directory.zone.clone()),
    })
}

/// The rule of GetBucketLocation: unlike other operations it is answered wherever the bucket is.
pub fn location_access() -> Access<api::GetBucketLocationInput> {
    Access::needs(["s3:GetBucketLocation"], |ctx: &Ctx, input: &api::GetBucketLocationInput| {
        Box::pin(async move {
            let open = crate::access_points::anywhere(ctx, &input.bucket).await?;
            if input.expected_bucket_owner.as_deref().is_some_and(|owner| owner != open.record.owner.as_str())
            {
                return Err(error::access_denied());
            }
            Ok(vec![need(ctx, &open, "s3:GetBucketLocation", None, Vec::new())])
        })
    })
}

pub async fn get_bucket_location(
    ctx: Ctx,
    input: api::GetBucketLocationInput,
) -> Result<api::GetBucketLocationOutput> {
    let open = crate::access_points::anywhere(&ctx, &input.bucket).await?;
    // AWS: buckets in us-east-1 have no location constraint.
    let region = Some(open.record.region).filter(|region| *region != Region::US_EAST_1);
    Ok(api::GetBucketLocationOutput { location_constraint: region.map(|region| region.to_string()) })
}

/// The rule of ListBuckets.
pub fn list_access() -> Access<api::ListBucketsInput> {
    Access::needs(["s3:ListAllMyBuckets"], |ctx: &Ctx, _: &api::ListBucketsInput| {
        Box::pin(async move {
            let mut need = Need::new("s3:ListAllMyBuckets", "*", ctx.account());
            need.keys = request_keys(ctx, &need.action, need.owner);
            Ok(vec![need])
        })
    })
}

pub async fn list_buckets(ctx: Ctx, input: api::ListBucketsInput) -> Result<api::ListBucketsOutput> {
    if let Some(asked) = input.max_buckets.filter(|asked| !(1..=PAGE_MAX).contains(asked)) {
        let text = format!("Argument max-buckets must be an integer between 1 and {PAGE_MAX}");
        return Err(error::argument(&text, "max-buckets", &asked.to_string()));
    }
    let most = usize::try_from(input.max_buckets.unwrap_or(PAGE_MAX)).unwrap_or(BUCKETS_MAX);
    let account = ctx.account();
    let after = input.continuation_token.as_deref().map(crate::lists::read_token).transpose()?;
    let range = [account.as_str(), after.as_deref().unwrap_or_default()];
    let behind = after.as_ref().map(|_| &range[..]);
    let owned = ctx.list::<Owned>(&scope(), &[account.as_str()], behind, usize::MAX).await?;
    let mut buckets = Vec::new();
    let mut token = None;
    for Owned { name } in owned {
        let is_asked_for = name.starts_with(input.prefix.as_deref().unwrap_or_default());
        if !is_asked_for || zone_in(&name).is_some() {
            continue;
        }
        let Some(bucket) = ctx.get::<Bucket>(&scope(), &[&name]).await? else { continue };
        if input.bucket_region.as_deref().is_some_and(|region| region != bucket.region.as_str()) {
            continue;
        }
        if buckets.len() == most {
            let last = buckets.last().and_then(|bucket: &api::Bucket| bucket.name.clone());
            token = last.map(|last| crate::lists::token(&last));
            break;
        }
        let paged = input.max_buckets.is_some()
            || input.prefix.is_some()
            || input.continuation_token.is_some()
            || input.bucket_region.is_some();
        buckets.push(api::Bucket {
            // AWS: the region is only told in answers that are pages.
            bucket_region: paged.then(|| bucket.region.to_string()),
            bucket_arn: Some(bucket.arn()),
            creation_date: Some(bucket.created),
            name: Some(bucket.name),
        });
    }
    Ok(api::ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(owner(account)),
        continuation_token: token,
        prefix: input.prefix,
    })
}

/// An account as S3 shows it: its canonical user id.
pub fn owner(account: AccountId) -> api::Owner {
    api::Owner { id: Some(canonical_id(account)), display_name: None }
}

/// The canonical user id of an account: 64 hexadecimal digits that stay the same, and lead back to it.
pub fn canonical_id(account: AccountId) -> String {
    use md5::{Digest, Md5};
    let half = |salt: &str| crate::bodies::hex(&Md5::digest(format!("{salt}:{account}")));
    let (first, second) = (half("canonical"), half("user"));
    let number = account.as_str().parse::<u64>().unwrap_or_default() ^ mask(&first);
    format!("{first}{}{number:010x}", second.get(..22).unwrap_or_default())
}

/// The account of a canonical user id.
pub fn account_of(id: &str) -> Option<AccountId> {
    let number = u64::from_str_radix(id.get(54..64)?, 16).ok()? ^ mask(id);
    let account = AccountId::parse(&format!("{number:012}"))?;
    (canonical_id(account) == id).then_some(account)
}

/// The first 40 bits of an id. The 12 digits of an account fit into as many.
fn mask(id: &str) -> u64 {
    id.get(..10).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{account_of, canonical_id};
    use yakumo_aws::AccountId;

    #[test]
    fn canonical_ids_lead_back() {
        for account in ["000000000000", "111122223333", "999999999999"] {
            let account = AccountId::parse(account).unwrap();
            let id = canonical_id(account);
            assert_eq!((id.len(), account_of(&id)), (64, Some(account)));
            assert_eq!(account_of(&id.replace(&id[20..24], "zzzz")), None);
        }
        for other in ["", "abc", &"0".repeat(64), &"f".repeat(64), &"ä".repeat(32)] {
            assert_eq!(account_of(other), None, "{other}");
        }
    }
}
