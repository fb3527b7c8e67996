//! What a queue keeps of its messages in memory: where each one stands, never what it says.
//!
//! Invariants: the index is a function of the stored state records, so it can be dropped and loaded again at any time;
//! a message is in exactly one place (delayed, waiting, in flight, taken); each call costs the messages it touches,
//! not the messages in the queue. All times are cloud time in milliseconds since the epoch.

use super::attempts::Attempts;
use super::deduplication::Deduplication;
use super::fifo::{Fifo, GroupId};
use super::outcomes::{Claim, Counts, Rules};
use super::record::{Received, Seen, State};
use super::standard::{Entry, Returned, Standard};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeSet;

/// How many message numbers are reserved at once; see [`Index::reserve`].
const RESERVED_AT_ONCE: u64 = 4_096;

/// Where a message is that was received at least once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Visible again, in a line.
    Waiting,
    InFlight(i64),
    /// On its way to another queue.
    Taken,
}

/// A message that was received at least once, or is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched {
    pub(super) sent_at: i64,
    pub(super) received: Received,
    pub(super) group: GroupId,
    pub(super) place: Place,
}

/// The lines of a queue's kind.
pub(super) enum Lanes {
    Standard(Standard),
    Fifo(Fifo),
}

/// The messages of one queue.
pub struct Index {
    /// What the attributes say now.
    pub rules: Rules,
    pub(super) lanes: Lanes,
    pub(super) touched: HashMap<u64, Touched>,
    pub(super) in_flight: BTreeSet<(i64, u64)>,
    pub(super) deduplication: Deduplication,
    pub(super) attempts: Attempts,
    next_seq: u64,
    reserved_to: u64,
    pub(super) garbage: Vec<u64>,
    pub(super) swept_at: i64,
    wakes: usize,
}

impl Index {
    /// An empty queue whose next message gets the number `next_seq`.
    pub fn new(is_fifo: bool, rules: Rules, next_seq: u64) -> Index {
        let lanes = if is_fifo { Lanes::Fifo(Fifo::new()) } else { Lanes::Standard(Standard::default()) };
        Index {
            rules,
            lanes,
            touched: HashMap::new(),
            in_flight: BTreeSet::new(),
            deduplication: Deduplication::new(),
            attempts: Attempts::new(),
            next_seq,
            reserved_to: next_seq,
            garbage: Vec::new(),
            swept_at: i64::MIN,
            wakes: 0,
        }
    }

    /// Takes in a stored message. To be called in the order of their numbers, before anything else.
    pub fn load(&mut self, seq: u64, state: &State<'_>, now: i64) {
        self.next_seq = self.next_seq.max(seq + 1);
        // What is in flight is kept until its timeout ends, as without a restart.
        let is_flying = state.received.is_some() && state.visible_at > now;
        if !is_flying && self.is_expired(state.sent_at, now) {
            self.garbage.push(seq);
            return;
        }
        let entry = Entry { seq, sent_at: state.sent_at };
        match state.received {
            None => self.place_fresh(entry, state.visible_at, state.group, now),
            Some(received) => {
                let group = self.hold_group(state.group);
                let place = Place::InFlight(state.visible_at);
                self.touched.insert(seq, Touched { sent_at: state.sent_at, received, group, place });
                // What is already due comes out again with the next call.
                self.in_flight.insert((state.visible_at, seq));
            }
        }
    }

    /// Takes in a stored deduplication id.
    pub fn load_seen(&mut self, seq: u64, seen: Seen) {
        self.next_seq = self.next_seq.max(seq + 1);
        self.deduplication.insert(seq, seen);
    }

    /// Reserves numbers, so that none is given twice even when its message is long gone at a restart. A number that
    /// comes back here must be stored with the message, and [`Index::new`] must get it after a restart.
    pub fn reserve(&mut self) -> Option<u64> {
        if self.next_seq < self.reserved_to {
            return None;
        }
        self.reserved_to = self.next_seq + RESERVED_AT_ONCE;
        Some(self.reserved_to)
    }

    /// The number that the next message gets.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// A new message. `visible_at` counts in standard queues only.
    pub fn send(&mut self, now: i64, visible_at: i64, group: Option<&str>) -> u64 {
        self.mature(now);
        let seq = self.next_seq;
        self.next_seq += 1;
        self.place_fresh(Entry { seq, sent_at: now }, visible_at, group, now);
        seq
    }

