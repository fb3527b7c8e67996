//! Groups of users.

use crate::state::grants::identity;
use crate::state::{Grants, arn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// A group. Its members are rows of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub account: AccountId,
    /// The name as keys hold it.
    pub folded: String,
    pub name: String,
    pub path: String,
    /// `AGPA…`.
    pub unique_id: String,
    pub created: Timestamp,
    /// Always empty: AWS has no tags on groups.
    #[serde(skip)]
    pub tags: BTreeMap<String, String>,
    pub grants: Grants,
}

impl Record for Group {
    const TABLE: &'static str = "groups";
}

impl Resource for Group {
    const TYPE: &'static str = "AWS::IAM::Group";

    fn id(&self) -> Vec<&str> {
        vec![&self.folded]
    }

    fn arn(&self) -> String {
        arn(self.account, "group", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}

identity!(Group, "group", "Group", 5_120);
