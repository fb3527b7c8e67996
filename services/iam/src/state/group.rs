//! Groups of users.

use crate::state::{Grants, Identity, arn};
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

impl Identity for Group {
    const KIND: &'static str = "group";
    const TITLE: &'static str = "Group";
    const INLINE_CHARS_MAX: usize = 5_120;

    fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn unique_id(&self) -> &str {
        &self.unique_id
    }

    fn account(&self) -> AccountId {
        self.account
    }

    fn grants(&self) -> &Grants {
        &self.grants
    }

    fn grants_mut(&mut self) -> &mut Grants {
        &mut self.grants
    }
}
