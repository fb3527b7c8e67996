//! The index's way out: messages that are received, or taken to another queue.

use super::attempts::Given;
use super::fifo::GroupId;
use super::index::{Index, Lanes, Place, Touched};
use super::outcomes::{Ask, Changed, Claim, Claims, IN_FLIGHT_MAX};
use super::record::Received;
use super::standard::{Popped, Returned};

/// How many dead letters one receive takes out at most: they are moved before it goes on.
const DEAD_AT_ONCE: usize = 16;

impl Index {
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

    /// A message whose body is not stored (its send failed): it goes.
    pub fn drop_bodiless(&mut self, seq: u64) {
        let Some(touched) = self.touched.get(&seq).copied() else { return };
        if let Place::InFlight(visible_at) = touched.place {
            self.in_flight.remove(&(visible_at, seq));
            self.forget(seq, touched);
        }
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
}
