//! What a queue keeps of its messages in memory: where each one stands, never what it says.
//!
//! Invariants: the index is a function of the stored state records, so it can be dropped and loaded again at any time;
//! a message is in exactly one place (delayed, waiting, in flight, taken); each call costs the messages it touches,
//! not the messages in the queue. All times are cloud time in milliseconds since the epoch.

use super::attempts::{Attempts, Given};
use super::deduplication::{Deduplication, Original};
use super::fifo::{Fifo, GroupId};
use super::record::{Received, Seen, State};
use super::standard::{Entry, Popped, Returned, Standard};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Messages that may be in flight at once. A standard queue then answers OverLimit, a FIFO queue nothing.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const IN_FLIGHT_MAX: usize = 120_000;

/// How long a message may stay invisible after one receive, in milliseconds.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>
pub const VISIBILITY_MAX_MILLIS: i64 = 12 * 60 * 60 * 1_000;

/// How many message numbers are reserved at once; see [`Index::reserve`].
const RESERVED_AT_ONCE: u64 = 4_096;

/// What the queue's attributes say about time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How long a message is kept from when it was sent.
    pub retention_millis: i64,
    /// How long a FIFO queue holds messages back; a standard queue's messages carry their own delay.
    pub fifo_delay_millis: i64,
}

/// How many dead letters one receive takes out at most: they are moved before it goes on.
const DEAD_AT_ONCE: usize = 16;

/// One receive, as the caller wants it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The present.
    pub now: i64,
    /// How many messages at most.
    pub limit: usize,
    /// How long they are invisible from now.
    pub visibility_millis: i64,
    /// A random number for each message's receipt handle.
    pub nonces: &'a [u64],
    /// After how many receives a message is a dead letter; `None` when there is nowhere to move it.
    pub receives_max: Option<u32>,
}

/// A message as it stands after a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its number in the queue.
    pub seq: u64,
    /// When it is visible again.
    pub visible_at: i64,
    /// When it was sent.
    pub sent_at: i64,
    /// How often it was received, when first, and the newest nonce.
    pub received: Received,
    /// Its group, in FIFO queues.
    pub group: Option<Arc<str>>,
}

impl Claim {
    /// The record to store.
    pub fn state(&self) -> State<'_> {
        State {
            visible_at: self.visible_at,
            sent_at: self.sent_at,
            group: self.group.as_deref(),
            received: (self.received.count > 0).then_some(self.received),
        }
    }
}

/// What a receive found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// Messages that are now in flight.
    pub taken: Vec<Claim>,
    /// Messages that were received too often. They are taken out of sight and must be moved, or restored.
    pub dead: Vec<Claim>,
    /// Whether too many messages are in flight already.
    pub is_over_limit: bool,
}

/// What became of a delete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// The message was there and is gone.
    Now,
    /// There is no such message (any more): nothing to do.
    Nothing,
    /// A FIFO queue's message whose visibility timeout is over: it stays.
    HandleExpired,
}

/// What became of a change of visibility.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Changed {
    /// The message as it now stands.
    Now(Claim),
    /// The message is there but not in flight by this handle.
    NotInFlight,
    /// The message would be invisible for more than twelve hours since it was received.
    TooLong,
    /// There is no such message.
    Gone,
}

/// How many messages stand where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Can be received now, or could if their group were not blocked.
    pub visible: usize,
    /// In flight.
    pub not_visible: usize,
    /// Not yet visible for the first time.
    pub delayed: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Visible again, in a line.
    Waiting,
    InFlight(i64),
    /// On its way to another queue.
    Taken,
}

/// A message that was received at least once, or is taken.
#[derive(Clone, Copy, Debug)]
struct Touched {
    sent_at: i64,
    received: Received,
    group: GroupId,
    place: Place,
}

enum Lanes {
    Standard(Standard),
    Fifo(Fifo),
}

