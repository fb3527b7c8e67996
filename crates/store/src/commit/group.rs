//! The batches that one engine write takes together, and their merging: of two writes of a key the later wins.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::Order;
use super::ticket::Slot;
use crate::batch::{Batch, Op};
use crate::{StoreError, change};

/// A batch with its place.
pub(crate) struct Entry {
    pub batch: Batch,
    pub order: u64,
    pub slot: Arc<Slot>,
}

/// What is written together.
#[derive(Default)]
pub(crate) struct Group {
    pub entries: Vec<Entry>,
    /// Transactions that lost; they are answered without being written.
    pub conflicting: Vec<Entry>,
    /// All writes, each key once; there after `merge`. The engine takes the values and leaves the keys.
    pub ops: Vec<Op>,
    /// Whether the written keys are already known to the conflict detection.
    pub recorded: bool,
}

/// Below this, comparing all pairs is cheaper than hashing.
const FEW: usize = 12;

impl Group {
    pub(crate) fn last_order(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.order)
    }

    /// The order of the last batch that has rows for the change feed.
    pub(crate) fn last_change(&self) -> Option<u64> {
        self.entries.iter().rev().find(|entry| !entry.batch.changes.is_empty()).map(|entry| entry.order)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.entries.iter().map(|entry| entry.batch.changes.len() as u64).sum()
    }

    /// Brings all writes together, rows of the feed included.
    pub(crate) fn merge(&mut self) {
        for entry in &mut self.entries {
            if self.ops.is_empty() {
                self.ops = std::mem::take(&mut entry.batch.ops);
            } else {
                self.ops.append(&mut entry.batch.ops);
            }
            for (index, change) in (0..=u16::MAX).zip(&entry.batch.changes) {
                self.ops.push(Op::put(change::row_key(entry.order, index), change.encode()));
            }
        }
        keep_last(&mut self.ops);
    }

    pub(crate) fn answer(self, result: &Result<(), StoreError>) {
        for entry in self.entries {
            let answer = result.clone().map(|()| Order::from_u64(entry.order));
            // The transaction is over before its caller runs on.
            drop(entry.batch);
            entry.slot.fill(answer);
        }
        for entry in self.conflicting {
            drop(entry.batch);
            entry.slot.fill(Err(StoreError::Conflict));
        }
    }
}

/// Drops every write whose key is written again later.
fn keep_last(ops: &mut Vec<Op>) {
    if ops.len() <= FEW {
        let mut at = 0;
        while let Some(op) = ops.get(at) {
            if ops.iter().skip(at + 1).any(|later| later.key == op.key) {
                ops.remove(at);
            } else {
                at += 1;
            }
        }
        return;
    }
    let mut seen: HashSet<Bytes, foldhash::fast::RandomState> =
        HashSet::with_capacity_and_hasher(ops.len(), foldhash::fast::RandomState::default());
    ops.reverse();
    ops.retain(|op| seen.insert(op.key.clone()));
    ops.reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[u8], kept: &[usize]) {
        let op = |(at, key): (usize, &u8)| Op::put(vec![*key].into(), vec![at as u8].into());
        let mut ops: Vec<Op> = keys.iter().enumerate().map(op).collect();
        keep_last(&mut ops);
        let left: Vec<usize> = ops.iter().map(|op| usize::from(op.value.as_ref().unwrap()[0])).collect();
        assert_eq!(left, kept);
    }

    #[test]
    fn the_later_write_of_a_key_wins() {
        check(b"", &[]);
        check(b"abc", &[0, 1, 2]);
        check(b"aba", &[1, 2]);
        check(b"aaaa", &[3]);
        check(b"abcdefghijklmnopabc", &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    }
}
