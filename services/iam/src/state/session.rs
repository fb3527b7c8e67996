//! Sessions: temporary credentials and what they stand for.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// Temporary credentials. Key: the access key id (`ASIA…`), across all accounts.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub id: String,
    pub secret: String,
    pub token: String,
    pub account: AccountId,
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub subject: SessionSubject,
    /// Session policies; `None` limits nothing.
    pub policies: Option<SessionPolicies>,
    /// When its owner gave an MFA code to get it; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<Timestamp>,
}

/// For whom a session acts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum SessionSubject {
    /// GetSessionToken by the root user.
    Root,
    /// GetSessionToken by a user: folded name and unique id.
    User { folded: String, unique_id: String },
    /// AssumeRole.
    Role {
        folded: String,
        unique_id: String,
        session_name: String,
        /// Session tags, those that were inherited along the chain included.
        tags: BTreeMap<String, String>,
        /// Keys of the tags that the next session in the chain inherits.
        transitive: Vec<String>,
        source_identity: Option<String>,
        /// Condition keys of a federated session: what its provider said, and `aws:FederatedProvider`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        keys: BTreeMap<String, Vec<String>>,
    },
    /// GetFederationToken by a user, or by the root user when there is none: folded name and unique id.
    Federated { name: String, user: Option<(String, String)>, tags: BTreeMap<String, String> },
}

/// What was passed to AssumeRole to cut the session's rights.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SessionPolicies {
    /// The `Policy` parameter.
    pub inline: Option<String>,
    /// The `PolicyArns` parameter.
    pub arns: Vec<String>,
}

impl Record for Session {
    const TABLE: &'static str = "sessions";
}

/// Finds sessions by their end. Key: milliseconds in twenty digits, access key id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionEnd {
    pub id: String,
    pub expires: Timestamp,
}

impl SessionEnd {
    /// The first part of its key.
    pub(crate) fn sort_key(expires: Timestamp) -> String {
        format!("{:020}", expires.as_millis().max(0))
    }
}

impl Record for SessionEnd {
    const TABLE: &'static str = "session-ends";
}
