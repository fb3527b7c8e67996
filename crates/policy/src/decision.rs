//! The outcome of an evaluation and the text that AWS answers when it is a denial.

use crate::document::Effect;
use crate::evaluate::{Policies, Request};
use crate::explain::matched;
use serde::Serialize;

/// The kinds of policy that can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PolicyType {
    /// Policies of a user, its groups, or a role.
    Identity,
    /// The policy of a resource.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A permissions boundary.
    Boundary,
    /// Session policies.
    Session,
    /// Service control policies.
    Scp,
    /// Resource control policies.
    Rcp,
    /// The policy of a VPC endpoint.
    VpcEndpoint,
    /// A grant of a KMS key.
    Grant,
    /// No policy: the root user of an account may do everything in it.
    RootUser,
}

impl PolicyType {
    /// The type's name in AWS's messages, with the article of "with an explicit deny in …" and the noun phrase of
    /// "because no … allows".
    fn names(self) -> (&'static str, &'static str) {
        match self {
            PolicyType::Identity => ("an identity-based policy", "identity-based policy"),
            PolicyType::Resource => ("a resource-based policy", "resource-based policy"),
            PolicyType::Trust => ("the role trust policy", "role trust policy"),
            PolicyType::Boundary => ("a permissions boundary", "permissions boundary"),
            PolicyType::Session => ("a session policy", "session policy"),
            PolicyType::Scp => ("a service control policy", "service control policy"),
            PolicyType::Rcp => ("a resource control policy", "resource control policy"),
            PolicyType::VpcEndpoint => ("a VPC endpoint policy", "VPC endpoint policy"),
            PolicyType::Grant => ("a grant", "grant"),
            PolicyType::RootUser => ("the account's settings", "account setting"),
        }
    }

    /// The type's name as messages write it: `identity-based policy`.
    pub fn name(self) -> &'static str {
        self.names().1
    }
}

/// How the decision came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Allowed, by a policy of this type.
    Allow(PolicyType),
    /// A Deny statement in a policy of this type applies.
    ExplicitDeny(PolicyType),
    /// Nothing of this type allows, and something had to.
    ImplicitDeny(PolicyType),
}

/// Where a statement that applied stands, by indices into [`Policies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub policy_type: PolicyType,
    pub level: usize,
    pub policy: usize,
    pub statement: usize,
}

/// How many marks a decision keeps; one for each type of policy is enough.
pub(crate) const MARKS: usize = 8;

/// The outcome of [`crate::evaluate`]. It holds no text: [`Decision::matched`] looks the statements up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// How the decision came about.
    pub verdict: Verdict,
    pub(crate) marks: [Option<Mark>; MARKS],
}

/// A statement that applied to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MatchedStatement {
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
    /// What it does.
    pub effect: Effect,
}

impl Decision {
    /// AWS's text for a denial; for an allowed request too, as if nothing had allowed.
    ///
    /// The resource is left out when it is `*`, as most services do.
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    pub fn message(&self, request: &Request<'_>) -> String {
        let action = request.action;
        let reason = match self.verdict {
            Verdict::ExplicitDeny(policy_type) => {
                format!("with an explicit deny in {}", policy_type.names().0)
            }
            Verdict::ImplicitDeny(policy_type) | Verdict::Allow(policy_type) => {
                format!("because no {} allows the {action} action", policy_type.names().1)
            }
        };
        format!("{} {reason}", Decision::bare_message(request))
    }

    /// The same text without a reason, as STS answers for AssumeRole and services answer callers of other accounts.
    pub fn bare_message(request: &Request<'_>) -> String {
        let Request { principal, action, resource, .. } = request;
        match *resource {
            "*" | "" => format!("User: {} is not authorized to perform: {action}", principal.arn),
            _ => format!(
                "User: {} is not authorized to perform: {action} on resource: {resource}",
                principal.arn
            ),
        }
    }

    /// The statements that made the decision: for a denial the Deny, for an allowed request the Allow of each type of
    /// policy that had a say. `policies` must be those of the evaluation.
    pub fn matched(&self, policies: &Policies<'_>) -> Vec<MatchedStatement> {
        self.marks.iter().flatten().filter_map(|mark| mark.look_up(policies)).collect()
    }
}

impl Mark {
    fn look_up(&self, policies: &Policies<'_>) -> Option<MatchedStatement> {
        if self.policy_type == PolicyType::Grant {
            return policies.grants.list.get(self.policy).map(|grant| MatchedStatement {
                policy_type: PolicyType::Grant,
                policy_id: grant.id().to_owned(),
                holder: String::new(),
                statement: 0,
                sid: None,
                effect: Effect::Allow,
            });
        }
        let attached = policies.attached(self.policy_type, self.level, self.policy)?;
        let statement = attached.document.statements.get(self.statement)?;
        Some(matched(self.policy_type, attached, self.statement, statement))
    }
}
