//! From a path to the model's question, and from its answer to AWS's words. Pure.

use super::components::{Component, components, decider};
use super::{NetworkInsightsPath, Obstacle};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use yakumo_net::topology::{Ports, Target, Topology, Traffic};
use yakumo_net::trace::{End, Flow, Hop, Packet, Query, Rule, Source, Step, Trace, trace};

/// The sender's port. DIFFERS: AWS considers all of them.
const FROM: u16 = 49_152;

/// What is asked: a path, with interfaces in the place of instances.
pub(super) struct Question {
    /// The path as it was made.
    pub path: NetworkInsightsPath,
    /// The instances that interfaces are attached to.
    pub attached: BTreeMap<String, String>,
    /// Its ends: `eni-…` or `igw-…`.
    pub source: String,
    /// The same of the receiver.
    pub destination: Option<String>,
}

/// What was found out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether there is a way there and back.
    pub found: bool,
    /// What is passed on the way there.
    pub forward: Vec<Component>,
    /// What is passed on the way back.
    pub back: Vec<Component>,
    /// Why there is none.
    pub obstacle: Option<Obstacle>,
}

/// Asks the model about a path.
pub(super) fn analyse(topology: &Topology, question: &Question) -> Finding {
    let path = &question.path;
    let Some(destination) = destination(topology, question) else {
        return nowhere("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", question);
    };
    let mut last = None;
    for port in path.port.map_or_else(|| ports(topology), |port| BTreeSet::from([port])) {
        let flow = match path.protocol.as_str() {
            "udp" => Flow::Udp { from: FROM, to: port },
            _ => Flow::Tcp { from: FROM, to: port },
        };
        let source_ip = path.source_ip.map(IpAddr::V4);
        let (source, from) = match (question.source.starts_with("igw-"), source_ip) {
            (true, Some(address)) => (Source::Internet(address), Some(address)),
            _ => {
                let own = topology.interfaces.get(&question.source).and_then(|own| own.addresses.first());
                let from = source_ip.or_else(|| own.map(|own| IpAddr::V4(own.private)));
                (Source::Interface { id: question.source.clone(), address: source_ip }, from)
            }
        };
        let destination = IpAddr::V4(destination);
        let traced = trace(topology, &Query { source, destination, flow });
        let (Ok(traced), Some(source)) = (traced, from) else {
            return nowhere("NO_SOURCE_OR_DESTINATION", question);
        };
        let finding = say(topology, question, &traced, Packet { source, destination, flow });
        if finding.found {
            return finding;
        }
        last.get_or_insert(finding);
    }
    last.unwrap_or_else(|| nowhere("NO_PATH", question))
}

fn nowhere(code: &str, question: &Question) -> Finding {
    let at = question.source.clone();
    let obstacle = Some(Obstacle { code: code.into(), at, ..Obstacle::default() });
    Finding { found: false, forward: Vec::new(), back: Vec::new(), obstacle }
}

