//! The place of a commit among all commits, and how it goes on after a restart.

use bytes::Bytes;

use crate::engine::Engine;
use crate::key::SYSTEM;
use crate::{Pair, StoreError, record};

/// Order numbers are reserved in blocks: the end of the block is stored, not every number.
pub(super) const ORDER_BLOCK: u64 = 1 << 20;

/// The place of a commit among all commits. It only grows; numbers may be skipped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Order(u64);

impl Order {
    /// Before every commit.
    pub const FIRST: Order = Order(0);

    /// From its number.
    pub fn from_u64(order: u64) -> Order {
        Order(order)
    }

    /// Its number.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

fn ceiling_key() -> Bytes {
    Bytes::from_static(&[SYSTEM, b'm', b'o'])
}

/// The record that reserves all orders up to this one.
pub(super) fn ceiling_pair(ceiling: u64) -> Pair {
    (ceiling_key(), record::seal(1, &ceiling.to_be_bytes()))
}

/// The reserved order that this record tells, if it is the one that does.
pub(crate) fn stored_ceiling(key: &[u8], value: &[u8]) -> u64 {
    let ceiling =
        value.get(1..).and_then(|ceiling| ceiling.try_into().ok()).filter(|_| *key == ceiling_key());
    ceiling.map_or(0, u64::from_be_bytes)
}

/// Up to which order numbers have been reserved.
pub(super) async fn read_ceiling(engine: &Engine) -> Result<u64, StoreError> {
    let Some(value) = engine.get(&ceiling_key()).await? else { return Ok(0) };
    let (_, body) = record::unseal("the order of commits", 1, &value)?;
    let body = body.try_into().map_err(|_| StoreError::corrupt("the order of commits"))?;
    Ok(u64::from_be_bytes(body))
}
