//! What network ACLs and security groups decide.

use super::{Packet, Rule};
use crate::Topology;
use crate::topology::{Acl, AclEntry, GroupRule, Peer};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The direction of a packet, as seen from what filters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// It comes in.
    Ingress,
    /// It goes out.
    Egress,
}

/// A decision and its reason: for people, and the rule itself where there is one.
pub type Decision = (bool, String, Option<Rule>);

/// Asks a network ACL: the entry with the lowest number that matches decides.
pub fn acl(acl: &Acl, direction: Direction, packet: &Packet) -> Decision {
    let (entries, peer) = match direction {
        Direction::Ingress => (&acl.ingress, packet.source),
        Direction::Egress => (&acl.egress, packet.destination),
    };
    let egress = direction == Direction::Egress;
    let matches = |entry: &&AclEntry| entry.cidr.contains(peer) && entry.traffic.matches(packet);
    match Acl::in_order(entries).into_iter().find(matches) {
        Some(entry) => {
            let verb = if entry.allow { "allows" } else { "denies" };
            let why = format!("entry {} {verb} {} {}", entry.number, entry.traffic, entry.cidr);
            (entry.allow, why, Some(Rule::Acl { egress, entry: Some(entry.clone()) }))
        }
        None => {
            let why = format!("no entry matches {packet}, so entry * denies it");
            (false, why, Some(Rule::Acl { egress, entry: None }))
        }
    }
}

/// Asks the security groups of an interface: any rule of any of them allows. `itself`: whether the other end's own interface
/// is what sends or gets the packet; a rule that names a group does not speak of who is behind a middlebox.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing>
pub fn groups(
    topology: &Topology,
    vpc: &str,
    groups: &BTreeSet<String>,
    direction: Direction,
    packet: &Packet,
    itself: bool,
) -> Decision {
    for id in groups {
        let Some(group) = topology.groups.get(id) else { continue };
        let (rules, peer) = match direction {
            Direction::Ingress => (&group.ingress, packet.source),
            Direction::Egress => (&group.egress, packet.destination),
        };
        let speaks = |rule: &&GroupRule| {
            let is_here = |named: &str| topology.groups.get(named).is_some_and(|named| named.vpc == vpc);
            let is_hidden = matches!(&rule.peer, Peer::Group(named) if !itself && is_here(named));
            rule.traffic.matches(packet) && !is_hidden && speaks_of(topology, vpc, rule, peer)
        };
        let found = rules.iter().find(speaks);
        if let Some(rule) = found {
            let why = format!("{} of {id} allows {} {}", rule.id, rule.traffic, named(&rule.peer));
            let egress = direction == Direction::Egress;
            return (true, why, Some(Rule::Group { group: id.clone(), egress, rule: rule.clone() }));
        }
    }
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let names = if names.is_empty() { "no security group".to_owned() } else { names.join(", ") };
    (false, format!("no rule of {names} allows {packet}"), None)
}

fn speaks_of(topology: &Topology, vpc: &str, rule: &GroupRule, peer: IpAddr) -> bool {
    match &rule.peer {
        Peer::Cidr(cidr) => cidr.contains(peer),
        Peer::Group(group) => topology.may_name_group(vpc, group) && topology.members(group).contains(&peer),
        Peer::PrefixList(list) => topology
            .prefix_lists
            .get(list)
            .is_some_and(|list| list.entries.iter().any(|cidr| cidr.contains(peer))),
    }
}

fn named(peer: &Peer) -> String {
    match peer {
        Peer::Cidr(cidr) => cidr.to_string(),
        Peer::Group(id) | Peer::PrefixList(id) => id.clone(),
    }
}
