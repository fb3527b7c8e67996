//! Whether a topology can be used: names that are names, references that lead somewhere, sizes within limits.
//!
//! Invariant: what passes here can be written into the packet filter's language without any quoting.

use super::{Destination, Id, Interface, Peer, Target, Topology};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// The largest sizes that are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of an id.
    pub id_bytes: usize,
    /// Objects of one kind.
    pub objects: usize,
    /// Rules, routes or entries of one object.
    pub rules: usize,
    /// Subnets of one VPC that have live interfaces.
    pub subnets_of_vpc: usize,
}

/// The limits that hold.
pub const LIMITS: Limits = Limits { id_bytes: 48, objects: 100_000, rules: 10_000, subnets_of_vpc: 30_000 };

/// What is wrong with a topology.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    /// An id that is none.
    #[error("`{0}` is no id")]
    Id(String),
    /// A reference that leads nowhere.
    #[error("{from} names {to}, which is not there")]
    Dangling {
        /// Who names it.
        from: Id,
        /// What is not there.
        to: Id,
    },
    /// More than is taken.
    #[error("{0} has more than is taken")]
    TooMuch(String),
    /// Two holders of one address.
    #[error("{address} belongs to {first} and to {second}")]
    Shared {
        /// The address.
        address: String,
        /// A holder.
        first: Id,
        /// Another one.
        second: Id,
    },
    /// An interface without an address.
    #[error("{0} has no private address")]
    NoAddress(Id),
}

