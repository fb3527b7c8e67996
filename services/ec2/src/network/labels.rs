//! What people call the nouns of a network: `Name` tags, names of groups, zones, accounts. For maps only.

use super::all;
use crate::egress_only_internet_gateways::EgressOnlyInternetGateway;
use crate::internet_gateways::InternetGateway;
use crate::nat_gateways::NatGateway;
use crate::network_acls::NetworkAcl;
use crate::network_interfaces::NetworkInterface;
use crate::nouns::Home;
use crate::route_tables::RouteTable;
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateway_route_tables::TransitGatewayRouteTable;
use crate::transit_gateways::TransitGateway;
use crate::vpc_endpoints::VpcEndpoint;
use crate::vpc_peering_connections::VpcPeeringConnection;
use crate::vpcs::Vpc;
use yakumo_aws::Result;
use yakumo_net::Topology;
use yakumo_net::topology::Label;
use yakumo_room::{Base, Record, Resource};

/// The tag whose value AWS shows as a resource's name.
const NAME: &str = "Name";

/// Adds what an account's nouns in a region are called.
pub(super) async fn add(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let place = Some(format!("{}/{}", home.account, home.region));
    name(base, home, topology, |_: &Vpc| Label { home: place.clone(), ..Label::default() }).await?;
    let zone = |subnet: &Subnet| Label { zone: Some(subnet.zone.clone()), ..Label::default() };
    name(base, home, topology, zone).await?;
    let group = |group: &SecurityGroup| Label { name: Some(group.name.clone()), ..Label::default() };
    name(base, home, topology, group).await?;
    name(base, home, topology, nameless::<RouteTable>).await?;
    name(base, home, topology, nameless::<NetworkAcl>).await?;
    name(base, home, topology, nameless::<InternetGateway>).await?;
    name(base, home, topology, nameless::<EgressOnlyInternetGateway>).await?;
    name(base, home, topology, nameless::<NatGateway>).await?;
    name(base, home, topology, nameless::<NetworkInterface>).await?;
    name(base, home, topology, nameless::<TransitGateway>).await?;
    name(base, home, topology, nameless::<TransitGatewayAttachment>).await?;
    name(base, home, topology, nameless::<TransitGatewayRouteTable>).await?;
    let leads = |endpoint: &VpcEndpoint| Label { name: Some(endpoint.service.clone()), ..Label::default() };
    name(base, home, topology, leads).await?;
    name(base, home, topology, nameless::<VpcPeeringConnection>).await
}

/// What its `Name` tag says.
pub(super) fn name_of(record: &impl Resource) -> Option<String> {
    record.tags().get(NAME).filter(|name| !name.is_empty()).cloned()
}

fn nameless<R>(_: &R) -> Label {
    Label::default()
}

/// Labels all records of a kind; a `Name` tag goes before the name that `label` gives.
async fn name<R: Record + Resource>(
    base: &Base,
    home: Home,
    topology: &mut Topology,
    label: impl Fn(&R) -> Label,
) -> Result<()> {
    for record in all::<R>(base, &home.scope()).await? {
        let mut label = label(&record);
        label.name = name_of(&record).or(label.name);
        let id = record.id().concat();
        if label != Label::default() {
            topology.labels.insert(id, label);
        }
    }
    Ok(())
}
