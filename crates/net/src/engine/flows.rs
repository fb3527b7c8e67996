//! Flows, counted in the kernel: what watched interfaces send and get, and what is let through of it.
//!
//! A table of its own counts packets before and after the decisions about each end of a packet; what is missing after
//! them was rejected. Invariant: it decides nothing, and costs nothing where no interface is watched.

use super::{EngineError, Plan, kernel};
use crate::topology::Id;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::net::IpAddr;

/// How many flows of one kind a router counts at a time; more are skipped, and told so.
const FLOWS_MAX: usize = 16_384;
/// How long a flow without packets is kept: far longer than anybody waits between two looks.
const IDLE: &str = "10m";
/// The points at which packets are counted, with the priority of the hook and the link that is watched. The first of a
/// pair is read first, so that a packet on its way is never missing behind the decisions.
const POINTS: [(&str, &str, &str); 4] = [
    ("out_seen", "-25", "iifname"),
    ("out_passed", "-5", "iifname"),
    ("in_seen", "-5", "oifname"),
    ("in_passed", "20", "oifname"),
];

/// What was counted since it was last asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Flows {
    /// Each flow with packets.
    pub counts: Vec<FlowCount>,
    /// Interfaces of which flows may be missing: there were too many.
    pub skipped: BTreeSet<Id>,
}

/// Packets of one flow at one interface.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FlowCount {
    /// `eni-…`.
    pub interface: Id,
    /// Whether the interface sent them.
    pub egress: bool,
    /// Whether its network ACL and security groups let them through.
    pub accepted: bool,
    /// From: behind the interface's VPC's translations, so private addresses of the VPC.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// The protocol's number.
    pub protocol: u8,
    /// The sender's port; 0 without ports.
    pub source_port: u16,
    /// The receiver's port; 0 without ports.
    pub destination_port: u16,
    /// How many, as the kernel passes them: one may be several that were joined on the way.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
}

/// The table of a router, as commands: what leads from watching these links to watching those.
pub fn commands(from: &BTreeMap<String, Id>, to: &BTreeMap<String, Id>, anew: bool) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_commands(&mut text, from, to, anew);
    text
}

fn write_commands(
    text: &mut String,
    from: &BTreeMap<String, Id>,
    to: &BTreeMap<String, Id>,
    anew: bool,
) -> std::fmt::Result {
    if anew || (from.is_empty() != to.is_empty()) {
        writeln!(text, "add table inet flows\ndelete table inet flows")?;
        if !to.is_empty() {
            write_table(text, to)?;
        }
        return Ok(());
    }
    for link in from.keys().filter(|link| !to.contains_key(*link)) {
        writeln!(text, "delete element inet flows watched {{ \"{link}\" }}")?;
    }
    for link in to.keys().filter(|link| !from.contains_key(*link)) {
        writeln!(text, "add element inet flows watched {{ \"{link}\" }}")?;
    }
    Ok(())
}

fn write_table(text: &mut String, links: &BTreeMap<String, Id>) -> std::fmt::Result {
    writeln!(text, "add table inet flows\nadd set inet flows watched {{ type ifname; }}")?;
    for link in links.keys() {
        writeln!(text, "add element inet flows watched {{ \"{link}\" }}")?;
    }
    for (point, priority, link) in POINTS {
        for family in ["4", "6"] {
            let (address, ip) = if family == "4" { ("ipv4_addr", "ip") } else { ("ipv6_addr", "ip6") };
            for (kind, key, fields) in [
                ("tcp", "inet_service . inet_service", "tcp sport . tcp dport"),
                ("udp", "inet_service . inet_service", "udp sport . udp dport"),
                ("other", "inet_proto", "meta l4proto"),
            ] {
                let set = format!("{point}_{kind}{family}");
                let options = format!("flags dynamic,timeout; timeout {IDLE}; size {FLOWS_MAX};");
                writeln!(
                    text,
                    "add set inet flows {set} {{ type ifname . {address} . {address} . {key}; {options} }}"
                )?;
                let protocol = if kind == "other" { String::new() } else { format!(" meta l4proto {kind}") };
                writeln!(text, "add chain inet flows count_{point}")?;
                writeln!(
                    text,
                    "add rule inet flows count_{point} meta nfproto ipv{family}{protocol} update @{set} \
                     {{ {link} . {ip} saddr . {ip} daddr . {fields} counter }} return"
                )?;
            }
        }
        writeln!(
            text,
            "add chain inet flows {point} {{ type filter hook forward priority {priority}; policy accept; }}"
        )?;
        writeln!(text, "add rule inet flows {point} {link} @watched jump count_{point}")?;
    }
    Ok(())
}

