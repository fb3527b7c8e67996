//! One run of a transaction: reads from a snapshot, remembers what it read, keeps its writes to itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::commit::{OpenTransaction, ReadSet};
use crate::{Batch, Change, Pair, Range, Snapshot, StoreError};

/// A transaction in progress, given to the function that [`Store::transact`](crate::Store::transact) runs.
///
/// Cheap to clone; all clones are the same transaction. What it writes it also reads.
#[derive(Clone)]
pub struct Transaction(Arc<Inner>);

struct Inner {
    snapshot: Snapshot,
    open: Arc<OpenTransaction>,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    keys: Vec<Bytes>,
    ranges: Vec<Range>,
    writes: BTreeMap<Bytes, Option<Bytes>>,
    batch: Batch,
}

impl Transaction {
    pub(crate) fn new(snapshot: Snapshot, open: Arc<OpenTransaction>) -> Transaction {
        Transaction(Arc::new(Inner { snapshot, open, work: Mutex::default() }))
    }

    /// The value of a key: the transaction's own write, else the snapshot's.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        {
            let mut work = self.0.work.lock();
            if let Some(written) = work.writes.get(key) {
                return Ok(written.clone());
            }
            work.keys.push(Bytes::copy_from_slice(key));
        }
        self.0.snapshot.get(key).await
    }

    /// At most `limit` pairs of a range, in its direction, with the transaction's own writes.
    pub async fn scan(&self, range: Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let range = range.cut();
        let own = self.own_writes(&range);
        // Own deletions may hide as many of the stored pairs.
        let hidden = own.iter().filter(|(_, value)| value.is_none()).count();
        let stored_limit = limit.saturating_add(hidden);
        let stored = self.0.snapshot.view.scan(&range, stored_limit).await?;
        let seen = match stored.last() {
            Some((last, _)) if stored.len() == stored_limit => range.up_to(last),
            _ => range.clone(),
        };
        let complete = seen == range;
        self.0.work.lock().ranges.push(seen.clone());
        let mut merged: BTreeMap<Bytes, Option<Bytes>> =
            stored.into_iter().map(|(key, value)| (key, Some(value))).collect();
        // Beyond the last stored pair that was read, own writes belong to a later page.
        let bounds = seen.bounds();
        merged.extend(own.into_iter().filter(|(key, _)| {
            use std::ops::RangeBounds;
            complete || bounds.as_ref().is_some_and(|bounds| bounds.contains(key))
        }));
        let pairs = merged.into_iter().filter_map(|(key, value)| Some((key, value?)));
        Ok(if range.reverse { pairs.rev().take(limit).collect() } else { pairs.take(limit).collect() })
    }

    fn own_writes(&self, range: &Range) -> Vec<(Bytes, Option<Bytes>)> {
        let Some(bounds) = range.bounds() else { return Vec::new() };
        let work = self.0.work.lock();
        work.writes.range(bounds).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Sets a key when the transaction commits. Limits as in [`Batch::put`].
    pub fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        let (key, value) = (key.into(), value.into());
        let mut work = self.0.work.lock();
        work.writes.insert(key.clone(), Some(value.clone()));
        work.batch.put(key, value);
    }

    /// Removes a key when the transaction commits.
    pub fn delete(&self, key: impl Into<Bytes>) {
        let key = key.into();
        let mut work = self.0.work.lock();
        work.writes.insert(key.clone(), None);
        work.batch.delete(key);
    }

    /// Adds a row to the change feed when the transaction commits.
    pub fn change(&self, change: Change) {
        self.0.work.lock().batch.change(change);
    }

    pub(crate) fn with_batch(&self, change: impl FnOnce(&mut Batch)) {
        change(&mut self.0.work.lock().batch);
    }

    /// Everything it wants written, with what that rests on; empty when it only read.
    pub(crate) fn into_batch(self) -> Batch {
        let mut work = std::mem::take(&mut *self.0.work.lock());
        work.batch.reads = Some(Box::new(ReadSet {
            since: self.0.snapshot.order,
            keys: work.keys,
            ranges: work.ranges,
            open: self.0.open.clone(),
        }));
        work.batch
    }
}
