//! The memory engine: a persistent ordered map, so that a snapshot is one pointer.

use bytes::Bytes;
use parking_lot::RwLock;
use rpds::RedBlackTreeMapSync;

use crate::batch::Op;
use crate::dump::Content;
use crate::{Pair, Range, StoreError};

type Map = RedBlackTreeMapSync<Bytes, Bytes>;

/// Everything in one map.
#[derive(Default)]
pub(crate) struct Memory {
    map: RwLock<Map>,
    /// Lets tests see what a refused group does.
    #[cfg(test)]
    pub(crate) refuses: std::sync::atomic::AtomicBool,
}

impl Memory {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.map.read().get(key).cloned()
    }

    pub(crate) fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot(self.map.read().clone())
    }

    pub(crate) fn apply(&self, ops: &mut [Op]) -> Result<(), StoreError> {
        #[cfg(test)]
        if self.refuses.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::corrupt("refused by a test"));
        }
        let mut map = self.map.write();
        for op in ops {
            match op.value.take() {
                Some(value) => map.insert_mut(op.key.clone(), value),
                None => {
                    map.remove_mut(&op.key);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn replace(&self, mut content: Content) -> Result<(), StoreError> {
        let mut map = Map::new_sync();
        while let Some(pairs) = content.next_pairs()? {
            for (key, value) in pairs {
                map.insert_mut(key, value);
            }
        }
        *self.map.write() = map;
        Ok(())
    }
}

/// The map as it was.
pub(crate) struct MemorySnapshot(Map);

impl MemorySnapshot {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.0.get(key).cloned()
    }

    pub(crate) fn scan(&self, range: &Range, limit: usize) -> Vec<Pair> {
        let Some(bounds) = range.bounds() else { return Vec::new() };
        let pairs = self.0.range::<Bytes, _>(bounds).map(|(key, value)| (key.clone(), value.clone()));
        if range.reverse { pairs.rev().take(limit).collect() } else { pairs.take(limit).collect() }
    }
}
