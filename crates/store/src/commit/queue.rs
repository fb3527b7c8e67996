//! The queue itself. Whoever finds no commit in progress leads: it writes what waits as one group, again and
//! again until nothing waits.
//!
//! Invariant: at most one group is being written, groups are written in the order of arrival, and each slot is
//! filled exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, watch};

use super::conflicts::Written;
use super::feed::Feed;
use super::group::{Entry, Group};
use super::lead::{GROUPS_PER_LEADER, Hold, Lead};
use super::order::{ORDER_BLOCK, ceiling_pair, read_ceiling};
use super::ticket::Slot;
use super::{OpenTransaction, Order, Ticket};
use crate::batch::{Batch, Op};
use crate::blobs::Garbage;
use crate::engine::Engine;
use crate::{Pair, StoreError};

const MOST_BATCHES_IN_GROUP: usize = 1024;
const MOST_BYTES_IN_GROUP: usize = 8 * 1024 * 1024;
/// More than this waiting is refused, so that a slow disk does not become a full memory.
const MOST_WAITING_BYTES: usize = 256 * 1024 * 1024;

/// Who writes the groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// The callers themselves, on their own threads: nothing waits for a disk.
    Inline,
    /// One thread of its own: each group waits for a sync.
    Thread,
    /// One task: each group waits for a server.
    Task,
}

/// The queue of one store.
pub(crate) struct Committer {
    pub(crate) engine: Arc<Engine>,
    pub(crate) garbage: Arc<Garbage>,
    mode: Mode,
    feed_limit: u64,
    pub(super) state: Mutex<State>,
    applied: AtomicU64,
    /// Only the leader touches it.
    lead: tokio::sync::Mutex<LeadState>,
    latest_change: watch::Sender<Order>,
    pub(super) work: Condvar,
    pub(super) task: Notify,
    pub(super) idle: Notify,
}

/// What all callers share.
pub(super) struct State {
    pub(super) waiting: Vec<Entry>,
    pub(super) waiting_bytes: usize,
    next_order: u64,
    pub(super) leading: bool,
    pub(super) held: bool,
    closed: bool,
    written: Written,
}

struct LeadState {
    order_ceiling: u64,
    feed: Option<Feed>,
}

impl Committer {
    /// Reads where the order stands and starts the writer that the mode asks for.
    pub(crate) async fn start(
        engine: Arc<Engine>,
        mode: Mode,
        feed_limit: u64,
    ) -> Result<Arc<Committer>, StoreError> {
        let ceiling = read_ceiling(&engine).await?;
        let committer = Arc::new(Committer {
            engine,
            garbage: Arc::default(),
            mode,
            feed_limit,
            state: Mutex::new(State {
                waiting: Vec::new(),
                waiting_bytes: 0,
                next_order: ceiling + 1,
                leading: false,
                held: false,
                closed: false,
                written: Written::default(),
            }),
            applied: AtomicU64::new(ceiling),
            lead: tokio::sync::Mutex::new(LeadState { order_ceiling: ceiling, feed: None }),
            latest_change: watch::Sender::new(Order::from_u64(ceiling)),
            work: Condvar::new(),
            task: Notify::new(),
            idle: Notify::new(),
        });
        committer.start_writer()?;
        Ok(committer)
    }

    /// The writer keeps the queue alive until it is closed, so that nothing that waits is forgotten.
    fn start_writer(self: &Arc<Self>) -> Result<(), StoreError> {
        let committer = self.clone();
        match self.mode {
            Mode::Inline => {}
            Mode::Thread => {
                let work = move || {
                    while committer.wait_for_work() {
                        committer.lead_here();
                    }
                };
                let started = std::thread::Builder::new().name("yakumo-commit".into()).spawn(work);
                started.map_err(|error| StoreError::io("starting the commit thread", error))?;
            }
            Mode::Task => {
                tokio::spawn(async move {
                    while !committer.is_done() {
                        committer.task.notified().await;
                        while let Some(lead) = committer.claim() {
                            lead.run(u32::MAX).await;
                        }
                    }
                });
            }
        }
        Ok(())
    }

