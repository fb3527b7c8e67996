//! `GET /_yakumo/requests/ID`: one request with every decision that was made for it, and what made it.

use super::answer::Answer;
use super::requests::{self, RequestLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_front::{Entry, Front};
use yakumo_policy::{Effect, Explanation, MatchedStatement, PolicyType, Reason, Verdict};
use yakumo_room::Decided;

/// A request and the decisions that were made for it, in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explained {
    /// The request.
    pub request: RequestLine,
    /// The decisions. Empty when nothing was asked of the policies.
    pub decisions: Vec<DecisionLine>,
}

/// One decision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecisionLine {
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
    /// The statements that made it.
    pub statements: Vec<StatementLine>,
    /// For a denial without a Deny: the statements that came nearest to allowing it, nearest first.
    pub nearest: Vec<NearStatement>,
    /// The condition keys of the request, as the policies saw them.
    pub keys: BTreeMap<String, Vec<String>>,
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

pub(crate) fn answer(front: &Front, id: &str) -> Result<Answer, Answer> {
    let entry = front.journal.find(id).ok_or_else(|| {
        Answer::not_found(format!(
            "no request {id} is remembered; the last {} are",
            yakumo_front::JOURNAL_ENTRIES_MAX
        ))
    })?;
    Ok(Answer::json(&explained(&entry)))
}

fn explained(entry: &Entry) -> Explained {
    let decisions = entry.decided.iter().map(|decided| line(decided, decided.explain())).collect();
    Explained { request: requests::line(entry), decisions }
}

fn line(decided: &Decided, explanation: Explanation) -> DecisionLine {
    let (outcome, policy_type) = match explanation.verdict {
        Verdict::Allow(policy_type) => ("allow", policy_type),
        Verdict::ExplicitDeny(policy_type) => ("explicit_deny", policy_type),
        Verdict::ImplicitDeny(policy_type) => ("implicit_deny", policy_type),
    };
    let context = decided.context();
    let keys = context.iter();
    let keys = keys
        .map(|(key, values)| (key.to_owned(), values.as_slice().iter().map(ToString::to_string).collect()));
    DecisionLine {
        action: decided.need.action.to_string(),
        resource: decided.need.resource.clone(),
        owner: decided.need.owner.as_str().to_owned(),
        allowed: explanation.allowed,
        outcome: outcome.to_owned(),
        policy_type: policy_name(policy_type),
        summary: explanation.summary,
        statements: explanation.matched.into_iter().map(matched).collect(),
        nearest: explanation.nearest.into_iter().map(near).collect(),
        keys: keys.collect(),
    }
}

fn policy_name(policy_type: PolicyType) -> String {
    match policy_type {
        PolicyType::RootUser => "root user".to_owned(),
        other => other.name().to_owned(),
    }
}

fn matched(found: MatchedStatement) -> StatementLine {
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

fn near(reason: Reason) -> NearStatement {
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
