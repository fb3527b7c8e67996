//! IAM users.

use crate::state::grants::identity;
use crate::state::{Grants, arn};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// An IAM user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    pub account: AccountId,
    /// The name as keys hold it.
    pub folded: String,
    pub name: String,
    pub path: String,
    /// `AIDA…`.
    pub unique_id: String,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
    pub grants: Grants,
    /// Folded names of the groups it is in.
    pub groups: BTreeSet<String>,
    /// Ids of its access keys, oldest first.
    pub access_keys: Vec<String>,
}

impl Record for User {
    const TABLE: &'static str = "users";
}

impl Resource for User {
    const TYPE: &'static str = "AWS::IAM::User";

    fn id(&self) -> Vec<&str> {
        vec![&self.folded]
    }

    fn arn(&self) -> String {
        arn(self.account, "user", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}

identity!(User, "user", "User", 2_048);
