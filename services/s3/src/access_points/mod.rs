//! Access points: requests that come through one, and the operations on them.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points.html>
//!
//! Invariant: what is asked through an access point must be allowed on it and on its bucket.

pub mod operations;
pub mod policies;

use crate::access::{Keys, is_outside};
use crate::acls;
use crate::error;
use crate::public::is_public_point;
use crate::registry::{self, Open, Registry};
use crate::state::access_point::{Alias, Attachment, split_arn};
use crate::state::{AccessPoint, Bucket, BucketPolicy, scope};
use serde_json::json;
use std::sync::Arc;
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_policy::Attached;
use yakumo_room::{Ctx, Need, Record, Resource, Tx};

/// The access point that a request came through.
pub struct Through {
    arn: String,
    account: AccountId,
    origin: &'static str,
    policy: Option<Arc<Attached>>,
    is_public: bool,
}

impl Through {
    fn new(point: &AccessPoint) -> Result<Through> {
        Ok(Through {
            arn: point.arn(),
            account: point.account,
            origin: origin(point.vpc.as_deref()),
            policy: policy(point)?,
            is_public: is_public_point(point),
        })
    }

    /// What is needed of the bucket, together with the same on the access point: both are told the condition keys by
    /// which a bucket delegates to its access points.
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html>
    pub fn also(&self, ctx: &Ctx, open: &Open, mut need: Need, key: Option<&str>) -> Need {
        need.keys.extend(keys(&self.arn, self.account, self.origin));
        let arn = match key {
            Some(key) => format!("{}/object/{key}", self.arn),
            None => self.arn.clone(),
        };
        let shut_out =
            open.record.blocks().restrict_buckets && self.is_public && is_outside(ctx, self.account);
        let policy = self.policy.clone().filter(|_| !shut_out);
        let mut also = Need::new(need.action.clone(), arn, self.account).with_policy(policy).quoted();
        also.keys.clone_from(&need.keys);
        need.also = Some(Box::new(also));
        need
    }
}

/// Where an access point is reached from: `s3:AccessPointNetworkOrigin`.
pub fn origin(vpc: Option<&str>) -> &'static str {
    if vpc.is_some() { "VPC" } else { "Internet" }
}

/// The policy of an access point as it is asked. One of a VPC denies whatever did not come through an endpoint of that VPC,
/// in the words of a policy.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-vpc.html>,
/// <https://docs.aws.amazon.com/fsx/latest/ONTAPGuide/configuring-network-access-for-s3-access-points.html>. Seen:
/// <https://repost.aws/articles/ARIOhwOHPMSOupacb7AbcdAQ>
fn policy(point: &AccessPoint) -> Result<Option<Arc<Attached>>> {
    let given = point.policy.as_ref();
    let Some(vpc) = &point.vpc else {
        return given
            .map(|policy| registry::compiled(policy, "access point policy", point.arn()))
            .transpose();
    };
    let mut statements = given.map(|policy| acls::of_policy(policy, false)).unwrap_or_default();
    statements.push(json!({
        "Sid": "NetworkOrigin",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:SourceVpc": vpc}},
    }));
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let whole = BucketPolicy { text, pins: given.map(|policy| policy.pins.clone()).unwrap_or_default() };
    registry::compiled(&whole, "network origin and access point policy", point.arn()).map(Some)
}

/// The condition keys of an access point.
pub fn keys(arn: &str, account: AccountId, origin: &str) -> Keys {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    vec![
        one("s3:DataAccessPointArn", arn),
        one("s3:DataAccessPointAccount", account.as_str()),
        one("s3:AccessPointNetworkOrigin", origin),
    ]
}

/// Whether an access point takes this action on its bucket.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-service-api-support.html>
pub fn takes(action: &str) -> bool {
    let taken = [
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:ListBucketMultipartUploads",
        "s3:GetBucketAcl",
        "s3:GetBucketCORS",
        "s3:GetBucketLocation",
        "s3:GetBucketNotification",
        "s3:GetBucketPolicy",
    ];
    taken.contains(&action)
}

