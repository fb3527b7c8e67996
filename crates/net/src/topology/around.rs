//! The part of a topology that one VPC sees: for maps.
//!
//! Invariant: what another VPC holds is not in it; of a VPC behind a peering connection there are its blocks and its label.

use super::{Destination, Id, Peer, Topology, Vpc};
use std::collections::{BTreeMap, BTreeSet};

impl Topology {
    /// A VPC with what is in it and what it is attached to; `None` when it is not there.
    pub fn around(&self, vpc: &str) -> Option<Topology> {
        let mut part = Topology::default();
        part.vpcs.insert(vpc.to_owned(), self.vpcs.get(vpc)?.clone());
        part.subnets = kept(&self.subnets, |_, subnet| subnet.vpc == vpc);
        part.route_tables = kept(&self.route_tables, |_, table| table.vpc == vpc);
        part.groups = kept(&self.groups, |_, group| group.vpc == vpc);
        part.interfaces = kept(&self.interfaces, |_, interface| part.subnets.contains_key(&interface.subnet));
        part.nat_gateways = kept(&self.nat_gateways, |_, nat| part.subnets.contains_key(&nat.subnet));
        let acls: BTreeSet<&Id> = part.subnets.values().map(|subnet| &subnet.acl).collect();
        part.acls = kept(&self.acls, |id, _| acls.contains(id));
        let lists = part.named_lists();
        part.prefix_lists = kept(&self.prefix_lists, |id, _| lists.contains(id));
        part.peerings = kept(&self.peerings, |_, peering| peering.other(vpc).is_some());
        for other in part.peerings.values().filter_map(|peering| peering.other(vpc)) {
            let cidrs = self.vpcs.get(other).map(|vpc| vpc.cidrs.clone()).unwrap_or_default();
            part.vpcs.entry(other.clone()).or_insert_with(|| Vpc { cidrs, ..Vpc::default() });
        }
        part.endpoints = kept(&self.endpoints, |_, endpoint| endpoint.vpc == vpc);
        self.add_transit(vpc, &mut part);
        let there = part.ids();
        part.labels = kept(&self.labels, |id, _| there.contains(id));
        Some(part)
    }

    fn named_lists(&self) -> BTreeSet<Id> {
        let routes = self.route_tables.values().flat_map(|table| &table.routes);
        let routes = routes.filter_map(|route| match &route.destination {
            Destination::PrefixList(list) => Some(list.clone()),
            Destination::Cidr(_) => None,
        });
        let rules = self.groups.values().flat_map(|group| group.ingress.iter().chain(&group.egress));
        let rules = rules.filter_map(|rule| match &rule.peer {
            Peer::PrefixList(list) => Some(list.clone()),
            Peer::Cidr(_) | Peer::Group(_) => None,
        });
        routes.chain(rules).collect()
    }

    /// Of transit gateways only the VPC's own attachments and the tables that decide about them.
    fn add_transit(&self, vpc: &str, part: &mut Topology) {
        for (id, gateway) in &self.transit_gateways {
            let mut gateway = gateway.clone();
            gateway.attachments.retain(|_, attachment| attachment.vpc == vpc);
            let tables: BTreeSet<Id> = gateway
                .attachments
                .values()
                .filter_map(|attachment| attachment.route_table.clone())
                .collect();
            gateway.route_tables.retain(|id, _| tables.contains(id));
            if !gateway.attachments.is_empty() {
                part.transit_gateways.insert(id.clone(), gateway);
            }
        }
    }

    fn ids(&self) -> BTreeSet<Id> {
        let mut ids: BTreeSet<Id> = self.vpcs.keys().chain(self.subnets.keys()).cloned().collect();
        ids.extend(self.route_tables.keys().chain(self.acls.keys()).chain(self.groups.keys()).cloned());
        ids.extend(self.interfaces.keys().chain(self.nat_gateways.keys()).cloned());
        ids.extend(self.peerings.keys().chain(self.transit_gateways.keys()).cloned());
        ids.extend(self.prefix_lists.keys().chain(self.endpoints.keys()).cloned());
        for vpc in self.vpcs.values() {
            ids.extend(vpc.internet_gateway.clone());
            ids.extend(vpc.egress_only_gateways.iter().chain(&vpc.gateway_endpoints).cloned());
        }
        ids
    }
}

fn kept<T: Clone>(from: &BTreeMap<Id, T>, wanted: impl Fn(&Id, &T) -> bool) -> BTreeMap<Id, T> {
    from.iter()
        .filter(|(id, value)| wanted(id, value))
        .map(|(id, value)| (id.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::sample::Builder;
    use crate::topology::Label;

    #[test]
    fn a_vpc_does_not_see_what_another_holds() {
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        b.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1").nat("nat-1", "subnet-1", "10.0.1.5", None);
        b.vpc("vpc-2", "10.1.0.0/16").subnet("subnet-2", "vpc-2", "10.1.1.0/24").group("sg-2", "vpc-2");
        b.interface("eni-2", "subnet-2", "10.1.1.4", "sg-2").peering("pcx-1", "vpc-1", "vpc-2");
        b.gateway("vpc-2", "igw-2").vpc("vpc-3", "10.2.0.0/16");
        for id in ["subnet-1", "subnet-2"] {
            b.topology.labels.insert(id.into(), Label { name: Some(id.into()), ..Label::default() });
        }
        let part = b.topology.around("vpc-1").unwrap();
        assert_eq!(part.flaws(), []);
        let text = serde_json::to_string(&part).unwrap();
        for there in ["subnet-1", "eni-1", "nat-1", "sg-1", "rtb-vpc-1", "acl-vpc-1", "pcx-1", "10.1.0.0/16"]
        {
            assert!(text.contains(there), "{there}");
        }
        for absent in ["subnet-2", "eni-2", "sg-2", "rtb-vpc-2", "igw-2", "vpc-3"] {
            assert!(!text.contains(absent), "{absent}");
        }
        assert_eq!(b.topology.around("vpc-4"), None);
    }
}
