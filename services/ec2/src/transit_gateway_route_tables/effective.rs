//! Which routes a table of a transit gateway has: its static ones, and what attachments propagate to it. Pure.
//!
//! Invariant: there is one route for a block; a static one goes before a propagated one, and of two that are propagated the
//! one that was there first. Source: <https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-route-evaluation-overview>

use super::{StaticRoute, TransitGatewayRouteTable};
use crate::cidr::Cidr;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::vpcs::Vpc;
use std::collections::BTreeMap;

/// A route of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effective {
    /// The attachment that it names.
    pub attachment: Option<String>,
    /// Whether it was written, and not propagated.
    pub is_static: bool,
    /// Whether it leads there; otherwise it drops packets.
    pub is_active: bool,
}

/// The routes of a table by block. Among the attachments are at least those that it knows, among the VPCs theirs.
pub(crate) fn effective(
    table: &TransitGatewayRouteTable,
    statics: &[StaticRoute],
    attachments: &[TransitGatewayAttachment],
    vpcs: &[Vpc],
) -> BTreeMap<Cidr, Effective> {
    let alive: BTreeMap<&str, &TransitGatewayAttachment> = attachments
        .iter()
        .filter(|attachment| attachment.state.is_alive())
        .map(|attachment| (attachment.id.as_str(), attachment))
        .collect();
    let mut routes = BTreeMap::new();
    for route in statics.iter().filter(|route| route.table == table.id) {
        let attachment = route.attachment.clone();
        let is_active = attachment.as_ref().is_some_and(|id| alive.contains_key(id.as_str()));
        routes.insert(route.cidr, Effective { attachment, is_static: true, is_active });
    }
    for attachment in table.propagations.iter().filter_map(|id| alive.get(id.as_str())) {
        let vpc = vpcs.iter().find(|vpc| vpc.id == attachment.vpc);
        for cidr in vpc.into_iter().flat_map(|vpc| told(attachment, vpc)) {
            let route =
                || Effective { attachment: Some(attachment.id.clone()), is_static: false, is_active: true };
            routes.entry(cidr).or_insert_with(route);
        }
    }
    routes
}

/// The blocks that an attachment tells.
fn told<'a>(attachment: &TransitGatewayAttachment, vpc: &'a Vpc) -> impl Iterator<Item = Cidr> + 'a {
    let ipv6 = vpc.ipv6.iter().filter({
        let does = attachment.options.ipv6;
        move |_| does
    });
    vpc.cidrs.iter().chain(ipv6).map(|block| block.cidr)
}
