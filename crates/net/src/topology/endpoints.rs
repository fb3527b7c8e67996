//! VPC endpoints: the ways to AWS's services that need no Internet.
//!
//! Invariant: an endpoint leads to one service; who comes through it is told apart by where it arrives.

use super::{Id, Topology};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The port of an interface endpoint.
pub const ENDPOINT_PORT: u16 = 443;
/// The ports of a gateway endpoint: those of the service's public address.
pub const GATEWAY_PORTS: [u16; 2] = [443, 80];

/// A VPC endpoint that is available.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Its VPC. One that stands among the VPC's gateway endpoints is a gateway that routes lead to.
    pub vpc: Id,
    /// The service behind it, by its name in signatures: `s3`.
    pub service: String,
    /// The interfaces, `eni-…`, at which an interface endpoint takes connections. They are among the topology's.
    pub interfaces: BTreeSet<Id>,
}

impl Topology {
    /// The interface endpoint that an interface belongs to.
    pub fn endpoint_of(&self, interface: &str) -> Option<(&Id, &Endpoint)> {
        self.endpoints.iter().find(|(_, endpoint)| endpoint.interfaces.contains(interface))
    }

    /// Makes the interfaces of endpoints live where somebody could reach them: in VPCs where something else is live, and
    /// in those that are joined with one of them. Elsewhere they cost nothing.
    pub fn wake_endpoints(&mut self) {
        let managed: BTreeSet<&Id> =
            self.endpoints.values().flat_map(|endpoint| &endpoint.interfaces).collect();
        if managed.is_empty() {
            return;
        }
        let live = self.interfaces.iter().filter(|(id, interface)| interface.live && !managed.contains(id));
        let mut awake: BTreeSet<Id> =
            live.filter_map(|(_, interface)| self.vpc_of(interface)).map(str::to_owned).collect();
        let mut joined: Vec<Id> = Vec::new();
        for peering in self.peerings.values() {
            let ends = [&peering.requester, &peering.accepter];
            if ends.iter().any(|vpc| awake.contains(*vpc)) {
                joined.extend(ends.into_iter().cloned());
            }
        }
        for gateway in self.transit_gateways.values() {
            let vpcs = || gateway.attachments.values().map(|attachment| &attachment.vpc);
            if vpcs().any(|vpc| awake.contains(vpc)) {
                joined.extend(vpcs().cloned());
            }
        }
        awake.extend(joined);
        let managed: Vec<Id> = managed.into_iter().cloned().collect();
        for id in managed {
            let vpc = self.interfaces.get(&id).and_then(|interface| self.vpc_of(interface));
            let is_reached = vpc.is_some_and(|vpc| awake.contains(vpc));
            if let Some(interface) = self.interfaces.get_mut(&id) {
                interface.live = is_reached;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use crate::sample::Builder;

    #[test]
    fn endpoints_wake_where_somebody_could_reach_them() {
        let mut b = Builder::default();
        for n in 1..4 {
            b.vpc(&format!("vpc-{n}"), &format!("10.{n}.0.0/16"));
            b.subnet(&format!("subnet-{n}"), &format!("vpc-{n}"), &format!("10.{n}.1.0/24"));
            b.group(&format!("sg-{n}"), &format!("vpc-{n}"));
            b.interface(
                &format!("eni-{n}"),
                &format!("subnet-{n}"),
                &format!("10.{n}.1.4"),
                &format!("sg-{n}"),
            );
            let endpoint = Endpoint {
                vpc: format!("vpc-{n}"),
                service: "sqs".into(),
                interfaces: [format!("eni-{n}")].into(),
            };
            b.topology.endpoints.insert(format!("vpce-{n}"), endpoint);
        }
        b.peering("pcx-1", "vpc-1", "vpc-2");
        b.interface("eni-own", "subnet-1", "10.1.1.9", "sg-1");
        let live = |b: &mut Builder| {
            b.topology.wake_endpoints();
            ["eni-1", "eni-2", "eni-3"].map(|id| b.topology.interfaces[id].live)
        };
        assert_eq!(live(&mut b), [true, true, false]);
        b.topology.interfaces.get_mut("eni-own").unwrap().live = false;
        assert_eq!(live(&mut b), [false; 3]);
        assert_eq!(b.topology.endpoint_of("eni-2").unwrap().0, "vpce-2");
        assert_eq!(b.topology.endpoint_of("eni-own"), None);
    }
}
