//! What principals and access keys were last used for.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// One use: when, and in which region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastUse {
    pub at: Timestamp,
    pub region: String,
}

/// The services that a user, a role (all its sessions) or the root user called, each with the last time. Key: the
/// unique id (`AIDA…`, `AROA…`, the account id for the root user).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PrincipalUse {
    pub account: AccountId,
    pub unique_id: String,
    /// Service namespace (`sqs`) → its last use.
    pub services: BTreeMap<String, LastUse>,
}

impl Record for PrincipalUse {
    const TABLE: &'static str = "principal-uses";
}

impl PrincipalUse {
    /// The last use of any service.
    pub(crate) fn latest(&self) -> Option<&LastUse> {
        self.services.values().max_by_key(|last| last.at)
    }

    /// Takes a use over unless a later one is known.
    pub(crate) fn note(&mut self, service: &str, last: LastUse) {
        let known = self.services.get(service).is_some_and(|known| known.at > last.at);
        if !known {
            self.services.insert(service.to_owned(), last);
        }
    }
}

/// The last use of a long-term access key. Key: its id, across all accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyUse {
    pub id: String,
    /// The service's name in credential scopes.
    pub service: String,
    pub last: LastUse,
}

impl Record for KeyUse {
    const TABLE: &'static str = "key-uses";
}

#[cfg(test)]
mod tests {
    use super::{LastUse, PrincipalUse};
    use yakumo_aws::{AccountId, Timestamp};

    #[test]
    fn the_latest_use_counts_whatever_the_order_of_the_notes() {
        let at = |seconds| LastUse { at: Timestamp::from_secs(seconds), region: format!("r{seconds}") };
        let (account, unique_id) = (AccountId::DEFAULT, "AIDAX".to_owned());
        let mut used = PrincipalUse { account, unique_id, services: Default::default() };
        assert_eq!(used.latest(), None);
        for (service, seconds) in [("sqs", 5), ("iam", 9), ("sqs", 3), ("sqs", 7)] {
            used.note(service, at(seconds));
        }
        assert_eq!(used.services.get("sqs"), Some(&at(7)));
        assert_eq!(used.latest(), Some(&at(9)));
    }
}
