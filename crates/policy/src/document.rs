//! A compiled policy document, and one that is attached somewhere.

use crate::grammar::{self, Malformed};
use crate::grantee::{Grantee, Reach};
use crate::statement::Statement;
use crate::subject::Subject;
use std::sync::Arc;

/// Where a policy is going to be used; the grammar and the texts of its errors depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind<'a> {
    /// An inline policy of a user, group or role: no principal; every version of the language.
    Identity,
    /// A managed policy: as [`PolicyKind::Identity`], but of version 2012-10-17.
    Managed,
    /// The policy of a resource of the named service (`sqs`, `s3`, `kms` …): names principals.
    Resource {
        /// The service's prefix in actions and ARNs.
        service: &'a str,
    },
    /// A role's trust policy: names principals, no resources, only actions of STS.
    Trust,
    /// A service control policy of Organizations.
    Scp,
    /// A resource control policy of Organizations.
    Rcp,
    /// A session policy, as given to AssumeRole or GetFederationToken.
    Session,
    /// A permissions boundary, which is a managed policy.
    Boundary,
    /// The policy of a VPC endpoint: names principals.
    VpcEndpoint,
}

/// What a statement does when it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Effect {
    /// Grants, unless something denies.
    Allow,
    /// Denies, whatever else grants.
    Deny,
}

/// A policy, parsed and compiled. It keeps no reference to its text.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) id: Option<Box<str>>,
    pub(crate) statements: Box<[Statement]>,
    pub(crate) trust: bool,
    pub(crate) mandatory: bool,
}

/// What one document says about a request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Findings {
    /// The first Deny statement that applies.
    pub deny: Option<usize>,
    /// The Allow statement that reaches the caller most directly, the first of those.
    pub allow: Option<(usize, Reach)>,
}

impl Document {
    /// Parses and compiles a policy.
    ///
    /// The text may be 256 KiB long and nested 128 levels deep; quotas of a policy type are the room's to check.
    /// The error carries AWS's text for `MalformedPolicyDocument`.
    pub fn parse(text: &str, kind: PolicyKind<'_>) -> Result<Document, Malformed> {
        grammar::parse(text, kind)
    }

    /// The `Id` element, when there is one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The action patterns of all statements, as written, with duplicates.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.statements
            .iter()
            .flat_map(|statement| statement.actions.list.iter())
            .map(|pattern| pattern.source())
    }

    /// Whether it is a role's trust policy.
    pub fn is_trust(&self) -> bool {
        self.trust
    }

    /// The action patterns of the Allow statements, as written, with duplicates; those of `NotAction` are left out.
    pub fn allowed_actions(&self) -> impl Iterator<Item = &str> {
        let allows = self.statements.iter().filter(|it| it.effect == Effect::Allow && !it.actions.negated);
        allows.flat_map(|statement| statement.actions.list.iter()).map(|pattern| pattern.source())
    }

    /// The resource patterns of all statements, as written, with duplicates.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let elements = self.statements.iter().filter_map(|statement| statement.resources.as_ref());
        elements.flat_map(|resources| resources.list.iter()).map(|pattern| pattern.source())
    }

    /// The user, role and session ARNs that the policy names as principals; a room checks that they exist.
    pub fn principal_arns(&self) -> impl Iterator<Item = &str> {
        let elements = self.statements.iter().filter_map(|statement| statement.principals.as_ref());
        elements.flat_map(|principals| principals.list.iter()).filter_map(|grantee| match grantee {
            Grantee::Arn(arn) => Some(&**arn),
            _ => None,
        })
    }

    /// Puts unique ids (`AIDA…`, `AROA…`) in the place of the ARNs that `resolve` knows.
    ///
    /// AWS: a trust policy keeps the unique id of a user or role it names, so that a new one with the old name is not
    /// trusted (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).
    pub fn pin_principals(&mut self, resolve: impl Fn(&str) -> Option<String>) {
        let elements = self.statements.iter_mut().filter_map(|statement| statement.principals.as_mut());
        for grantee in elements.flat_map(|principals| principals.list.iter_mut()) {
            if let Grantee::Arn(arn) = grantee
                && let Some(id) = resolve(arn)
            {
                *grantee = Grantee::UniqueId(id.into());
            }
        }
    }

    /// Whether a statement was written for this user or role, by ARN, and is held for another one: one that had the
    /// name before (see [`Document::pin_principals`]).
    pub fn is_held_for_another(&self, arn: &str, unique_id: &str) -> bool {
        let elements = self.statements.iter().filter_map(|statement| statement.principals.as_ref());
        elements.into_iter().any(|principals| {
            let mine = |grantee: &Grantee| match grantee {
                Grantee::Arn(named) => &**named == arn,
                Grantee::UniqueId(id) => &**id == unique_id,
                _ => false,
            };
            let is_named = principals.source.iter().any(|name| name.strip_prefix("AWS:") == Some(arn));
            is_named && !principals.list.iter().any(mine)
        })
    }

    /// Looks for a Deny and for the most direct Allow that apply to the request.
    pub(crate) fn judge(&self, subject: &Subject<'_>) -> Findings {
        let mut findings = Findings::default();
        for (index, statement) in self.statements.iter().enumerate() {
            let best = findings.allow.map(|(_, reach)| reach);
            let useless = match statement.effect {
                Effect::Allow => best == Some(Reach::Direct),
                Effect::Deny => findings.deny.is_some(),
            };
            if useless {
                continue;
            }
            match (statement.effect, statement.applies(subject)) {
                (Effect::Deny, Some(_)) => findings.deny = Some(index),
                (Effect::Allow, reach @ Some(_)) if reach > best => {
                    findings.allow = reach.map(|reach| (index, reach));
                }
                _ => {}
            }
        }
        findings
    }
}

/// A policy together with what it is called and where it hangs.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The policy's ARN, or its name when it is inline.
    pub id: String,
    /// What carries it: the ARN of a user, group, role, resource, organizational unit or account.
    pub holder: String,
    /// The policy itself.
    pub document: Arc<Document>,
}
