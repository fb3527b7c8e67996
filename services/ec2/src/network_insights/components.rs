//! What a path passes, with the rule, entry or route that let it pass: from the hops of the model's trace.
//!
//! Invariant: in the order of AWS's answers; on the way out a network ACL stands before the route table.
//! Source: <https://docs.aws.amazon.com/vpc/latest/reachability/getting-started-cli.html>

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use yakumo_net::topology::{AclEntry, GroupRule, Peer, Ports, Target, Topology, Traffic};
use yakumo_net::trace::{Flow, Hop, Packet, Rule, Step};

/// The number that AWS shows for the last entry of a network ACL, which denies.
const LAST_ENTRY: i32 = 32_767;

/// A component of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Component {
    /// Its id.
    pub id: String,
    /// Which of its rules, entries or routes decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Decider>,
    /// The instance that an interface is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_to: Option<String>,
    /// Its subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Its VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The VPCs at its ends: from where, and to where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<(String, String)>,
    /// The transit gateway that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transit_gateway: Option<String>,
    /// The packet that it gets, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Packet>,
    /// The packet that it sends, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Packet>,
}

/// As records have it: earlier ones had the id alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Id(String),
    Whole(Box<Component>),
}

/// Reads the components of a record.
pub(super) fn kept<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Component>, D::Error> {
    let known = |kept| match kept {
        Kept::Id(id) => Component { id, ..Component::default() },
        Kept::Whole(component) => *component,
    };
    Ok(Vec::<Kept>::deserialize(from)?.into_iter().map(known).collect())
}

/// What decided, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decider {
    /// A rule of a security group: for a block, a prefix list or a group.
    GroupRule {
        cidr: Option<String>,
        list: Option<String>,
        group: Option<String>,
        egress: bool,
        protocol: String,
        ports: Option<(u16, u16)>,
    },
    /// An entry of a network ACL.
    AclRule {
        cidr: String,
        egress: bool,
        protocol: String,
        allow: bool,
        number: i32,
        ports: Option<(u16, u16)>,
    },
    /// A route: to a block or a prefix list, through what is named.
    Route { cidr: Option<String>, list: Option<String>, target: String, local: bool, active: bool },
    /// A route of a transit gateway: to an attachment of a VPC, or to nothing.
    TransitRoute { cidr: String, attachment: Option<String>, vpc: Option<String>, propagated: bool },
}

/// What decided at a hop.
pub(super) fn decider(topology: &Topology, hop: &Hop) -> Option<Decider> {
    Some(match hop.rule.as_ref()? {
        Rule::Group { egress, rule, .. } => group_rule(*egress, rule),
        Rule::Acl { egress, entry } => acl_rule(*egress, entry.as_ref(), &hop.packet),
        Rule::Route { cidr, list, target, active } => Decider::Route {
            cidr: list.is_none().then(|| cidr.to_string()),
            list: list.clone(),
            target: target.id().to_owned(),
            local: *target == Target::Local,
            active: *active,
        },
        Rule::Transit { cidr, attachment, propagated } => {
            let mut attached = topology.transit_gateways.values().flat_map(|gateway| &gateway.attachments);
            let found = attached.find(|(id, _)| Some(*id) == attachment.as_ref());
            Decider::TransitRoute {
                cidr: cidr.to_string(),
                attachment: attachment.clone(),
                vpc: found.map(|(_, attachment)| attachment.vpc.clone()),
                propagated: *propagated,
            }
        }
    })
}

fn group_rule(egress: bool, rule: &GroupRule) -> Decider {
    let (protocol, ports) = traffic(&rule.traffic);
    let (mut cidr, mut list, mut group) = (None, None, None);
    match &rule.peer {
        Peer::Cidr(block) => cidr = Some(block.to_string()),
        Peer::PrefixList(id) => list = Some(id.clone()),
        Peer::Group(id) => group = Some(id.clone()),
    }
    Decider::GroupRule { cidr, list, group, egress, protocol, ports }
}

fn acl_rule(egress: bool, entry: Option<&AclEntry>, packet: &Packet) -> Decider {
    let Some(entry) = entry else {
        let all = if packet.destination.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
        let (cidr, protocol) = (all.to_owned(), "all".to_owned());
        return Decider::AclRule { cidr, egress, protocol, allow: false, number: LAST_ENTRY, ports: None };
    };
    let (protocol, ports) = traffic(&entry.traffic);
    let (cidr, number) = (entry.cidr.to_string(), i32::from(entry.number));
    Decider::AclRule { cidr, egress, protocol, allow: entry.allow, number, ports }
}

