//! Grants of a KMS key: they allow what a key policy does not, to one grantee, for some operations.
//!
//! A grant never denies, and an explicit deny in any policy wins over it.
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html>

use crate::grantee::{Grantee, Reach};
use crate::subject::Subject;
use std::collections::BTreeMap;

/// What an encryption context must be for a grant to count; names and values are compared with case.
/// AWS: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantConstraint {
    /// `EncryptionContextEquals`: exactly these pairs.
    Equals(BTreeMap<String, String>),
    /// `EncryptionContextSubset`: these pairs among others.
    Subset(BTreeMap<String, String>),
}

/// One grant of a key, as far as authorisation needs it.
#[derive(Debug, Clone)]
pub struct Grant {
    id: String,
    grantee: Grantee,
    operations: Vec<String>,
    constraint: Option<GrantConstraint>,
}

/// The grants of the key that a request is about. The default is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grants<'a> {
    /// The key's grants: those in force, retired and revoked ones left out.
    pub list: &'a [Grant],
    /// The request's encryption context.
    pub encryption_context: &'a [(String, String)],
}

/// Operations that carry no encryption context: a constraint does not speak of them.
/// AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html#grant-constraints>
const WITHOUT_CONTEXT: [&str; 3] = ["DescribeKey", "RetireGrant", "CreateGrant"];

impl Grant {
    /// A grant by its id, the grantee (an ARN, or a service's principal name), the operations as KMS names them
    /// (`Decrypt`), and its constraint. `None` when the grantee is no principal.
    pub fn new(
        id: impl Into<String>,
        grantee: &str,
        operations: impl IntoIterator<Item = impl Into<String>>,
        constraint: Option<GrantConstraint>,
    ) -> Option<Grant> {
        let grantee = match Grantee::parse_aws(grantee) {
            Some(Grantee::Everyone) => return None,
            Some(grantee) => grantee,
            None if grantee.ends_with(".amazonaws.com") => Grantee::Service(grantee.into()),
            None => return None,
        };
        let operations = operations.into_iter().map(Into::into).collect();
        Some(Grant { id: id.into(), grantee, operations, constraint })
    }

    /// The grant's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How directly the grant reaches the caller; `None` when it does not cover the request.
    fn reach(&self, subject: &Subject<'_>, encryption_context: &[(String, String)]) -> Option<Reach> {
        let operation = subject.request.action.strip_prefix("kms:")?;
        if !self.operations.iter().any(|known| known.eq_ignore_ascii_case(operation)) {
            return None;
        }
        let bound = !WITHOUT_CONTEXT.iter().any(|known| known.eq_ignore_ascii_case(operation));
        if bound && !self.constraint.as_ref().is_none_or(|constraint| constraint.holds(encryption_context)) {
            return None;
        }
        self.grantee.reach(subject.request.principal)
    }
}

impl GrantConstraint {
    fn holds(&self, found: &[(String, String)]) -> bool {
        let (wanted, exact) = match self {
            GrantConstraint::Equals(wanted) => (wanted, true),
            GrantConstraint::Subset(wanted) => (wanted, false),
        };
        let has = |key: &String, value: &String| found.iter().any(|(k, v)| k == key && v == value);
        wanted.iter().all(|(key, value)| has(key, value)) && (!exact || found.len() == wanted.len())
    }
}

impl Grants<'_> {
    /// The grant that reaches the caller most directly: its place in the list, and how directly.
    pub(crate) fn best(&self, subject: &Subject<'_>) -> Option<(usize, Reach)> {
        let reaches = self.list.iter().enumerate().filter_map(|(index, grant)| {
            grant.reach(subject, self.encryption_context).map(|reach| (index, reach))
        });
        reaches.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}
