//! Conflict detection for transactions: which keys were written since the oldest open transaction began.
//!
//! Invariant: while a transaction is open, every key of every batch ordered after its start is known here, or
//! the start lies before `floor` and the transaction is refused. Without open transactions nothing is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Committer;
use crate::Range;
use crate::batch::Op;

/// More written keys than this are not remembered: transactions that began before are run again.
const MOST_KEYS: usize = 100_000;

/// What a transaction has read.
pub(crate) struct ReadSet {
    /// Its snapshot holds every batch up to this order, perhaps more.
    pub since: u64,
    pub keys: Vec<Bytes>,
    pub ranges: Vec<Range>,
    /// Keeps the written keys known until the verdict.
    #[expect(dead_code, reason = "it acts when it is dropped")]
    pub open: Arc<OpenTransaction>,
}

impl std::fmt::Debug for ReadSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReadSet({} keys, {} ranges since {})", self.keys.len(), self.ranges.len(), self.since)
    }
}

/// Counts as one open transaction while it lives.
pub(crate) struct OpenTransaction(pub(crate) Arc<Committer>);

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.0.end_transaction();
    }
}

/// The keys written while transactions are open.
#[derive(Default)]
pub(crate) struct Written {
    open: usize,
    keys: BTreeMap<Bytes, u64>,
    floor: u64,
}

impl Written {
    pub(crate) fn begin(&mut self) {
        self.open += 1;
    }

    pub(crate) fn end(&mut self) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.keys = BTreeMap::new();
            self.floor = 0;
        }
    }

    pub(crate) fn watched(&self) -> bool {
        self.open > 0
    }

    pub(crate) fn record(&mut self, ops: &[Op], order: u64) {
        if self.keys.len() + ops.len() > MOST_KEYS {
            self.keys.clear();
            self.floor = order;
        }
        for op in ops.iter().take(MOST_KEYS) {
            self.keys.insert(op.key.clone(), order);
        }
        if ops.len() > MOST_KEYS {
            self.floor = order + 1;
        }
    }

    /// Whether something that was read has been written since.
    pub(crate) fn conflicts(&self, reads: &ReadSet) -> bool {
        reads.since < self.floor
            || reads.keys.iter().any(|key| self.keys.get(key).is_some_and(|order| *order > reads.since))
            || reads.ranges.iter().any(|range| self.wrote_in(range, reads.since))
    }

    fn wrote_in(&self, range: &Range, since: u64) -> bool {
        let Some(bounds) = range.bounds() else { return false };
        self.keys.range(bounds).any(|(_, order)| *order > since)
    }
}
