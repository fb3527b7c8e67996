//! What policies hang on: the root, units, accounts.

use crate::error;
use crate::pages::page;
use crate::policies::summary;
use crate::realm::{Draft, Realm};
use crate::roots::need_enabled;
use crate::seats::seat;
use crate::state::{Account, Hung, Organization, Policy, PolicyType, Unit};
use crate::tag_policies::touch;
use std::sync::Arc;
use yakumo_api_organizations::{
    AttachPolicyInput, AttachPolicyOutput, DetachPolicyInput, DetachPolicyOutput, ListPoliciesForTargetInput,
    ListPoliciesForTargetOutput, ListTargetsForPolicyInput, ListTargetsForPolicyOutput, PolicyTargetSummary,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// The policy of a request to attach or detach, its target's policies, and how many of them are of its type.
struct Hook {
    organization: Arc<Organization>,
    policy: Arc<Policy>,
    policies: Hung,
    of_type: usize,
}

fn hook(draft: &Draft, ctx: &Ctx, policy_id: &str, target_id: &str) -> Result<Hook> {
    let organization = draft.organization(ctx)?;
    let policy = draft.state.policy(&organization.id, policy_id).ok_or_else(error::policy_not_found)?.clone();
    let target = draft.state.node(&organization, target_id).ok_or_else(error::target_not_found)?;
    need_enabled(&organization, policy.policy_type)?;
    let is_of_type = |id: &&String| {
        draft.state.policies.get(*id).is_some_and(|known| known.policy_type == policy.policy_type)
    };
    let of_type = target.policies.iter().filter(is_of_type).count();
    let policies = target.policies.clone();
    Ok(Hook { policy, policies, of_type, organization: organization.clone() })
}

/// Hangs these policies on a target.
fn hang(draft: &mut Draft, organization: &Organization, target_id: &str, policies: Hung) {
    if let Some(unit) = draft.state.unit(&organization.id, target_id) {
        let unit = Unit { policies, ..Unit::clone(unit) };
        draft.put(unit);
    } else if let Some(account) = draft.state.member(&organization.id, target_id) {
        let mut account = Account::clone(account);
        if let Some(membership) = &mut account.membership {
            membership.policies = policies;
        }
        draft.put(account);
    } else {
        draft.put(Organization { root_policies: policies, ..organization.clone() });
    }
}

pub(crate) async fn attach_policy(ctx: Ctx, input: AttachPolicyInput) -> Result<AttachPolicyOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let mut hook = hook(draft, &ctx, &input.policy_id, &input.target_id)?;
        if !hook.policies.insert(hook.policy.id.clone()) {
            return Err(error::already_attached());
        }
        if hook.of_type >= hook.policy.policy_type.attached_max() {
            return Err(error::too_many_attached());
        }
        hang(draft, &hook.organization, &input.target_id, hook.policies);
        touch(draft, &ctx, hook.policy.policy_type)
    });
    work.await?;
    Ok(AttachPolicyOutput {})
}

pub(crate) async fn detach_policy(ctx: Ctx, input: DetachPolicyInput) -> Result<DetachPolicyOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let mut hook = hook(draft, &ctx, &input.policy_id, &input.target_id)?;
        if !hook.policies.remove(&hook.policy.id) {
            return Err(error::not_attached());
        }
        // AWS: RCPFullAWSAccess always stays, and one SCP must.
        match hook.policy.policy_type {
            PolicyType::ResourceControl if hook.policy.is_of_aws() => {
                return Err(error::policy_not_detachable());
            }
            PolicyType::ServiceControl if hook.of_type <= 1 => return Err(error::last_attached()),
            _ => {}
        }
        hang(draft, &hook.organization, &input.target_id, hook.policies);
        touch(draft, &ctx, hook.policy.policy_type)
    });
    work.await?;
    Ok(DetachPolicyOutput {})
}

pub(crate) async fn list_policies_for_target(
    ctx: Ctx,
    input: ListPoliciesForTargetInput,
) -> Result<ListPoliciesForTargetOutput> {
    let seat = seat(&ctx)?;
    let node = seat.state().node(&seat.organization, &input.target_id).ok_or_else(error::target_not_found)?;
    let policy_type = PolicyType::parse(&input.filter);
    let policies = node.policies.iter().filter_map(|id| seat.state().policies.get(id));
    let policies: Vec<&Arc<Policy>> =
        policies.filter(|policy| Some(policy.policy_type) == policy_type).collect();
    let (policies, next_token) =
        page(policies, input.next_token.as_deref(), input.max_results, |policy| policy.id.as_str())?;
    let policies = policies.into_iter().map(|policy| summary(policy)).collect();
    Ok(ListPoliciesForTargetOutput { policies: Some(policies), next_token })
}

pub(crate) async fn list_targets_for_policy(
    ctx: Ctx,
    input: ListTargetsForPolicyInput,
) -> Result<ListTargetsForPolicyOutput> {
    let seat = seat(&ctx)?;
    let (state, organization) = (seat.state(), &seat.organization);
    let policy = state.policy(&organization.id, &input.policy_id).ok_or_else(error::policy_not_found)?;
    let nodes = state.nodes(organization);
    let hangs =
        |id: &&String| state.node(organization, id).is_some_and(|node| node.policies.contains(&policy.id));
    let ids: Vec<&String> = nodes.iter().filter(hangs).collect();
    let (ids, next_token) = page(ids, input.next_token.as_deref(), input.max_results, |id| id.as_str())?;
    let targets = ids.into_iter().filter_map(|id| {
        let node = state.node(organization, id)?;
        Some(PolicyTargetSummary {
            target_id: Some(id.clone()),
            arn: Some(node.arn),
            name: Some(node.name.to_owned()),
            r#type: Some(node.target_type.to_owned()),
        })
    });
    Ok(ListTargetsForPolicyOutput { targets: Some(targets.collect()), next_token })
}
