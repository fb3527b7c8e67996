//! ReceiveRequestAttemptId: a receive that is tried again with the same id gives the same messages and handles.
//!
//! Attempts live in memory only: after a restart the messages of a lost answer come back when they become visible.

use foldhash::{HashMap, HashMapExt};
use std::collections::VecDeque;

/// How long an attempt can be repeated, in milliseconds.
const WINDOW_MILLIS: i64 = 5 * 60 * 1_000;

/// A message that an attempt was answered with, as it stood then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Given {
    pub(super) seq: u64,
    pub(super) nonce: u64,
    pub(super) visible_at: i64,
}

pub(super) struct Attempts {
    given: HashMap<Box<str>, (i64, Vec<Given>)>,
    order: VecDeque<(i64, Box<str>)>,
}

impl Attempts {
    pub(super) fn new() -> Attempts {
        Attempts { given: HashMap::new(), order: VecDeque::new() }
    }

    /// What the attempt was answered with. It is forgotten: the caller records the new answer.
    pub(super) fn take(&mut self, id: &str, now: i64) -> Option<Vec<Given>> {
        self.forget_old(now);
        self.given.remove(id).map(|(_, given)| given)
    }

    pub(super) fn record(&mut self, id: &str, now: i64, given: Vec<Given>) {
        self.given.insert(id.into(), (now, given));
        self.order.push_back((now, id.into()));
    }

    fn forget_old(&mut self, now: i64) {
        while let Some((at, id)) = self.order.pop_front_if(|(at, _)| at.saturating_add(WINDOW_MILLIS) <= now)
        {
            if self.given.get(&id).is_some_and(|(given_at, _)| *given_at == at) {
                self.given.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, Given, WINDOW_MILLIS};

    #[test]
    fn an_attempt_can_be_repeated_for_five_minutes() {
        let mut attempts = Attempts::new();
        let given = vec![Given { seq: 1, nonce: 2, visible_at: 3 }];
        attempts.record("a", 0, given.clone());
        assert_eq!(attempts.take("a", WINDOW_MILLIS - 1), Some(given.clone()));
        assert_eq!(attempts.take("a", WINDOW_MILLIS - 1), None);
        attempts.record("a", 0, given);
        assert_eq!(attempts.take("a", WINDOW_MILLIS), None);
    }
}
