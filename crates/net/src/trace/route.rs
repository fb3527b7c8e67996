//! Which route is taken: the most specific one.
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html>

use crate::Cidr;
use crate::Topology;
use crate::topology::{Destination, Id, RouteTable, Target};
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
}

/// The route that a table chooses for an address.
pub fn choose(topology: &Topology, table: &RouteTable, to: IpAddr) -> Option<Chosen> {
    let matching = table.resolved(topology).into_values().filter(|chosen| chosen.cidr.contains(to));
    matching.max_by_key(|chosen| chosen.cidr.prefix())
}
