//! Which route is taken: the most specific one.
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html>

use crate::Cidr;
use crate::Topology;
use crate::topology::{Destination, Id, RouteTable, Subnet, Target};
use std::net::IpAddr;

/// The route that was chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Its block.
    pub cidr: Cidr,
    /// The prefix list that has the block, `pl-…`.
    pub list: Option<Id>,
    /// Through what.
    pub target: Target,
    /// Whether the target is there; a route whose target is gone drops packets.
    pub active: bool,
}

impl Chosen {
    /// Whether packets go to an interface that forwards them.
    pub(super) fn detours(&self) -> bool {
        matches!(self.target, Target::Interface(_) | Target::NatGateway(_))
    }
}

impl RouteTable {
    /// All routes by their blocks: the implied local ones first, then static blocks, then the entries of prefix lists.
    /// Of several for one block the last local or static one counts, and one of a prefix list only without any.
    pub fn resolved(&self, topology: &Topology) -> std::collections::BTreeMap<Cidr, Chosen> {
        let mut found = std::collections::BTreeMap::new();
        let chosen = |cidr: Cidr, target: &Target, list: Option<&Id>| {
            let active = topology.has_target(&self.vpc, target);
            (cidr, Chosen { cidr, list: list.cloned(), target: target.clone(), active })
        };
        let local = topology.vpcs.get(&self.vpc).into_iter().flat_map(|vpc| &vpc.cidrs);
        found.extend(local.map(|cidr| chosen(*cidr, &Target::Local, None)));
        for route in &self.routes {
            if let Destination::Cidr(cidr) = &route.destination {
                found.extend([chosen(*cidr, &route.target, None)]);
            }
        }
        for route in &self.routes {
            let Destination::PrefixList(list) = &route.destination else { continue };
            for cidr in topology.prefix_lists.get(list).into_iter().flat_map(|found| &found.entries) {
                found.entry(*cidr).or_insert_with(|| chosen(*cidr, &route.target, Some(list)).1);
            }
        }
        found
    }

    /// What holds for packets from a subnet. AWS routes what leaves it: within it neighbours find each other, though a route
    /// to its own block leads to a middlebox.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html>
    pub fn resolved_in(
        &self,
        topology: &Topology,
        subnet: &Subnet,
    ) -> std::collections::BTreeMap<Cidr, Chosen> {
        let mut found = self.resolved(topology);
        for own in &subnet.cidrs {
            found.retain(|cidr, chosen| chosen.target == Target::Local || !own.covers(cidr));
            let around = found.values().filter(|chosen| chosen.cidr.covers(own));
            let leads = around.max_by_key(|chosen| chosen.cidr.prefix());
            if leads.is_none_or(|chosen| chosen.target != Target::Local) {
                let local = Chosen { cidr: *own, list: None, target: Target::Local, active: true };
                found.insert(*own, local);
            }
        }
        found
    }
}

/// The route that the table of a subnet chooses for an address, for what leaves the subnet.
pub fn choose(topology: &Topology, subnet: &Subnet, to: IpAddr) -> Option<Chosen> {
    let table = topology.route_tables.get(&subnet.route_table)?;
    let matching =
        table.resolved_in(topology, subnet).into_values().filter(|chosen| chosen.cidr.contains(to));
    matching.max_by_key(|chosen| chosen.cidr.prefix())
}
