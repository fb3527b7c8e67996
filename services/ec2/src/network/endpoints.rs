//! VPC endpoints in the words of the network engine: interfaces, and names that lead to them.

use super::{all, joints};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::Home;
use crate::vpc_endpoints::{Kind, State, VpcEndpoint, private_names, public_names, service};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use yakumo_aws::Result;
use yakumo_net::{Topology, topology};
use yakumo_room::Base;

/// Adds an account's endpoints in a region, those that are available. Their VPCs are there already.
pub(super) async fn add(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let scope = home.scope();
    let mut endpoints: Vec<VpcEndpoint> = all(base, &scope).await?;
    endpoints.retain(|endpoint| endpoint.state == State::Available);
    if endpoints.is_empty() {
        return Ok(());
    }
    let interfaces: Vec<NetworkInterface> = all(base, &scope).await?;
    let interfaces: BTreeMap<&str, &NetworkInterface> =
        interfaces.iter().map(|interface| (interface.id.as_str(), interface)).collect();
    for endpoint in endpoints {
        let Some(service) = service(&endpoint.service, home.region) else { continue };
        let Some(vpc) = topology.vpcs.get_mut(&endpoint.vpc) else { continue };
        if endpoint.kind == Kind::Gateway {
            vpc.gateway_endpoints.insert(endpoint.id.clone());
        }
        vpc.names.extend(public_names(&endpoint));
        // AWS: without these attributes the VPC's resolver knows no names of its own.
        if vpc.dns.support && vpc.dns.hostnames {
            vpc.names.extend(private_names(&endpoint));
        }
        let mut said = topology::Endpoint {
            vpc: endpoint.vpc,
            service: service.signing.to_owned(),
            ..topology::Endpoint::default()
        };
        for place in &endpoint.places {
            let Some(interface) = interfaces.get(place.interface.as_str()) else { continue };
            topology.interfaces.insert(interface.id.clone(), joints::said(interface, &[], &BTreeSet::new()));
            said.interfaces.insert(interface.id.clone());
        }
        topology.endpoints.insert(endpoint.id, said);
    }
    Ok(())
}

/// Has the resolvers of VPCs that are joined know each other's endpoints by the names that these have in public DNS.
pub(super) fn share_names(topology: &mut Topology) {
    let mut joined: Vec<Vec<&String>> = Vec::new();
    joined.extend(topology.peerings.values().map(|peering| vec![&peering.requester, &peering.accepter]));
    let attached = topology.transit_gateways.values();
    joined.extend(attached.map(|gateway| gateway.attachments.values().map(|found| &found.vpc).collect()));
    let mut shared: Vec<(String, BTreeMap<String, Vec<IpAddr>>)> = Vec::new();
    for vpcs in joined {
        for from in &vpcs {
            let names = topology.vpcs.get(*from).into_iter().flat_map(|vpc| &vpc.names);
            let public = names.filter(|(name, _)| name.contains(".vpce."));
            let public: BTreeMap<_, _> =
                public.map(|(name, addresses)| (name.clone(), addresses.clone())).collect();
            if !public.is_empty() {
                let others = vpcs.iter().filter(|to| *to != from);
                shared.extend(others.map(|to| ((*to).clone(), public.clone())));
            }
        }
    }
    for (vpc, names) in shared {
        if let Some(vpc) = topology.vpcs.get_mut(&vpc) {
            vpc.names.extend(names);
        }
    }
}
