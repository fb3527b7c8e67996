//! What routes lead to: which targets there are, and whether they still are.
//!
//! Invariant: whoever adds a noun that routes can lead to adds it to [`Targets`] and [`check`].

use super::{Origin, Route, Target};
use crate::egress_only_internet_gateways::EgressOnlyInternetGateway;
use crate::error;
use crate::internet_gateways::InternetGateway;
use crate::nat_gateways::NatGateway;
use crate::network_interfaces::{Attachment, NetworkInterface};
use crate::nouns::{self, ALL, Home};
use crate::transit_gateway_attachments::{self, TransitGatewayAttachment};
use crate::vpc_endpoints::VpcEndpoint;
use crate::vpc_peering_connections::VpcPeeringConnection;
use crate::vpcs::Vpc;
use std::collections::{BTreeMap, BTreeSet};
use yakumo_api_ec2 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// Everything that routes of an account in a region can lead to, as last committed.
pub(crate) struct Targets {
    /// Pairs of VPC and id.
    all: BTreeSet<(String, String)>,
    /// Interfaces of instances, with the instance and its owner.
    instances: BTreeMap<String, (String, String)>,
}

impl Targets {
    /// Reads what there is.
    pub(crate) async fn read(ctx: &Ctx, home: Home) -> Result<Targets> {
        let mut all = BTreeSet::new();
        let gateways: Vec<InternetGateway> = ctx.list(&home.scope(), &[], None, ALL).await?;
        all.extend(gateways.into_iter().filter_map(|gateway| Some((gateway.vpc?, gateway.id))));
        let gateways: Vec<EgressOnlyInternetGateway> = ctx.list(&home.scope(), &[], None, ALL).await?;
        all.extend(gateways.into_iter().map(|gateway| (gateway.vpc, gateway.id)));
        let interfaces: Vec<NetworkInterface> = ctx.list(&home.scope(), &[], None, ALL).await?;
        let mut instances = BTreeMap::new();
        for interface in interfaces {
            if let Some(Attachment { instance: Some(instance), instance_owner, .. }) = interface.attachment {
                instances.insert(interface.id.clone(), (instance, instance_owner));
            }
            all.insert((interface.vpc, interface.id));
        }
        let gateways: Vec<NatGateway> = ctx.list(&home.scope(), &[], None, ALL).await?;
        let alive = gateways.into_iter().filter(|gateway| gateway.state.is_alive());
        all.extend(alive.map(|gateway| (gateway.vpc, gateway.id)));
        let endpoints: Vec<VpcEndpoint> = ctx.list(&home.scope(), &[], None, ALL).await?;
        all.extend(endpoints.into_iter().map(|endpoint| (endpoint.vpc, endpoint.id)));
        let peerings: Vec<VpcPeeringConnection> = ctx.list(&home.scope(), &[], None, ALL).await?;
        for peering in peerings.into_iter().filter(VpcPeeringConnection::is_active) {
            all.insert((peering.requester.vpc, peering.id.clone()));
            all.insert((peering.accepter.vpc, peering.id));
        }
        let attachments: Vec<TransitGatewayAttachment> = ctx.list(&home.scope(), &[], None, ALL).await?;
        let alive = attachments.into_iter().filter(|attachment| attachment.state.is_alive());
        all.extend(alive.map(|attachment| (attachment.vpc, attachment.gateway)));
        Ok(Targets { all, instances })
    }

