//! CreateAccessPoint, GetAccessPoint, ListAccessPoints, DeleteAccessPoint.

use crate::access_points::{get, keys, origin};
use crate::control::{self, account, with_request};
use crate::error;
use crate::lists;
use crate::registry::{Registry, present};
use crate::resource_tags;
use crate::state::access_point::{Alias, Attachment, arn};
use crate::state::{AccessPoint, PublicAccess, scope};
use std::collections::BTreeMap;
use yakumo_api_s3control as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Access, Ctx, Need, Resource};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html>
const POINTS_MAX: usize = 10_000;
const PAGE_MAX: i32 = 1_000;
/// How many characters of the name its alias begins with.
const ALIAS_NAME_CHARS: usize = 20;

/// The rule of CreateAccessPoint.
pub fn create_access() -> Access<api::CreateAccessPointInput> {
    let actions = ["s3:CreateAccessPoint", "s3:TagResource"];
    Access::needs(actions, |ctx: &Ctx, input: &api::CreateAccessPointInput| {
        Box::pin(async move {
            let account = account(&input.account_id)?;
            let arn = arn(ctx.region(), account, &input.name);
            let tags = resource_tags::keys(input.tags.as_deref().unwrap_or_default());
            let mut need = with_request(ctx, Need::new("s3:CreateAccessPoint", arn.clone(), account));
            let vpc = input.vpc_configuration.as_ref().map(|vpc| vpc.vpc_id.as_str());
            need.keys.extend(keys(&arn, account, origin(vpc)));
            need.keys.extend(tags.clone());
            let mut needs = vec![need];
            if !tags.is_empty() {
                let mut need = with_request(ctx, Need::new("s3:TagResource", arn, account));
                need.keys.extend(tags);
                needs.push(need);
            }
            Ok(needs)
        })
    })
}

fn invalid(text: &str) -> Error {
    Error::sender("InvalidRequest", text)
}

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html>
fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (3..=50).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.starts_with("xn--")
        && !["-s3alias", "--ol-s3", "--xa-s3"].iter().any(|suffix| name.ends_with(suffix));
    if good { Ok(()) } else { Err(invalid("The access point name is not valid.")) }
}

fn refuse_unknown(input: &api::CreateAccessPointInput) -> Result<()> {
    if input.scope.is_some() {
        return Err(control::not_implemented("scopes of access points (they are for directory buckets)"));
    }
    Ok(())
}

/// AWS: without a configuration everything is blocked; in one, what is not named is not.
fn public_access(given: Option<&api::PublicAccessBlockConfiguration>) -> PublicAccess {
    given.map_or(PublicAccess::ALL, control::public_access)
}

pub async fn create_access_point(
    ctx: Ctx,
    input: api::CreateAccessPointInput,
) -> Result<api::CreateAccessPointOutput> {
    refuse_unknown(&input)?;
    check_name(&input.name)?;
    let account = account(&input.account_id)?;
    let tags = resource_tags::checked(input.tags.as_deref().unwrap_or_default(), &BTreeMap::new())?;
    let bucket = crate::access::bucket(&ctx, &input.bucket, None).await?;
    if bucket.through.is_some() {
        return Err(error::no_such_bucket(&input.bucket));
    }
    let bucket = &bucket.record;
    // AWS: the owner of another account's bucket is named, and must be named rightly:
    // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateAccessPoint.html>
    let expected = input.bucket_account_id.as_deref().unwrap_or(account.as_str());
    if expected != bucket.owner.as_str() {
        return Err(error::access_denied());
    }
    let shortened: String = input.name.chars().take(ALIAS_NAME_CHARS).collect();
    let point = AccessPoint {
        alias: format!("{}-{}-s3alias", shortened.trim_end_matches('-'), ctx.base().ids.hex(34)),
        name: input.name,
        account,
        region: ctx.region(),
        bucket: bucket.name.clone(),
        bucket_id: bucket.id.clone(),
        bucket_owner: bucket.owner,
        created: ctx.now(),
        public_access: public_access(input.public_access_block_configuration.as_ref()),
        // AWS: of whom the VPC is, and whether there is one, S3 does not ask in any of its papers.
        vpc: input.vpc_configuration.map(|vpc| vpc.vpc_id),
        policy: None,
        tags,
    };
    ctx.transact(|tx| {
        let point = &point;
        async move {
            present(&tx, &point.bucket, &point.bucket_id).await?;
            if tx.get::<AccessPoint>(&scope(), &point.id()).await?.is_some() {
                return Err(already_owned(&point.name));
            }
            let place = [point.account.as_str(), point.region.as_str()];
            if tx.list::<AccessPoint>(&scope(), &place, None, POINTS_MAX).await?.len() >= POINTS_MAX {
                let text = "You have attempted to create more access points than are allowed for an account.";
                return Err(Error::sender("TooManyAccessPoints", text));
            }
            let alias = Alias { account: point.account, region: point.region, name: point.name.clone() };
            tx.put(&scope(), &[&point.alias], &alias);
            let attachment = Attachment { account: point.account, name: point.name.clone() };
            tx.put(&scope(), &[&point.bucket_id, point.account.as_str(), &point.name], &attachment);
            tx.put_resource(&scope(), None, point);
            Ok(())
        }
    })
    .await?;
    Ok(api::CreateAccessPointOutput { access_point_arn: Some(point.arn()), alias: Some(point.alias) })
}

fn already_owned(name: &str) -> Error {
    let text = "Your previous request to create the named accesspoint succeeded and you already own it.";
    Error::sender("AccessPointAlreadyOwnedByYou", text).with_status(409).with_field("AccessPointName", name)
}