/// The messages of one queue.
pub struct Index {
    /// What the attributes say now.
    pub rules: Rules,
    lanes: Lanes,
    touched: HashMap<u64, Touched>,
    in_flight: BTreeSet<(i64, u64)>,
    deduplication: Deduplication,
    attempts: Attempts,
    next_seq: u64,
    reserved_to: u64,
    garbage: Vec<u64>,
    swept_at: i64,
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
    fn give_back(&mut self, seq: u64, now: i64) {
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
    fn forget(&mut self, seq: u64, touched: Touched) {
        self.touched.remove(&seq);
        if let Lanes::Fifo(lane) = &mut self.lanes {
            self.wakes += usize::from(lane.release(touched.group));
        }
    }

    /// Receives messages. Those in `taken` are in flight now, and their states must be stored.
    pub fn claim(&mut self, ask: Ask<'_>) -> Claims {
        self.mature(ask.now);
        let mut claims = Claims::default();
        let mut turn = None;
        let mut nonces = ask.nonces.iter();
        while nonces.len() > 0 && claims.taken.len() < ask.limit && claims.dead.len() < DEAD_AT_ONCE {
            if self.in_flight.len() >= IN_FLIGHT_MAX {
                claims.is_over_limit = claims.taken.is_empty();
                break;
            }
            let Some((seq, touched)) = self.next(&mut turn, ask.now) else { break };
            if ask.receives_max.is_some_and(|max| touched.received.count >= max) {
                claims.dead.push(self.take(seq, touched));
                continue;
            }
            if let Some(nonce) = nonces.next() {
                claims.taken.push(self.fly(seq, touched, ask.now, ask.visibility_millis, *nonce));
            }
        }
        self.end_turn(turn);
        claims
    }

    /// Takes visible messages out of sight, so that they can be moved to another queue.
    pub fn take_visible(&mut self, now: i64, limit: usize) -> Vec<Claim> {
        self.mature(now);
        let mut taken = Vec::new();
        let mut turn = None;
        while taken.len() < limit {
            let Some((seq, touched)) = self.next(&mut turn, now) else { break };
            taken.push(self.take(seq, touched));
        }
        self.end_turn(turn);
        taken
    }

    /// The next message that may go, out of its line and held; messages past their retention are skipped.
    fn next(&mut self, turn: &mut Option<GroupId>, now: i64) -> Option<(u64, Touched)> {
        loop {
            let (seq, sent_at, group) = match &mut self.lanes {
                Lanes::Standard(lane) => {
                    let touched = &self.touched;
                    let is_true = |line: Returned| {
                        touched.get(&line.seq).is_some_and(|touched| {
                            touched.place == Place::Waiting && touched.received.nonce == line.nonce
                        })
                    };
                    match lane.pop(is_true)? {
                        Popped::Fresh(entry) => (entry.seq, entry.sent_at, 0),
                        Popped::Returned(line) => (line.seq, touched.get(&line.seq)?.sent_at, 0),
                    }
                }
                Lanes::Fifo(lane) => {
                    if turn.is_none() {
                        *turn = Some(lane.begin_turn()?);
                    }
                    let group = (*turn)?;
                    let Some(head) = lane.pop(group) else {
                        lane.end_turn(group);
                        *turn = None;
                        continue;
                    };
                    lane.hold(group);
                    (head.seq, head.sent_at, group)
                }
            };
            let fresh = Touched {
                sent_at,
                received: Received { count: 0, first_at: 0, last_at: 0, nonce: 0 },
                group,
                place: Place::Waiting,
            };
            let touched = self.touched.get(&seq).copied().unwrap_or(fresh);
            if self.is_expired(sent_at, now) {
                self.forget(seq, touched);
                self.garbage.push(seq);
                continue;
            }
            return Some((seq, touched));
        }
    }

    fn end_turn(&mut self, turn: Option<GroupId>) {
        if let (Lanes::Fifo(lane), Some(group)) = (&mut self.lanes, turn) {
            lane.end_turn(group);
        }
    }

    fn fly(&mut self, seq: u64, mut touched: Touched, now: i64, visibility: i64, nonce: u64) -> Claim {
        let visible_at = now.saturating_add(visibility);
        let first_at = if touched.received.count == 0 { now } else { touched.received.first_at };
        let count = touched.received.count.saturating_add(1);
        touched.received = Received { count, first_at, last_at: now, nonce };
        touched.place = Place::InFlight(visible_at);
        self.touched.insert(seq, touched);
        self.in_flight.insert((visible_at, seq));
        self.claim_of(seq, touched, visible_at)
    }

    fn take(&mut self, seq: u64, mut touched: Touched) -> Claim {
        touched.place = Place::Taken;
        self.touched.insert(seq, touched);
        self.claim_of(seq, touched, 0)
    }

    fn claim_of(&self, seq: u64, touched: Touched, visible_at: i64) -> Claim {
        let group = match &self.lanes {
            Lanes::Standard(_) => None,
            Lanes::Fifo(lane) => lane.name(touched.group),
        };
        Claim { seq, visible_at, sent_at: touched.sent_at, received: touched.received, group }
    }

    /// Whether a message is still taken by the one who has this claim.
    pub fn is_taken(&self, seq: u64) -> bool {
        self.touched.get(&seq).is_some_and(|touched| touched.place == Place::Taken)
    }

    /// Puts a taken message back where it was.
    pub fn restore(&mut self, seq: u64, now: i64) {
        if self.is_taken(seq) {
            self.give_back(seq, now);
        }
    }

    /// Removes a taken message: it is in another queue now.
    pub fn remove_taken(&mut self, seq: u64) {
        if let Some(touched) = self.touched.get(&seq).copied().filter(|touched| touched.place == Place::Taken)
        {
            self.forget(seq, touched);
        }
    }

    /// A message that was received and is not past its retention. What is in flight stays until its timeout ends.
    fn live(&self, seq: u64, now: i64) -> Option<Touched> {
        let touched = self.touched.get(&seq).copied()?;
        let is_gone = touched.place == Place::Waiting && self.is_expired(touched.sent_at, now);
        (!is_gone).then_some(touched)
    }

    /// Deletes a message by its receipt.
    pub fn delete(&mut self, seq: u64, nonce: u64, now: i64) -> Deleted {
        self.mature(now);
        let Some(touched) = self.live(seq, now) else { return Deleted::Nothing };
        if touched.received.count == 0 || touched.place == Place::Taken {
            return Deleted::Nothing;
        }
        match (&mut self.lanes, touched.place) {
            (Lanes::Fifo(_), Place::InFlight(visible_at)) if touched.received.nonce == nonce => {
                self.in_flight.remove(&(visible_at, seq));
                self.forget(seq, touched);
                Deleted::Now
            }
            // AWS: FIFO-queues-exactly-once-processing: only the one who holds the message may delete it.
            (Lanes::Fifo(_), _) => Deleted::HandleExpired,
            // AWS: API_DeleteMessage: an old handle succeeds in a standard queue, and the message "might not be
            // deleted". Here every handle of a message deletes it, as it nearly always does there.
            (Lanes::Standard(_), Place::InFlight(visible_at)) => {
                self.in_flight.remove(&(visible_at, seq));
                self.forget(seq, touched);
                Deleted::Now
            }
            (Lanes::Standard(lane), _) => {
                lane.returned_is_gone();
                self.touched.remove(&seq);
                Deleted::Now
            }
        }
    }

    /// Sets a new visibility timeout for a message in flight, counted from now.
    pub fn change_visibility(&mut self, seq: u64, nonce: u64, now: i64, visibility: i64) -> Changed {
        self.mature(now);
        let Some(mut touched) = self.live(seq, now) else { return Changed::Gone };
        let Place::InFlight(old) = touched.place else { return Changed::NotInFlight };
        if touched.received.nonce != nonce {
            return Changed::NotInFlight;
        }
        let visible_at = now.saturating_add(visibility);
        if visible_at.saturating_sub(touched.received.last_at) > VISIBILITY_MAX_MILLIS {
            return Changed::TooLong;
        }
        touched.place = Place::InFlight(visible_at);
        self.touched.insert(seq, touched);
        self.in_flight.remove(&(old, seq));
        self.in_flight.insert((visible_at, seq));
        let claim = self.claim_of(seq, touched, visible_at);
        self.mature(now);
        Changed::Now(claim)
    }

    /// Answers a repeated receive attempt with the same messages and handles, with a new visibility timeout; `None`
    /// when there was no such attempt or one of its messages has been changed since.
    pub fn repeat(&mut self, attempt: &str, ask: Ask<'_>) -> Option<Vec<Claim>> {
        self.mature(ask.now);
        let given = self.attempts.take(attempt, ask.now)?;
        let is_unchanged = |given: &Given| {
            self.touched.get(&given.seq).is_some_and(|touched| {
                touched.place == Place::InFlight(given.visible_at) && touched.received.nonce == given.nonce
            })
        };
        if !given.iter().all(is_unchanged) {
            return None;
        }
        let change = |given: &Given| match self.change_visibility(
            given.seq,
            given.nonce,
            ask.now,
            ask.visibility_millis,
        ) {
            Changed::Now(claim) => Some(claim),
            _ => None,
        };
        let claims: Vec<Claim> = given.iter().filter_map(change).collect();
        self.record_attempt(attempt, ask.now, &claims);
        Some(claims)
    }

    /// Remembers what a receive attempt was answered with.
    pub fn record_attempt(&mut self, attempt: &str, now: i64, claims: &[Claim]) {
        let given = |claim: &Claim| Given {
            seq: claim.seq,
            nonce: claim.received.nonce,
            visible_at: claim.visible_at,
        };
        self.attempts.record(attempt, now, claims.iter().map(given).collect());
    }

    /// The message that was accepted with this deduplication key in the last five minutes.
    pub fn find_duplicate(&self, key: &[u8; 16], now: i64) -> Option<Original> {
        self.deduplication.find(key, now)
    }

    /// Remembers a deduplication id; `expired` gets the numbers of at most two records that can go.
    pub fn remember(&mut self, seq: u64, seen: Seen, expired: &mut Vec<u64>) {
        self.deduplication.insert(seq, seen);
        self.deduplication.expire(seen.at, 2, expired);
    }

    /// Forgets deduplication ids that are past the window; gives the numbers of their records.
    pub fn expire_seen(&mut self, now: i64, limit: usize) -> Vec<u64> {
        let mut records = Vec::new();
        self.deduplication.expire(now, limit, &mut records);
        records
    }

    /// Finds messages past their retention, at most once a second because it looks at every group.
    pub fn sweep(&mut self, now: i64) {
        self.mature(now);
        if now < self.swept_at.saturating_add(1_000) {
            return;
        }
        self.swept_at = now;
        let cutoff = now.saturating_sub(self.rules.retention_millis);
        let first = self.garbage.len();
        match &mut self.lanes {
            Lanes::Standard(lane) => lane.expire(cutoff, &mut self.garbage),
            Lanes::Fifo(lane) => lane.expire(cutoff, &mut self.garbage),
        }
        for seq in self.garbage.iter().skip(first) {
            self.touched.remove(seq);
        }
    }

    /// Numbers of messages that are gone but still stored, at most `limit` of them.
    pub fn take_garbage(&mut self, limit: usize) -> Vec<u64> {
        let from = self.garbage.len().saturating_sub(limit);
        self.garbage.split_off(from)
    }

    /// A message whose body is not stored (its send failed): it goes.
    pub fn drop_bodiless(&mut self, seq: u64) {
        let Some(touched) = self.touched.get(&seq).copied() else { return };
        if let Place::InFlight(visible_at) = touched.place {
            self.in_flight.remove(&(visible_at, seq));
            self.forget(seq, touched);
        }
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

    fn is_expired(&self, sent_at: i64, now: i64) -> bool {
        sent_at.saturating_add(self.rules.retention_millis) <= now
    }
}
