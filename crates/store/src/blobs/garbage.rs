//! When discarded blobs go: after a grace, when no reader has them open and no snapshot may still refer to them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{BlobId, List};

/// After so long a removal that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// What has been discarded since the open, and what holds it back. Shared by a store and its collector.
#[derive(Default)]
pub(crate) struct Garbage {
    state: Mutex<State>,
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    /// How often the content was replaced: what went before must not go again, it may have been loaded since.
    era: u64,
    discarded: VecDeque<Discarded>,
    open: HashMap<BlobId, u32>,
    snapshots: BTreeMap<u64, u32>,
}

struct Discarded {
    going: Going,
    /// The commit that discarded it.
    order: u64,
    since: Instant,
}

/// A blob that goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Going {
    pub(crate) id: BlobId,
    pub(crate) list: List,
    era: u64,
}

impl Garbage {
    /// The commit with this order has discarded blobs.
    pub(crate) fn discarded(&self, ids: &[BlobId], order: u64) {
        if ids.is_empty() {
            return;
        }
        let (mut state, since) = (self.state.lock(), Instant::now());
        let era = state.era;
        let discarded = ids.iter().map(|id| Discarded {
            going: Going { id: *id, list: List::Garbage, era },
            order,
            since,
        });
        state.discarded.extend(discarded);
        drop(state);
        self.changed.notify_one();
    }

    /// A blob that goes as soon as possible: an earlier process left it, or nobody ever needed it.
    pub(crate) fn now(&self, id: BlobId, list: List) {
        let era = self.state.lock().era;
        self.add(Going { id, list, era }, Instant::now());
    }

    /// A blob that could not be removed goes later.
    pub(crate) fn later(&self, going: Going) {
        self.add(going, Instant::now() + AGAIN);
    }

    /// No snapshot needs it.
    fn add(&self, going: Going, since: Instant) {
        let mut state = self.state.lock();
        if going.era == state.era {
            state.discarded.push_back(Discarded { going, order: 0, since });
            self.changed.notify_one();
        }
    }

    /// Takes what may go now. The second is how long until more may go, if time alone holds it back. Whoever removes
    /// it must have asked before where blobs are.
    pub(crate) fn collectable(&self, grace: Duration) -> (Vec<Going>, Option<Duration>) {
        let mut state = self.state.lock();
        let oldest_snapshot = state.snapshots.keys().next().copied().unwrap_or(u64::MAX);
        let mut ready = Vec::new();
        let mut wait: Option<Duration> = None;
        let mut kept = VecDeque::new();
        let now = Instant::now();
        for one in std::mem::take(&mut state.discarded) {
            let left = (one.since + grace).saturating_duration_since(now);
            if !left.is_zero() {
                wait = Some(wait.map_or(left, |wait| wait.min(left)));
            }
            if left.is_zero() && one.order <= oldest_snapshot && !state.open.contains_key(&one.going.id) {
                ready.push(one.going);
            } else {
                kept.push_back(one);
            }
        }
        state.discarded = kept;
        (ready, wait)
    }

    /// Forgets everything discarded: the content is being replaced.
    pub(crate) fn forget(&self) {
        let mut state = self.state.lock();
        state.era += 1;
        state.discarded.clear();
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
        let found: Vec<BlobId> =
            garbage.collectable(Duration::ZERO).0.into_iter().map(|one| one.id).collect();
        assert_eq!(found, expected);
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

    #[test]
    fn a_removal_that_failed_is_tried_again_unless_the_content_was_replaced() {
        let garbage = Garbage::default();
        let id = BlobId::from_bytes([1; 16]);
        garbage.now(id, List::Pending);
        let going = garbage.collectable(Duration::ZERO).0[0];
        garbage.later(going);
        let (now, wait) = garbage.collectable(Duration::ZERO);
        assert!(now.is_empty() && wait.is_some_and(|wait| wait <= AGAIN));
        garbage.forget();
        garbage.later(going);
        assert_eq!(garbage.collectable(Duration::ZERO), (Vec::new(), None));
    }
}
