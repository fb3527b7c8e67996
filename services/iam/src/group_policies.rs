//! Policies of groups: inline, attached.

use crate::identities;
use crate::paging::Asked;
use crate::state::Group;
use yakumo_api_iam::{
    AttachGroupPolicyInput, AttachGroupPolicyOutput, AttachedPolicy, DeleteGroupPolicyInput,
    DeleteGroupPolicyOutput, DetachGroupPolicyInput, DetachGroupPolicyOutput, GetGroupPolicyInput,
    GetGroupPolicyOutput, ListAttachedGroupPoliciesInput, ListAttachedGroupPoliciesOutput,
    ListGroupPoliciesInput, ListGroupPoliciesOutput, PutGroupPolicyInput, PutGroupPolicyOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub(crate) async fn put_group_policy(ctx: Ctx, input: PutGroupPolicyInput) -> Result<PutGroupPolicyOutput> {
    identities::put_inline::<Group>(&ctx, &input.group_name, &input.policy_name, &input.policy_document)
        .await?;
    Ok(PutGroupPolicyOutput {})
}

pub(crate) async fn get_group_policy(ctx: Ctx, input: GetGroupPolicyInput) -> Result<GetGroupPolicyOutput> {
    let (group_name, policy_document) =
        identities::get_inline::<Group>(&ctx, &input.group_name, &input.policy_name).await?;
    Ok(GetGroupPolicyOutput { group_name, policy_name: input.policy_name, policy_document })
}

pub(crate) async fn delete_group_policy(
    ctx: Ctx,
    input: DeleteGroupPolicyInput,
) -> Result<DeleteGroupPolicyOutput> {
    identities::delete_inline::<Group>(&ctx, &input.group_name, &input.policy_name).await?;
    Ok(DeleteGroupPolicyOutput {})
}

pub(crate) async fn list_group_policies(
    ctx: Ctx,
    input: ListGroupPoliciesInput,
) -> Result<ListGroupPoliciesOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let page = identities::list_inline::<Group>(&ctx, &input.group_name, asked).await?;
    Ok(ListGroupPoliciesOutput {
        is_truncated: page.is_truncated(),
        policy_names: page.items,
        marker: page.marker,
    })
}

pub(crate) async fn attach_group_policy(
    ctx: Ctx,
    input: AttachGroupPolicyInput,
) -> Result<AttachGroupPolicyOutput> {
    identities::attach::<Group>(&ctx, &input.group_name, &input.policy_arn).await?;
    Ok(AttachGroupPolicyOutput {})
}

pub(crate) async fn detach_group_policy(
    ctx: Ctx,
    input: DetachGroupPolicyInput,
) -> Result<DetachGroupPolicyOutput> {
    identities::detach::<Group>(&ctx, &input.group_name, &input.policy_arn).await?;
    Ok(DetachGroupPolicyOutput {})
}

pub(crate) async fn list_attached_group_policies(
    ctx: Ctx,
    input: ListAttachedGroupPoliciesInput,
) -> Result<ListAttachedGroupPoliciesOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let prefix = input.path_prefix.as_deref();
    let page = identities::list_attached::<Group>(&ctx, &input.group_name, prefix, asked).await?;
    let is_truncated = page.is_truncated();
    let attached = page
        .items
        .into_iter()
        .map(|(name, arn)| AttachedPolicy { policy_name: Some(name), policy_arn: Some(arn) });
    Ok(ListAttachedGroupPoliciesOutput {
        attached_policies: Some(attached.collect()),
        is_truncated,
        marker: page.marker,
    })
}