fn traffic(traffic: &Traffic) -> (String, Option<(u16, u16)>) {
    let ranged = |ports: &Ports| (*ports != Ports::ALL).then_some((ports.from, ports.to));
    match traffic {
        Traffic::All => ("all".to_owned(), None),
        Traffic::Tcp(ports) => ("tcp".to_owned(), ranged(ports)),
        Traffic::Udp(ports) => ("udp".to_owned(), ranged(ports)),
        Traffic::Icmp { .. } => ("icmp".to_owned(), None),
        Traffic::Icmpv6 { .. } => ("icmpv6".to_owned(), None),
        Traffic::Protocol(number) => (number.to_string(), None),
    }
}

/// The components on the way there and on the way back. `first` is the packet as it is sent; `attached` are the instances of
/// interfaces, and `ends` those that the path names instead of their interfaces.
pub(super) fn components(
    topology: &Topology,
    hops: &[Hop],
    first: Packet,
    attached: &BTreeMap<String, String>,
    ends: &[&str],
) -> (Vec<Component>, Vec<Component>) {
    let (forward, back): (Vec<&Hop>, Vec<&Hop>) = hops.iter().partition(|hop| !hop.answer);
    let last = forward.last().map_or(first, |hop| hop.packet);
    let of = |hops: &[&Hop], first: Packet| {
        let mut work =
            Work { topology, attached, groups: groups_of(&forward), found: Vec::new(), packet: first };
        hops.iter().for_each(|hop| work.pass(hop));
        work.end(first, ends)
    };
    (of(&forward, first), of(&back, last.reply()))
}

/// The groups whose rules let interfaces' packets pass.
fn groups_of<'a>(hops: &[&'a Hop]) -> BTreeMap<&'a str, &'a str> {
    let of = |hop: &&'a Hop| match &hop.rule {
        Some(Rule::Group { group, .. }) => Some((hop.at.as_str(), group.as_str())),
        _ => None,
    };
    hops.iter().filter_map(of).collect()
}

struct Work<'a> {
    topology: &'a Topology,
    attached: &'a BTreeMap<String, String>,
    /// For answers, about which no rule is asked.
    groups: BTreeMap<&'a str, &'a str>,
    found: Vec<Component>,
    /// As it was at the hop before.
    packet: Packet,
}

