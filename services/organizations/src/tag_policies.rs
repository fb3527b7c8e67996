//! Tag policies: their grammar, how they are inherited, and what is in effect in an account.

pub(crate) mod document;
pub(crate) mod effective;

use crate::error;
use crate::realm::Draft;
use crate::seats::seat;
use crate::state::{Organization, PolicyType};
use yakumo_api_organizations::{
    DescribeEffectivePolicyInput, DescribeEffectivePolicyOutput, EffectivePolicy,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// Notes when tag policies changed, or where they hang: what is in effect may be another since then.
pub(crate) fn touch(draft: &mut Draft, ctx: &Ctx, policy_type: PolicyType) -> Result<()> {
    if policy_type == PolicyType::Tag {
        let organization = draft.organization(ctx)?;
        let tags_changed = Some(ctx.now());
        draft.put(Organization { tags_changed, ..Organization::clone(&organization) });
    }
    Ok(())
}

pub(crate) async fn describe_effective_policy(
    ctx: Ctx,
    input: DescribeEffectivePolicyInput,
) -> Result<DescribeEffectivePolicyOutput> {
    let seat = seat(&ctx)?;
    let (state, organization) = (seat.state(), &seat.organization);
    let own = ctx.account().to_string();
    let target = input.target_id.as_deref().unwrap_or(&own);
    let Some(account) = state.member(&organization.id, target) else {
        // AWS: "Specifying an organization root or OU as the target is not supported."
        let is_parent = state.is_parent(organization, target);
        return Err(if is_parent { error::target_not_supported() } else { error::target_not_found() });
    };
    // Of the other types none can be made, so none is in effect.
    let is_tag = PolicyType::parse(&input.policy_type) == Some(PolicyType::Tag);
    let effective = seat.view.effective_tags(organization, account).filter(|_| is_tag);
    let content = effective.and_then(|effective| effective.content());
    let content = content.ok_or_else(error::no_effective_policy)?;
    let effective_policy = EffectivePolicy {
        policy_content: Some(content),
        last_updated_timestamp: organization.tags_changed,
        target_id: Some(account.id.to_string()),
        policy_type: Some(input.policy_type),
    };
    Ok(DescribeEffectivePolicyOutput { effective_policy: Some(effective_policy) })
}
