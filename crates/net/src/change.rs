//! The difference between two topologies: what an agent is told, so that a changed rule is not a whole cloud.
//!
//! Invariant: `a.with(a.change_to(b)) == b`.

use crate::Topology;
use crate::topology::Id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What changes in one map.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MapChange<T> {
    set: BTreeMap<Id, T>,
    gone: Vec<Id>,
}

impl<T: Clone + PartialEq> MapChange<T> {
    fn between(from: &BTreeMap<Id, T>, to: &BTreeMap<Id, T>) -> MapChange<T> {
        let set = to.iter().filter(|(id, value)| from.get(*id) != Some(value));
        let gone = from.keys().filter(|id| !to.contains_key(*id));
        MapChange {
            set: set.map(|(id, value)| (id.clone(), value.clone())).collect(),
            gone: gone.cloned().collect(),
        }
    }

    fn apply(self, to: &mut BTreeMap<Id, T>) {
        for id in &self.gone {
            to.remove(id);
        }
        to.extend(self.set);
    }
}

macro_rules! change {
    ($($field:ident: $kind:ident),*) => {
        /// What changes in a topology.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        pub struct Change {
            $($field: MapChange<crate::topology::$kind>,)*
        }

        impl Change {
            /// What leads from one topology to another.
            pub fn between(from: &Topology, to: &Topology) -> Change {
                // The compiler says when a field of a topology is missing here.
                let Topology { $($field: _),* } = from;
                Change { $($field: MapChange::between(&from.$field, &to.$field),)* }
            }

            /// Makes the change.
            pub fn apply(self, to: &mut Topology) {
                $(self.$field.apply(&mut to.$field);)*
            }
        }
    };
}

change! {
    vpcs: Vpc,
    subnets: Subnet,
    route_tables: RouteTable,
    acls: Acl,
    groups: Group,
    prefix_lists: PrefixList,
    interfaces: Interface,
    devices: Device,
    nat_gateways: NatGateway,
    peerings: Peering,
    transit_gateways: TransitGateway,
    endpoints: Endpoint,
    watched: Watched,
    labels: Label
}

#[cfg(test)]
mod tests {
    use super::Change;
    use crate::sample::Builder;
    use crate::topology::{Device, Label};

    #[test]
    fn a_change_leads_from_one_topology_to_the_other() {
        let mut one = Builder::default();
        one.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        let mut other = one.clone();
        other.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1").vpc("vpc-2", "10.1.0.0/16");
        let name = Some("web".into());
        other.topology.labels.insert("subnet-1".into(), Label { name, ..Label::default() });
        let host = "eni-2".to_owned();
        other.topology.devices.insert("eni-1".into(), Device { host, index: 1 });
        other.topology.subnets.get_mut("subnet-1").unwrap().acl = "acl-vpc-2".into();
        for (from, to) in [(&one.topology, &other.topology), (&other.topology, &one.topology)] {
            let mut changed = from.clone();
            Change::between(from, to).apply(&mut changed);
            assert_eq!(changed, *to);
        }
    }
}
