//! Organizational units.

use crate::state::{Hung, Tags, arn};
use serde::{Deserialize, Serialize};
use yakumo_aws::AccountId;
use yakumo_room::{Record, Resource};

/// An organizational unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit {
    /// `ou-…`.
    pub id: String,
    pub organization: String,
    pub management: AccountId,
    /// `r-…` or `ou-…`.
    pub parent: String,
    pub name: String,
    pub tags: Tags,
    /// Ids of the attached policies.
    pub policies: Hung,
}

impl Record for Unit {
    const TABLE: &'static str = "units";
}

impl Resource for Unit {
    const TYPE: &'static str = "AWS::Organizations::OrganizationalUnit";

    fn id(&self) -> Vec<&str> {
        vec![&self.id]
    }

    fn arn(&self) -> String {
        arn(self.management, "ou", &self.organization, &self.id)
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}