/// Who sent what to whom, on which link.
type Key = (String, IpAddr, IpAddr, u8, u16, u16);
/// Packets and bytes.
type Count = (u64, u64);

/// What was counted before, by namespace.
#[derive(Debug, Default)]
pub struct Counters(BTreeMap<String, Counter>);

#[derive(Debug, Default)]
struct Counter {
    /// When the namespace was made: another one counts from nothing.
    generation: u64,
    before: HashMap<(usize, Key), Count>,
    /// What passed that was not seen yet: it came between two looks.
    ahead: HashMap<(usize, Key), Count>,
}

impl Counters {
    /// Looks at all routers in which something is watched.
    ///
    /// # Errors
    /// When the filter cannot be listed.
    pub fn look(&mut self, plan: &Plan) -> Result<Flows, EngineError> {
        let mut flows = Flows::default();
        self.0.retain(|name, _| plan.namespaces.get(name).is_some_and(|at| !at.watched.is_empty()));
        for (name, at) in plan.namespaces.iter().filter(|(_, at)| !at.watched.is_empty()) {
            let counter = self.0.entry(name.clone()).or_default();
            let generation = plan.generations.get(name).copied().unwrap_or_default();
            if counter.generation != generation {
                *counter = Counter { generation, ..Counter::default() };
            }
            let (counted, full) = parse(&kernel::list_flows(name)?);
            if full {
                flows.skipped.extend(at.watched.values().cloned());
            }
            flows.counts.extend(counter.since(counted, &at.watched));
        }
        Ok(flows)
    }

    /// Forgets a namespace whose table was made anew.
    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }
}

impl Counter {
    /// What came since the last look.
    fn since(&mut self, now: HashMap<(usize, Key), Count>, watched: &BTreeMap<String, Id>) -> Vec<FlowCount> {
        let grown = |at: &(usize, Key), (packets, bytes): &Count| {
            // A flow that was idle and is there again counts from nothing.
            let (p, b) = self.before.get(at).copied().filter(|(p, _)| p <= packets).unwrap_or_default();
            (packets - p, bytes.saturating_sub(b))
        };
        let fresh: HashMap<&(usize, Key), Count> =
            now.iter().map(|(at, count)| (at, grown(at, count))).collect();
        let mut counts = Vec::new();
        let mut ahead = HashMap::new();
        for ((point, key), seen) in fresh.iter().filter(|((point, _), _)| point % 2 == 0) {
            let Some(interface) = watched.get(&key.0) else { continue };
            let passed = fresh.get(&(point + 1, key.clone())).copied().unwrap_or_default();
            let early = self.ahead.get(&(*point, key.clone())).copied().unwrap_or_default();
            let (seen, gone) = ((seen.0, seen.1), (passed.0 + early.0, passed.1 + early.1));
            if gone.0 > seen.0 {
                ahead.insert((*point, key.clone()), (gone.0 - seen.0, gone.1.saturating_sub(seen.1)));
            }
            let rejected = (seen.0.saturating_sub(gone.0), seen.1.saturating_sub(gone.1));
            for (accepted, (packets, bytes)) in [(true, passed), (false, rejected)] {
                if packets > 0 {
                    counts.push(count(interface, *point, key, accepted, packets, bytes));
                }
            }
        }
        self.ahead = ahead;
        self.before = now;
        counts.sort();
        counts
    }
}

fn count(interface: &Id, point: usize, key: &Key, accepted: bool, packets: u64, bytes: u64) -> FlowCount {
    let (_, source, destination, protocol, source_port, destination_port) = key.clone();
    FlowCount {
        interface: interface.clone(),
        egress: point < 2,
        accepted,
        source,
        destination,
        protocol,
        source_port,
        destination_port,
        packets,
        bytes,
    }
}