/// Whom a bucket's name may mean instead: an ARN, an alias, or the label `NAME-ACCOUNT` of an access point's host.
async fn named(ctx: &Ctx, name: &str) -> Result<Option<(Region, AccountId, String)>> {
    if let Some((region, account, name)) = split_arn(name) {
        return Ok(Some((region, account, name.to_owned())));
    }
    if name.ends_with("-s3alias") {
        let alias = ctx.get::<Alias>(&scope(), &[name]).await?;
        return Ok(alias.map(|alias| (alias.region, alias.account, alias.name)));
    }
    let label = name.rsplit_once('-').and_then(|(name, account)| Some((name, AccountId::parse(account)?)));
    Ok(label.map(|(name, account)| (ctx.region(), account, name.to_owned())))
}

/// The access point of an alias, or of the label `NAME-ACCOUNT` of a host that names its region; for what is answered beside
/// operations.
pub async fn behind(registry: &Registry, region: Option<Region>, name: &str) -> Result<Option<AccessPoint>> {
    let store = &registry.base.store;
    let (region, account, name) = if name.ends_with("-s3alias") {
        let Some(bytes) = store.get(&scope().record_key(Alias::TABLE, &[name])).await? else {
            return Ok(None);
        };
        let alias = Alias::from_bytes(&bytes).map_err(Error::internal)?;
        (alias.region, alias.account, alias.name)
    } else {
        let label =
            name.rsplit_once('-').and_then(|(name, account)| Some((name, AccountId::parse(account)?)));
        let (Some((name, account)), Some(region)) = (label, region) else { return Ok(None) };
        (region, account, name.to_owned())
    };
    let row = scope().record_key(AccessPoint::TABLE, &[account.as_str(), region.as_str(), &name]);
    let found = store.get(&row).await?;
    found.map(|bytes| AccessPoint::from_bytes(&bytes).map_err(Error::internal)).transpose()
}

/// The bucket behind what is no bucket's name; `None` when it is no access point either.
pub async fn open(ctx: &Ctx, name: &str) -> Result<Option<Arc<Open>>> {
    let Some((region, account, short)) = named(ctx, name).await? else { return Ok(None) };
    let Some(point) = get(ctx, account, region, &short).await? else {
        return if name.starts_with("arn:") { Err(error::no_such_access_point(&short)) } else { Ok(None) };
    };
    let registry = ctx.state::<Registry>();
    let found = registry.bucket(&point.bucket).await?;
    registry.logs.note_point(ctx.region(), name, &point.arn(), &point.bucket);
    if found.record.id != point.bucket_id {
        return Err(error::no_such_bucket(&point.bucket));
    }
    let mut record = found.record.clone();
    // AWS: the most restrictive of access point, bucket and account holds:
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-bpa-settings.html>
    record.blocked_above = record.blocked_above.and(point.public_access);
    if point.account != record.owner {
        let own = registry.account(point.account).await?.public_access.unwrap_or_default();
        record.blocked_above = record.blocked_above.and(own);
    }
    let mut open = registry::open(record)?;
    open.through = Some(Arc::new(Through::new(&point)?));
    Ok(Some(Arc::new(open)))
}

/// A bucket by its name or through an access point, whatever region it is in.
pub async fn anywhere(ctx: &Ctx, name: &str) -> Result<Arc<Open>> {
    match ctx.state::<Registry>().bucket(name).await {
        Err(error) if error.code == "NoSuchBucket" => Box::pin(open(ctx, name)).await?.ok_or(error),
        found => found,
    }
}

/// The access point of a name.
pub async fn get(ctx: &Ctx, account: AccountId, region: Region, name: &str) -> Result<Option<AccessPoint>> {
    ctx.get::<AccessPoint>(&scope(), &[account.as_str(), region.as_str(), name]).await
}

/// A bucket that its owner's access points lead to stays. AWS: those of other accounts do not hold it.
pub async fn check_none(tx: &Tx, bucket: &Bucket) -> Result<()> {
    let attached = tx.list::<Attachment>(&scope(), &[&bucket.id, bucket.owner.as_str()], None, 1).await?;
    match attached.is_empty() {
        true => Ok(()),
        false => Err(error::has_access_points(&bucket.name)),
    }
}
