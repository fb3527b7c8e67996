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
use yakumo_room::{Background, Caller, Decided, host_now};

use crate::unproved::Unproved;

/// How many requests are remembered.
pub const JOURNAL_ENTRIES_MAX: usize = 4_096;
/// How many bytes of what clients wrote are remembered; the newest request always is.
const JOURNAL_BYTES_MAX: usize = 64 << 20;

/// One answered request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Position in the order of answers, from 1.
    pub sequence: u64,
    /// The id that the client was given.
    pub request_id: Arc<str>,
    /// Host time of its arrival.
    pub arrived: Timestamp,
    /// From the first step to the encoded answer.
    pub took: Duration,
    /// Where it came from; `None` when a service made it on its own.
    pub source_ip: Option<IpAddr>,
    /// The interface and VPC that it came from, and the endpoint that it came through, for people; `None` when it came
    /// from outside of the cloud's networks.
    pub origin: Option<String>,
    /// The service's name in the models, as far as it was found.
    pub service: Option<&'static str>,
    /// The operation's name in the model, as far as it was found.
    pub operation: Option<&'static str>,
    /// The region that the request was signed for.
    pub region: Option<Region>,
    /// Who asked; `None` when the request was not authenticated.
    pub caller: Option<Arc<Caller>>,
    /// The access key id that it was signed with, once that is verified.
    pub access_key_id: Option<Arc<str>>,
    /// Why its sender was not believed.
    pub unproved: Option<Unproved>,
    /// What was asked of the policies, in order, that of other services on its way included.
    pub decided: Vec<Decided>,
    /// The HTTP status.
    pub status: u16,
    /// The error's code and message for the client.
    pub error: Option<(String, String)>,
}

impl From<Background> for Entry {
    fn from(call: Background) -> Entry {
        let took_ms = host_now().as_millis().saturating_sub(call.began.as_millis());
        Entry {
            sequence: 0,
            request_id: call.request_id,
            arrived: call.began,
            took: Duration::from_millis(u64::try_from(took_ms).unwrap_or_default()),
            source_ip: None,
            origin: None,
            service: Some(call.service),
            operation: Some(call.operation),
            region: Some(call.region),
            caller: Some(call.caller),
            access_key_id: None,
            unproved: None,
            decided: call.decided,
            status: call.status,
            error: call.error,
        }
    }
}

impl Entry {
    /// The bytes in it that the client had a hand in.
    fn weight_bytes(&self) -> usize {
        let error = self.error.as_ref().map_or(0, |(code, message)| code.len() + message.len());
        error + self.decided.iter().map(Decided::weight_bytes).sum::<usize>()
    }
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
    ring: VecDeque<(usize, Arc<Entry>)>,
    bytes: usize,
}

impl Entries {
    fn is_full(&self) -> bool {
        let many = self.ring.len() > JOURNAL_ENTRIES_MAX;
        many || (self.bytes > JOURNAL_BYTES_MAX && self.ring.len() > 1)
    }
}

impl Journal {
    /// Remembers a request; numbers it.
    pub fn push(&self, mut entry: Entry) {
        let weight = entry.weight_bytes();
        let dropped = {
            let mut entries = self.entries.lock();
            entries.last += 1;
            entry.sequence = entries.last;
            entries.bytes += weight;
            entries.ring.push_back((weight, Arc::new(entry)));
            let mut oldest = Vec::new();
            while entries.is_full()
                && let Some((weight, entry)) = entries.ring.pop_front()
            {
                entries.bytes -= weight;
                oldest.push(entry);
            }
            oldest
        };
        // Old entries are freed outside the lock.
        drop(dropped);
        self.arrived.notify_waiters();
    }

    /// At most `limit` entries behind `sequence`, oldest first.
    pub fn after(&self, sequence: u64, limit: usize) -> Vec<Arc<Entry>> {
        let entries = self.entries.lock();
        let skip = entries.ring.partition_point(|(_, entry)| entry.sequence <= sequence);
        entries.ring.iter().skip(skip).take(limit).map(|(_, entry)| entry.clone()).collect()
    }

    /// The newest `limit` entries, oldest first.
    pub fn newest(&self, limit: usize) -> Vec<Arc<Entry>> {
        let entries = self.entries.lock();
        let skip = entries.ring.len().saturating_sub(limit);
        entries.ring.iter().skip(skip).map(|(_, entry)| entry.clone()).collect()
    }

    /// The entry of a request id.
    pub fn find(&self, request_id: &str) -> Option<Arc<Entry>> {
        let entries = self.entries.lock();
        let mut newest_first = entries.ring.iter().rev().map(|(_, entry)| entry);
        newest_first.find(|entry| *entry.request_id == *request_id).cloned()
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
    use super::{Entry, JOURNAL_BYTES_MAX, JOURNAL_ENTRIES_MAX, Journal};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;
    use yakumo_aws::Timestamp;

    fn entry(id: &str) -> Entry {
        Entry {
            sequence: 0,
            request_id: id.into(),
            arrived: Timestamp::default(),
            took: Duration::ZERO,
            source_ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            origin: None,
            service: None,
            operation: None,
            region: None,
            caller: None,
            access_key_id: None,
            unproved: None,
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
        assert_eq!(*newest.last().unwrap().request_id, JOURNAL_ENTRIES_MAX.to_string());
        assert_eq!(journal.after(newest[0].sequence, 10).len(), 1);
    }

    #[test]
    fn long_texts_do_not_pile_up() {
        let journal = Journal::default();
        for number in 0..70 {
            let error = Some(("Refused".to_owned(), "x".repeat(1 << 20)));
            journal.push(Entry { error, ..entry(&number.to_string()) });
        }
        assert_eq!(journal.newest(100).len(), 63);
        let error = Some(("Refused".to_owned(), "x".repeat(JOURNAL_BYTES_MAX)));
        journal.push(Entry { error, ..entry("huge") });
        assert_eq!(journal.newest(100).len(), 1);
        journal.push(entry("next"));
        assert_eq!(journal.newest(100).len(), 1);
        assert!(journal.find("next").is_some());
    }
}
