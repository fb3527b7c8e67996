//! Roles: identities without keys, assumed by those whom the trust policy names.

use crate::state::grants::identity;
use crate::state::{Grants, arn};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Pins, Record, Resource};

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Role {
    pub account: AccountId,
    /// The name as keys hold it.
    pub folded: String,
    pub name: String,
    pub path: String,
    /// `AROA…`.
    pub unique_id: String,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
    pub grants: Grants,
    pub description: Option<String>,
    /// The longest session that may be asked for.
    pub max_session_s: i32,
    /// The trust policy as given.
    pub trust: String,
    /// Users and roles that the trust policy names: ARN → unique id at the time it was saved, so that a new identity
    /// with an old name is not trusted.
    pub pins: Pins,
    /// Folded names of the instance profiles that hold it.
    pub profiles: BTreeSet<String>,
}

impl Record for Role {
    const TABLE: &'static str = "roles";
}

impl Resource for Role {
    const TYPE: &'static str = "AWS::IAM::Role";

    fn id(&self) -> Vec<&str> {
        vec![&self.folded]
    }

    fn arn(&self) -> String {
        arn(self.account, "role", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    fn policy(&self) -> Option<&str> {
        Some(&self.trust)
    }
}

identity!(Role, "role", "Role", 10_240);
