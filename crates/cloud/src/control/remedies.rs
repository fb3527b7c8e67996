//! What would have allowed a denied request, in words that somebody can act on.

use super::decisions::{NearStatement, StatementLine, matched, near, policy_name};
use serde::{Deserialize, Serialize};
use yakumo_policy::{Change, MetCondition, PolicyType, PrincipalKind, Remedy, Step};
use yakumo_room::{Consulted, Decided};

/// How many ways out are told.
const REMEDIES_MAX: usize = 4;
/// How many actions of a limiting policy are told.
const ACTIONS_MAX: usize = 8;

/// One way: all of its steps together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RemedyLine {
    /// What has to be done.
    pub steps: Vec<StepLine>,
}

/// One change of a policy.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepLine {
    /// The kind of policy: `permissions boundary`.
    pub policy_type: String,
    /// What would have to be, in one sentence: `an identity-based policy of … allows sqs:SendMessage on …`.
    pub what: String,
    /// The Deny statement that stands in the way, if one does.
    pub denies: Option<StatementLine>,
    /// Why it applies: its conditions, in a sentence each.
    pub because: Vec<String>,
    /// Statements that are there already and lack only conditions.
    pub near: Vec<NearStatement>,
}

/// The ways out of a denial.
pub(crate) fn lines(decided: &Decided, remedies: &[Remedy]) -> Vec<RemedyLine> {
    let steps = |remedy: &Remedy| remedy.steps.iter().map(|step| line(decided, step)).collect();
    remedies.iter().take(REMEDIES_MAX).map(|remedy| RemedyLine { steps: steps(remedy) }).collect()
}

fn line(decided: &Decided, step: &Step) -> StepLine {
    let policy_type = policy_name(step.policy_type);
    match &step.change {
        Change::LiftDeny { statement, met } => {
            let denies = matched(statement.clone());
            let what = format!("{} does not deny it", place(&denies));
            let because = met.iter().map(because).collect();
            StepLine { policy_type, what, denies: Some(denies), because, near: Vec::new() }
        }
        Change::AddAllow { principal, action, resource, near: nearest } => {
            let whom = principal.as_ref().map(|(_, name)| name.as_str());
            let what = format!("{} allows {action} on {resource}", subject(decided, step));
            let what = match whom {
                Some("*") | None => what,
                Some(whom) => format!("{what} to {whom}"),
            };
            let what = match only(decided, step) {
                Some(only) => format!("{what}; {only}"),
                None => what,
            };
            let near = nearest.iter().map(|reason| near(reason.clone())).collect();
            StepLine { policy_type, what, denies: None, because: Vec::new(), near }
        }
    }
}

/// Which policy would have to allow.
fn subject(decided: &Decided, step: &Step) -> String {
    let principal = &decided.caller.principal;
    let resource = &decided.need.resource;
    let ids = consulted(decided, step).map(|layer| layer.policies).unwrap_or_default();
    let first = ids.first();
    match step.policy_type {
        PolicyType::Identity => {
            let holder = match &principal.kind {
                PrincipalKind::AssumedRole { role_arn, .. } => role_arn,
                PrincipalKind::FederatedUser { user_arn } => user_arn,
                _ => &principal.arn,
            };
            format!("an identity-based policy of {holder}")
        }
        PolicyType::Trust => "the role's trust policy".to_owned(),
        PolicyType::Resource if first.is_some() => format!("the policy of {resource}"),
        PolicyType::Resource => format!("a policy of {resource} itself"),
        PolicyType::Boundary => {
            format!("the permissions boundary {}", first.map(|policy| policy.id.as_str()).unwrap_or_default())
        }
        PolicyType::Session => "a session policy that the session was made with".to_owned(),
        PolicyType::Scp | PolicyType::Rcp => {
            let kind = step.policy_type.name();
            let level = step.level.unwrap_or_default();
            match first {
                Some(policy) if !policy.holder.is_empty() => format!("a {kind} of {}", policy.holder),
                _ if level == 0 => format!("a {kind} of the organization's root"),
                _ => format!("a {kind} at level {level} below the organization's root"),
            }
        }
        other => format!("a {}", other.name()),
    }
}

/// What a policy that limits leaves, so that nobody has to look it up.
fn only(decided: &Decided, step: &Step) -> Option<String> {
    let limits = [PolicyType::Boundary, PolicyType::Session, PolicyType::Scp, PolicyType::Rcp];
    let layer = consulted(decided, step).filter(|_| limits.contains(&step.policy_type))?;
    let mut actions: Vec<&str> =
        layer.policies.iter().flat_map(|policy| policy.document.allowed_actions()).collect();
    actions.sort_unstable();
    actions.dedup();
    let more = actions.len().saturating_sub(ACTIONS_MAX);
    actions.truncate(ACTIONS_MAX);
    let subject = if layer.policies.len() == 1 { "it allows only" } else { "they allow only" };
    match (actions.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("{subject} {}", actions.join(", "))),
        (false, more) => Some(format!("{subject} {} and {more} more", actions.join(", "))),
    }
}

fn consulted<'a>(decided: &'a Decided, step: &Step) -> Option<Consulted<'a>> {
    let same = |layer: &Consulted<'_>| layer.policy_type == step.policy_type && layer.level == step.level;
    decided.consulted().into_iter().find(same)
}

fn because(met: &MetCondition) -> String {
    let found = match &met.found {
        Some(values) => format!("is {}", values.join(", ")),
        None => "is not there".to_owned(),
    };
    format!("{} {found} ({} {})", met.key, met.operator, met.wanted.join(", "))
}

/// Where a statement stands, counted from 1 as people count.
pub(crate) fn place(statement: &StatementLine) -> String {
    let number = statement.statement + 1;
    let sid = statement.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let holder =
        if statement.holder.is_empty() { String::new() } else { format!(", of {}", statement.holder) };
    format!("statement {number}{sid} of {} {}{holder}", statement.policy_type, statement.policy)
}
