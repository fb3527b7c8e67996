//! What one commit does. A batch is applied as a whole; of two writes of one key the later wins.

use bytes::Bytes;

use crate::blobs::BlobId;
use crate::commit::ReadSet;
use crate::{Change, StoreError, key};

/// The largest value, in bytes. Larger bodies are blobs.
pub const MAX_VALUE_BYTES: usize = 8 * 1024 * 1024;
/// The largest batch, in bytes of keys and values.
pub const MAX_BATCH_BYTES: usize = 64 * 1024 * 1024;

/// One write: `None` deletes.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

impl Op {
    pub(crate) fn put(key: Bytes, value: Bytes) -> Op {
        Op { key, value: Some(value) }
    }

    pub(crate) fn delete(key: Bytes) -> Op {
        Op { key, value: None }
    }
}

/// Writes that are committed together: see [`Store::commit`](crate::Store::commit).
///
/// An invalid key or a value above 8 MiB is remembered and refused when the batch is committed.
#[derive(Default, Debug)]
pub struct Batch {
    pub(crate) ops: Vec<Op>,
    pub(crate) changes: Vec<Change>,
    pub(crate) reads: Option<Box<ReadSet>>,
    pub(crate) discarded: Vec<BlobId>,
    bytes: usize,
    puts: bool,
    leads_to_deletes: bool,
    refused: Option<StoreError>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Sets a key. Keys are 1 to 16,384 bytes and do not begin with 0xff; values are up to 8 MiB.
    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Batch {
        let (key, value) = (key.into(), value.into());
        self.check(&key, value.len());
        self.push(Op::put(key, value));
        self
    }

    /// Removes a key; it need not be there.
    pub fn delete(&mut self, key: impl Into<Bytes>) -> &mut Batch {
        let key = key.into();
        self.check(&key, 0);
        self.push(Op::delete(key));
        self
    }

    /// Adds a row to the change feed.
    pub fn change(&mut self, change: Change) -> &mut Batch {
        self.bytes += change.size_bytes();
        self.puts = true;
        self.changes.push(change);
        self
    }

    /// How many writes it has.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.changes.is_empty()
    }

    /// The bytes of its keys, values and changes.
    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Lets a few small writes pass although the disk is nearly full, because deletes follow from them: a message
    /// must be received, which is written down, before it can be deleted.
    pub fn leads_to_deletes(&mut self) -> &mut Batch {
        self.leads_to_deletes = true;
        self
    }

    /// Whether it frees space; such batches are taken even when the disk is nearly full.
    pub(crate) fn frees(&self) -> bool {
        !self.puts || self.leads_to_deletes
    }

    /// The store's own writes: not checked, not counted as putting.
    pub(crate) fn push_system(&mut self, op: Op) {
        self.bytes += op.key.len() + op.value.as_ref().map_or(0, Bytes::len);
        self.ops.push(op);
    }

    pub(crate) fn refusal(&mut self) -> Option<StoreError> {
        if self.bytes > MAX_BATCH_BYTES {
            return Some(too_large("a batch", self.bytes, MAX_BATCH_BYTES));
        }
        self.refused.take()
    }

    fn push(&mut self, op: Op) {
        self.puts |= op.value.is_some();
        self.push_system(op);
    }

    fn check(&mut self, key: &Bytes, value_bytes: usize) {
        if let Err(error) = key::check(key) {
            self.refused.get_or_insert(error);
        }
        if value_bytes > MAX_VALUE_BYTES {
            self.refused.get_or_insert(too_large("a value", value_bytes, MAX_VALUE_BYTES));
        }
    }
}

fn too_large(what: &'static str, bytes: usize, limit_bytes: usize) -> StoreError {
    StoreError::TooLarge { what, bytes, limit_bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(batch: &mut Batch, refused: bool) {
        assert_eq!(batch.refusal().is_some(), refused);
    }

    #[test]
    fn what_no_engine_takes_is_refused() {
        check(Batch::new().put("a", "b"), false);
        check(Batch::new().put("a", vec![0; MAX_VALUE_BYTES]), false);
        check(Batch::new().put("a", vec![0; MAX_VALUE_BYTES + 1]), true);
        check(Batch::new().put("", "b"), true);
        check(Batch::new().delete(&b"\xff"[..]), true);
    }

    #[test]
    fn only_what_frees_passes_a_full_disk() {
        assert!(Batch::new().delete("a").frees());
        assert!(!Batch::new().delete("a").put("b", "").frees());
        assert!(Batch::new().put("b", "").leads_to_deletes().frees());
    }
}
