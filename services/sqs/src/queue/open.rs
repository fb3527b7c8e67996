//! An open queue: its settings, its index behind a lock, and the store underneath.
//!
//! Invariants: everything that changes the index is enqueued to the store under the same lock, so the store's order is
//! the index's order; when a commit fails, the index is dropped and loaded again from the store, so that nothing is
//! lost and nothing invented.

use super::index::Index;
use super::keys::Keys;
use super::polls::Polls;
use super::record::{Seen, State};
use super::settings::Settings;
use crate::error;
use crate::state::{QueueName, QueueRecord, queue_arn};
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use yakumo_aws::{Error, Result};
use yakumo_room::store::{Batch, Ticket};
use yakumo_room::{Base, Scope};

/// How many records one read of a load takes.
const PAGE: usize = 10_000;

/// A queue that was asked for since the start.
pub struct OpenQueue {
    /// Whose it is and what it is called.
    pub name: QueueName,
    /// The number that its messages are stored under.
    pub number: u64,
    /// Its ARN.
    pub arn: String,
    /// Where its messages are stored.
    pub keys: Keys,
    /// Those who wait for its messages.
    pub polls: Polls,
    base: Arc<Base>,
    settings: RwLock<Arc<Settings>>,
    is_stale: AtomicBool,
    slot: Mutex<Slot>,
    loading: tokio::sync::Mutex<()>,
}

/// The index, when it is loaded.
struct Slot {
    index: Option<Box<Index>>,
    /// Counts how often the index was dropped: a commit that fails drops only the index that it was made with.
    generation: u64,
    is_gone: bool,
}

impl OpenQueue {
    pub(super) fn new(base: Arc<Base>, record: QueueRecord) -> Result<OpenQueue> {
        let (account, region) = (record.account, record.region);
        let scope = Scope { account: Some(account), region: Some(region), service: "sqs" };
        Ok(OpenQueue {
            name: QueueName { account, region, name: record.name.clone() },
            number: record.number,
            arn: queue_arn(account, region, &record.name),
            keys: Keys::new(&scope, record.number),
            polls: Polls::default(),
            base,
            settings: RwLock::new(Arc::new(Settings::new(record)?)),
            is_stale: AtomicBool::new(false),
            slot: Mutex::new(Slot { index: None, generation: 0, is_gone: false }),
            loading: tokio::sync::Mutex::default(),
        })
    }