/// Where the packet is sent to: from the Internet it is a public address that is.
fn destination(topology: &Topology, question: &Question) -> Option<Ipv4Addr> {
    if question.path.destination_ip.is_some() {
        return question.path.destination_ip;
    }
    let own = topology.interfaces.get(question.destination.as_ref()?)?.addresses.first()?;
    if question.source.starts_with("igw-") { own.public } else { Some(own.private) }
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

fn say(topology: &Topology, question: &Question, traced: &Trace, first: Packet) -> Finding {
    let ends_there = match question.destination.as_deref() {
        None => true,
        Some(id) if id.starts_with("igw-") => traced.end == End::Internet,
        Some(id) => traced.end == End::Interface(id.to_owned()),
    };
    let found = traced.answered && ends_there;
    if found {
        let ends = [Some(&question.path.source), question.path.destination.as_ref()];
        let ends: Vec<&str> = ends.into_iter().flatten().map(String::as_str).collect();
        let (forward, back) = components(topology, &traced.hops, first, &question.attached, &ends);
        return Finding { found, forward, back, obstacle: None };
    }
    let obstacle = match traced.stopped() {
        Some(hop) => Some(obstacle(topology, &traced.hops, hop)),
        None => nowhere("NO_PATH", question).obstacle,
    };
    // AWS: without a path there are explanations, and the components are not told.
    Finding { found, forward: Vec::new(), back: Vec::new(), obstacle }
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html>
fn obstacle(topology: &Topology, hops: &[Hop], hop: &Hop) -> Obstacle {
    let (code, direction) = match hop.step {
        Step::SourceCheck => ("ENI_SOURCE_DEST_CHECK_RESTRICTION", Some("egress")),
        Step::DestinationCheck => ("ENI_SOURCE_DEST_CHECK_RESTRICTION", Some("ingress")),
        Step::GroupEgress => ("ENI_SG_RULES_MISMATCH", Some("egress")),
        Step::GroupIngress => ("ENI_SG_RULES_MISMATCH", Some("ingress")),
        Step::AclEgress => ("SUBNET_ACL_RESTRICTION", Some("egress")),
        Step::AclIngress => ("SUBNET_ACL_RESTRICTION", Some("ingress")),
        Step::Route => match &hop.rule {
            Some(Rule::Route { active: false, .. }) => ("BAD_STATE_ROUTE", None),
            Some(Rule::Route { target: Target::Local, .. }) => ("NO_POSSIBLE_DESTINATION", None),
            _ => ("NO_ROUTE_TO_DESTINATION", None),
        },
        Step::Translation if hop.at.starts_with("nat-") => ("NGW_SOURCE_ADDRESS_REASSIGN", None),
        Step::Translation => ("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", None),
        Step::Entry if hop.at.starts_with("pcx-") => ("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", None),
        Step::Entry if hop.at.starts_with("tgw-") => {
            match hops.iter().rev().find(|hop| hop.step == Step::Route) {
                Some(Hop { rule: Some(Rule::Route { target: Target::InternetGateway(_), .. }), .. }) => {
                    ("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", None)
                }
                _ => ("NO_POSSIBLE_DESTINATION", None),
            }
        }
        Step::Entry => ("UNASSOCIATED_COMPONENT", None),
        Step::Attachment => ("TGW_ROUTE_AZ_RESTRICTION", None),
        Step::Transit if hop.at.starts_with("tgw-attach-") => {
            ("TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION", None)
        }
        Step::Transit if hop.rule.is_some() => ("TGW_RTB_BAD_STATE_ROUTE", None),
        Step::Transit => ("TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT", None),
        Step::Arrival if hop.at == "internet" => ("IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", None),
        Step::Arrival if hop.at.starts_with("vpce-") => ("VPCE_GATEWAY_PROTOCOL_RESTRICTION", None),
        Step::Arrival => ("NO_POSSIBLE_DESTINATION", None),
    };
    // The Internet itself is no component: the gateway before it refuses.
    let before = hops.iter().rev().find(|hop| hop.at.contains('-')).map(|hop| hop.at.clone());
    let at = if hop.at == "internet" { before.unwrap_or_default() } else { hop.at.clone() };
    let interface = topology.interfaces.get(&at);
    let subnet = interface.map(|interface| interface.subnet.clone());
    let groups = interface.filter(|_| matches!(hop.step, Step::GroupEgress | Step::GroupIngress));
    Obstacle {
        code: code.into(),
        rule: decider(topology, hop),
        vpc: vpc_of(topology, &at),
        subnet,
        groups: groups.map(|interface| interface.groups.iter().cloned().collect()).unwrap_or_default(),
        at,
        direction: direction.map(str::to_owned),
    }
}

/// The VPC of an interface, a network ACL, a route table or an attachment.
fn vpc_of(topology: &Topology, id: &str) -> Option<String> {
    let interface = topology.interfaces.get(id).and_then(|interface| topology.vpc_of(interface));
    let table = || topology.route_tables.get(id).map(|table| table.vpc.as_str());
    let acl = || topology.subnets.values().find(|subnet| subnet.acl == id).map(|subnet| subnet.vpc.as_str());
    let attachments = || topology.transit_gateways.values().flat_map(|gateway| &gateway.attachments);
    let attached = || attachments().find(|(known, _)| *known == id).map(|(_, found)| found.vpc.as_str());
    interface.or_else(table).or_else(acl).or_else(attached).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{obstacle, ports};
    use yakumo_net::topology::{Group, GroupRule, Peer, Ports, Topology, Traffic};
    use yakumo_net::trace::{Flow, Hop, Packet, Step};

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
            let flow = Flow::Tcp { from: 1, to: 80 };
            let [source, destination] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
            let packet = Packet { source, destination, flow };
            let why = String::new();
            let hop = Hop { at: at.into(), step, why, rule: None, packet, passed: false, answer: false };
            let found = obstacle(&Topology::default(), std::slice::from_ref(&hop), &hop);
            assert_eq!((found.code.as_str(), found.direction.as_deref()), (code, direction), "{at}");
        }
    }
}
