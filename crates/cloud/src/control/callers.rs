//! Who asked, with all that its credentials carry.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_policy::PrincipalKind;
use yakumo_room::Caller;

/// A caller.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallerLine {
    /// Its ARN, as policies see it.
    pub arn: String,
    /// `root`, `user`, `role session`, `federated user`, `service`, `federated identity` or `anonymous`.
    pub kind: String,
    /// The account that it belongs to.
    pub account: Option<String>,
    /// `aws:userid`.
    pub user_id: String,
    /// Of a session: the ARN of the role, or of the user who made it.
    pub of: Option<String>,
    /// The access key id.
    pub access_key_id: Option<String>,
    /// Tags of the identity and of its session.
    pub tags: BTreeMap<String, String>,
    /// What its credentials carry: `aws:MultiFactorAuthPresent`, `aws:SourceIdentity`, `aws:TokenIssueTime` …
    pub keys: BTreeMap<String, Vec<String>>,
}

/// A caller as data.
pub(crate) fn line(caller: &Caller, access_key_id: Option<&str>) -> CallerLine {
    let principal = &caller.principal;
    let (kind, of) = match &principal.kind {
        PrincipalKind::Root => ("root", None),
        PrincipalKind::User => ("user", None),
        PrincipalKind::AssumedRole { role_arn, .. } => ("role session", Some(role_arn)),
        PrincipalKind::FederatedUser { user_arn } => ("federated user", Some(user_arn)),
        PrincipalKind::Service(_) => ("service", None),
        PrincipalKind::Federated(_) => ("federated identity", None),
        PrincipalKind::Anonymous => ("anonymous", None),
    };
    let keys = principal.keys.iter().filter(|(key, _)| key.starts_with("aws:"));
    let keys = keys
        .map(|(key, values)| (key.to_owned(), values.as_slice().iter().map(ToString::to_string).collect()));
    CallerLine {
        arn: principal.arn.clone(),
        kind: kind.to_owned(),
        account: principal.account.map(|account| account.to_string()),
        user_id: principal.user_id.clone(),
        of: of.cloned(),
        access_key_id: access_key_id.map(str::to_owned),
        tags: principal.tags.iter().cloned().collect(),
        keys: keys.collect(),
    }
}
