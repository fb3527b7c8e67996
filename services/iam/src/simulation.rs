//! The policy simulator: what would be decided, by the engine that decides.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

mod answer;
mod context;
mod exclusions;
mod judge;
mod questions;
mod sources;
mod text;

use crate::entities::{Carried, Entity, Origin, managed_text};
use crate::error;
use crate::paging::{Asked, Page};
use crate::state::split_arn;
use exclusions::Exclusions;
use judge::{Judge, Scene};
use questions::Questions;
use sources::{Source, given, given_boundary};
use yakumo_api_iam::{
    EvaluationResult, OrderedOrganizationPolicyType, SimulateCustomPolicyInput, SimulateCustomPolicyOutput,
    SimulatePrincipalPolicyInput, SimulatePrincipalPolicyOutput,
};
use yakumo_aws::{AccountId, Result};
use yakumo_policy::{Attached, PolicyKind, Principal, PrincipalKind};
use yakumo_room::Ctx;

pub(crate) use text::passages;

/// Decisions in one page; AWS: a page may hold less than was asked for.
const DECISIONS_MAX: usize = 5_000;
/// Statements that one page may look at, over all its decisions: some tenths of a second.
const STATEMENTS_MAX: usize = 2_000_000;

pub(crate) async fn simulate_custom_policy(
    ctx: Ctx,
    input: SimulateCustomPolicyInput,
) -> Result<SimulateCustomPolicyOutput> {
    let principal = match &input.caller_arn {
        Some(arn) => principal(&ctx, arn).await?,
        None => None,
    };
    let asked = Asked::new(&input.marker, input.max_items);
    let questions = Questions::read(
        &input.action_names,
        input.resource_arns.as_deref(),
        input.resource_handling_option.as_deref(),
    )?;
    let scene = Scene {
        account: account_of(&ctx, principal.as_ref()),
        identity: given("PolicyInputList", Some(&input.policy_input_list), PolicyKind::Identity)?,
        boundary: given_boundary(input.permissions_boundary_policy_input_list.as_deref())?,
        resource: resource_policy(input.resource_policy.as_deref(), &questions, principal.as_ref())?,
        scps: input.ordered_organization_policy_input_list.as_deref().map(levels).transpose()?,
        owner: questions::owner(input.resource_owner.as_deref())?,
        context: context::context(input.context_entries.as_deref())?,
        principal,
    };
    let page = answer_page(&scene, &questions, asked)?;
    Ok(SimulateCustomPolicyOutput {
        is_truncated: page.is_truncated(),
        evaluation_results: Some(page.items),
        marker: page.marker,
    })
}

pub(crate) async fn simulate_principal_policy(
    ctx: Ctx,
    input: SimulatePrincipalPolicyInput,
) -> Result<SimulatePrincipalPolicyOutput> {
    let entity = Entity::find(&ctx, &input.policy_source_arn).await?;
    let excluded = Exclusions::read(input.policy_exclusion_list.as_deref())?;
    let principal = principal(&ctx, input.caller_arn.as_deref().unwrap_or(&input.policy_source_arn)).await?;
    let asked = Asked::new(&input.marker, input.max_items);
    let questions = Questions::read(
        &input.action_names,
        input.resource_arns.as_deref(),
        input.resource_handling_option.as_deref(),
    )?;
    let mut identity = Vec::new();
    for carried in entity.policies(&ctx).await? {
        identity.push(Source::carried(&carried)?);
    }
    identity.retain(|source| excluded.keeps(source));
    identity.extend(given("PolicyInputList", input.policy_input_list.as_deref(), PolicyKind::Identity)?);
    let boundary = match given_boundary(input.permissions_boundary_policy_input_list.as_deref())? {
        Some(given) => Some(given),
        None => own_boundary(&ctx, &entity, &excluded).await?,
    };
    let place = ctx.world().organizations.place(ctx.account());
    let scps = place.map(|place| if excluded.scps { Vec::new() } else { place.scps.clone() });
    let scene = Scene {
        account: account_of(&ctx, principal.as_ref()),
        resource: resource_policy(input.resource_policy.as_deref(), &questions, principal.as_ref())?,
        owner: questions::owner(input.resource_owner.as_deref())?,
        context: context::context(input.context_entries.as_deref())?,
        identity,
        boundary,
        scps,
        principal,
    };
    let page = answer_page(&scene, &questions, asked)?;
    Ok(SimulatePrincipalPolicyOutput {
        is_truncated: page.is_truncated(),
        evaluation_results: Some(page.items),
        marker: page.marker,
    })
}

