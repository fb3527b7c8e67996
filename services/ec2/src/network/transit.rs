//! Transit gateways in the words of the network engine.

use super::{all, words};
use crate::nouns::Home;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateway_route_tables::{Effective, StaticRoute, TransitGatewayRouteTable, effective};
use crate::transit_gateways::TransitGateway;
use crate::vpcs::Vpc;
use yakumo_aws::Result;
use yakumo_net::{Topology, topology};
use yakumo_room::Base;

/// Adds an account's transit gateways in a region.
pub(super) async fn add(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let scope = home.scope();
    let mut gateways: Vec<TransitGateway> = all(base, &scope).await?;
    gateways.retain(|gateway| gateway.state.is_alive());
    if gateways.is_empty() {
        return Ok(());
    }
    let mut attachments: Vec<TransitGatewayAttachment> = all(base, &scope).await?;
    attachments.retain(|attachment| attachment.state.is_alive());
    let tables: Vec<TransitGatewayRouteTable> = all(base, &scope).await?;
    let statics: Vec<StaticRoute> = all(base, &scope).await?;
    let vpcs: Vec<Vpc> = all(base, &scope).await?;
    for gateway in gateways {
        let own = attachments.iter().filter(|attachment| attachment.gateway == gateway.id);
        let own = own.map(|attachment| (attachment.id.clone(), said(&gateway, attachment, topology)));
        let own_tables = tables.iter().filter(|table| table.gateway == gateway.id && table.state.is_alive());
        let own_tables = own_tables.map(|table| {
            let routes = effective(table, &statics, &attachments, &vpcs).into_iter();
            let routes = routes.filter_map(|(cidr, route)| route_to(words::cidr(&cidr)?, route)).collect();
            (table.id.clone(), topology::TransitTable { routes })
        });
        let said =
            topology::TransitGateway { attachments: own.collect(), route_tables: own_tables.collect() };
        topology.transit_gateways.insert(gateway.id, said);
    }
    Ok(())
}

/// The subnets are in the topology already.
fn said(
    gateway: &TransitGateway,
    attachment: &TransitGatewayAttachment,
    topology: &Topology,
) -> topology::TransitAttachment {
    let zoned = |id: &String| Some((topology.subnets.get(id)?.zone.clone(), id.clone()));
    topology::TransitAttachment {
        vpc: attachment.vpc.clone(),
        subnets: attachment.subnets.iter().filter_map(zoned).collect(),
        route_table: attachment.table.clone(),
        dns: gateway.options.dns && attachment.options.dns,
        appliance: attachment.options.appliance,
    }
}

fn route_to(cidr: yakumo_net::Cidr, route: Effective) -> Option<topology::TransitRoute> {
    let attachment = route.attachment.filter(|_| route.is_active);
    Some(topology::TransitRoute { cidr, attachment, propagated: !route.is_static })
}
