//! Where a record lives: account, region and service. Worlds that differ in one of them never meet.

use bytes::Bytes;
use yakumo_aws::{AccountId, Region};
use yakumo_store::key::{ANY_ACCOUNT, GLOBAL, KeyBuilder};

/// The first fields of every key that a room writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scope {
    /// `None` for what all accounts share (bucket names, access key ids).
    pub account: Option<AccountId>,
    /// `None` for global services.
    pub region: Option<Region>,
    /// The service's name in the models.
    pub service: &'static str,
}

impl Scope {
    /// The same service and region in another account.
    pub fn with_account(self, account: AccountId) -> Scope {
        Scope { account: Some(account), ..self }
    }

    /// The same account without a region.
    pub fn global(self) -> Scope {
        Scope { region: None, ..self }
    }

    /// What all accounts share.
    pub fn shared(self) -> Scope {
        Scope { account: None, ..self }
    }

    /// Begins the key of a record in one of the service's tables.
    pub fn key(&self, table: &str) -> KeyBuilder {
        let account = self.account.as_ref().map_or(ANY_ACCOUNT, AccountId::as_str);
        let region = self.region.map_or(GLOBAL, Region::as_str);
        KeyBuilder::new(account, region, self.service, table)
    }

    /// The key of the record that `id` names in one of the service's tables.
    pub fn record_key(&self, table: &str, id: &[&str]) -> Bytes {
        id.iter().fold(self.key(table), |key, part| key.text(part)).build()
    }
}