    /// A message that came from another queue with the time at which it was sent there.
    pub fn arrive(&mut self, now: i64, sent_at: i64, group: Option<&str>) -> u64 {
        self.mature(now);
        let seq = self.next_seq;
        self.next_seq += 1;
        self.place_fresh(Entry { seq, sent_at }, now, group, now);
        seq
    }

    fn place_fresh(&mut self, entry: Entry, visible_at: i64, group: Option<&str>, now: i64) {
        let delay = self.rules.fifo_delay_millis;
        match &mut self.lanes {
            Lanes::Standard(lane) if visible_at > now => lane.delay(entry, visible_at),
            Lanes::Standard(lane) => {
                lane.push(entry);
                self.wakes += 1;
            }
            Lanes::Fifo(lane) => {
                let id = lane.group(group.unwrap_or_default());
                if entry.sent_at.saturating_add(delay) > now {
                    lane.delay(entry, id);
                } else {
                    self.wakes += usize::from(lane.push(entry, id));
                }
            }
        }
    }

    fn hold_group(&mut self, name: Option<&str>) -> GroupId {
        match &mut self.lanes {
            Lanes::Standard(_) => 0,
            Lanes::Fifo(lane) => {
                let id = lane.group(name.unwrap_or_default());
                lane.hold(id);
                id
            }
        }
    }

    /// Lets time pass: ends delays and visibility timeouts that are due.
    pub fn mature(&mut self, now: i64) {
        self.wakes += match &mut self.lanes {
            Lanes::Standard(lane) => lane.mature(now),
            Lanes::Fifo(lane) => lane.mature(now, self.rules.fifo_delay_millis),
        };
        while let Some(&(visible_at, seq)) =
            self.in_flight.first().filter(|(visible_at, _)| *visible_at <= now)
        {
            self.in_flight.remove(&(visible_at, seq));
            self.give_back(seq, now);
        }
    }

    /// Puts a message that was in flight or taken back into its line, or among the garbage when it is too old.
    pub(super) fn give_back(&mut self, seq: u64, now: i64) {
        let Some(touched) = self.touched.get_mut(&seq) else { return };
        touched.place = Place::Waiting;
        let touched = *touched;
        if self.is_expired(touched.sent_at, now) {
            self.forget(seq, touched);
            self.garbage.push(seq);
            return;
        }
        let woken = match &mut self.lanes {
            Lanes::Standard(lane) => {
                lane.give_back(Returned { seq, nonce: touched.received.nonce });
                true
            }
            Lanes::Fifo(lane) => lane.give_back(Entry { seq, sent_at: touched.sent_at }, touched.group),
        };
        self.wakes += usize::from(woken);
    }

    /// Drops a message that is in no line any more.
    pub(super) fn forget(&mut self, seq: u64, touched: Touched) {
        self.touched.remove(&seq);
        if let Lanes::Fifo(lane) = &mut self.lanes {
            self.wakes += usize::from(lane.release(touched.group));
        }
    }

    pub(super) fn claim_of(&self, seq: u64, touched: Touched, visible_at: i64) -> Claim {
        let group = match &self.lanes {
            Lanes::Standard(_) => None,
            Lanes::Fifo(lane) => lane.name(touched.group),
        };
        Claim { seq, visible_at, sent_at: touched.sent_at, received: touched.received, group }
    }

    /// How many messages stand where, as of the last call that let time pass.
    pub fn counts(&self) -> Counts {
        let (visible, delayed) = match &self.lanes {
            Lanes::Standard(lane) => (lane.ready_count(), lane.delayed_count()),
            Lanes::Fifo(lane) => (lane.ready_count(), lane.delayed_count()),
        };
        Counts { visible, not_visible: self.in_flight.len(), delayed }
    }

    /// When something next becomes visible by itself.
    pub fn next_due(&self) -> Option<i64> {
        let delayed = match &self.lanes {
            Lanes::Standard(lane) => lane.next_due(),
            Lanes::Fifo(lane) => lane.next_due(self.rules.fifo_delay_millis),
        };
        let flying = self.in_flight.first().map(|(visible_at, _)| *visible_at);
        delayed.into_iter().chain(flying).min()
    }

    /// How many messages or groups have become receivable since this was last asked.
    pub fn take_wakes(&mut self) -> usize {
        std::mem::take(&mut self.wakes)
    }

    pub(super) fn is_expired(&self, sent_at: i64, now: i64) -> bool {
        sent_at.saturating_add(self.rules.retention_millis) <= now
    }
}
