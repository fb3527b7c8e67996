//! Reports on what services somebody could use and did: one row for the report, one for each user and role in it.

use crate::state::last_use::LastUse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// A report that is complete. Key: its id, across all accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccessReport {
    pub id: String,
    pub account: AccountId,
    /// The unique id of the user or role that asked for it.
    pub asked_by: String,
    pub created: Timestamp,
    /// Namespaces of the services that policies let it use.
    pub services: Vec<String>,
}

impl Record for AccessReport {
    const TABLE: &'static str = "access-reports";
}

/// A user or role of a report. Key: the report's id, its own unique id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReportedEntity {
    pub report: String,
    pub unique_id: String,
    /// `USER` or `ROLE`.
    pub kind: String,
    pub name: String,
    pub path: String,
    pub arn: String,
    /// Service namespace → its last use when the report was made.
    pub uses: BTreeMap<String, LastUse>,
}

impl Record for ReportedEntity {
    const TABLE: &'static str = "reported-entities";
}
