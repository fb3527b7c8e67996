//! Instance profiles: how a role reaches an EC2 instance.

use crate::state::arn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// An instance profile, which holds one role at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstanceProfile {
    pub account: AccountId,
    /// The name as keys hold it.
    pub folded: String,
    pub name: String,
    pub path: String,
    /// `AIPA…`.
    pub unique_id: String,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// The folded name of its role.
    pub role: Option<String>,
}

impl Record for InstanceProfile {
    const TABLE: &'static str = "instance-profiles";
}

impl Resource for InstanceProfile {
    const TYPE: &'static str = "AWS::IAM::InstanceProfile";

    fn id(&self) -> Vec<&str> {
        vec![&self.folded]
    }

    fn arn(&self) -> String {
        arn(self.account, "instance-profile", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}
