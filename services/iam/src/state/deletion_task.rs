//! The deletion of a service-linked role, which its caller asks about later.

use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// A deletion that has succeeded. Key: its id, across all accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeletionTask {
    /// `task/aws-service-role/SERVICE/ROLE/UUID`.
    pub id: String,
    pub account: AccountId,
    pub created: Timestamp,
}

impl Record for DeletionTask {
    const TABLE: &'static str = "deletion-tasks";
}
