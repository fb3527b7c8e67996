//! Policies: made, changed, shown. What a policy does is `places`' business.

use crate::error;
use crate::pages::page;
use crate::realm::{Draft, Realm};
use crate::seats::seat;
use crate::state::{Organization, Policy, PolicyType, fresh_id};
use crate::tag_policies::{document, touch};
use crate::{control, tags};
use std::sync::Arc;
use yakumo_api_organizations::{
    CreatePolicyInput, CreatePolicyOutput, DeletePolicyInput, DeletePolicyOutput, DescribePolicyInput,
    DescribePolicyOutput, ListPoliciesInput, ListPoliciesOutput, Policy as Shown, PolicySummary,
    UpdatePolicyInput, UpdatePolicyOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

pub(crate) fn summary(policy: &Policy) -> PolicySummary {
    PolicySummary {
        id: Some(policy.id.clone()),
        arn: Some(policy.arn()),
        name: Some(policy.name.clone()),
        description: Some(policy.description.clone()),
        r#type: Some(policy.policy_type.as_str().into()),
        aws_managed: Some(policy.is_of_aws()),
    }
}

fn shown(policy: &Policy) -> Shown {
    Shown { policy_summary: Some(summary(policy)), content: Some(policy.content.clone()) }
}

/// The type of that name. Those that would be kept without acting are refused.
pub(crate) fn policy_type(text: &str) -> Result<PolicyType> {
    PolicyType::parse(text).ok_or_else(|| error::not_implemented(&format!("The policy type {text}")))
}

/// Refuses a text that is no policy of its type.
fn check(ctx: &Ctx, policy_type: PolicyType, content: &str) -> Result<()> {
    match policy_type.kind() {
        Some(kind) => control::check(kind, content),
        None => document::check(ctx.world(), content),
    }
}

/// AWS: names are unique among the policies of a type.
fn refuse_twin(
    draft: &Draft,
    organization: &Organization,
    policy_type: PolicyType,
    name: &str,
    own: Option<&str>,
) -> Result<()> {
    let is_twin = |policy: &Arc<Policy>| {
        policy.policy_type == policy_type && policy.name == name && own != Some(policy.id.as_str())
    };
    let mut known = draft.state.policies.values().filter(|policy| is_of(policy, organization));
    if known.any(is_twin) { Err(error::duplicate_policy()) } else { Ok(()) }
}

fn is_of(policy: &Policy, organization: &Organization) -> bool {
    policy.is_of_aws() || policy.organization == organization.id
}

/// A policy that may be changed.
fn own(draft: &Draft, organization: &Organization, id: &str) -> Result<Policy> {
    let policy = draft.state.policy(&organization.id, id).ok_or_else(error::policy_not_found)?;
    if policy.is_of_aws() {
        return Err(error::policy_immutable());
    }
    Ok(Policy::clone(policy))
}

pub(crate) async fn create_policy(ctx: Ctx, input: CreatePolicyInput) -> Result<CreatePolicyOutput> {
    let policy_type = policy_type(&input.r#type)?;
    let tags = tags::fresh(input.tags.as_deref())?;
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        if !organization.all_features {
            return Err(error::policy_type_not_available());
        }
        check(&ctx, policy_type, &input.content)?;
        refuse_twin(draft, &organization, policy_type, &input.name, None)?;
        let count = draft.state.policies.values();
        let count = count
            .filter(|policy| policy.organization == organization.id && policy.policy_type == policy_type);
        if count.count() >= policy_type.count_max() {
            return Err(error::too_many_policies());
        }
        let policy = Policy {
            id: fresh_id(&ctx.base().ids, "p-", 8),
            organization: organization.id.clone(),
            management: Some(organization.management),
            policy_type,
            name: input.name.clone(),
            description: input.description.clone(),
            content: input.content.clone(),
            tags,
        };
        let answer = shown(&policy);
        draft.put(policy);
        Ok(answer)
    });
    Ok(CreatePolicyOutput { policy: Some(work.await?) })
}

pub(crate) async fn update_policy(ctx: Ctx, input: UpdatePolicyInput) -> Result<UpdatePolicyOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let before = own(draft, &organization, &input.policy_id)?;
        let mut policy = before.clone();
        if let Some(content) = &input.content {
            check(&ctx, policy.policy_type, content)?;
            policy.content.clone_from(content);
        }
        if let Some(name) = &input.name {
            refuse_twin(draft, &organization, policy.policy_type, name, Some(&policy.id))?;
            policy.name.clone_from(name);
        }
        if let Some(description) = &input.description {
            policy.description.clone_from(description);
        }
        let answer = shown(&policy);
        if policy != before {
            let policy_type = policy.policy_type;
            draft.put(policy);
            touch(draft, &ctx, policy_type)?;
        }
        Ok(answer)
    });
    Ok(UpdatePolicyOutput { policy: Some(work.await?) })
}

pub(crate) async fn delete_policy(ctx: Ctx, input: DeletePolicyInput) -> Result<DeletePolicyOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let policy = own(draft, &organization, &input.policy_id)?;
        let nodes = draft.state.nodes(&organization);
        let mut nodes = nodes.iter().filter_map(|id| draft.state.node(&organization, id));
        if nodes.any(|node| node.policies.contains(&policy.id)) {
            return Err(error::policy_in_use());
        }
        draft.remove::<Policy>(&policy.id);
        Ok(())
    });
    work.await?;
    Ok(DeletePolicyOutput {})
}

pub(crate) async fn describe_policy(ctx: Ctx, input: DescribePolicyInput) -> Result<DescribePolicyOutput> {
    let seat = seat(&ctx)?;
    let policy = seat.state().policy(&seat.organization.id, &input.policy_id);
    Ok(DescribePolicyOutput { policy: Some(shown(policy.ok_or_else(error::policy_not_found)?)) })
}

pub(crate) async fn list_policies(ctx: Ctx, input: ListPoliciesInput) -> Result<ListPoliciesOutput> {
    let seat = seat(&ctx)?;
    // Of the other types there are none, since none can be made.
    let policy_type = PolicyType::parse(&input.filter);
    let policies = seat.state().policies.values();
    let policies: Vec<&Arc<Policy>> = policies
        .filter(|policy| is_of(policy, &seat.organization) && Some(policy.policy_type) == policy_type)
        .collect();
    let (policies, next_token) =
        page(policies, input.next_token.as_deref(), input.max_results, |policy| policy.id.as_str())?;
    let policies = policies.into_iter().map(|policy| summary(policy)).collect();
    Ok(ListPoliciesOutput { policies: Some(policies), next_token })
}