/// One page of results, one for each action.
fn answer_page(scene: &Scene, questions: &Questions<'_>, asked: Asked<'_>) -> Result<Page<EvaluationResult>> {
    let numbered: Vec<(String, &String)> =
        questions.actions.iter().enumerate().map(|(at, action)| (format!("{at:08}"), action)).collect();
    let judge = Judge::new(scene);
    let decisions = questions.resources.len();
    let statements = decisions.saturating_mul(judge.statements().max(1));
    if statements > STATEMENTS_MAX {
        return Err(error::invalid_input("The policies and resources of the simulation are too many."));
    }
    let most = (DECISIONS_MAX / decisions.max(1)).min(STATEMENTS_MAX / statements.max(1)).max(1);
    let page = asked.at_most(most).slice(numbered, |(key, _)| key)?;
    let answer = |(_, action): (String, &String)| {
        let findings = questions.resources.iter().map(|resource| judge.judge(action, resource)).collect();
        answer::result(action, findings, questions.all_resources)
    };
    Ok(Page { items: page.items.into_iter().map(answer).collect(), marker: page.marker })
}

/// The simulated caller that an ARN names; a group is nobody in particular.
///
/// Only callers of the account that asks are looked up: what is known of others is their ARN.
async fn principal(ctx: &Ctx, arn: &str) -> Result<Option<Principal>> {
    let Some((account, kind, _)) = split_arn(arn) else { return Err(error::invalid_entity_arn(arn)) };
    if !matches!(kind, "user" | "group" | "role") {
        return Err(error::invalid_entity_arn(arn));
    }
    if account == ctx.account()
        && let Some(caller) = ctx.world().principals.caller(arn).await?
    {
        return Ok(Some(caller.principal.clone()));
    }
    Ok(match kind {
        "user" => Some(Principal::user(account, arn, "")),
        "role" => Some(Principal::assumed_role("aws", account, arn, "", "session")),
        _ => None,
    })
}

fn account_of(ctx: &Ctx, principal: Option<&Principal>) -> AccountId {
    principal.and_then(|principal| principal.account).unwrap_or(ctx.account())
}

/// AWS: simulation of resource policies "isn't supported for IAM roles", nor without a caller.
fn resource_policy(
    text: Option<&str>,
    questions: &Questions<'_>,
    principal: Option<&Principal>,
) -> Result<Option<Source>> {
    let Some(text) = text else { return Ok(None) };
    match principal {
        Some(Principal { kind: PrincipalKind::User, .. }) => {
            Ok(Some(Source::resource(text, questions.service())?))
        }
        _ => Err(error::caller_must_be_user()),
    }
}

async fn own_boundary(ctx: &Ctx, entity: &Entity, excluded: &Exclusions) -> Result<Option<Source>> {
    let Some(arn) = entity.grants().boundary.clone() else { return Ok(None) };
    if excluded.boundary || excluded.names(&arn) {
        return Ok(None);
    }
    let text = managed_text(ctx, ctx.account(), &arn).await?;
    Ok(Some(Source::carried(&Carried { origin: Origin::Managed { arn }, text })?))
}

/// Service control policies that were given as texts, one list for each level from the root down.
fn levels(list: &[OrderedOrganizationPolicyType]) -> Result<Vec<Vec<Attached>>> {
    let level = |(at, level): (usize, &OrderedOrganizationPolicyType)| {
        let name = format!("OrderedOrganizationPolicyInputList.{}.ServiceControlPolicyInputList", at + 1);
        let policies = given(&name, level.service_control_policy_input_list.as_deref(), PolicyKind::Scp)?;
        Ok(policies.iter().map(Source::attached).collect())
    };
    list.iter().enumerate().map(level).collect()
}