impl Topology {
    /// Everything that is wrong; a topology with flaws is not applied. Routes and rules may name what is gone: such a
    /// route drops packets and such a rule matches none.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        self.check_names(&mut flaws);
        self.check_references(&mut flaws);
        self.check_addresses(&mut flaws);
        self.check_devices(&mut flaws);
        flaws
    }

    fn check_names(&self, flaws: &mut Vec<Flaw>) {
        let mut names: Vec<&str> = Vec::new();
        ids(&self.vpcs, "vpcs", &mut names, flaws);
        ids(&self.subnets, "subnets", &mut names, flaws);
        ids(&self.route_tables, "route tables", &mut names, flaws);
        ids(&self.acls, "network ACLs", &mut names, flaws);
        ids(&self.groups, "security groups", &mut names, flaws);
        ids(&self.prefix_lists, "prefix lists", &mut names, flaws);
        ids(&self.interfaces, "network interfaces", &mut names, flaws);
        ids(&self.devices, "further interfaces", &mut names, flaws);
        names.extend(self.devices.values().map(|device| device.host.as_str()));
        ids(&self.nat_gateways, "NAT gateways", &mut names, flaws);
        ids(&self.watched, "watched interfaces", &mut names, flaws);
        ids(&self.peerings, "peering connections", &mut names, flaws);
        ids(&self.transit_gateways, "transit gateways", &mut names, flaws);
        ids(&self.endpoints, "endpoints", &mut names, flaws);
        for vpc in self.vpcs.values() {
            names.extend(vpc.internet_gateway.iter().map(String::as_str));
            names.extend(vpc.egress_only_gateways.iter().chain(&vpc.gateway_endpoints).map(String::as_str));
        }
        for (id, vpc) in &self.vpcs {
            sized(id, vpc.names.len().max(vpc.reverse.len()), flaws);
        }
        for (id, table) in &self.route_tables {
            sized(id, table.routes.len(), flaws);
            for route in &table.routes {
                names.push(route.target.id());
                if let Destination::PrefixList(list) = &route.destination {
                    names.push(list);
                }
            }
        }
        for (id, acl) in &self.acls {
            sized(id, acl.ingress.len().max(acl.egress.len()), flaws);
        }
        for (id, list) in &self.prefix_lists {
            sized(id, list.entries.len(), flaws);
        }
        for (id, group) in &self.groups {
            sized(id, group.ingress.len().max(group.egress.len()), flaws);
            for rule in group.ingress.iter().chain(&group.egress) {
                names.push(&rule.id);
                if let Peer::Group(peer) | Peer::PrefixList(peer) = &rule.peer {
                    names.push(peer);
                }
            }
        }
        for gateway in self.transit_gateways.values() {
            ids(&gateway.attachments, "attachments", &mut names, flaws);
            ids(&gateway.route_tables, "transit route tables", &mut names, flaws);
        }
        names.extend(self.nat_gateways.values().map(|gateway| gateway.interface.as_str()));
        flaws.extend(
            names
                .into_iter()
                .filter(|name| !is_id(name))
                .map(|name| Flaw::Id(name.chars().take(64).collect())),
        );
    }

    fn check_references(&self, flaws: &mut Vec<Flaw>) {
        let mut want = |there: bool, from: &Id, to: &Id| {
            if !there {
                flaws.push(Flaw::Dangling { from: from.clone(), to: to.clone() });
            }
        };
        for (id, subnet) in &self.subnets {
            want(self.vpcs.contains_key(&subnet.vpc), id, &subnet.vpc);
            want(self.route_tables.contains_key(&subnet.route_table), id, &subnet.route_table);
            want(self.acls.contains_key(&subnet.acl), id, &subnet.acl);
        }
        for (id, table) in &self.route_tables {
            want(self.vpcs.contains_key(&table.vpc), id, &table.vpc);
        }
        for (id, interface) in &self.interfaces {
            want(self.subnets.contains_key(&interface.subnet), id, &interface.subnet);
            for group in &interface.groups {
                want(self.groups.contains_key(group), id, group);
            }
        }
        for (id, gateway) in &self.nat_gateways {
            want(self.subnets.contains_key(&gateway.subnet), id, &gateway.subnet);
        }
        for (id, peering) in &self.peerings {
            want(self.vpcs.contains_key(&peering.requester), id, &peering.requester);
            want(self.vpcs.contains_key(&peering.accepter), id, &peering.accepter);
        }
        for (id, endpoint) in &self.endpoints {
            want(self.vpcs.contains_key(&endpoint.vpc), id, &endpoint.vpc);
            for interface in &endpoint.interfaces {
                want(self.interfaces.contains_key(interface), id, interface);
            }
        }
        for gateway in self.transit_gateways.values() {
            for (id, attachment) in &gateway.attachments {
                want(self.vpcs.contains_key(&attachment.vpc), id, &attachment.vpc);
                for subnet in attachment.subnets.values() {
                    want(self.vpc_of_subnet(subnet) == Some(attachment.vpc.as_str()), id, subnet);
                }
            }
        }
    }

    fn check_addresses(&self, flaws: &mut Vec<Flaw>) {
        let mut held: HashMap<(&str, IpAddr), &Id> = HashMap::new();
        let mut hold = |vpc, address, id| {
            if let Some(first) = held.insert((vpc, address), id) {
                let (first, second) = (first.clone(), id.clone());
                flaws.push(Flaw::Shared { address: address.to_string(), first, second });
            }
        };
        // Public addresses are held in no VPC.
        for (id, interface) in &self.interfaces {
            let vpc = self.vpc_of_subnet(&interface.subnet).unwrap_or_default();
            interface.all_addresses().for_each(|address| hold(vpc, address, id));
            let publics = interface.addresses.iter().filter_map(|address| address.public);
            publics.for_each(|address| hold("", address.into(), id));
        }
        for (id, gateway) in &self.nat_gateways {
            let vpc = self.vpc_of_subnet(&gateway.subnet).unwrap_or_default();
            hold(vpc, gateway.private.into(), id);
            gateway.public.into_iter().for_each(|address| hold("", address.into(), id));
        }
        let bare = self.interfaces.iter().filter(|(_, interface)| interface.all_addresses().next().is_none());
        flaws.extend(bare.map(|(id, _)| Flaw::NoAddress(id.clone())));
    }

    /// The VPC of a subnet.
    pub fn vpc_of_subnet(&self, subnet: &str) -> Option<&str> {
        self.subnets.get(subnet).map(|subnet| subnet.vpc.as_str())
    }

    /// The VPC of an interface.
    pub fn vpc_of(&self, interface: &Interface) -> Option<&str> {
        self.vpc_of_subnet(&interface.subnet)
    }

    /// The private addresses of the interfaces that are in a group: what a rule means that names the group.
    pub fn members(&self, group: &str) -> BTreeSet<IpAddr> {
        let members = self.interfaces.values().filter(|interface| interface.groups.contains(group));
        members.flat_map(Interface::all_addresses).collect()
    }

    /// Whether rules of a VPC's groups may name a group: it is of the VPC, or of one behind an active peering.
    pub fn may_name_group(&self, vpc: &str, group: &str) -> bool {
        let Some(group) = self.groups.get(group) else { return false };
        group.vpc == vpc
            || self
                .peerings
                .values()
                .any(|peering| peering.other(vpc).is_some_and(|other| *other == group.vpc))
    }

    /// Whether what a route of this VPC names is there and belongs to it.
    pub fn has_target(&self, vpc: &str, target: &Target) -> bool {
        let found = self.vpcs.get(vpc);
        match target {
            Target::Local => true,
            Target::Blackhole => false,
            Target::InternetGateway(id) => found.is_some_and(|vpc| vpc.internet_gateway.as_ref() == Some(id)),
            Target::EgressOnlyGateway(id) => found.is_some_and(|vpc| vpc.egress_only_gateways.contains(id)),
            Target::GatewayEndpoint(id) => found.is_some_and(|vpc| vpc.gateway_endpoints.contains(id)),
            Target::NatGateway(id) => self
                .nat_gateways
                .get(id)
                .is_some_and(|gateway| self.vpc_of_subnet(&gateway.subnet) == Some(vpc)),
            Target::Peering(id) => self.peerings.get(id).is_some_and(|peering| peering.other(vpc).is_some()),
            Target::TransitGateway(id) => self
                .transit_gateways
                .get(id)
                .is_some_and(|gateway| gateway.attachments.values().any(|attachment| attachment.vpc == vpc)),
            Target::Interface(id) => {
                self.interfaces.get(id).is_some_and(|interface| self.vpc_of(interface) == Some(vpc))
            }
        }
    }
}

