//! What is gathered for each flow log until its interval of aggregation ends. Pure.
//!
//! Invariant: a packet is told once in each flow log that records its interface.

use super::FlowLog;
use std::collections::{BTreeMap, BTreeSet};
use yakumo_net::engine::{FlowCount, Flows};

/// A flow: what a record is about.
pub(super) type Flow = FlowCount;

/// Sums of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// When its first packet came, in seconds.
    pub start: i64,
    /// When its last one came.
    pub end: i64,
    /// How many.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// An interval of one flow log.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// When it began, in seconds.
    pub start: i64,
    /// Its flows; of those that are the key packets and bytes are zero.
    pub flows: BTreeMap<Flow, Sum>,
    /// Interfaces of which flows may be missing.
    pub skipped: BTreeSet<String>,
}

/// All that is gathered.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    windows: BTreeMap<String, Window>,
    /// When it was looked last, in seconds.
    looked: i64,
}

impl Gathering {
    /// Adds what was counted since the last look; gives the intervals that are over, by flow log.
    pub(super) fn add(
        &mut self,
        logs: &[(FlowLog, BTreeSet<String>)],
        flows: &Flows,
        now: i64,
    ) -> BTreeMap<String, Window> {
        let since = if self.looked == 0 { now } else { self.looked.min(now) };
        self.looked = now;
        self.windows.retain(|id, _| logs.iter().any(|(log, _)| log.id == *id));
        let mut over = BTreeMap::new();
        for (log, interfaces) in logs {
            let begin = || Window { start: now, ..Window::default() };
            let window = self.windows.entry(log.id.clone()).or_insert_with(begin);
            for count in &flows.counts {
                if interfaces.contains(&count.interface) && log.wants(count.accepted) {
                    window.add(count, since, now);
                }
            }
            window.skipped.extend(flows.skipped.iter().filter(|id| interfaces.contains(*id)).cloned());
            if now - window.start >= i64::from(log.interval_s) {
                over.insert(log.id.clone(), std::mem::replace(window, begin()));
            }
        }
        over
    }
}

impl Window {
    fn add(&mut self, count: &FlowCount, since: i64, now: i64) {
        let key = FlowCount { packets: 0, bytes: 0, ..count.clone() };
        let first = Sum { start: since.max(self.start), end: now, packets: 0, bytes: 0 };
        let sum = self.flows.entry(key).or_insert(first);
        sum.end = now;
        sum.packets += count.packets;
        sum.bytes += count.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::Gathering;
    use crate::flow_logs::FlowLog;
    use crate::nouns::Home;
    use std::collections::BTreeSet;
    use yakumo_aws::{AccountId, Region, Timestamp};
    use yakumo_net::engine::{FlowCount, Flows};

    fn log(id: &str, traffic: &str) -> (FlowLog, BTreeSet<String>) {
        let log = FlowLog {
            id: id.into(),
            home: Home { account: AccountId::DEFAULT, region: Region::US_EAST_1 },
            resource: "vpc-1".into(),
            traffic: traffic.into(),
            bucket: "logs".into(),
            folder: String::new(),
            destination: "arn:aws:s3:::logs".into(),
            format: super::super::fields::DEFAULT.into(),
            interval_s: 60,
            layout: None,
            created: Timestamp::from_millis(0),
            failure: None,
            token: None,
            tags: Default::default(),
        };
        (log, BTreeSet::from(["eni-1".to_owned()]))
    }

    fn flows(accepted: bool, packets: u64) -> Flows {
        let count = FlowCount {
            interface: "eni-1".into(),
            egress: true,
            accepted,
            source: "10.0.0.1".parse().expect("an address"),
            destination: "10.0.0.2".parse().expect("an address"),
            protocol: 6,
            source_port: 1,
            destination_port: 2,
            packets,
            bytes: packets * 40,
        };
        let other = FlowCount { interface: "eni-2".into(), ..count.clone() };
        Flows { counts: vec![count, other], skipped: BTreeSet::new() }
    }

    #[test]
    fn packets_of_an_interval_are_summed() {
        let logs = [log("fl-1", "ALL"), log("fl-2", "REJECT")];
        let mut gathering = Gathering::default();
        assert!(gathering.add(&logs, &flows(true, 1), 1000).is_empty());
        assert!(gathering.add(&logs, &flows(true, 2), 1030).is_empty());
        let over = gathering.add(&logs, &flows(false, 4), 1060);
        assert_eq!(over.len(), 2);
        let told = |id: &str| -> Vec<(bool, u64, u64, i64, i64)> {
            let sums = over[id].flows.iter();
            sums.map(|(flow, sum)| (flow.accepted, sum.packets, sum.bytes, sum.start, sum.end)).collect()
        };
        assert_eq!(told("fl-1"), [(false, 4, 160, 1030, 1060), (true, 3, 120, 1000, 1030)]);
        assert_eq!(told("fl-2"), [(false, 4, 160, 1030, 1060)]);
        // The next interval begins where this one ends, and what is gone is forgotten.
        let over = gathering.add(&logs[..1], &Flows::default(), 1120);
        assert!(over["fl-1"].flows.is_empty() && over.len() == 1);
    }
}
