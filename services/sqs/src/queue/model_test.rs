//! The index against a naive model: no loss, no duplicate while invisible, order inside groups, deduplication, and
//! the same behaviour after the index was dropped and loaded again from its state records.

use super::index::Index;
use super::outcomes::{Ask, Changed, Claim, Deleted, Rules};
use super::record::{Seen, State};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Send { group: u8, delay: i64, id: u8 },
    Receive { limit: usize, visibility: i64 },
    Delete { nth: usize },
    ChangeVisibility { nth: usize, visibility: i64 },
    Take { limit: usize, keep: bool },
    Pass { millis: i64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, prop_oneof![Just(0), 1..30i64], 0..6u8)
            .prop_map(|(group, delay, id)| Step::Send { group, delay, id }),
        4 => (1..5usize, 0..40i64).prop_map(|(limit, visibility)| Step::Receive { limit, visibility }),
        3 => any::<usize>().prop_map(|nth| Step::Delete { nth }),
        1 => (any::<usize>(), 0..40i64).prop_map(|(nth, visibility)| Step::ChangeVisibility { nth, visibility }),
        1 => (1..3usize, any::<bool>()).prop_map(|(limit, keep)| Step::Take { limit, keep }),
        3 => (1..60i64).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Restart),
    ]
}

/// What the model knows of a message.
#[derive(Clone, Debug)]
struct Message {
    group: String,
    sent_at: i64,
    visible_at: i64,
    count: u32,
    nonce: u64,
    state: Vec<u8>,
}

struct World {
    is_fifo: bool,
    index: Index,
    now: i64,
    nonce: u64,
    messages: BTreeMap<u64, Message>,
    /// Handles ever given out.
    handles: Vec<(u64, u64)>,
    seen: BTreeMap<u64, Seen>,
    reserved: u64,
}

const RULES: Rules = Rules { retention_millis: 200, fifo_delay_millis: 5 };

impl World {
    fn new(is_fifo: bool) -> World {
        World {
            is_fifo,
            index: Index::new(is_fifo, RULES, 1),
            now: 1_000,
            nonce: 0,
            messages: BTreeMap::new(),
            handles: Vec::new(),
            seen: BTreeMap::new(),
            reserved: 1,
        }
    }

    fn group(&self, group: u8) -> String {
        format!("g{group}")
    }

    fn visible_at(&self, message: &Message) -> i64 {
        message.visible_at
    }

    fn is_expired(&self, message: &Message) -> bool {
        message.sent_at + RULES.retention_millis <= self.now
    }

    fn forget_expired(&mut self) {
        let (now, retention) = (self.now, RULES.retention_millis);
        // In flight, the index notices when the timeout ends; until then both keep the message.
        self.messages.retain(|_, m| m.sent_at + retention > now || (m.count > 0 && m.visible_at > now));
    }

    fn send(&mut self, group: u8, delay: i64, id: u8) {
        let group = self.group(group);
        let key = [id; 16];
        if self.is_fifo {
            let original = self.seen.values().find(|seen| seen.key == key && seen.at + 300_000 > self.now);
            let found = self.index.find_duplicate(&key, self.now);
            assert_eq!(found.is_some(), original.is_some());
            if found.is_some() {
                return;
            }
        }
        if let Some(reserved) = self.index.reserve() {
            self.reserved = reserved;
        }
        let visible_at = self.now + if self.is_fifo { RULES.fifo_delay_millis } else { delay };
        let seq = self.index.send(self.now, visible_at, self.is_fifo.then_some(&group));
        assert!(!self.messages.contains_key(&seq) && self.handles.iter().all(|(used, _)| *used < seq));
        if self.is_fifo {
            let seen = Seen { at: self.now, key, message_id: [0; 16] };
            self.index.remember(seq, seen, &mut Vec::new());
            self.seen.insert(seq, seen);
        }
        let state =
            State { visible_at, sent_at: self.now, group: self.is_fifo.then_some(&*group), received: None };
        let state = state.encode();
        self.messages
            .insert(seq, Message { group, sent_at: self.now, visible_at, count: 0, nonce: 0, state });
    }

    fn receive(&mut self, limit: usize, visibility: i64) {
        self.forget_expired();
        let nonces: Vec<u64> = (0..limit as u64).map(|n| self.nonce + 1 + n).collect();
        self.nonce += limit as u64;
        let ask = Ask {
            now: self.now,
            limit,
            visibility_millis: visibility,
            nonces: &nonces,
            receives_max: Some(4),
        };
        let expected_any = self.messages.values().any(|m| self.may_go(m));
        let claims = self.index.claim(ask);
        assert_eq!(expected_any, !claims.taken.is_empty() || !claims.dead.is_empty());
        let mut last = BTreeMap::new();
        for claim in &claims.dead {
            let message = self.messages.remove(&claim.seq).unwrap();
            assert!(message.count >= 4 && message.visible_at <= self.now);
            assert!(!self.is_fifo || last.insert(message.group, claim.seq).is_none_or(|seq| seq < claim.seq));
            self.index.remove_taken(claim.seq);
        }
        let mut taken_groups = BTreeMap::new();
        for claim in &claims.taken {
            self.check_claim(claim, &mut taken_groups);
        }
        for claim in &claims.taken {
            let message = self.messages.get_mut(&claim.seq).unwrap();
            message.count += 1;
            message.visible_at = self.now + visibility;
            message.nonce = claim.received.nonce;
            message.state = claim.state().encode();
            assert_eq!((claim.received.count, claim.visible_at), (message.count, message.visible_at));
            self.handles.push((claim.seq, claim.received.nonce));
        }
    }