    /// What is set on it.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().clone()
    }

    /// The cloud's present, in milliseconds.
    pub fn now(&self) -> i64 {
        self.base.clock.now().as_millis()
    }

    /// The ground underneath.
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// Its record is about to change: nobody may rely on the settings until [`OpenQueue::renew`].
    pub(super) fn set_stale(&self) {
        self.is_stale.store(true, Ordering::Release);
    }

    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }

    /// Takes in the record as it now stands; `None` when the queue was deleted.
    pub(super) fn renew(&self, record: Option<QueueRecord>) -> Result<()> {
        match record.filter(|record| record.number == self.number) {
            None => {
                let mut slot = self.slot.lock();
                slot.is_gone = true;
                slot.index = None;
            }
            Some(record) => {
                let settings = Arc::new(Settings::new(record)?);
                let mut slot = self.slot.lock();
                if settings.record.purge != self.settings().record.purge {
                    slot.drop_index();
                }
                if let Some(index) = &mut slot.index {
                    index.rules = settings.rules;
                }
                *self.settings.write() = settings;
                self.is_stale.store(false, Ordering::Release);
            }
        }
        self.polls.wake_all();
        Ok(())
    }

    /// Does something with the index, loading it first when that is needed. `work` must not wait for anything.
    pub async fn with<R>(self: &Arc<Self>, work: impl FnOnce(&mut Access<'_>) -> R) -> Result<R> {
        loop {
            if let Some(mut access) = self.try_lock()? {
                return Ok(work(&mut access));
            }
            self.load().await?;
        }
    }

    /// The lock on the index; `None` when it must be loaded first.
    pub(super) fn try_lock(self: &Arc<Self>) -> Result<Option<Access<'_>>> {
        let slot = self.slot.lock();
        if slot.is_gone {
            return Err(error::queue_does_not_exist());
        }
        Ok(slot.index.is_some().then(|| Access { queue: self, slot }))
    }

    /// Waits until everything that was enqueued before is committed or has failed.
    pub async fn settle(&self) -> Result<()> {
        let mut batch = Batch::new();
        // Message 0 does not exist: deleting it changes nothing and takes its turn behind all others.
        batch.delete(self.keys.state(0));
        self.base.store.commit(batch).await?;
        Ok(())
    }

    pub(super) async fn load(self: &Arc<Self>) -> Result<()> {
        let _one_at_a_time = self.loading.lock().await;
        let (generation, settings) = {
            let slot = self.slot.lock();
            if slot.index.is_some() || slot.is_gone {
                return Ok(());
            }
            (slot.generation, self.settings())
        };
        self.settle().await?;
        let mut index = self.read_index(&settings).await?;
        let mut slot = self.slot.lock();
        if slot.generation == generation && !slot.is_gone {
            index.rules = self.settings().rules;
            slot.index = Some(index);
        }
        Ok(())
    }

    async fn read_index(&self, settings: &Settings) -> Result<Box<Index>> {
        let store = &self.base.store;
        let reserved = match store.get(&self.keys.reserved()).await? {
            Some(bytes) => Keys::seq(&bytes).map_err(Error::internal)?,
            None => 1,
        };
        let from = settings.purged_before();
        let mut index = Box::new(Index::new(settings.is_fifo(), settings.rules, reserved.max(from)));
        let now = self.now();
        let mut range = self.keys.states_from(from);
        loop {
            let page = store.scan(range.clone(), PAGE).await?;
            for (key, value) in &page {
                let state = State::decode(value).map_err(Error::internal)?;
                index.load(Keys::seq(key).map_err(Error::internal)?, &state, now);
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => range = range.after(last.clone()),
                _ => break,
            }
        }
        self.read_seen(&mut index).await?;
        Ok(index)
    }

    async fn read_seen(&self, index: &mut Index) -> Result<()> {
        let mut range = self.keys.all_seen();
        loop {
            let page = self.base.store.scan(range.clone(), PAGE).await?;
            for (key, value) in &page {
                let seen = Seen::decode(value).map_err(Error::internal)?;
                index.load_seen(Keys::seq(key).map_err(Error::internal)?, seen);
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => range = range.after(last.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Whether the index is in memory.
    pub fn is_loaded(&self) -> bool {
        self.slot.lock().index.is_some()
    }

    /// How often the index was dropped.
    pub fn generation(&self) -> u64 {
        self.slot.lock().generation
    }

    fn forget(&self, generation: u64) {
        let mut slot = self.slot.lock();
        if slot.generation == generation {
            slot.drop_index();
        }
    }

    /// Drops the index, as a restart would.
    #[cfg(test)]
    pub fn drop_index(&self) {
        self.slot.lock().drop_index();
    }
}

impl Slot {
    fn drop_index(&mut self) {
        self.index = None;
        self.generation += 1;
    }
}

/// The index under its lock.
pub struct Access<'a> {
    queue: &'a Arc<OpenQueue>,
    slot: MutexGuard<'a, Slot>,
}

impl Access<'_> {
    /// The index.
    pub fn index(&mut self) -> &mut Index {
        self.slot.index.as_mut().expect("access is only given to a loaded index")
    }

    /// Which loading of the index this is.
    pub fn generation(&self) -> u64 {
        self.slot.generation
    }

    /// Fixes a batch's place in the order of commits.
    pub fn enqueue(&self, batch: Batch) -> Commit {
        let ticket = self.queue.base.store.enqueue(batch);
        Commit { ticket: Some(ticket), queue: self.pin(), other: None }
    }

    /// The same for a batch that touches two queues, which are both locked.
    pub(super) fn enqueue_with(&self, other: &Access<'_>, batch: Batch) -> Commit {
        let mut commit = self.enqueue(batch);
        commit.other = Some(other.pin());
        commit
    }

    fn pin(&self) -> (Arc<OpenQueue>, u64) {
        (self.queue.clone(), self.slot.generation)
    }
}

impl Drop for Access<'_> {
    fn drop(&mut self) {
        let polls = &self.queue.polls;
        let Some(index) = &mut self.slot.index else { return };
        let wakes = index.take_wakes();
        if polls.is_waiting() {
            polls.wake(wakes, index.next_due());
        }
    }
}

/// A change of the index on its way into the store. It must be waited for: when it fails or is dropped, the index is
/// loaded again from what is stored.
#[must_use = "wait for it: what it wrote is not acknowledged before"]
pub struct Commit {
    ticket: Option<Ticket>,
    queue: (Arc<OpenQueue>, u64),
    other: Option<(Arc<OpenQueue>, u64)>,
}

impl Commit {
    /// Waits until the change is durable as configured.
    pub async fn done(mut self) -> Result<()> {
        if let Some(ticket) = &mut self.ticket {
            ticket.await?;
        }
        self.ticket = None;
        Ok(())
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        if self.ticket.is_none() {
            return;
        }
        for (queue, generation) in std::iter::once(&self.queue).chain(&self.other) {
            queue.forget(*generation);
        }
    }
}
