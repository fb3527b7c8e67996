//! What stands in networks and joins them: interfaces with their public addresses, NAT gateways, peering connections.

use super::all;
use crate::elastic_ips::{self, ElasticIp};
use crate::instances::{self, Instance};
use crate::nat_gateways::{NatGateway, State};
use crate::network_interfaces::{NetworkInterface, Progress};
use crate::nouns::Home;
use crate::vpc_peering_connections::VpcPeeringConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use yakumo_aws::Result;
use yakumo_net::{Topology, topology};
use yakumo_room::Base;

/// Adds an account's joints in a region.
pub(super) async fn add(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let scope = home.scope();
    let addresses: Vec<ElasticIp> = all(base, &scope).await?;
    let live = instances::live(base, home).await?;
    let interfaces: Vec<NetworkInterface> = all(base, &scope).await?;
    for interface in &interfaces {
        // What belongs to a NAT gateway or an endpoint is said with it.
        if interface.requester.is_none() {
            topology.interfaces.insert(interface.id.clone(), said(interface, &addresses, &live));
        }
    }
    topology.devices.extend(devices(&interfaces));
    for instance in all::<Instance>(base, &scope).await? {
        name(&instance, &interfaces, topology);
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
            let joint = topology::Peering {
                requester_names: peering.requester.shares_names,
                accepter_names: peering.accepter.shares_names,
                requester: peering.requester.vpc,
                accepter: peering.accepter.vpc,
            };
            topology.peerings.insert(peering.id, joint);
        }
    }
    Ok(())
}

/// The name after an instance's id, in its VPC alone.
fn name(instance: &Instance, interfaces: &[NetworkInterface], topology: &mut Topology) {
    let first = instances::interfaces_of(interfaces, &instance.id).into_iter().next();
    let Some(first) = first.filter(|first| first.vpc == instance.vpc) else { return };
    let Some(vpc) = topology.vpcs.get_mut(&instance.vpc) else { return };
    // AWS: without these attributes there are no names of instances.
    if !(vpc.dns.support && vpc.dns.hostnames) {
        return;
    }
    let v4 = first.primary().map(IpAddr::V4).filter(|_| instance.names.a);
    let v6 = first.ipv6.first().copied().map(IpAddr::V6).filter(|_| instance.names.aaaa);
    let addresses: Vec<IpAddr> = v4.into_iter().chain(v6).collect();
    if !addresses.is_empty() {
        vpc.names.insert(instance.resource_name(), addresses);
    }
    if let Some(address) = first.primary().filter(|_| instance.names.by_id) {
        vpc.reverse.insert(address, instance.resource_name());
    }
}

/// The interfaces that instances have besides their first ones.
fn devices(interfaces: &[NetworkInterface]) -> BTreeMap<String, topology::Device> {
    let of = |interface: &NetworkInterface| -> Option<(String, u16)> {
        let attachment = interface.attachment.as_ref()?;
        Some((attachment.instance.clone()?, u16::try_from(attachment.device_index).ok()?))
    };
    let there = || interfaces.iter().filter(|interface| interface.progress() != Progress::Detaching);
    let attached = || there().filter_map(|interface| Some((interface, of(interface)?)));
    let first = attached().filter(|(_, (_, index))| *index == 0);
    let first: BTreeMap<String, &str> =
        first.map(|(interface, (instance, _))| (instance, interface.id.as_str())).collect();
    let further = attached().filter(|(_, (_, index))| *index > 0);
    let device = |(interface, (instance, index)): (&NetworkInterface, (String, u16))| {
        let host = (*first.get(&instance)?).to_owned();
        Some((interface.id.clone(), topology::Device { host, index }))
    };
    further.filter_map(device).collect()
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
        live: interface.progress() != Progress::Detaching
            && interface.instance().is_some_and(|instance| live.contains(instance)),
    }
}
