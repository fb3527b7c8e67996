//! Whose a connection is that comes in from a network: its source address tells, which nobody there can choose.

use std::net::IpAddr;
use yakumo_front::{Inside, Serves};
use yakumo_net::Topology;

/// What is known of a connection from an address: by the Internet, or through an endpoint (its id and VPC).
pub(super) fn inside(
    topology: &Topology,
    address: IpAddr,
    serves: Serves,
    endpoint: Option<&(String, String)>,
) -> Inside {
    let address = address.to_canonical();
    let found = match endpoint {
        None => by_public(topology, address),
        Some((_, vpc)) => by_private(topology, address, vpc),
    };
    let (source, vpc) = found.unzip();
    Inside { serves, vpc, source, endpoint: endpoint.map(|(id, _)| id.clone()) }
}

/// The holder of a public address, and its VPC.
fn by_public(topology: &Topology, address: IpAddr) -> Option<(String, String)> {
    let is = |public: Option<std::net::Ipv4Addr>| public.map(IpAddr::V4) == Some(address);
    let interface = topology.interfaces.iter().find(|(_, interface)| {
        let v6 = interface.ipv6.iter().any(|own| IpAddr::V6(*own) == address);
        v6 || interface.addresses.iter().any(|own| is(own.public))
    });
    let interface =
        interface.and_then(|(id, interface)| Some((id.clone(), topology.vpc_of(interface)?.to_owned())));
    interface.or_else(|| {
        let (id, gateway) = topology.nat_gateways.iter().find(|(_, gateway)| is(gateway.public))?;
        Some((id.clone(), topology.vpc_of_subnet(&gateway.subnet)?.to_owned()))
    })
}

/// The holder of a private address as an endpoint's VPC sees it: its own first, else one that is joined with it.
fn by_private(topology: &Topology, address: IpAddr, vpc: &str) -> Option<(String, String)> {
    let interfaces = topology.interfaces.iter().filter(|(_, interface)| interface.has(address));
    let interfaces = interfaces.filter_map(|(id, interface)| Some((id, topology.vpc_of(interface)?)));
    let gateways = topology.nat_gateways.iter().filter(|(_, gateway)| IpAddr::V4(gateway.private) == address);
    let gateways = gateways.filter_map(|(id, gateway)| Some((id, topology.vpc_of_subnet(&gateway.subnet)?)));
    let mut holders: Vec<(&String, &str)> = interfaces.chain(gateways).collect();
    holders.sort_by_key(|(_, holder)| *holder != vpc);
    let is_joined = |other: &str| {
        let peered = |id: &str| {
            topology.peerings.values().any(|peering| peering.other(id).is_some_and(|found| found == other))
        };
        let attached = |id: &str| {
            topology.transit_gateways.values().any(|gateway| {
                let has = |id: &str| gateway.attachments.values().any(|attachment| attachment.vpc == id);
                has(id) && has(other)
            })
        };
        other == vpc || peered(vpc) || attached(vpc)
    };
    let found = holders.into_iter().find(|(_, holder)| is_joined(holder));
    found.map(|(id, holder)| (id.clone(), holder.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::inside;
    use yakumo_front::Serves;
    use yakumo_net::Topology;

    fn topology() -> Topology {
        serde_json::from_str(
            r#"{
            "vpcs": {"vpc-1": {}, "vpc-2": {}, "vpc-3": {}},
            "subnets": {
                "subnet-1": {"vpc": "vpc-1", "cidrs": [], "route_table": "rtb-1", "acl": "acl-1"},
                "subnet-2": {"vpc": "vpc-2", "cidrs": [], "route_table": "rtb-2", "acl": "acl-2"},
                "subnet-3": {"vpc": "vpc-3", "cidrs": [], "route_table": "rtb-3", "acl": "acl-3"}},
            "interfaces": {
                "eni-1": {"subnet": "subnet-1", "addresses": [{"private": "10.0.0.4", "public": "198.18.0.20"}],
                    "groups": [], "source_dest_check": true, "live": true},
                "eni-2": {"subnet": "subnet-2", "addresses": [{"private": "10.0.0.4"}, {"private": "10.2.0.4"}],
                    "groups": [], "source_dest_check": true, "live": true},
                "eni-3": {"subnet": "subnet-3", "addresses": [{"private": "10.3.0.4"}],
                    "groups": [], "source_dest_check": true, "live": true}},
            "nat_gateways": {
                "nat-1": {"subnet": "subnet-1", "interface": "eni-n", "private": "10.0.0.9", "public": "198.18.0.21"}},
            "peerings": {"pcx-1": {"requester": "vpc-1", "accepter": "vpc-2"}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn an_address_tells_whose_a_connection_is() {
        let topology = topology();
        let endpoint = ("vpce-1".to_owned(), "vpc-1".to_owned());
        for (address, through, source) in [
            ("198.18.0.20", false, Some(("eni-1", "vpc-1"))),
            ("198.18.0.21", false, Some(("nat-1", "vpc-1"))),
            ("::ffff:198.18.0.20", false, Some(("eni-1", "vpc-1"))),
            ("198.18.0.1", false, None),
            ("10.0.0.4", false, None),
            ("10.0.0.4", true, Some(("eni-1", "vpc-1"))),
            ("10.0.0.9", true, Some(("nat-1", "vpc-1"))),
            ("10.2.0.4", true, Some(("eni-2", "vpc-2"))),
            ("10.3.0.4", true, None),
        ] {
            let through = through.then_some(&endpoint);
            let found = inside(&topology, address.parse().unwrap(), Serves::Except(&[]), through);
            assert_eq!(found.source.as_deref().zip(found.vpc.as_deref()), source, "{address}");
            assert_eq!(found.endpoint.is_some(), through.is_some());
        }
    }
}