    /// Whether a message, or one before it in its group, must come out of a receive.
    fn may_go(&self, message: &Message) -> bool {
        self.visible_at(message) <= self.now && !(self.is_fifo && self.is_blocked(&message.group))
    }

    fn is_blocked(&self, group: &str) -> bool {
        self.messages.values().any(|m| m.group == group && m.count > 0 && m.visible_at > self.now)
    }

    fn check_claim(&self, claim: &Claim, groups: &mut BTreeMap<String, u64>) {
        let message = &self.messages[&claim.seq];
        assert!(message.visible_at <= self.now, "it was invisible");
        assert!(!self.is_expired(message) && message.count < 4);
        if !self.is_fifo {
            return;
        }
        assert!(!self.is_blocked(&message.group));
        // Everything before it in its group came out in the same receive, in order.
        let before = self.messages.range(..claim.seq).rev().find(|(_, m)| m.group == message.group);
        let last = groups.insert(message.group.clone(), claim.seq);
        assert_eq!(before.map(|(seq, _)| *seq), last);
    }

    fn delete(&mut self, nth: usize) {
        self.forget_expired();
        let Some((seq, nonce)) = self.handles.get(nth % self.handles.len().max(1)).copied() else { return };
        let deleted = self.index.delete(seq, nonce, self.now);
        let expected = match self.messages.get(&seq) {
            None => Deleted::Nothing,
            Some(_) if !self.is_fifo => Deleted::Now,
            Some(m) if m.nonce == nonce && m.visible_at > self.now => Deleted::Now,
            Some(_) => Deleted::HandleExpired,
        };
        if expected == Deleted::HandleExpired && deleted == Deleted::Nothing {
            panic!("a message was lost");
        }
        assert_eq!(deleted, expected);
        if deleted == Deleted::Now {
            self.messages.remove(&seq);
        }
    }

    fn change_visibility(&mut self, nth: usize, visibility: i64) {
        self.forget_expired();
        let Some((seq, nonce)) = self.handles.get(nth % self.handles.len().max(1)).copied() else { return };
        match self.index.change_visibility(seq, nonce, self.now, visibility) {
            Changed::Now(claim) => {
                let message = self.messages.get_mut(&seq).unwrap();
                assert!(message.nonce == nonce && message.visible_at > self.now);
                message.visible_at = self.now + visibility;
                message.state = claim.state().encode();
            }
            Changed::NotInFlight => {
                let message = &self.messages[&seq];
                assert!(message.nonce != nonce || message.visible_at <= self.now);
            }
            Changed::Gone => assert!(!self.messages.contains_key(&seq)),
            Changed::TooLong => panic!("twelve hours have not passed"),
        }
    }

    fn take(&mut self, limit: usize, keep: bool) {
        self.forget_expired();
        for claim in self.index.take_visible(self.now, limit) {
            assert!(self.messages[&claim.seq].visible_at <= self.now);
            if keep {
                self.index.restore(claim.seq, self.now);
            } else {
                self.index.remove_taken(claim.seq);
                self.messages.remove(&claim.seq);
            }
        }
    }

    fn restart(&mut self) {
        self.forget_expired();
        self.index = Index::new(self.is_fifo, RULES, self.reserved);
        for (seq, message) in &self.messages {
            self.index.load(*seq, &State::decode(&message.state).unwrap(), self.now);
        }
        for (seq, seen) in &self.seen {
            self.index.load_seen(*seq, *seen);
        }
    }

    fn check_counts(&mut self) {
        self.forget_expired();
        self.index.sweep(self.now);
        self.index.mature(self.now);
        let counts = self.index.counts();
        let flying = self.messages.values().filter(|m| m.count > 0 && m.visible_at > self.now).count();
        assert_eq!(counts.not_visible, flying);
        let delayed = self.messages.values().filter(|m| m.count == 0 && m.visible_at > self.now).count();
        assert!(counts.delayed >= delayed);
        assert!(counts.visible + counts.delayed >= self.messages.len() - flying);
    }
}

fn check(is_fifo: bool, steps: &[Step]) {
    let mut world = World::new(is_fifo);
    for step in steps {
        match *step {
            Step::Send { group, delay, id } => world.send(group, delay, id),
            Step::Receive { limit, visibility } => world.receive(limit, visibility),
            Step::Delete { nth } => world.delete(nth),
            Step::ChangeVisibility { nth, visibility } => world.change_visibility(nth, visibility),
            Step::Take { limit, keep } => world.take(limit, keep),
            Step::Pass { millis } => world.now += millis,
            Step::Restart => world.restart(),
        }
        world.check_counts();
    }
    // Nothing is lost: every message that is left comes out once time has passed.
    world.now += 100;
    world.forget_expired();
    let mut left: Vec<u64> = world.messages.keys().copied().collect();
    let mut out: Vec<u64> = Vec::new();
    loop {
        let taken = world.index.take_visible(world.now, 10);
        if taken.is_empty() {
            break;
        }
        for claim in taken {
            out.push(claim.seq);
            world.index.remove_taken(claim.seq);
        }
    }
    left.sort_unstable();
    out.sort_unstable();
    assert_eq!(out, left);
}

proptest! {
    #[test]
    fn standard_queues(steps in proptest::collection::vec(step(), 1..80)) {
        check(false, &steps);
    }

    #[test]
    fn fifo_queues(steps in proptest::collection::vec(step(), 1..80)) {
        check(true, &steps);
    }
}