impl Work<'_> {
    fn pass(&mut self, hop: &Hop) {
        let rule = decider(self.topology, hop);
        match hop.step {
            Step::SourceCheck | Step::DestinationCheck => self.interface(&hop.at),
            Step::GroupEgress => {
                self.interface(&hop.at);
                self.group(hop, rule);
            }
            Step::GroupIngress => self.group(hop, rule),
            Step::Route => self.push(Component { id: hop.at.clone(), rule, ..Component::default() }),
            Step::AclEgress | Step::AclIngress => {
                let acl = Component { id: hop.at.clone(), rule, ..Component::default() };
                let behind = hop.step == Step::AclEgress
                    && self.found.last().is_some_and(|last| matches!(last.rule, Some(Decider::Route { .. })));
                self.found.insert(self.found.len() - usize::from(behind), acl);
            }
            Step::Translation => {
                let (inbound, outbound) = (Some(self.packet), Some(hop.packet));
                self.push(Component { inbound, outbound, ..self.gateway(&hop.at) });
            }
            Step::Entry | Step::Attachment => {
                let between = hop.at.starts_with("pcx-").then(|| self.between(&hop.packet)).flatten();
                self.push(Component { between, ..self.gateway(&hop.at) });
            }
            Step::Transit => self.push(Component { rule, ..self.gateway(&hop.at) }),
            Step::Arrival if hop.at.starts_with("eni-") => self.interface(&hop.at),
            // The Internet itself has no id.
            Step::Arrival if hop.at.contains('-') => self.push(self.gateway(&hop.at)),
            Step::Arrival => {}
        }
        self.packet = hop.packet;
    }

    /// Adds a component, unless it is the one that stands there already.
    fn push(&mut self, component: Component) {
        if self.found.last().is_none_or(|last| last.id != component.id) {
            self.found.push(component);
        }
    }

    fn interface(&mut self, id: &str) {
        let subnet = self.topology.interfaces.get(id).map(|interface| interface.subnet.clone());
        let vpc = subnet.as_ref().and_then(|subnet| self.topology.vpc_of_subnet(subnet)).map(str::to_owned);
        let attached_to = self.attached.get(id).cloned();
        self.push(Component { id: id.to_owned(), attached_to, subnet, vpc, ..Component::default() });
    }

    fn group(&mut self, hop: &Hop, rule: Option<Decider>) {
        let group = match &hop.rule {
            Some(Rule::Group { group, .. }) => Some(group.as_str()),
            _ => self.groups.get(hop.at.as_str()).copied(),
        };
        if let Some(group) = group {
            self.push(Component { id: group.to_owned(), rule, ..Component::default() });
        }
    }

    /// What joins networks, or is in one.
    fn gateway(&self, id: &str) -> Component {
        let topology = self.topology;
        let mut component = Component { id: id.to_owned(), ..Component::default() };
        if let Some(gateway) = topology.nat_gateways.get(id) {
            component.subnet = Some(gateway.subnet.clone());
            component.vpc = topology.vpc_of_subnet(&gateway.subnet).map(str::to_owned);
        }
        if id.starts_with("igw-") || id.starts_with("eigw-") {
            let has = |vpc: &yakumo_net::topology::Vpc| {
                vpc.internet_gateway.as_deref() == Some(id) || vpc.egress_only_gateways.contains(id)
            };
            component.vpc = topology.vpcs.iter().find(|(_, vpc)| has(vpc)).map(|(id, _)| id.clone());
        }
        if let Some(endpoint) = topology.endpoints.get(id) {
            component.vpc = Some(endpoint.vpc.clone());
        }
        for (gateway, found) in &topology.transit_gateways {
            let attachment = found.attachments.get(id);
            if attachment.is_some() || found.route_tables.contains_key(id) {
                component.transit_gateway = Some(gateway.clone());
                component.vpc = attachment.map(|attachment| attachment.vpc.clone());
            }
        }
        component
    }

    /// The VPCs at the ends of a peering connection that a packet passes.
    fn between(&self, packet: &Packet) -> Option<(String, String)> {
        let from = self.found.iter().rev().find_map(|component| component.vpc.clone())?;
        let other = |address: IpAddr| {
            let has = |vpc: &&String| {
                let vpc = self.topology.vpcs.get(*vpc);
                vpc.is_some_and(|vpc| vpc.cidrs.iter().any(|cidr| cidr.contains(address)))
            };
            let peers = self.topology.peerings.values().filter_map(|peering| peering.other(&from));
            peers.clone().find(has).cloned()
        };
        let to = other(packet.destination)?;
        Some((from, to))
    }

    /// Puts the instances that the path names at its ends, and the packet as it begins and as it ends.
    fn end(mut self, first: Packet, ends: &[&str]) -> Vec<Component> {
        let named = |component: Option<&Component>| {
            let instance = component.and_then(|component| component.attached_to.clone());
            instance.filter(|id| ends.contains(&id.as_str()))
        };
        let (begin, end) = (named(self.found.first()), named(self.found.last()));
        let instance = |id| Component { id, ..Component::default() };
        if let Some(id) = begin {
            self.found.insert(0, instance(id));
        }
        if let Some(id) = end {
            self.found.push(instance(id));
        }
        if let Some(component) = self.found.first_mut().filter(|component| component.inbound.is_none()) {
            component.outbound = Some(first);
        }
        if let Some(component) = self.found.last_mut().filter(|component| component.outbound.is_none()) {
            component.inbound = Some(self.packet);
        }
        self.found
    }
}

/// The number of a packet's protocol and its ports: the sender's and the receiver's.
pub(super) fn header(packet: &Packet) -> (u8, Option<(u16, u16)>) {
    match packet.flow {
        Flow::Tcp { from, to } => (6, Some((from, to))),
        Flow::Udp { from, to } => (17, Some((from, to))),
        Flow::Icmp { .. } if packet.destination.is_ipv4() => (1, None),
        Flow::Icmp { .. } => (58, None),
        Flow::Protocol(number) => (number, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::NetworkInsightsAnalysis;
    use super::Component;

    #[test]
    fn what_earlier_records_have_opens() {
        let record = r#"{"id":"nia-1","home":{"account":"000000000000","region":"us-east-1"},"path":"nip-1","started":0,
            "found":true,"forward":["eni-1",{"id":"sg-1","vpc":"vpc-1"}],"back":[]}"#;
        let found: NetworkInsightsAnalysis = serde_json::from_str(record).expect("an analysis");
        let whole = Component { id: "sg-1".into(), vpc: Some("vpc-1".into()), ..Component::default() };
        assert_eq!(found.forward, [Component { id: "eni-1".into(), ..Component::default() }, whole]);
    }
}
