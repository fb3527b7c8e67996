//! The waiting messages of a standard queue: what can be received now, and what is still delayed.
//!
//! Order is best effort, oldest first. Invariant: neither a backlog nor a message that keeps coming back can starve the
//! other, because new and returned messages take turns.

use std::collections::{BTreeMap, VecDeque};

/// A message in a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) sent_at: i64,
}

#[derive(Default)]
pub(super) struct Standard {
    /// Never received: 16 bytes for each message, so that a million of them stay small.
    fresh: VecDeque<Entry>,
    /// Received before and visible again. A line that is out of date (the message was deleted) is skipped later.
    returned: VecDeque<Returned>,
    returned_live: usize,
    /// By the time at which they become visible; the value is when they were sent.
    delayed: BTreeMap<(i64, u64), i64>,
    turn_of_returned: bool,
}

/// A line in the queue of returned messages; the nonce tells whether it is still true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Returned {
    pub(super) seq: u64,
    pub(super) nonce: u64,
}

/// What came out of the lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Popped {
    Fresh(Entry),
    Returned(Returned),
}

impl Standard {
    pub(super) fn push(&mut self, entry: Entry) {
        self.fresh.push_back(entry);
    }

    pub(super) fn delay(&mut self, entry: Entry, visible_at: i64) {
        self.delayed.insert((visible_at, entry.seq), entry.sent_at);
    }

    pub(super) fn give_back(&mut self, line: Returned) {
        self.returned.push_back(line);
        self.returned_live += 1;
    }

    /// A returned message was deleted; its line goes away when it is reached.
    pub(super) fn returned_is_gone(&mut self) {
        self.returned_live = self.returned_live.saturating_sub(1);
        if self.returned_live == 0 {
            self.returned.clear();
        }
    }

    /// The next candidate, fresh and returned ones in turns; `is_true` says whether a returned line is up to date.
    pub(super) fn pop(&mut self, is_true: impl Fn(Returned) -> bool) -> Option<Popped> {
        self.turn_of_returned = !self.turn_of_returned;
        if self.turn_of_returned || self.fresh.is_empty() {
            while let Some(line) = self.returned.pop_front() {
                if is_true(line) {
                    self.returned_live = self.returned_live.saturating_sub(1);
                    return Some(Popped::Returned(line));
                }
            }
        }
        self.fresh.pop_front().map(Popped::Fresh)
    }

    /// Moves messages whose delay is over into the line; gives their number.
    pub(super) fn mature(&mut self, now: i64) -> usize {
        let mut matured = 0;
        while let Some(first) = self.delayed.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, seq), sent_at) = first.remove_entry();
            self.fresh.push_back(Entry { seq, sent_at });
            matured += 1;
        }
        matured
    }

    /// Takes out fresh messages at the head of the line that were sent at `cutoff` or before.
    pub(super) fn expire(&mut self, cutoff: i64, garbage: &mut Vec<u64>) {
        while let Some(entry) = self.fresh.pop_front_if(|entry| entry.sent_at <= cutoff) {
            garbage.push(entry.seq);
        }
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        self.delayed.first_key_value().map(|((visible_at, _), _)| *visible_at)
    }

    pub(super) fn ready_count(&self) -> usize {
        self.fresh.len() + self.returned_live
    }

    pub(super) fn delayed_count(&self) -> usize {
        self.delayed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Popped, Returned, Standard};

    #[test]
    fn new_and_returned_messages_take_turns() {
        let mut line = Standard::default();
        for seq in 1..=3 {
            line.push(Entry { seq, sent_at: 0 });
        }
        line.give_back(Returned { seq: 9, nonce: 1 });
        line.give_back(Returned { seq: 8, nonce: 1 });
        let order: Vec<u64> = std::iter::from_fn(|| line.pop(|line| line.seq != 8))
            .map(|popped| match popped {
                Popped::Fresh(entry) => entry.seq,
                Popped::Returned(line) => line.seq,
            })
            .collect();
        assert_eq!(order, [9, 1, 2, 3]);
    }

    #[test]
    fn delays_end_in_order_of_time() {
        let mut line = Standard::default();
        line.delay(Entry { seq: 1, sent_at: 0 }, 20);
        line.delay(Entry { seq: 2, sent_at: 0 }, 10);
        assert_eq!(
            (line.next_due(), line.mature(9), line.mature(10), line.next_due()),
            (Some(10), 0, 1, Some(20))
        );
        assert_eq!((line.ready_count(), line.delayed_count()), (1, 1));
    }
}
