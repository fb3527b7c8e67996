//! IAM users.

use crate::state::{Grants, Identity, arn};
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

impl Identity for User {
    const KIND: &'static str = "user";
    const TITLE: &'static str = "User";
    const INLINE_CHARS_MAX: usize = 2_048;

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