fn ids<'a, T>(map: &'a BTreeMap<Id, T>, what: &str, names: &mut Vec<&'a str>, flaws: &mut Vec<Flaw>) {
    if map.len() > LIMITS.objects {
        flaws.push(Flaw::TooMuch(format!("the list of {what}")));
    }
    names.extend(map.keys().map(String::as_str));
}

fn sized(id: &Id, rules: usize, flaws: &mut Vec<Flaw>) {
    if rules > LIMITS.rules {
        flaws.push(Flaw::TooMuch(id.clone()));
    }
}

/// Whether a text is an id: it begins with a letter, and consists of lower-case letters, digits and hyphens.
pub fn is_id(text: &str) -> bool {
    text.len() <= LIMITS.id_bytes
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{Flaw, is_id};
    use crate::Topology;
    use crate::topology::{Subnet, Vpc};

    #[test]
    fn ids_are_plain() {
        for text in ["vpc-0123456789abcdef0", "local", "tgw-rtb-0a"] {
            assert!(is_id(text), "{text}");
        }
        for text in ["", "-a", "1a", "vpc 1", "vpc-A", "vpc;flush", "vpc\n", "vpc_1", &"a".repeat(49)] {
            assert!(!is_id(text), "{text:?}");
        }
    }

    #[test]
    fn flaws_are_found() {
        let mut topology = Topology::default();
        assert_eq!(topology.flaws(), []);
        topology.vpcs.insert("vpc-1; flush ruleset".into(), Vpc::default());
        assert_eq!(topology.flaws(), [Flaw::Id("vpc-1; flush ruleset".into())]);
        topology.vpcs.clear();
        let subnet = Subnet {
            vpc: "vpc-1".into(),
            cidrs: vec![],
            route_table: "rtb-1".into(),
            acl: "acl-1".into(),
            zone: String::new(),
        };
        topology.subnets.insert("subnet-1".into(), subnet);
        assert_eq!(topology.flaws().len(), 3);
    }
}
