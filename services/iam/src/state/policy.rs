//! Customer managed policies and their versions.

use crate::state::arn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// The most versions that a policy keeps.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>
pub(crate) const VERSIONS_MAX: usize = 5;

/// A customer managed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub account: AccountId,
    /// The name as keys hold it.
    pub folded: String,
    pub name: String,
    pub path: String,
    /// `ANPA…`.
    pub unique_id: String,
    pub created: Timestamp,
    /// When the default version last changed.
    pub updated: Timestamp,
    pub description: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// The number of the version that is in force.
    pub default_version: u32,
    /// The number of the next version: numbers are never used again.
    pub next_version: u32,
    pub versions: BTreeMap<u32, PolicyVersion>,
}

/// One version of a policy. It never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    /// The document as given.
    pub document: String,
    pub created: Timestamp,
}

impl Policy {
    /// The version in force.
    pub(crate) fn in_force(&self) -> Option<&PolicyVersion> {
        self.versions.get(&self.default_version)
    }

    /// The number in `v3`.
    pub(crate) fn version_number(version_id: &str) -> Option<u32> {
        version_id.strip_prefix('v')?.parse().ok()
    }
}

impl Record for Policy {
    const TABLE: &'static str = "policies";
}

impl Resource for Policy {
    const TYPE: &'static str = "AWS::IAM::ManagedPolicy";

    fn id(&self) -> Vec<&str> {
        vec![&self.folded]
    }

    fn arn(&self) -> String {
        arn(self.account, "policy", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}
