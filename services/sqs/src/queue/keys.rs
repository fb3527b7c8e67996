//! Where a queue's messages are stored: bodies, states, deduplication ids, and the reserved message number.
//!
//! Invariant: keys of one table sort by message number, so a queue loads in the order in which it was filled.

use super::record::Damaged;
use bytes::Bytes;
use yakumo_room::Scope;
use yakumo_room::store::Range;

/// The beginnings of all keys of one queue.
pub struct Keys {
    body: Vec<u8>,
    state: Vec<u8>,
    seen: Vec<u8>,
    reserved: Bytes,
}

impl Keys {
    /// The keys of the queue with this number.
    pub fn new(scope: &Scope, queue: u64) -> Keys {
        let table = |name: &str| scope.key(name).u64(queue).build();
        Keys {
            body: table("b").to_vec(),
            state: table("s").to_vec(),
            seen: table("d").to_vec(),
            reserved: table("n"),
        }
    }

    /// The key of a message's body.
    pub fn body(&self, seq: u64) -> Bytes {
        join(&self.body, seq)
    }

    /// The key of a message's state.
    pub fn state(&self, seq: u64) -> Bytes {
        join(&self.state, seq)
    }

    /// The key of the deduplication id that came with a message.
    pub fn seen(&self, seq: u64) -> Bytes {
        join(&self.seen, seq)
    }

    /// The key of the reserved message number.
    pub fn reserved(&self) -> Bytes {
        self.reserved.clone()
    }

    /// All states from a message number on.
    pub fn states_from(&self, seq: u64) -> Range {
        Range::prefix(self.state.clone()).starting_at(self.state(seq))
    }

    /// All states before a message number.
    pub fn states_before(&self, seq: u64) -> Range {
        Range::between(self.state(0), self.state(seq))
    }

    /// All deduplication ids.
    pub fn all_seen(&self) -> Range {
        Range::prefix(self.seen.clone())
    }

    /// The message number at the end of a key of this queue.
    pub fn seq(key: &[u8]) -> Result<u64, Damaged> {
        key.last_chunk().map(|seq| u64::from_be_bytes(*seq)).ok_or(Damaged("message key"))
    }
}

fn join(prefix: &[u8], seq: u64) -> Bytes {
    let mut key = Vec::with_capacity(prefix.len() + 8);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&seq.to_be_bytes());
    key.into()
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use yakumo_aws::{AccountId, Region};
    use yakumo_room::Scope;

    #[test]
    fn keys_sort_by_message_number() {
        let scope =
            Scope { account: Some(AccountId::DEFAULT), region: Some(Region::US_EAST_1), service: "sqs" };
        let keys = Keys::new(&scope, 7);
        assert!(keys.state(255) < keys.state(256) && keys.state(1) < keys.state(u64::MAX));
        assert_eq!(Keys::seq(&keys.state(258)), Ok(258));
        assert!(!Keys::new(&scope, 8).state(1).starts_with(&keys.state(1)[..keys.state(1).len() - 8]));
    }
}
