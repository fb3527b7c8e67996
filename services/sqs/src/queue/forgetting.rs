//! What the index forgets with time: messages past their retention and deduplication ids past their window. Their
//! records are garbage, which is freed in the background.

use super::deduplication::Original;
use super::index::{Index, Lanes};
use super::record::Seen;

impl Index {
    /// Remembers a deduplication id; `expired` gets the numbers of at most two records that can go.
    pub fn remember(&mut self, seq: u64, seen: Seen, expired: &mut Vec<u64>) {
        self.deduplication.insert(seq, seen);
        self.deduplication.expire(seen.at, 2, expired);
    }

    /// The message that was accepted with this deduplication key in the last five minutes.
    pub fn find_duplicate(&self, key: &[u8; 16], now: i64) -> Option<Original> {
        self.deduplication.find(key, now)
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
}
