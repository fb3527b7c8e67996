//! Why a request was allowed or denied, statement by statement, in words that a person can act on.
//!
//! It walks the same policies with the same matching as [`crate::evaluate`], so it cannot tell another story.

use crate::decision::{MatchedStatement, PolicyType, Verdict};
use crate::document::{Attached, Effect};
use crate::evaluate::{Policies, Request, evaluate};
use crate::remedy::{self, Remedy};
use crate::statement::{Matchers, Statement};
use crate::subject::Subject;
use serde::Serialize;
use std::fmt;

/// How many near misses are told.
const MAX_REASONS: usize = 8;

/// The whole story of a decision.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Whether the request may go on.
    pub allowed: bool,
    /// How the decision came about.
    pub verdict: Verdict,
    /// One sentence.
    pub summary: String,
    /// The statements that made the decision (for an implicit denial, those that allowed where they were asked).
    pub matched: Vec<MatchedStatement>,
    /// For a denial without a Deny: the Allow statements of the type of policy that had to allow, nearest first.
    pub nearest: Vec<Reason>,
    /// For a denial: the ways in which it would have been allowed, the shortest first.
    pub remedies: Vec<Remedy>,
}

/// A statement that did not apply, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The type of the policy that it is in.
    pub policy_type: PolicyType,
    /// The policy's ARN or inline name.
    pub policy_id: String,
    /// What carries the policy.
    pub holder: String,
    /// The statement's place in the policy, from 0.
    pub statement: usize,
    /// The statement's `Sid`.
    pub sid: Option<String>,
    /// Every element that did not match.
    pub misses: Vec<Miss>,
}

/// An element of a statement that did not match the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Miss {
    /// `Action` or `NotAction`.
    Action {
        /// What was asked.
        asked: String,
        /// What the statement says.
        wanted: Vec<String>,
        /// Whether it says `NotAction`.
        negated: bool,
    },
    /// `Resource` or `NotResource`.
    Resource {
        /// What was asked.
        asked: String,
        /// What the statement says.
        wanted: Vec<String>,
        /// Whether it says `NotResource`.
        negated: bool,
        /// A policy variable in it that the request cannot fill.
        unresolved: Option<String>,
    },
    /// `Principal` or `NotPrincipal`.
    Principal {
        /// Who asked.
        asked: String,
        /// What the statement says.
        wanted: Vec<String>,
        /// Whether it says `NotPrincipal`.
        negated: bool,
    },
    /// One condition.
    Condition {
        /// The operator as written.
        operator: String,
        /// The key as written.
        key: String,
        /// What the statement says.
        wanted: Vec<String>,
        /// The request's values; `None` when it has no such key.
        found: Option<Vec<String>>,
        /// A policy variable in it that the request cannot fill.
        unresolved: Option<String>,
    },
}

/// Judges the request again and says why. Allocates freely: for people, not for the request path.
pub fn explain(request: &Request<'_>, policies: &Policies<'_>) -> Explanation {
    let decision = evaluate(request, policies);
    let matched = decision.matched(policies);
    let nearest = match decision.verdict {
        Verdict::ImplicitDeny(policy_type) => nearest(request, policies, policy_type),
        Verdict::Allow(_) | Verdict::ExplicitDeny(_) => Vec::new(),
    };
    let summary = summary(decision.verdict, request, policies, &matched);
    let remedies = if decision.allowed { Vec::new() } else { remedy::remedies(request, policies) };
    Explanation { allowed: decision.allowed, verdict: decision.verdict, summary, matched, nearest, remedies }
}

fn summary(
    verdict: Verdict,
    request: &Request<'_>,
    policies: &Policies<'_>,
    matched: &[MatchedStatement],
) -> String {
    let (who, action, resource) = (&request.principal.arn, request.action, request.resource);
    match verdict {
        Verdict::Allow(PolicyType::RootUser) => {
            format!("{who} is the root user of its account and needs no policy for {action}.")
        }
        Verdict::Allow(policy_type) => {
            let by = matched
                .iter()
                .find(|found| found.policy_type == policy_type)
                .map(MatchedStatement::to_string);
            format!("{action} on {resource} is allowed by {}.", by.unwrap_or_default())
        }
        Verdict::ExplicitDeny(_) => {
            let by = matched.first().map(MatchedStatement::to_string).unwrap_or_default();
            format!("{action} on {resource} is denied by {by}: an explicit deny wins over every allow.")
        }
        Verdict::ImplicitDeny(policy_type) => {
            let none = count(policies, policy_type) == 0;
            let lead = if none { "there is no" } else { "no statement allows it in any" };
            format!("{action} on {resource} is denied to {who}: {lead} {}.", policy_type.name())
        }
    }
}

fn count(policies: &Policies<'_>, policy_type: PolicyType) -> usize {
    levels(policies, policy_type).map(<[Attached]>::len).sum()
}

fn levels<'a>(policies: &Policies<'a>, policy_type: PolicyType) -> impl Iterator<Item = &'a [Attached]> {
    let depth = match policy_type {
        PolicyType::Scp => policies.scps.len(),
        PolicyType::Rcp => policies.rcps.len(),
        _ => 1,
    };
    let policies = *policies;
    (0..depth).map(move |level| policies.of_type(policy_type, level))
}

