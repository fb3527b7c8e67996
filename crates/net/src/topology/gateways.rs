//! What joins networks: NAT gateways, peering connections, transit gateways.

use super::{Id, Topology};
use crate::Cidr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A NAT gateway. It carries traffic when its VPC has a live interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NatGateway {
    /// The subnet it stands in.
    pub subnet: Id,
    /// Its own (requester-managed) interface, `eni-…`, which must not be among the interfaces.
    pub interface: Id,
    /// Its private address.
    pub private: Ipv4Addr,
    /// Its Elastic IP; `None` when its connectivity is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Ipv4Addr>,
}

/// An active peering connection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Peering {
    /// The requester's VPC.
    pub requester: Id,
    /// The accepter's VPC: of any account and region of the cloud.
    pub accepter: Id,
    /// Whether public names of the requester's VPC lead to private addresses when the accepter's VPC asks.
    pub requester_names: bool,
    /// Whether public names of the accepter's VPC lead to private addresses when the requester's VPC asks.
    pub accepter_names: bool,
}

impl Peering {
    /// The VPC at the other end; `None` when `vpc` is at neither.
    pub fn other(&self, vpc: &str) -> Option<&Id> {
        if self.requester == vpc {
            Some(&self.accepter)
        } else if self.accepter == vpc {
            Some(&self.requester)
        } else {
            None
        }
    }

    /// Whether public names of `holder` lead to private addresses when `asker`, at the other end, asks.
    pub fn shares_names(&self, holder: &str, asker: &str) -> bool {
        let is = |one: &Id, other: &Id| one == holder && other == asker;
        (self.requester_names && is(&self.requester, &self.accepter))
            || (self.accepter_names && is(&self.accepter, &self.requester))
    }
}

/// A transit gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TransitGateway {
    /// Attachments of VPCs by id, `tgw-attach-…`.
    pub attachments: BTreeMap<Id, TransitAttachment>,
    /// Its route tables by id, `tgw-rtb-…`.
    pub route_tables: BTreeMap<Id, TransitTable>,
}

/// A VPC's attachment to a transit gateway.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html>
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TransitAttachment {
    /// The VPC.
    pub vpc: Id,
    /// Its subnets by their zones, one in each. What is sent in another zone does not reach the gateway.
    pub subnets: BTreeMap<String, Id>,
    /// The route table that decides about packets from the VPC; without one they are dropped.
    pub route_table: Option<Id>,
    /// Whether public names of other VPCs, whose attachments have this, too, lead to private addresses.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dns: bool,
    /// Whether both ways of a connection enter the VPC by one zone, whatever zones they come from: appliance mode.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub appliance: bool,
}

impl TransitAttachment {
    /// The subnet by which packets enter that were sent in a zone: the one of that zone, if there is one.
    /// DIFFERS: AWS spreads other packets, and those of appliance mode, over all zones; here it is the first one.
    pub fn entry(&self, zone: &str) -> Option<&Id> {
        let own = self.subnets.get(zone).filter(|_| !self.appliance);
        own.or_else(|| self.subnets.values().next())
    }
}

/// A route table of a transit gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TransitTable {
    /// Static and propagated routes, a static one in place of a propagated one of the same block.
    pub routes: Vec<TransitRoute>,
}

/// A route of a transit gateway.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TransitRoute {
    /// Where to.
    pub cidr: Cidr,
    /// The attachment it leads to; `None` drops the packet.
    pub attachment: Option<Id>,
    /// Whether an attachment told it. No packet depends on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub propagated: bool,
}

impl Topology {
    /// The VPCs with NAT gateways that somebody of these VPCs could go out by: those at the same transit gateways.
    pub fn vpcs_behind(&self, is_one: impl Fn(&str) -> bool) -> BTreeSet<&str> {
        let with_nat = self.nat_gateways.values().filter_map(|gateway| self.vpc_of_subnet(&gateway.subnet));
        let with_nat: BTreeSet<&str> = with_nat.collect();
        let mut behind = BTreeSet::new();
        for gateway in self.transit_gateways.values() {
            let vpcs = || gateway.attachments.values().map(|attachment| attachment.vpc.as_str());
            if vpcs().any(&is_one) {
                behind.extend(vpcs().filter(|vpc| with_nat.contains(vpc)));
            }
        }
        behind
    }
}
