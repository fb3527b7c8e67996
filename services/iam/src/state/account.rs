//! What an account keeps of itself: its alias, its preference for session tokens, its credential report.

use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// The alias of an account. Key: nothing; an account has one or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccountAlias {
    pub alias: String,
}

impl Record for AccountAlias {
    const TABLE: &'static str = "account-alias";
}

/// Whose an alias is. Key: the alias, across all accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AliasOwner {
    pub account: AccountId,
}

impl Record for AliasOwner {
    const TABLE: &'static str = "alias-owners";
}

/// Which session tokens the global endpoint gives. Key: nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TokenPreference {
    /// 1 or 2, for `v1Token` and `v2Token`.
    pub version: i32,
}

impl Record for TokenPreference {
    const TABLE: &'static str = "token-preference";
}

/// The last credential report of an account. Key: nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CredentialReport {
    pub generated: Timestamp,
    pub csv: String,
}

impl Record for CredentialReport {
    const TABLE: &'static str = "credential-report";
}

/// A credential report that is wanted. Key: the account, across all accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReportTask {
    pub account: AccountId,
}

impl Record for ReportTask {
    const TABLE: &'static str = "credential-report-tasks";
}