fn nearest(request: &Request<'_>, policies: &Policies<'_>, policy_type: PolicyType) -> Vec<Reason> {
    let subject = Subject::new(request, policies);
    let mut reasons: Vec<Reason> =
        levels(policies, policy_type).flat_map(|list| allow_reasons(&subject, list, policy_type)).collect();
    reasons.sort_by_key(Reason::distance);
    reasons.truncate(MAX_REASONS);
    reasons
}

/// Every Allow statement of these policies that does not apply, nearest first.
pub(crate) fn allow_reasons(
    subject: &Subject<'_>,
    list: &[Attached],
    policy_type: PolicyType,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for attached in list {
        for (index, statement) in attached.document.statements.iter().enumerate() {
            let misses = statement.misses(subject);
            if statement.effect == Effect::Allow && !misses.is_empty() {
                reasons.push(Reason {
                    policy_type,
                    policy_id: attached.id.clone(),
                    holder: attached.holder.clone(),
                    statement: index,
                    sid: statement.sid.as_deref().map(str::to_owned),
                    misses,
                });
            }
        }
    }
    reasons.sort_by_key(Reason::distance);
    reasons
}

/// A statement with its place, as decisions and remedies name it.
pub(crate) fn matched(
    policy_type: PolicyType,
    attached: &Attached,
    index: usize,
    statement: &Statement,
) -> MatchedStatement {
    MatchedStatement {
        policy_type,
        policy_id: attached.id.clone(),
        holder: attached.holder.clone(),
        statement: index,
        sid: statement.sid.as_deref().map(str::to_owned),
        effect: statement.effect,
    }
}

impl Reason {
    fn distance(&self) -> u32 {
        self.misses.iter().map(Miss::distance).sum()
    }
}

impl Miss {
    /// A statement about another action is farther away than one whose condition is not met.
    fn distance(&self) -> u32 {
        match self {
            Miss::Action { .. } => 100,
            Miss::Resource { .. } | Miss::Principal { .. } => 10,
            Miss::Condition { .. } => 1,
        }
    }
}

impl Statement {
    /// Every element that does not match; none when the statement applies.
    fn misses(&self, subject: &Subject<'_>) -> Vec<Miss> {
        let request = subject.request;
        let mut misses = Vec::new();
        if !self.covers_action(subject) {
            let (wanted, negated) = (sources(&self.actions), self.actions.negated);
            misses.push(Miss::Action { asked: request.action.to_owned(), wanted, negated });
        }
        if let Some(resources) = self.resources.as_ref().filter(|_| !self.covers_resource(subject)) {
            let unresolved = resources.list.iter().find_map(|pattern| pattern.unresolved(subject));
            misses.push(Miss::Resource {
                asked: request.resource.to_owned(),
                wanted: sources(resources),
                negated: resources.negated,
                unresolved: unresolved.map(str::to_owned),
            });
        }
        if let Some(principals) = self.principals.as_ref().filter(|_| self.reach(subject).is_none()) {
            misses.push(Miss::Principal {
                asked: request.principal.arn.clone(),
                wanted: principals.source.iter().map(|name| name.to_string()).collect(),
                negated: principals.negated,
            });
        }
        for condition in self.conditions.iter().filter(|condition| !condition.holds(subject)) {
            misses.push(Miss::Condition {
                operator: condition.operator_name().to_owned(),
                key: condition.key_name().to_owned(),
                wanted: condition.wanted(),
                found: (!condition.key_is_absent(subject)).then(|| condition.found(subject)),
                unresolved: condition.unresolved(subject),
            });
        }
        misses
    }
}

fn sources(matchers: &Matchers) -> Vec<String> {
    matchers.list.iter().map(|pattern| pattern.source().to_owned()).collect()
}

impl fmt::Display for MatchedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.statement)?;
        if let Some(sid) = &self.sid {
            write!(f, " ({sid})")?;
        }
        write!(f, " of the {} {}", self.policy_type.name(), self.policy_id)?;
        if self.holder.is_empty() { Ok(()) } else { write!(f, " of {}", self.holder) }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "Not" } else { "" };
        let list = |items: &[String]| items.join(", ");
        match self {
            Miss::Action { asked, wanted, negated } => {
                write!(f, "the action {asked} does not match {}Action {}", not(negated), list(wanted))
            }
            Miss::Resource { asked, wanted, negated, .. } => {
                write!(f, "the resource {asked} does not match {}Resource {}", not(negated), list(wanted))
            }
            Miss::Principal { asked, wanted, negated } => {
                write!(f, "the caller {asked} does not match {}Principal {}", not(negated), list(wanted))
            }
            Miss::Condition { operator, key, wanted, found, .. } => {
                write!(f, "the condition {operator} {key} wants {} and the request has ", list(wanted))?;
                match found {
                    Some(found) => write!(f, "{}", list(found)),
                    None => f.write_str("no such key"),
                }
            }
        }?;
        match self {
            Miss::Resource { unresolved: Some(key), .. } | Miss::Condition { unresolved: Some(key), .. } => {
                write!(f, "; the variable {key} has no value here")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self
            .sid
            .as_ref()
            .map_or_else(|| self.statement.to_string(), |sid| format!("{} ({sid})", self.statement));
        write!(f, "statement {place} of the {} {}: ", self.policy_type.name(), self.policy_id)?;
        let misses: Vec<String> = self.misses.iter().map(Miss::to_string).collect();
        f.write_str(&misses.join("; "))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        for reason in &self.nearest {
            write!(f, "\n  {reason}")?;
        }
        Ok(())
    }
}
