//! When discarded blobs go: after a grace, when no reader has them open and no snapshot may still refer to them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::BlobId;

/// What has been discarded since the open, and what holds it back. Shared by a store and its collector.
#[derive(Default)]
pub(crate) struct Garbage {
    state: Mutex<State>,
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    discarded: VecDeque<(BlobId, u64, Instant)>,
    open: HashMap<BlobId, u32>,
    snapshots: BTreeMap<u64, u32>,
}

impl Garbage {
    /// The commit with this order has discarded blobs.
    pub(crate) fn discarded(&self, ids: &[BlobId], order: u64) {
        if ids.is_empty() {
            return;
        }
        let now = Instant::now();
        self.state.lock().discarded.extend(ids.iter().map(|id| (*id, order, now)));
        self.changed.notify_one();
    }

    /// Takes what may go now. The second is how long until more may go, if time alone holds it back.
    pub(crate) fn collectable(&self, grace: Duration) -> (Vec<BlobId>, Option<Duration>) {
        let mut state = self.state.lock();
        let oldest_snapshot = state.snapshots.keys().next().copied().unwrap_or(u64::MAX);
        let mut ready = Vec::new();
        let mut wait: Option<Duration> = None;
        let mut kept = VecDeque::new();
        for (id, order, since) in std::mem::take(&mut state.discarded) {
            let left = grace.saturating_sub(since.elapsed());
            if !left.is_zero() {
                wait = Some(wait.map_or(left, |wait| wait.min(left)));
            }
            if left.is_zero() && order <= oldest_snapshot && !state.open.contains_key(&id) {
                ready.push(id);
            } else {
                kept.push_back((id, order, since));
            }
        }
        state.discarded = kept;
        (ready, wait)
    }

    /// Forgets everything discarded: the content was replaced.
    pub(crate) fn forget(&self) {
        self.state.lock().discarded.clear();
    }

    /// Keeps a blob while the answer lives.
    pub(crate) fn in_use(self: &Arc<Self>, id: BlobId) -> InUse {
        *self.state.lock().open.entry(id).or_default() += 1;
        InUse(self.clone(), id)
    }

    /// Keeps what a snapshot of this order may refer to while the answer lives.
    pub(crate) fn snapshot(self: &Arc<Self>, order: u64) -> SnapshotInUse {
        *self.state.lock().snapshots.entry(order).or_default() += 1;
        SnapshotInUse(self.clone(), order)
    }
}

/// A blob that is open.
pub(crate) struct InUse(Arc<Garbage>, BlobId);

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let Some(count) = state.open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                state.open.remove(&self.1);
            }
        }
        if !state.discarded.is_empty() {
            self.0.changed.notify_one();
        }
    }
}

/// A snapshot that is open.
pub(crate) struct SnapshotInUse(Arc<Garbage>, u64);

impl Drop for SnapshotInUse {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let Some(count) = state.snapshots.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                state.snapshots.remove(&self.1);
            }
        }
        if !state.discarded.is_empty() {
            self.0.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(garbage: &Garbage, expected: &[BlobId]) {
        assert_eq!(garbage.collectable(Duration::ZERO).0, expected);
    }

    #[test]
    fn readers_snapshots_and_grace_hold_blobs_back() {
        let garbage = Arc::new(Garbage::default());
        let ids: Vec<BlobId> = (0..4).map(|n| BlobId::from_bytes([n; 16])).collect();
        let reader = garbage.in_use(ids[0]);
        let snapshot = garbage.snapshot(10);
        garbage.discarded(&ids[..1], 5);
        garbage.discarded(&ids[1..2], 10);
        garbage.discarded(&ids[2..3], 11);
        let (now, wait) = garbage.collectable(Duration::from_secs(60));
        assert!(now.is_empty() && wait.is_some());
        check(&garbage, &ids[1..2]);
        drop(reader);
        check(&garbage, &ids[..1]);
        drop(snapshot);
        check(&garbage, &ids[2..3]);
        check(&garbage, &[]);
    }
}
