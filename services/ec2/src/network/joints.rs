//! What stands in networks and joins them: interfaces with their public addresses, NAT gateways, peering connections.

use super::all;
use crate::elastic_ips::{self, ElasticIp};
use crate::instances;
use crate::nat_gateways::{NatGateway, State};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::Home;
use crate::vpc_peering_connections::VpcPeeringConnection;
use std::collections::BTreeSet;
use yakumo_aws::Result;
use yakumo_net::{Topology, topology};
use yakumo_room::Base;

/// Adds an account's joints in a region.
pub(super) async fn add(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let scope = home.scope();
    let addresses: Vec<ElasticIp> = all(base, &scope).await?;
    let live = instances::live(base, home).await?;
    for interface in all::<NetworkInterface>(base, &scope).await? {
        // What belongs to a NAT gateway or an endpoint is said with it.
        if interface.requester.is_none() {
            topology.interfaces.insert(interface.id.clone(), said(&interface, &addresses, &live));
        }
    }
    for gateway in all::<NatGateway>(base, &scope).await? {
        let Some(address) = gateway.address.filter(|_| gateway.state == State::Available) else { continue };
        let said = topology::NatGateway {
            subnet: gateway.subnet,
            interface: address.interface,
            private: address.private,
            public: address.public,
        };
        topology.nat_gateways.insert(gateway.id, said);
    }
    for peering in all::<VpcPeeringConnection>(base, &scope).await? {
        if peering.is_active() {
            let (requester, accepter) = (peering.requester.vpc, peering.accepter.vpc);
            topology.peerings.insert(peering.id, topology::Peering { requester, accepter });
        }
    }
    Ok(())
}

pub(super) fn said(
    interface: &NetworkInterface,
    addresses: &[ElasticIp],
    live: &BTreeSet<String>,
) -> topology::Interface {
    let lent = |private| interface.public.filter(|_| interface.primary() == Some(private));
    let private = |private: &std::net::Ipv4Addr| topology::PrivateAddress {
        private: *private,
        public: elastic_ips::of(addresses, interface, *private)
            .map(|elastic| elastic.address)
            .or_else(|| lent(*private)),
    };
    topology::Interface {
        subnet: interface.subnet.clone(),
        addresses: interface.addresses.iter().map(private).collect(),
        ipv6: interface.ipv6.clone(),
        groups: interface.groups.iter().cloned().collect(),
        source_dest_check: interface.source_dest_check,
        mac: Some(interface.mac),
        // The network itself knows into which interfaces something else is plugged.
        live: interface.instance().is_some_and(|instance| live.contains(instance)),
    }
}