/// The access point that a request names.
pub async fn found(ctx: &Ctx, account: AccountId, name: &str) -> Result<AccessPoint> {
    get(ctx, account, ctx.region(), name).await?.ok_or_else(|| error::no_such_access_point(name))
}

pub async fn get_access_point(
    ctx: Ctx,
    input: api::GetAccessPointInput,
) -> Result<api::GetAccessPointOutput> {
    let point = found(&ctx, account(&input.account_id)?, &input.name).await?;
    let endpoint = |kind: &str| format!("s3-accesspoint.{kind}{}.amazonaws.com", point.region);
    let endpoints = [("ipv4", endpoint("")), ("dualstack", endpoint("dualstack."))];
    Ok(api::GetAccessPointOutput {
        access_point_arn: Some(point.arn()),
        public_access_block_configuration: Some(control::shown(point.public_access)),
        endpoints: Some(endpoints.into_iter().map(|(kind, host)| (kind.to_owned(), host)).collect()),
        name: Some(point.name),
        bucket: Some(point.bucket),
        network_origin: Some(origin(point.vpc.as_deref()).to_owned()),
        vpc_configuration: point.vpc.map(|vpc_id| api::VpcConfiguration { vpc_id }),
        creation_date: Some(point.created),
        alias: Some(point.alias),
        bucket_account_id: Some(point.bucket_owner.to_string()),
        ..Default::default()
    })
}

pub async fn list_access_points(
    ctx: Ctx,
    input: api::ListAccessPointsInput,
) -> Result<api::ListAccessPointsOutput> {
    if input.data_source_id.is_some() || input.data_source_type.as_deref().is_some_and(|kind| kind != "S3") {
        return Err(control::not_implemented("access points of other data sources than buckets"));
    }
    let account = account(&input.account_id)?;
    let region = ctx.region();
    let most = usize::try_from(input.max_results.unwrap_or(PAGE_MAX)).unwrap_or_default();
    let after = input.next_token.as_deref().map(lists::read_token).transpose()?;
    let behind = [account.as_str(), region.as_str(), after.as_deref().unwrap_or_default()];
    let behind = after.as_ref().map(|_| &behind[..]);
    let place = [account.as_str(), region.as_str()];
    let mut points = ctx.list::<AccessPoint>(&scope(), &place, behind, POINTS_MAX).await?;
    points.retain(|point| input.bucket.as_deref().is_none_or(|bucket| bucket == point.bucket));
    let has_more = points.len() > most;
    points.truncate(most);
    let next_token = points.last().filter(|_| has_more).map(|last| lists::token(&last.name));
    let list = points.into_iter().map(|point| api::AccessPoint {
        access_point_arn: Some(point.arn()),
        name: point.name,
        network_origin: origin(point.vpc.as_deref()).to_owned(),
        vpc_configuration: point.vpc.map(|vpc_id| api::VpcConfiguration { vpc_id }),
        bucket: point.bucket,
        alias: Some(point.alias),
        bucket_account_id: Some(point.bucket_owner.to_string()),
        ..Default::default()
    });
    Ok(api::ListAccessPointsOutput { access_point_list: Some(list.collect()), next_token })
}

pub async fn delete_access_point(
    ctx: Ctx,
    input: api::DeleteAccessPointInput,
) -> Result<api::DeleteAccessPointOutput> {
    let account = account(&input.account_id)?;
    let region = ctx.region();
    ctx.transact(|tx| {
        let name = &input.name;
        async move {
            let id = [account.as_str(), region.as_str(), name];
            let point = tx.get::<AccessPoint>(&scope(), &id).await?;
            let point = point.ok_or_else(|| error::no_such_access_point(name))?;
            tx.delete::<Alias>(&scope(), &[&point.alias]);
            tx.delete::<Attachment>(&scope(), &[&point.bucket_id, account.as_str(), &point.name]);
            tx.delete_resource(&scope(), &point);
            Ok(())
        }
    })
    .await?;
    Ok(api::DeleteAccessPointOutput::default())
}

/// Reads an access point, lets `edit` change it, and writes it back.
pub async fn edit(
    ctx: &Ctx,
    account: AccountId,
    name: &str,
    edit: impl Fn(&mut AccessPoint) -> Result<()>,
) -> Result<()> {
    let region = ctx.region();
    ctx.transact(|tx| {
        let edit = &edit;
        async move {
            let before = tx.get::<AccessPoint>(&scope(), &[account.as_str(), region.as_str(), name]).await?;
            let before = before.ok_or_else(|| error::no_such_access_point(name))?;
            let mut after = before.clone();
            edit(&mut after)?;
            tx.put_resource(&scope(), Some(&before), &after);
            Ok(())
        }
    })
    .await
}

/// The bucket of an access point as it is reached through it: what is blocked there.
pub async fn blocks(ctx: &Ctx, point: &AccessPoint) -> Result<PublicAccess> {
    let registry = ctx.state::<Registry>();
    let own = registry.account(point.account).await?.public_access.unwrap_or_default();
    let bucket = match registry.bucket(&point.bucket).await {
        Ok(open) if open.record.id == point.bucket_id => open.record.blocks(),
        Ok(_) => PublicAccess::default(),
        Err(error) if error.code == "NoSuchBucket" => PublicAccess::default(),
        Err(error) => return Err(error),
    };
    Ok(point.public_access.and(own).and(bucket))
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_of_access_points() {
        let long = "a".repeat(50);
        for good in ["abc", "my-point", "123", &long] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "a".repeat(51);
        for bad in ["ab", &long, "Abc", "a.b", "a_b", "-abc", "abc-", "xn--a", "abc-s3alias"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
