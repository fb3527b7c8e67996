//! A decision as data that says everything: what had a say, what each said, what came near, what would have allowed it.
//!
//! Invariant: it is made from the policies and circumstances of the decision itself, so it cannot tell another story.

use super::instead;
use super::remedies::{self, RemedyLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_policy::{
    Change, Effect, Explanation, MatchedStatement, PolicyType, PrincipalKind, Reason, Step, Verdict,
};
use yakumo_room::{Consulted, Decided};

/// One decision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecisionLine {
    /// The ARN of who asked.
    pub principal: String,
    /// The IAM action.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// The account that owns the resource.
    pub owner: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// `allow`, `explicit_deny` (a Deny statement applies) or `implicit_deny` (nothing allows).
    pub outcome: String,
    /// The kind of policy that decided, or that would have had to allow: `identity-based policy`.
    pub policy_type: String,
    /// The decision in one sentence.
    pub summary: String,
    /// What else is to be known of it.
    pub notes: Vec<String>,
    /// The kinds of policy that had a say, in the order in which AWS looks at them.
    pub layers: Vec<LayerLine>,
    /// The statements that made it.
    pub statements: Vec<StatementLine>,
    /// For a denial without a Deny: the statements that came nearest to allowing it, nearest first.
    pub nearest: Vec<NearStatement>,
    /// For a denial: changes of policies that would have allowed it, the shortest way first.
    pub remedies: Vec<RemedyLine>,
    /// For a denial: condition keys with which the same request would have been allowed. A key without values is one
    /// that the request would not have.
    pub instead: Vec<BTreeMap<String, Vec<String>>>,
    /// The condition keys of the request, as the policies saw them.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// What the policies of one kind said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LayerLine {
    /// The kind of policy.
    pub policy_type: String,
    /// Of control policies: the level below the organization's root, which is 0.
    pub level: Option<usize>,
    /// The policies, by ARN or inline name, at most sixteen.
    pub policies: Vec<String>,
    /// How many there are.
    pub count: usize,
    /// `allows`, `denies`, `silent` (it had to allow and does not) or `passes` (it does not stand in the way).
    pub outcome: String,
}

/// Where a statement stands, and what it does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatementLine {
    /// The kind of policy: `identity-based policy`.
    pub policy_type: String,
    /// The policy's ARN or inline name.
    pub policy: String,
    /// What carries the policy.
    pub holder: String,
    /// The statement's place in the policy, from 0.
    pub statement: usize,
    /// The statement's `Sid`.
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: String,
}

/// A statement that did not apply, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NearStatement {
    /// The statement.
    #[serde(flatten)]
    pub statement: StatementLine,
    /// Every element that did not match, in a sentence each.
    pub misses: Vec<String>,
}

/// How many policies of a kind are named.
const NAMED_MAX: usize = 16;

/// A decision with all that can be said of it.
pub(crate) fn line(decided: &Decided) -> DecisionLine {
    let explanation = decided.explain();
    let (outcome, policy_type) = match explanation.verdict {
        Verdict::Allow(policy_type) => ("allow", policy_type),
        Verdict::ExplicitDeny(policy_type) => ("explicit_deny", policy_type),
        Verdict::ImplicitDeny(policy_type) => ("implicit_deny", policy_type),
    };
    let context = decided.context();
    let keys = context.iter();
    let keys = keys
        .map(|(key, values)| (key.to_owned(), values.as_slice().iter().map(ToString::to_string).collect()));
    let principal = &decided.caller.principal;
    let layers = decided.consulted().iter().map(|layer| layer_line(layer, &explanation)).collect();
    DecisionLine {
        principal: principal.arn.clone(),
        action: decided.need.action.to_string(),
        resource: decided.need.resource.clone(),
        owner: decided.need.owner.as_str().to_owned(),
        allowed: explanation.allowed,
        outcome: outcome.to_owned(),
        policy_type: policy_name(policy_type),
        notes: notes(decided),
        layers,
        remedies: remedies::lines(decided, &explanation.remedies),
        instead: instead::find(decided, &explanation.remedies),
        summary: explanation.summary,
        statements: explanation.matched.into_iter().map(matched).collect(),
        nearest: explanation.nearest.into_iter().map(near).collect(),
        keys: keys.collect(),
    }
}

/// A policy that was written for the caller's name and is held for an earlier bearer of it is easily overlooked.
fn notes(decided: &Decided) -> Vec<String> {
    let Some(attached) = decided.need.policy.as_ref().filter(|_| !decided.decision.allowed) else {
        return Vec::new();
    };
    let principal = &decided.caller.principal;
    let arn = own_arn(decided);
    let id = principal.user_id.split(':').next().unwrap_or_default();
    if !attached.document.is_held_for_another(arn, id) {
        return Vec::new();
    }
    vec![format!(
        "the policy of {} names {arn}, but means an earlier one that was deleted: policies hold whom they name by unique \
         id, and this one's is {id}. Save the policy again to trust it",
        decided.need.resource
    )]
}

/// The ARN of the identity behind a caller: of a session, its role's.
fn own_arn(decided: &Decided) -> &str {
    match &decided.caller.principal.kind {
        PrincipalKind::AssumedRole { role_arn, .. } => role_arn,
        _ => &decided.caller.principal.arn,
    }
}

fn layer_line(layer: &Consulted<'_>, explanation: &Explanation) -> LayerLine {
    let same = |step: &&Step| step.policy_type == layer.policy_type && step.level == layer.level;
    let mut steps = explanation.remedies.iter().flat_map(|remedy| &remedy.steps).filter(same).peekable();
    let is_wanted = steps.peek().is_some();
    let denies = steps.any(|step| matches!(step.change, Change::LiftDeny { .. }));
    let allows = explanation
        .matched
        .iter()
        .any(|found| found.policy_type == layer.policy_type && found.effect == Effect::Allow);
    let outcome = match (denies, is_wanted, allows) {
        (true, ..) => "denies",
        (false, true, _) => "silent",
        (false, false, true) => "allows",
        (false, false, false) => "passes",
    };
    LayerLine {
        policy_type: policy_name(layer.policy_type),
        level: layer.level,
        policies: layer.policies.iter().take(NAMED_MAX).map(|policy| policy.id.clone()).collect(),
        count: layer.policies.len(),
        outcome: outcome.to_owned(),
    }
}

/// What a type of policy is called.
pub(crate) fn policy_name(policy_type: PolicyType) -> String {
    match policy_type {
        PolicyType::RootUser => "root user".to_owned(),
        other => other.name().to_owned(),
    }
}

/// A statement that applied.
pub(crate) fn matched(found: MatchedStatement) -> StatementLine {
    StatementLine {
        policy_type: policy_name(found.policy_type),
        policy: found.policy_id,
        holder: found.holder,
        statement: found.statement,
        sid: found.sid,
        effect: match found.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        }
        .to_owned(),
    }
}

/// A statement that did not apply.
pub(crate) fn near(reason: Reason) -> NearStatement {
    NearStatement {
        statement: StatementLine {
            policy_type: policy_name(reason.policy_type),
            policy: reason.policy_id,
            holder: reason.holder,
            statement: reason.statement,
            sid: reason.sid,
            effect: "Allow".to_owned(),
        },
        misses: reason.misses.iter().map(ToString::to_string).collect(),
    }
}