    /// What the API shows of a route: `blackhole` when what it leads to is gone.
    pub(super) fn shown(&self, vpc: &str, route: &Route) -> api::Route {
        let is_there = self.all.contains(&(vpc.to_owned(), route.target.id().to_owned()));
        let is_list = route.destination.starts_with("pl-");
        let is_ipv6 = route.destination.contains(':');
        let destination = |wanted: bool| wanted.then(|| route.destination.clone());
        let mut shown = api::Route {
            destination_cidr_block: destination(!is_list && !is_ipv6),
            destination_ipv6_cidr_block: destination(is_ipv6),
            destination_prefix_list_id: destination(is_list),
            origin: Some(match route.origin {
                Origin::CreateRoute => "CreateRoute".into(),
                Origin::CreateRouteTable => "CreateRouteTable".into(),
            }),
            state: Some(if is_there { "active".into() } else { "blackhole".into() }),
            ..api::Route::default()
        };
        let id = Some(route.target.id().to_owned());
        match route.target {
            Target::Gateway(_) | Target::Endpoint(_) => shown.gateway_id = id,
            Target::EgressOnly(_) => shown.egress_only_internet_gateway_id = id,
            Target::Nat(_) => shown.nat_gateway_id = id,
            Target::Interface(ref interface) => {
                let instance = self.instances.get(interface).cloned();
                (shown.instance_id, shown.instance_owner_id) = instance.unzip();
                shown.network_interface_id = id;
            }
            Target::Peering(_) => shown.vpc_peering_connection_id = id,
            Target::Transit(_) => shown.transit_gateway_id = id,
        }
        shown
    }
}

impl Target {
    /// The id of what it names.
    pub(crate) fn id(&self) -> &str {
        match self {
            Target::Gateway(id)
            | Target::EgressOnly(id)
            | Target::Nat(id)
            | Target::Interface(id)
            | Target::Peering(id)
            | Target::Transit(id)
            | Target::Endpoint(id) => id,
        }
    }
}

/// Whether a route of a VPC may lead to a target: it is there and belongs to the VPC.
pub(super) async fn check(tx: &Tx, vpc: &Vpc, target: &Target, destination: &str) -> Result<()> {
    let home = vpc.home;
    match target {
        Target::Gateway(id) => {
            let gateway: InternetGateway = nouns::find(tx, home, id).await?;
            // AWS: "route table rtb-1 and network gateway igw-1 belong to different networks".
            let text = format!("network gateway {id} is not attached to network {}", vpc.id);
            belongs(gateway.vpc.as_deref() == Some(&vpc.id), text)
        }
        Target::EgressOnly(id) => {
            let gateway: EgressOnlyInternetGateway = nouns::find(tx, home, id).await?;
            if !destination.contains(':') {
                let text = format!(
                    "Route destination {destination} is not valid for egress-only internet gateway {id}"
                );
                return Err(error::invalid_parameter_value(text));
            }
            belongs(
                gateway.vpc == vpc.id,
                format!("egress-only internet gateway {id} is not attached to network {}", vpc.id),
            )
        }
        Target::Nat(id) => {
            let gateway: NatGateway = nouns::find(tx, home, id).await?;
            if !gateway.state.is_alive() {
                return Err(absent("InvalidNatGatewayID.NotFound", "natGateway ID", id));
            }
            let text = format!("NAT gateway {id} does not belong to network {}", vpc.id);
            belongs(gateway.vpc == vpc.id, text)
        }
        Target::Interface(id) => {
            let interface: NetworkInterface = nouns::find(tx, home, id).await?;
            let text = format!("network interface {id} does not belong to network {}", vpc.id);
            belongs(interface.vpc == vpc.id, text)
        }
        Target::Peering(id) => {
            // AWS: a request that waits may be routed to; until it is accepted such a route drops packets.
            let peering: VpcPeeringConnection = nouns::find(tx, home, id).await?;
            let text = format!("VPC peering connection {id} does not belong to network {}", vpc.id);
            belongs(peering.has(&vpc.id), text)
        }
        // AWS: to a VPC that is not attached to it, a transit gateway does not exist.
        Target::Transit(id) => match transit_gateway_attachments::of_vpc(tx, home, id, &vpc.id).await? {
            Some(_) => Ok(()),
            None => Err(absent("InvalidTransitGatewayID.NotFound", "transitGateway ID", id)),
        },
        // AWS: routes to a gateway endpoint come and go with the endpoint, never by hand.
        Target::Endpoint(id) => Err(absent("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", id)),
    }
}

fn belongs(does: bool, text: String) -> Result<()> {
    if does { Ok(()) } else { Err(error::invalid_parameter_value(text)) }
}

fn absent(code: &'static str, what: &str, id: &str) -> Error {
    Error::sender(code, format!("The {what} '{id}' does not exist"))
}
