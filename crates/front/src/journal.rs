//! The last requests, in memory: who asked for what, whether it was allowed and why, how it ended, how long it took.
//!
//! Bounded: the oldest entry goes when a new one comes. `yakumo requests` and `yakumo why` read it.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use yakumo_aws::{Region, Timestamp};
use yakumo_room::{Caller, Decided};

/// How many requests are remembered.
pub const JOURNAL_ENTRIES_MAX: usize = 4_096;

/// One answered request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Position in the order of answers, from 1.
    pub sequence: u64,
    /// The id that the client was given.
    pub request_id: String,
    /// Host time of its arrival.
    pub arrived: Timestamp,
    /// From the first step to the encoded answer.
    pub took: Duration,
    /// Where it came from.
    pub source_ip: IpAddr,
    /// The service's name in the models, as far as it was found.
    pub service: Option<&'static str>,
    /// The operation's name in the model, as far as it was found.
    pub operation: Option<&'static str>,
    /// The region that the request was signed for.
    pub region: Option<Region>,
    /// Who asked; `None` when the request was not authenticated.
    pub caller: Option<Arc<Caller>>,
    /// What was asked of the policies, in order.
    pub decided: Vec<Decided>,
    /// The HTTP status.
    pub status: u16,
    /// The error's code and message for the client.
    pub error: Option<(String, String)>,
}

/// The memory of the last [`JOURNAL_ENTRIES_MAX`] requests.
#[derive(Default)]
pub struct Journal {
    entries: Mutex<Entries>,
    arrived: Notify,
}

#[derive(Default)]
struct Entries {
    last: u64,
    ring: VecDeque<Arc<Entry>>,
}

impl Journal {
    /// Remembers a request; numbers it.
    pub fn push(&self, mut entry: Entry) {
        let dropped = {
            let mut entries = self.entries.lock();
            entries.last += 1;
            entry.sequence = entries.last;
            let oldest =
                if entries.ring.len() == JOURNAL_ENTRIES_MAX { entries.ring.pop_front() } else { None };
            entries.ring.push_back(Arc::new(entry));
            oldest
        };
        // The old entry is freed outside the lock.
        drop(dropped);
        self.arrived.notify_waiters();
    }

    /// At most `limit` entries behind `sequence`, oldest first.
    pub fn after(&self, sequence: u64, limit: usize) -> Vec<Arc<Entry>> {
        let entries = self.entries.lock();
        let skip = entries.ring.partition_point(|entry| entry.sequence <= sequence);
        entries.ring.iter().skip(skip).take(limit).cloned().collect()
    }

    /// The newest `limit` entries, oldest first.
    pub fn newest(&self, limit: usize) -> Vec<Arc<Entry>> {
        let entries = self.entries.lock();
        let skip = entries.ring.len().saturating_sub(limit);
        entries.ring.iter().skip(skip).cloned().collect()
    }

    /// The entry of a request id.
    pub fn find(&self, request_id: &str) -> Option<Arc<Entry>> {
        self.entries.lock().ring.iter().rev().find(|entry| entry.request_id == request_id).cloned()
    }

    /// Waits until an entry with a sequence above `sequence` is there.
    pub async fn wait_after(&self, sequence: u64) {
        loop {
            let arrived = self.arrived.notified();
            if self.entries.lock().last > sequence {
                return;
            }
            arrived.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, JOURNAL_ENTRIES_MAX, Journal};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;
    use yakumo_aws::Timestamp;

    fn entry(id: &str) -> Entry {
        Entry {
            sequence: 0,
            request_id: id.into(),
            arrived: Timestamp::default(),
            took: Duration::ZERO,
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            service: None,
            operation: None,
            region: None,
            caller: None,
            decided: Vec::new(),
            status: 200,
            error: None,
        }
    }

    #[test]
    fn the_oldest_entry_makes_room() {
        let journal = Journal::default();
        for number in 0..=JOURNAL_ENTRIES_MAX {
            journal.push(entry(&number.to_string()));
        }
        assert!(journal.find("0").is_none());
        assert_eq!(journal.find("1").unwrap().sequence, 2);
        let newest = journal.newest(2);
        assert_eq!(newest.last().unwrap().request_id, JOURNAL_ENTRIES_MAX.to_string());
        assert_eq!(journal.after(newest[0].sequence, 10).len(), 1);
    }
}
