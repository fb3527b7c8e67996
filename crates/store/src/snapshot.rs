//! A consistent view of the whole store at one moment.

use bytes::Bytes;

use crate::blobs::SnapshotInUse;
use crate::engine::EngineSnapshot;
use crate::{Order, Pair, Range, StoreError};

/// The store as it was when the snapshot was taken. It holds memory or a database session: keep it briefly.
pub struct Snapshot {
    pub(crate) order: u64,
    pub(crate) view: EngineSnapshot,
    /// Keeps the blobs that it refers to; a transaction's snapshot is too brief to need that.
    pub(crate) _blobs: Option<SnapshotInUse>,
}

impl Snapshot {
    /// The snapshot holds every commit up to this one, and perhaps some that were in progress.
    pub fn order(&self) -> Order {
        Order::from_u64(self.order)
    }

    /// The value of a key.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        crate::key::check(key)?;
        self.view.get(key).await
    }

    /// At most `limit` pairs of a range, in its direction.
    pub async fn scan(&self, range: Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.view.scan(&range.cut(), limit).await
    }
}
