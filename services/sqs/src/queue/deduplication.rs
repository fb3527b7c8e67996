//! The deduplication ids that a FIFO queue saw in the last five minutes.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html>

use super::record::Seen;
use foldhash::{HashMap, HashMapExt};
use std::collections::VecDeque;

/// How long an id is remembered, in milliseconds.
pub const WINDOW_MILLIS: i64 = 5 * 60 * 1_000;

/// The message that an id was first accepted with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Original {
    /// Its number in the queue.
    pub seq: u64,
    /// Its id.
    pub message_id: [u8; 16],
    at: i64,
}

pub(super) struct Deduplication {
    window: HashMap<[u8; 16], Original>,
    order: VecDeque<(i64, u64, [u8; 16])>,
}

impl Deduplication {
    pub(super) fn new() -> Deduplication {
        Deduplication { window: HashMap::new(), order: VecDeque::new() }
    }

    /// The message that was accepted with this id, if that was less than five minutes ago.
    pub(super) fn find(&self, key: &[u8; 16], now: i64) -> Option<Original> {
        self.window.get(key).copied().filter(|original| now < original.at.saturating_add(WINDOW_MILLIS))
    }

    pub(super) fn insert(&mut self, seq: u64, seen: Seen) {
        self.window.insert(seen.key, Original { seq, message_id: seen.message_id, at: seen.at });
        self.order.push_back((seen.at, seq, seen.key));
    }

    /// Forgets at most `limit` ids that are past the window; gives the numbers of their records.
    pub(super) fn expire(&mut self, now: i64, limit: usize, records: &mut Vec<u64>) {
        for _ in 0..limit {
            let Some((_, seq, key)) =
                self.order.pop_front_if(|(at, ..)| at.saturating_add(WINDOW_MILLIS) <= now)
            else {
                return;
            };
            if self.window.get(&key).is_some_and(|original| original.seq == seq) {
                self.window.remove(&key);
            }
            records.push(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Deduplication, Seen, WINDOW_MILLIS};

    #[test]
    fn an_id_is_remembered_for_five_minutes() {
        let mut seen = Deduplication::new();
        let record = |at| Seen { at, key: [1; 16], message_id: [2; 16] };
        seen.insert(1, record(0));
        assert_eq!(seen.find(&[1; 16], WINDOW_MILLIS - 1).unwrap().seq, 1);
        assert!(seen.find(&[1; 16], WINDOW_MILLIS).is_none() && seen.find(&[9; 16], 0).is_none());
        seen.insert(2, record(WINDOW_MILLIS));
        let mut records = Vec::new();
        seen.expire(WINDOW_MILLIS, 10, &mut records);
        assert_eq!(records, [1]);
        assert_eq!(seen.find(&[1; 16], WINDOW_MILLIS).unwrap().seq, 2);
    }
}
