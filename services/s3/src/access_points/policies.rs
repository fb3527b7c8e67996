//! Policies of access points.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html>

use crate::access_points::operations::{blocks, edit, found};
use crate::control::account;
use crate::policies::{POLICY_BYTES_MAX, malformed};
use crate::public::is_public_point;
use crate::state::{AccessPoint, BucketPolicy};
use yakumo_api_s3control as api;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::{Ctx, Pins, Resource};

pub async fn put_access_point_policy(
    ctx: Ctx,
    input: api::PutAccessPointPolicyInput,
) -> Result<api::PutAccessPointPolicyOutput> {
    let account = account(&input.account_id)?;
    let point = found(&ctx, account, &input.name).await?;
    let text = input.policy;
    if text.len() > POLICY_BYTES_MAX {
        return Err(malformed("Policy exceeds the maximum allowed document size."));
    }
    let kind = PolicyKind::Resource { service: "s3" };
    let document = Document::parse(&text, kind).map_err(|wrong| malformed(wrong.to_string()))?;
    let arn = point.arn();
    let own = |resource: &str| resource == arn || resource.starts_with(&format!("{arn}/object/"));
    if !document.resources().all(own) {
        return Err(malformed("Policy has invalid resource"));
    }
    let pins = Pins::find(&ctx, &document, |_| malformed("Invalid principal in policy")).await?;
    let policy = BucketPolicy { text, pins };
    let after = AccessPoint { policy: Some(policy.clone()), ..point };
    if is_public_point(&after) && blocks(&ctx, &after).await?.block_policy {
        let who = &ctx.caller().principal.arn;
        let text = format!(
            "User: {who} is not authorized to perform: s3:PutAccessPointPolicy on resource: \"{arn}\" because public \
             policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        );
        return Err(Error::sender("AccessDenied", text).with_status(403));
    }
    edit(&ctx, account, &input.name, |point| {
        point.policy = Some(policy.clone());
        Ok(())
    })
    .await?;
    Ok(api::PutAccessPointPolicyOutput::default())
}

fn policy_of(point: &AccessPoint) -> Result<&BucketPolicy> {
    let none = || {
        Error::sender("NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist")
            .with_status(404)
            .with_field("AccessPointName", &*point.name)
    };
    point.policy.as_ref().ok_or_else(none)
}

pub async fn get_access_point_policy(
    ctx: Ctx,
    input: api::GetAccessPointPolicyInput,
) -> Result<api::GetAccessPointPolicyOutput> {
    let point = found(&ctx, account(&input.account_id)?, &input.name).await?;
    let policy = policy_of(&point)?;
    Ok(api::GetAccessPointPolicyOutput { policy: Some(policy.pins.show(&ctx, &policy.text).await?) })
}

pub async fn delete_access_point_policy(
    ctx: Ctx,
    input: api::DeleteAccessPointPolicyInput,
) -> Result<api::DeleteAccessPointPolicyOutput> {
    edit(&ctx, account(&input.account_id)?, &input.name, |point| {
        point.policy = None;
        Ok(())
    })
    .await?;
    Ok(api::DeleteAccessPointPolicyOutput::default())
}

pub async fn get_access_point_policy_status(
    ctx: Ctx,
    input: api::GetAccessPointPolicyStatusInput,
) -> Result<api::GetAccessPointPolicyStatusOutput> {
    let point = found(&ctx, account(&input.account_id)?, &input.name).await?;
    policy_of(&point)?;
    // AWS: a policy that is blocked is not public any more.
    let open = is_public_point(&point) && !blocks(&ctx, &point).await?.restrict_buckets;
    Ok(api::GetAccessPointPolicyStatusOutput {
        policy_status: Some(api::PolicyStatus { is_public: Some(open) }),
    })
}