    /// Blocks until there is work; false when the store is closed and nothing waits.
    fn wait_for_work(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.is_done() {
                return false;
            }
            if !state.waiting.is_empty() && !state.held {
                return true;
            }
            self.work.wait(&mut state);
        }
    }

    fn is_done(&self) -> bool {
        self.state.lock().is_done()
    }

    /// Fixes a batch's place in the order. Never blocks on the engine.
    pub(crate) fn enqueue(self: &Arc<Self>, mut batch: Batch) -> Ticket {
        if let Some(error) = batch.refusal() {
            return Ticket::failed(self.clone(), error);
        }
        if let Err(error) = self.engine.admit(batch.frees()).and_then(|()| self.engine.check(&batch)) {
            return Ticket::failed(self.clone(), error);
        }
        let slot = Arc::new(Slot::default());
        let mut state = self.state.lock();
        if state.closed {
            return Ticket::failed(self.clone(), StoreError::Closed);
        }
        if state.waiting_bytes > MOST_WAITING_BYTES {
            let waiting_bytes = state.waiting_bytes;
            drop(state);
            return Ticket::failed(self.clone(), StoreError::Overloaded { waiting_bytes });
        }
        let order = state.next_order;
        state.next_order += 1;
        state.waiting_bytes += batch.size_bytes();
        state.waiting.push(Entry { batch, order, slot: slot.clone() });
        drop(state);
        match self.mode {
            Mode::Inline => {}
            Mode::Thread => {
                self.work.notify_one();
            }
            Mode::Task => self.task.notify_one(),
        }
        Ticket::waiting(self.clone(), slot)
    }

    /// Leads if the mode is inline and nobody leads.
    pub(crate) fn drive(self: &Arc<Self>) {
        if self.mode == Mode::Inline {
            self.lead_here();
        }
    }

    fn lead_here(self: &Arc<Self>) {
        while let Some(lead) = self.claim() {
            // Embedded engines never wait for anything in an `await`.
            if lead.run(GROUPS_PER_LEADER).now_or_never().flatten().is_none() {
                return;
            }
        }
    }

    /// Becomes the leader and takes the first group; `None` when there is nothing to do or somebody leads.
    fn claim(self: &Arc<Self>) -> Option<Lead> {
        let mut state = self.state.lock();
        if state.leading || state.held || state.waiting.is_empty() {
            return None;
        }
        state.leading = true;
        Some(Lead { committer: self.clone(), group: Some(state.take()) })
    }

    /// Writes one group.
    pub(super) async fn write(&self, group: &mut Group) -> Result<(), StoreError> {
        if group.entries.is_empty() {
            return Ok(());
        }
        // Never contended: there is one leader. (`lock().await` would yield when tokio's budget is used up.)
        let mut lead = self.lead.try_lock().map_err(|error| StoreError::engine("leading", error))?;
        let rows = group.rows();
        group.merge();
        let mut ceiling = lead.order_ceiling;
        if group.last_order() > ceiling {
            ceiling = group.last_order() + ORDER_BLOCK;
            let (key, value) = ceiling_pair(ceiling);
            group.ops.push(Op::put(key, value));
        }
        let mut feed = lead.feed;
        if rows > 0 {
            let mut grown = match feed {
                Some(feed) => feed,
                None => Feed::read(&self.engine).await?,
            };
            grown.grow(&self.engine, rows, self.feed_limit, &mut group.ops).await?;
            feed = Some(grown);
        }
        if group.ops.is_empty() {
            return Ok(());
        }
        self.engine.apply(&mut group.ops).await?;
        lead.order_ceiling = ceiling;
        lead.feed = feed;
        if let Some(order) = group.last_change() {
            self.latest_change.send_replace(Order::from_u64(order));
        }
        Ok(())
    }

    /// Ends a group: makes it known, takes the next one if there is one, and answers.
    pub(super) fn finish(&self, group: Group, result: Result<(), StoreError>) -> Option<Group> {
        let next = {
            let mut state = self.state.lock();
            if !group.recorded && state.written.watched() {
                state.written.record(&group.ops, group.last_order());
            }
            // Also after a failure: its orders are used up, and nothing of them is there.
            self.applied.fetch_max(group.last_order(), Ordering::Release);
            if state.held || state.waiting.is_empty() {
                state.leading = false;
                self.idle.notify_waiters();
                None
            } else {
                Some(state.take())
            }
        };
        if result.is_ok() {
            for entry in &group.entries {
                self.garbage.discarded(&entry.batch.discarded, entry.order);
            }
        }
        group.answer(&result);
        next
    }

    /// Counts a transaction as open and says up to which order its snapshot will at least reach.
    pub(crate) fn begin_transaction(self: &Arc<Self>) -> (u64, Arc<OpenTransaction>) {
        let mut state = self.state.lock();
        state.written.begin();
        (self.applied(), Arc::new(OpenTransaction(self.clone())))
    }

    pub(crate) fn end_transaction(&self) {
        self.state.lock().written.end();
    }

    /// Every batch up to this order is visible to a read that begins now.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// The order of the newest row of the change feed, as it moves.
    pub(crate) fn watch_changes(&self) -> watch::Receiver<Order> {
        self.latest_change.subscribe()
    }

    /// Up to which commit the feed's rows have been dropped.
    pub(crate) async fn feed_dropped_to(&self) -> Result<u64, StoreError> {
        Ok(Feed::read(&self.engine).await?.dropped_to)
    }

    /// Keeps every writer out until the hold is dropped; what is enqueued meanwhile waits.
    ///
    /// It asks first and then waits for the leader to step down, so that it also gets in under load.
    pub(crate) async fn hold(self: &Arc<Self>) -> Hold {
        self.when_idle(|state| !std::mem::replace(&mut state.held, true)).await;
        let hold = Hold(self.clone());
        self.when_idle(|state| !state.leading).await;
        hold
    }

    /// Waits until the condition holds, looking whenever a leader or a holder has stepped down.
    async fn when_idle(&self, mut condition: impl FnMut(&mut State) -> bool) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if condition(&mut self.state.lock()) {
                return;
            }
            idle.await;
        }
    }

    /// The record that lets the order go on above everything here and above `other`.
    pub(crate) fn ceiling_above(&self, other: Order) -> Pair {
        let ceiling = self.state.lock().next_order.max(other.as_u64()) + ORDER_BLOCK;
        ceiling_pair(ceiling)
    }

    /// After the content was replaced: nothing cached holds, and the order goes on above both.
    pub(crate) async fn restart(&self) -> Result<(), StoreError> {
        let ceiling = read_ceiling(&self.engine).await?;
        let mut lead = self.lead.lock().await;
        *lead = LeadState { order_ceiling: ceiling, feed: None };
        let mut state = self.state.lock();
        state.next_order = state.next_order.max(ceiling + 1);
        Ok(())
    }

    /// Refuses new batches, writes those that wait, and ends the writer; does not wait for it.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.state.lock().closed = true;
        self.drive();
        self.work.notify_all();
        self.task.notify_one();
    }

    /// The same, and waits until everything is written.
    pub(crate) async fn close(self: &Arc<Self>) {
        self.abandon();
        self.when_idle(|state| !state.leading && state.waiting.is_empty()).await;
    }
}

impl State {
    fn is_done(&self) -> bool {
        self.closed && self.waiting.is_empty()
    }

    /// The next group: as many waiting batches as fit, transactions judged in their turn.
    fn take(&mut self) -> Group {
        let mut bytes = 0;
        let mut fits = |entry: &Entry| {
            bytes += entry.batch.size_bytes();
            bytes <= MOST_BYTES_IN_GROUP
        };
        let count = self.waiting.iter().take(MOST_BATCHES_IN_GROUP).take_while(|e| fits(e)).count().max(1);
        let taken = if count >= self.waiting.len() {
            std::mem::take(&mut self.waiting)
        } else {
            self.waiting.drain(..count).collect()
        };
        self.waiting_bytes -= taken.iter().map(|entry| entry.batch.size_bytes()).sum::<usize>();
        if !self.written.watched() {
            return Group { entries: taken, ..Group::default() };
        }
        let mut group = Group { recorded: true, ..Group::default() };
        for entry in taken {
            if entry.batch.reads.as_ref().is_some_and(|reads| self.written.conflicts(reads)) {
                group.conflicting.push(entry);
            } else {
                self.written.record(&entry.batch.ops, entry.order);
                group.entries.push(entry);
            }
        }
        group
    }
}
