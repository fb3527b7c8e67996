//! Policies of roles: inline, attached and a boundary.

use crate::identities;
use crate::paging::Asked;
use crate::state::Role;
use yakumo_api_iam::{
    AttachRolePolicyInput, AttachRolePolicyOutput, AttachedPolicy, DeleteRolePermissionsBoundaryInput,
    DeleteRolePermissionsBoundaryOutput, DeleteRolePolicyInput, DeleteRolePolicyOutput,
    DetachRolePolicyInput, DetachRolePolicyOutput, GetRolePolicyInput, GetRolePolicyOutput,
    ListAttachedRolePoliciesInput, ListAttachedRolePoliciesOutput, ListRolePoliciesInput,
    ListRolePoliciesOutput, PutRolePermissionsBoundaryInput, PutRolePermissionsBoundaryOutput,
    PutRolePolicyInput, PutRolePolicyOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub(crate) async fn put_role_policy(ctx: Ctx, input: PutRolePolicyInput) -> Result<PutRolePolicyOutput> {
    identities::put_inline::<Role>(&ctx, &input.role_name, &input.policy_name, &input.policy_document)
        .await?;
    Ok(PutRolePolicyOutput {})
}

pub(crate) async fn get_role_policy(ctx: Ctx, input: GetRolePolicyInput) -> Result<GetRolePolicyOutput> {
    let (role_name, policy_document) =
        identities::get_inline::<Role>(&ctx, &input.role_name, &input.policy_name).await?;
    Ok(GetRolePolicyOutput { role_name, policy_name: input.policy_name, policy_document })
}

pub(crate) async fn delete_role_policy(
    ctx: Ctx,
    input: DeleteRolePolicyInput,
) -> Result<DeleteRolePolicyOutput> {
    identities::delete_inline::<Role>(&ctx, &input.role_name, &input.policy_name).await?;
    Ok(DeleteRolePolicyOutput {})
}

pub(crate) async fn list_role_policies(
    ctx: Ctx,
    input: ListRolePoliciesInput,
) -> Result<ListRolePoliciesOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let page = identities::list_inline::<Role>(&ctx, &input.role_name, asked).await?;
    Ok(ListRolePoliciesOutput {
        is_truncated: page.is_truncated(),
        policy_names: page.items,
        marker: page.marker,
    })
}

pub(crate) async fn attach_role_policy(
    ctx: Ctx,
    input: AttachRolePolicyInput,
) -> Result<AttachRolePolicyOutput> {
    identities::attach::<Role>(&ctx, &input.role_name, &input.policy_arn).await?;
    Ok(AttachRolePolicyOutput {})
}

pub(crate) async fn detach_role_policy(
    ctx: Ctx,
    input: DetachRolePolicyInput,
) -> Result<DetachRolePolicyOutput> {
    identities::detach::<Role>(&ctx, &input.role_name, &input.policy_arn).await?;
    Ok(DetachRolePolicyOutput {})
}

pub(crate) async fn list_attached_role_policies(
    ctx: Ctx,
    input: ListAttachedRolePoliciesInput,
) -> Result<ListAttachedRolePoliciesOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let prefix = input.path_prefix.as_deref();
    let page = identities::list_attached::<Role>(&ctx, &input.role_name, prefix, asked).await?;
    let is_truncated = page.is_truncated();
    let attached = page
        .items
        .into_iter()
        .map(|(name, arn)| AttachedPolicy { policy_name: Some(name), policy_arn: Some(arn) });
    Ok(ListAttachedRolePoliciesOutput {
        attached_policies: Some(attached.collect()),
        is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn put_role_permissions_boundary(
    ctx: Ctx,
    input: PutRolePermissionsBoundaryInput,
) -> Result<PutRolePermissionsBoundaryOutput> {
    identities::set_boundary::<Role>(&ctx, &input.role_name, Some(&input.permissions_boundary)).await?;
    Ok(PutRolePermissionsBoundaryOutput {})
}

pub(crate) async fn delete_role_permissions_boundary(
    ctx: Ctx,
    input: DeleteRolePermissionsBoundaryInput,
) -> Result<DeleteRolePermissionsBoundaryOutput> {
    identities::set_boundary::<Role>(&ctx, &input.role_name, None).await?;
    Ok(DeleteRolePermissionsBoundaryOutput {})
}