/// Reads what `nft -j` lists: the counters, and whether a set is full.
fn parse(listed: &Value) -> (HashMap<(usize, Key), Count>, bool) {
    let (mut counted, mut full) = (HashMap::new(), false);
    let objects = listed.get("nftables").and_then(Value::as_array).into_iter().flatten();
    for set in objects.filter_map(|object| object.get("set")) {
        let Some((point, kind)) =
            set.get("name").and_then(Value::as_str).and_then(|name| name.rsplit_once('_'))
        else {
            continue;
        };
        let Some(point) = POINTS.iter().position(|(name, _, _)| *name == point) else { continue };
        let elements = set.get("elem").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        full |= elements.len() >= FLOWS_MAX;
        let read = elements.iter().filter_map(|element| read(element.get("elem")?, kind));
        counted.extend(read.map(|(key, count)| ((point, key), count)));
    }
    (counted, full)
}

fn read(element: &Value, kind: &str) -> Option<(Key, Count)> {
    let fields = element.get("val")?.get("concat")?.as_array()?;
    let address = |at: usize| fields.get(at)?.as_str()?.parse::<IpAddr>().ok();
    let number = |at: usize| u16::try_from(fields.get(at)?.as_u64()?).ok();
    let counter = element.get("counter")?;
    let count = (counter.get("packets")?.as_u64()?, counter.get("bytes")?.as_u64()?);
    let (protocol, from, to) = match kind.get(..3)? {
        "tcp" => (6, number(3)?, number(4)?),
        "udp" => (17, number(3)?, number(4)?),
        _ => (u8::try_from(number(3)?).ok()?, 0, 0),
    };
    let link = fields.first()?.as_str()?.to_owned();
    Some(((link, address(1)?, address(2)?, protocol, from, to), count))
}

#[cfg(test)]
mod tests {
    use super::{Count, Counter, Key, commands};
    use std::collections::{BTreeMap, HashMap};

    fn key(port: u16) -> Key {
        ("e-1".into(), "10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap(), 6, 1024, port)
    }

    #[test]
    fn what_does_not_pass_was_rejected() {
        let watched = BTreeMap::from([("e-1".to_owned(), "eni-1".to_owned())]);
        let mut counter = Counter::default();
        let mut look = |all: &[(usize, u16, Count)]| {
            let now: HashMap<(usize, Key), Count> =
                all.iter().map(|(point, port, count)| ((*point, key(*port)), *count)).collect();
            let counts = counter.since(now, &watched);
            counts
                .into_iter()
                .map(|count| {
                    (count.destination_port, count.egress, count.accepted, count.packets, count.bytes)
                })
                .collect::<Vec<_>>()
        };
        let first = look(&[(0, 80, (3, 300)), (1, 80, (2, 200)), (2, 80, (1, 60))]);
        assert_eq!(first, [(80, false, false, 1, 60), (80, true, false, 1, 100), (80, true, true, 2, 200)]);
        assert_eq!(look(&[(0, 80, (3, 300)), (1, 80, (2, 200)), (2, 80, (1, 60))]), []);
        // A packet that passes between two looks is counted there once, and is no rejected one later.
        assert_eq!(look(&[(0, 80, (3, 300)), (1, 80, (3, 260))]), [(80, true, true, 1, 60)]);
        assert_eq!(look(&[(0, 80, (4, 360)), (1, 80, (3, 260))]), []);
        // A flow that is there again counts from nothing.
        assert_eq!(look(&[(0, 80, (1, 40)), (1, 80, (1, 40))]), [(80, true, true, 1, 40)]);
    }

    #[test]
    fn the_table_comes_and_goes_with_what_is_watched() {
        let one = BTreeMap::from([("e-1".to_owned(), "eni-1".to_owned())]);
        let both =
            BTreeMap::from([("e-1".to_owned(), "eni-1".to_owned()), ("e-2".to_owned(), "eni-2".to_owned())]);
        let none = BTreeMap::new();
        assert_eq!(commands(&none, &none, false), "");
        assert!(commands(&none, &one, false).contains("watched { \"e-1\" }"));
        assert_eq!(commands(&one, &both, false), "add element inet flows watched { \"e-2\" }\n");
        assert_eq!(commands(&both, &one, false), "delete element inet flows watched { \"e-2\" }\n");
        assert_eq!(commands(&one, &none, false), "add table inet flows\ndelete table inet flows\n");
        assert!(commands(&one, &one, true).lines().count() > 50);
    }
}
