//! Policies of users: inline, attached and a boundary.

use crate::identities;
use crate::paging::Asked;
use crate::state::User;
use yakumo_api_iam::{
    AttachUserPolicyInput, AttachUserPolicyOutput, AttachedPolicy, DeleteUserPermissionsBoundaryInput,
    DeleteUserPermissionsBoundaryOutput, DeleteUserPolicyInput, DeleteUserPolicyOutput,
    DetachUserPolicyInput, DetachUserPolicyOutput, GetUserPolicyInput, GetUserPolicyOutput,
    ListAttachedUserPoliciesInput, ListAttachedUserPoliciesOutput, ListUserPoliciesInput,
    ListUserPoliciesOutput, PutUserPermissionsBoundaryInput, PutUserPermissionsBoundaryOutput,
    PutUserPolicyInput, PutUserPolicyOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub(crate) async fn put_user_policy(ctx: Ctx, input: PutUserPolicyInput) -> Result<PutUserPolicyOutput> {
    identities::put_inline::<User>(&ctx, &input.user_name, &input.policy_name, &input.policy_document)
        .await?;
    Ok(PutUserPolicyOutput {})
}

pub(crate) async fn get_user_policy(ctx: Ctx, input: GetUserPolicyInput) -> Result<GetUserPolicyOutput> {
    let (user_name, policy_document) =
        identities::get_inline::<User>(&ctx, &input.user_name, &input.policy_name).await?;
    Ok(GetUserPolicyOutput { user_name, policy_name: input.policy_name, policy_document })
}

pub(crate) async fn delete_user_policy(
    ctx: Ctx,
    input: DeleteUserPolicyInput,
) -> Result<DeleteUserPolicyOutput> {
    identities::delete_inline::<User>(&ctx, &input.user_name, &input.policy_name).await?;
    Ok(DeleteUserPolicyOutput {})
}

pub(crate) async fn list_user_policies(
    ctx: Ctx,
    input: ListUserPoliciesInput,
) -> Result<ListUserPoliciesOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let page = identities::list_inline::<User>(&ctx, &input.user_name, asked).await?;
    Ok(ListUserPoliciesOutput {
        is_truncated: page.is_truncated(),
        policy_names: page.items,
        marker: page.marker,
    })
}

pub(crate) async fn attach_user_policy(
    ctx: Ctx,
    input: AttachUserPolicyInput,
) -> Result<AttachUserPolicyOutput> {
    identities::attach::<User>(&ctx, &input.user_name, &input.policy_arn).await?;
    Ok(AttachUserPolicyOutput {})
}

pub(crate) async fn detach_user_policy(
    ctx: Ctx,
    input: DetachUserPolicyInput,
) -> Result<DetachUserPolicyOutput> {
    identities::detach::<User>(&ctx, &input.user_name, &input.policy_arn).await?;
    Ok(DetachUserPolicyOutput {})
}

pub(crate) async fn list_attached_user_policies(
    ctx: Ctx,
    input: ListAttachedUserPoliciesInput,
) -> Result<ListAttachedUserPoliciesOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let prefix = input.path_prefix.as_deref();
    let page = identities::list_attached::<User>(&ctx, &input.user_name, prefix, asked).await?;
    let is_truncated = page.is_truncated();
    let attached = page
        .items
        .into_iter()
        .map(|(name, arn)| AttachedPolicy { policy_name: Some(name), policy_arn: Some(arn) });
    Ok(ListAttachedUserPoliciesOutput {
        attached_policies: Some(attached.collect()),
        is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn put_user_permissions_boundary(
    ctx: Ctx,
    input: PutUserPermissionsBoundaryInput,
) -> Result<PutUserPermissionsBoundaryOutput> {
    identities::set_boundary::<User>(&ctx, &input.user_name, Some(&input.permissions_boundary)).await?;
    Ok(PutUserPermissionsBoundaryOutput {})
}

pub(crate) async fn delete_user_permissions_boundary(
    ctx: Ctx,
    input: DeleteUserPermissionsBoundaryInput,
) -> Result<DeleteUserPermissionsBoundaryOutput> {
    identities::set_boundary::<User>(&ctx, &input.user_name, None).await?;
    Ok(DeleteUserPermissionsBoundaryOutput {})
}
