//! Derived signing keys, kept so that a request costs one HMAC instead of five.
//!
//! Invariant: bounded, and an entry serves only the secret it was derived from, so that a changed secret is a miss.

use super::presented::{Algorithm, Presented};
use super::v4a;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::ParsedPublicKey;
use foldhash::fast::RandomState;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

/// How many derived keys are kept by default: one per access key, region, service and day.
const DEFAULT_LIMIT: usize = 16_384;

/// The key that verifies a request's signature and those of its chunks.
#[derive(Clone, Debug)]
pub enum ChunkKey {
    /// SigV4: the derived HMAC key.
    Hmac(Arc<hmac::Key>),
    /// SigV4A: the public half of the derived P-256 key.
    Ecdsa(Arc<ParsedPublicKey>),
}

struct Entry {
    /// `access key id/date/region/service`, and the date is compared when the cache is full.
    scope: Box<str>,
    secret: Box<str>,
    key: ChunkKey,
}

/// A bounded cache of derived keys; share one among all connections.
pub struct SigningKeys {
    entries: RwLock<HashMap<u64, Entry, RandomState>>,
    hasher: RandomState,
    limit: usize,
}

impl Default for SigningKeys {
    fn default() -> SigningKeys {
        SigningKeys::with_limit(DEFAULT_LIMIT)
    }
}

impl SigningKeys {
    /// A cache of at most `limit` keys (at least one).
    pub fn with_limit(limit: usize) -> SigningKeys {
        SigningKeys { entries: RwLock::default(), hasher: RandomState::default(), limit: limit.max(1) }
    }

    /// The key for what is presented, derived from `secret` unless it is known already.
    /// `None` when the secret gives no key, which only SigV4A can meet.
    pub(super) fn get(&self, presented: &Presented, secret: &str) -> Option<ChunkKey> {
        let scope = match presented.algorithm {
            Algorithm::V4 => presented.key_scope(),
            Algorithm::V4a => presented.access_key_id(),
            Algorithm::V2 => return None,
        };
        let slot = self.hasher.hash_one((presented.algorithm == Algorithm::V4a, scope));
        if let Some(entry) = self.entries.read().get(&slot)
            && *entry.scope == *scope
            && verify_slices_are_equal(entry.secret.as_bytes(), secret.as_bytes()).is_ok()
        {
            return Some(entry.key.clone());
        }
        let key = match presented.algorithm {
            Algorithm::V4 => {
                let key = derive(secret, presented.date(), presented.region(), presented.service());
                ChunkKey::Hmac(Arc::new(key))
            }
            Algorithm::V4a => ChunkKey::Ecdsa(Arc::new(v4a::public_key(presented.access_key_id(), secret)?)),
            Algorithm::V2 => return None,
        };
        self.insert(slot, Entry { scope: scope.into(), secret: secret.into(), key: key.clone() });
        Some(key)
    }

    fn insert(&self, slot: u64, entry: Entry) {
        let mut entries = self.entries.write();
        if entries.len() >= self.limit && !entries.contains_key(&slot) {
            // Half of the keys go: the slots are hashes, so the choice is as good as random, and no list of
            // uses has to be kept on the path of every request.
            entries.retain(|slot, _| slot & 1 == 0);
            if entries.len() >= self.limit {
                entries.clear();
            }
        }
        entries.insert(slot, entry);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.read().len()
    }
}

/// SigV4's key for one day, region and service.
pub(super) fn derive(secret: &str, date: &str, region: &str, service: &str) -> hmac::Key {
    let mut key = hmac::Key::new(HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    for part in [date, region, service, "aws4_request"] {
        key = hmac::Key::new(HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}
