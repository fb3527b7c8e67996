//! From a path to the model's question, and from its answer to AWS's words. Pure.

use super::{NetworkInsightsPath, Obstacle};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use yakumo_net::topology::{Ports, Topology, Traffic};
use yakumo_net::trace::{End, Flow, Hop, Query, Source, Step, Trace, trace};

/// The sender's port. DIFFERS: AWS considers all of them.
const FROM: u16 = 49_152;

/// What was found out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether there is a way there and back.
    pub found: bool,
    /// What is passed on the way there.
    pub forward: Vec<String>,
    /// What is passed on the way back.
    pub back: Vec<String>,
    /// Why there is none.
    pub obstacle: Option<Obstacle>,
}

/// Asks the model about a path.
pub(super) fn analyse(topology: &Topology, path: &NetworkInsightsPath) -> Finding {
    let Some(destination) = destination(topology, path) else {
        return nowhere("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", path);
    };
    let mut last = None;
    for port in path.port.map_or_else(|| ports(topology), |port| BTreeSet::from([port])) {
        let flow = match path.protocol.as_str() {
            "udp" => Flow::Udp { from: FROM, to: port },
            _ => Flow::Tcp { from: FROM, to: port },
        };
        let source_ip = path.source_ip.map(IpAddr::V4);
        let source = match (path.source.starts_with("igw-"), source_ip) {
            (true, Some(address)) => Source::Internet(address),
            _ => Source::Interface { id: path.source.clone(), address: source_ip },
        };
        let Ok(traced) = trace(topology, &Query { source, destination: IpAddr::V4(destination), flow })
        else {
            return nowhere("NO_SOURCE_OR_DESTINATION", path);
        };
        let finding = say(path, &traced);
        if finding.found {
            return finding;
        }
        last.get_or_insert(finding);
    }
    last.unwrap_or_else(|| nowhere("NO_PATH", path))
}

fn nowhere(code: &str, path: &NetworkInsightsPath) -> Finding {
    let obstacle = Obstacle { code: code.into(), at: path.source.clone(), direction: None };
    Finding { found: false, forward: Vec::new(), back: Vec::new(), obstacle: Some(obstacle) }
}

/// Where the packet is sent to: from the Internet it is a public address that is.
fn destination(topology: &Topology, path: &NetworkInsightsPath) -> Option<Ipv4Addr> {
    if path.destination_ip.is_some() {
        return path.destination_ip;
    }
    let own = topology.interfaces.get(path.destination.as_ref()?)?.addresses.first()?;
    if path.source.starts_with("igw-") { own.public } else { Some(own.private) }
}

/// The ports at which anything changes: between two of them every rule says the same of all ports.
fn ports(topology: &Topology) -> BTreeSet<u16> {
    let groups = topology.groups.values().flat_map(|group| group.ingress.iter().chain(&group.egress));
    let acls = topology.acls.values().flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
    let traffic = groups.map(|rule| rule.traffic).chain(acls.map(|entry| entry.traffic));
    let ranges = traffic.filter_map(|traffic| match traffic {
        Traffic::Tcp(ports) | Traffic::Udp(ports) => Some(ports),
        _ => None,
    });
    let edges = ranges.flat_map(|Ports { from, to }| [Some(from), to.checked_add(1)]);
    edges.flatten().chain([0]).collect()
}

fn say(path: &NetworkInsightsPath, traced: &Trace) -> Finding {
    let ends_there = match path.destination.as_deref() {
        None => true,
        Some(id) if id.starts_with("igw-") => traced.end == End::Internet,
        Some(id) => traced.end == End::Interface(id.to_owned()),
    };
    let found = traced.answered && ends_there;
    let obstacle = match (found, traced.stopped()) {
        (true, _) => None,
        (false, Some(hop)) => Some(obstacle(hop)),
        (false, None) => nowhere("NO_PATH", path).obstacle,
    };
    let passed = |answer: bool| {
        let hops = traced.hops.iter().filter(|hop| hop.passed && hop.answer == answer);
        let mut ids: Vec<String> = hops.map(|hop| hop.at.clone()).filter(|id| id.contains('-')).collect();
        ids.dedup();
        ids
    };
    match found {
        true => Finding { found, forward: passed(false), back: passed(true), obstacle },
        // AWS: without a path there are explanations and no components.
        false => Finding { found, forward: Vec::new(), back: Vec::new(), obstacle },
    }
}

fn obstacle(hop: &Hop) -> Obstacle {
    let (code, direction) = match hop.step {
        Step::SourceCheck => ("ENI_SOURCE_DEST_CHECK_RESTRICTION", Some("egress")),
        Step::DestinationCheck => ("ENI_SOURCE_DEST_CHECK_RESTRICTION", Some("ingress")),
        Step::GroupEgress => ("ENI_SG_RULES_MISMATCH", Some("egress")),
        Step::GroupIngress => ("ENI_SG_RULES_MISMATCH", Some("ingress")),
        Step::AclEgress => ("SUBNET_ACL_RESTRICTION", Some("egress")),
        Step::AclIngress => ("SUBNET_ACL_RESTRICTION", Some("ingress")),
        Step::Route => ("NO_ROUTE_TO_DESTINATION", None),
        Step::Translation => ("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", None),
        Step::Entry if hop.at.starts_with("pcx-") => ("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", None),
        Step::Entry => ("UNASSOCIATED_COMPONENT", None),
        Step::Transit => ("TGW_RTB_CANNOT_ROUTE", None),
        Step::Arrival => ("NO_POSSIBLE_DESTINATION", None),
    };
    Obstacle { code: code.into(), at: hop.at.clone(), direction: direction.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::{obstacle, ports};
    use yakumo_net::topology::{Group, GroupRule, Peer, Ports, Topology, Traffic};
    use yakumo_net::trace::{Hop, Step};

    #[test]
    fn ports_are_asked_where_a_rule_begins_and_behind_its_end() {
        let rule = |from, to| GroupRule {
            id: "sgr-1".into(),
            traffic: Traffic::Tcp(Ports { from, to }),
            peer: Peer::Group("sg-1".into()),
        };
        let group = Group { ingress: vec![rule(80, 90), rule(1024, u16::MAX)], ..Group::default() };
        let topology =
            Topology { groups: [("sg-1".to_owned(), group)].into_iter().collect(), ..Topology::default() };
        assert_eq!(ports(&topology).into_iter().collect::<Vec<_>>(), [0, 80, 91, 1024]);
        assert_eq!(ports(&Topology::default()).into_iter().collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn what_stops_a_packet_has_a_code() {
        for (step, at, code, direction) in [
            (Step::GroupIngress, "eni-1", "ENI_SG_RULES_MISMATCH", Some("ingress")),
            (Step::AclEgress, "acl-1", "SUBNET_ACL_RESTRICTION", Some("egress")),
            (Step::Route, "rtb-1", "NO_ROUTE_TO_DESTINATION", None),
            (Step::Entry, "pcx-1", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", None),
            (Step::Entry, "vpc-1", "UNASSOCIATED_COMPONENT", None),
        ] {
            let hop = Hop { at: at.into(), step, why: String::new(), passed: false, answer: false };
            let found = obstacle(&hop);
            assert_eq!((found.code.as_str(), found.direction.as_deref()), (code, direction), "{at}");
        }
    }
}
