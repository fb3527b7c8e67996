//! Compiled policies: each version of a managed policy is compiled once.
//!
//! A version never changes and its number is never used again, so what is kept here cannot be stale.

use crate::managed;
use crate::state::Policy;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Attached, Document, PolicyKind};

/// How many compiled versions are kept; beyond it all are dropped and compiled again when needed.
const KEPT_MAX: usize = 20_000;

/// The compiled versions of customer managed policies.
#[derive(Default)]
pub(crate) struct Documents {
    kept: RwLock<HashMap<(String, u32), Arc<Document>, foldhash::fast::RandomState>>,
}

impl Documents {
    /// The version of a customer managed policy that is in force.
    pub(crate) fn in_force(&self, policy: &Policy) -> Result<Arc<Document>> {
        let key = (policy.unique_id.clone(), policy.default_version);
        if let Some(document) = self.kept.read().get(&key) {
            return Ok(document.clone());
        }
        let version = policy.in_force().ok_or_else(|| Error::internal("a policy has no version in force"))?;
        let document = compile(&version.document, PolicyKind::Managed)?;
        let mut kept = self.kept.write();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, document.clone());
        Ok(document)
    }

    /// A policy of AWS, if it is known here.
    pub(crate) fn of_aws(&self, arn: &str) -> Result<Option<Arc<Document>>> {
        managed::find(arn).map(|policy| policy.compiled()).transpose()
    }
}

/// Compiles a stored document; one that does not compile any more is our failure, not the caller's.
pub(crate) fn compile(text: &str, kind: PolicyKind<'_>) -> Result<Arc<Document>> {
    Document::parse(text, kind).map(Arc::new).map_err(Error::internal)
}

/// Puts a compiled policy where it hangs.
pub(crate) fn attached(
    id: impl Into<String>,
    holder: impl Into<String>,
    document: Arc<Document>,
) -> Attached {
    Attached { id: id.into(), holder: holder.into(), document }
}
