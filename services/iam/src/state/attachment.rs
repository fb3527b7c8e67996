//! Index rows: who uses a policy, and who is in a group. They change with the records they point to.

use serde::{Deserialize, Serialize};
use yakumo_room::Record;

/// How a managed policy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Usage {
    Permissions,
    Boundary,
}

impl Usage {
    /// As keys hold it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Usage::Permissions => "permissions",
            Usage::Boundary => "boundary",
        }
    }
}

/// A user, group or role that uses a policy. Key: policy ARN, usage, kind, folded name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub policy_arn: String,
    pub usage: Usage,
    /// `user`, `group` or `role`.
    pub kind: String,
    pub folded: String,
    pub name: String,
    pub path: String,
    pub unique_id: String,
}

impl Record for Attachment {
    const TABLE: &'static str = "attachments";
}

/// A member of a group. Key: folded names of group and user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub group: String,
    pub user: String,
}

impl Record for Member {
    const TABLE: &'static str = "members";
}
