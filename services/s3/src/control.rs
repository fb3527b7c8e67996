//! S3 Control: the table of the second room of this crate, and what its operations have in common.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_AWS_S3_Control.html>

use crate::access::request_keys;
use crate::access_points::{self, operations as points, policies};
use crate::account_access;
use crate::registry::Registry;
use crate::resource_tags;
use crate::state::PublicAccess;
use crate::state::access_point::arn;
use std::sync::Arc;
use yakumo_api_s3control as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Access, Ctx, Need, Room};

/// The room of S3 Control over the same buckets.
pub fn room(registry: &Arc<Registry>) -> Room {
    let room = Room::new("s3control").state(registry.clone());
    tag_operations(access_point_operations(account_operations(room)))
}

fn account_operations(room: Room) -> Room {
    room.on(
        api::PutPublicAccessBlock,
        on_account("s3:PutAccountPublicAccessBlock", |i: &api::PutPublicAccessBlockInput| &i.account_id),
        account_access::put_public_access_block,
    )
    .on(
        api::GetPublicAccessBlock,
        on_account("s3:GetAccountPublicAccessBlock", |i: &api::GetPublicAccessBlockInput| &i.account_id),
        account_access::get_public_access_block,
    )
    .on(
        api::DeletePublicAccessBlock,
        on_account("s3:PutAccountPublicAccessBlock", |i: &api::DeletePublicAccessBlockInput| &i.account_id),
        account_access::delete_public_access_block,
    )
}

fn access_point_operations(room: Room) -> Room {
    room.on(api::CreateAccessPoint, points::create_access(), points::create_access_point)
        .on(
            api::GetAccessPoint,
            on_point("s3:GetAccessPoint", |i: &api::GetAccessPointInput| (&i.account_id, &i.name)),
            points::get_access_point,
        )
        .on(
            api::ListAccessPoints,
            on_account("s3:ListAccessPoints", |i: &api::ListAccessPointsInput| &i.account_id),
            points::list_access_points,
        )
        .on(
            api::DeleteAccessPoint,
            on_point("s3:DeleteAccessPoint", |i: &api::DeleteAccessPointInput| (&i.account_id, &i.name)),
            points::delete_access_point,
        )
        .on(
            api::PutAccessPointPolicy,
            on_point("s3:PutAccessPointPolicy", |i: &api::PutAccessPointPolicyInput| {
                (&i.account_id, &i.name)
            }),
            policies::put_access_point_policy,
        )
        .on(
            api::GetAccessPointPolicy,
            on_point("s3:GetAccessPointPolicy", |i: &api::GetAccessPointPolicyInput| {
                (&i.account_id, &i.name)
            }),
            policies::get_access_point_policy,
        )
        .on(
            api::DeleteAccessPointPolicy,
            on_point("s3:DeleteAccessPointPolicy", |i: &api::DeleteAccessPointPolicyInput| {
                (&i.account_id, &i.name)
            }),
            policies::delete_access_point_policy,
        )
        .on(
            api::GetAccessPointPolicyStatus,
            on_point("s3:GetAccessPointPolicyStatus", |i: &api::GetAccessPointPolicyStatusInput| {
                (&i.account_id, &i.name)
            }),
            policies::get_access_point_policy_status,
        )
}

fn tag_operations(room: Room) -> Room {
    use resource_tags::{list_tags_for_resource, tag_access, tag_resource, untag_access, untag_resource};
    room.on(api::TagResource, tag_access(), tag_resource)
        .on(api::UntagResource, untag_access(), untag_resource)
        .on(api::ListTagsForResource, resource_tags::list_access(), list_tags_for_resource)
}

/// The account that a request names in its header.
pub fn account(id: &str) -> Result<AccountId> {
    AccountId::parse(id).ok_or_else(|| Error::sender("InvalidRequest", "Invalid account id"))
}

/// What is modelled, but not real here yet.
pub fn not_implemented(what: &str) -> Error {
    let text = format!("yakumo does not implement {what} of S3 Control.");
    Error::sender("NotImplemented", text).with_status(501)
}

/// With what S3 tells policies of every request.
pub fn with_request(ctx: &Ctx, mut need: Need) -> Need {
    need.keys.append(&request_keys(ctx, &need.action, need.owner));
    need
}

/// The rule of an operation on an account as a whole.
fn on_account<I: Sync + 'static>(
    action: &'static str,
    id: impl Fn(&I) -> &String + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, input: &I| {
        let account = account(id(input));
        Box::pin(async move { Ok(vec![with_request(ctx, Need::new(action, "*", account?))]) })
    })
}

/// The rule of an operation on an access point, which is told where it is reached from and what its tags are.
fn on_point<I: Sync + 'static>(
    action: &'static str,
    point: impl Fn(&I) -> (&String, &String) + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, input: &I| {
        let (id, name) = point(input);
        let found = account(id).map(|account| (account, name.clone()));
        Box::pin(async move {
            let (account, name) = found?;
            let arn = arn(ctx.region(), account, &name);
            // AWS: GetAccessPoint has no resource, and PutAccessPointPolicy none of the keys:
            // <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
            let resource = if action == "s3:GetAccessPoint" { "*".to_owned() } else { arn.clone() };
            let mut need = with_request(ctx, Need::new(action, resource, account));
            if action != "s3:PutAccessPointPolicy"
                && let Some(point) = access_points::get(ctx, account, ctx.region(), &name).await?
            {
                let origin = access_points::origin(point.vpc.as_deref());
                need.keys.extend(access_points::keys(&arn, account, origin));
                for (name, value) in point.tags {
                    need.keys.put(&format!("aws:ResourceTag/{name}"), &value);
                    need.keys.put(&format!("s3:AccessPointTag/{name}"), &value);
                }
            }
            Ok(vec![need])
        })
    })
}

/// The four settings as a request gives them.
pub fn public_access(given: &api::PublicAccessBlockConfiguration) -> PublicAccess {
    PublicAccess {
        block_acls: given.block_public_acls == Some(true),
        ignore_acls: given.ignore_public_acls == Some(true),
        block_policy: given.block_public_policy == Some(true),
        restrict_buckets: given.restrict_public_buckets == Some(true),
    }
}

/// The same as answers show them.
pub fn shown(access: PublicAccess) -> api::PublicAccessBlockConfiguration {
    api::PublicAccessBlockConfiguration {
        block_public_acls: Some(access.block_acls),
        ignore_public_acls: Some(access.ignore_acls),
        block_public_policy: Some(access.block_policy),
        restrict_public_buckets: Some(access.restrict_buckets),
    }
}
