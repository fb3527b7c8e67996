//! Organizations: one record for each, with its root and what is set for all of it.

use crate::state::{Hung, PARTITION, PolicyType, Tags, arn};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// An organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Organization {
    /// `o-…`.
    pub id: String,
    pub management: AccountId,
    /// `ALL`, else `CONSOLIDATED_BILLING`.
    pub all_features: bool,
    pub created: Timestamp,
    /// `r-…`.
    pub root: String,
    pub root_tags: Tags,
    /// Ids of the policies attached to the root.
    pub root_policies: Hung,
    /// The policy types that are enabled in the root.
    pub enabled: BTreeSet<PolicyType>,
    /// Services with trusted access, and since when.
    pub services: BTreeMap<String, Timestamp>,
    /// The resource policy for delegated policy management.
    pub delegation: Option<Delegation>,
    /// When a tag policy was last changed, attached or detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_changed: Option<Timestamp>,
}

/// The resource policy of an organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delegation {
    /// `rp-…`.
    pub id: String,
    pub content: String,
    pub tags: Tags,
    /// Users and roles that it names: ARN → unique id when it was saved, so that a new identity with an old name is not
    /// let in.
    pub pins: BTreeMap<String, String>,
}

impl Organization {
    pub(crate) fn root_arn(&self) -> String {
        arn(self.management, "root", &self.id, &self.root)
    }

    pub(crate) fn account_arn(&self, account: &str) -> String {
        arn(self.management, "account", &self.id, account)
    }

    pub(crate) fn resource_policy_arn(&self, id: &str) -> String {
        arn(self.management, "resourcepolicy", &self.id, id)
    }
}

impl Record for Organization {
    const TABLE: &'static str = "organizations";
}

impl Resource for Organization {
    const TYPE: &'static str = "AWS::Organizations::Organization";

    fn id(&self) -> Vec<&str> {
        vec![&self.id]
    }

    fn arn(&self) -> String {
        format!("arn:{PARTITION}:organizations::{}:organization/{}", self.management, self.id)
    }

    fn tags(&self) -> &Tags {
        &self.root_tags
    }

    fn policy(&self) -> Option<&str> {
        self.delegation.as_ref().map(|delegation| delegation.content.as_str())
    }
}
