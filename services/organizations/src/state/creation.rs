//! Requests to create accounts: what was asked for and how far it is.

use crate::state::Tags;
use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// A request to create an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Creation {
    /// `car-…`.
    pub id: String,
    pub organization: String,
    /// The number that the account gets; shown when it is there.
    pub account: AccountId,
    pub name: String,
    pub email: String,
    /// The role that the management account may assume in the new account.
    pub role: String,
    pub tags: Tags,
    pub requested: Timestamp,
    pub progress: Progress,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Progress {
    Running,
    Succeeded(Timestamp),
    /// When, and AWS's `FailureReason`.
    Failed(Timestamp, String),
}

impl Progress {
    /// The member `State`.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Progress::Running => "IN_PROGRESS",
            Progress::Succeeded(_) => "SUCCEEDED",
            Progress::Failed(..) => "FAILED",
        }
    }

    /// When it ended.
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        match self {
            Progress::Running => None,
            Progress::Succeeded(at) | Progress::Failed(at, _) => Some(*at),
        }
    }
}

impl Record for Creation {
    const TABLE: &'static str = "creations";
}
