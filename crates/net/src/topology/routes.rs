//! Route tables.

use super::Id;
use crate::Cidr;
use serde::{Deserialize, Serialize};

/// A route table. The local routes of the VPC's blocks are implied, unless a route of the same block replaces them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RouteTable {
    /// Its VPC.
    pub vpc: Id,
    /// Its routes, in any order: the most specific one counts.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: Destination,
    /// Through what.
    pub target: Target,
}

/// Where a route leads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A block of addresses.
    Cidr(Cidr),
    /// All entries of a prefix list.
    PrefixList(Id),
}

/// Through what a route leads. A target that is not there any more drops the packet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The VPC itself.
    Local,
    /// An internet gateway, `igw-…`.
    InternetGateway(Id),
    /// An egress-only internet gateway, `eigw-…`.
    EgressOnlyGateway(Id),
    /// A NAT gateway, `nat-…`.
    NatGateway(Id),
    /// A peering connection, `pcx-…`.
    Peering(Id),
    /// A transit gateway, `tgw-…`.
    TransitGateway(Id),
    /// A network interface, `eni-…`: of an instance that forwards.
    Interface(Id),
    /// A gateway endpoint, `vpce-…`.
    GatewayEndpoint(Id),
    /// Nothing: the packet is dropped.
    Blackhole,
}

impl Target {
    /// The id of what it names; `local` or `blackhole` when it names nothing.
    pub fn id(&self) -> &str {
        match self {
            Target::Local => "local",
            Target::Blackhole => "blackhole",
            Target::InternetGateway(id)
            | Target::EgressOnlyGateway(id)
            | Target::NatGateway(id)
            | Target::Peering(id)
            | Target::TransitGateway(id)
            | Target::Interface(id)
            | Target::GatewayEndpoint(id) => id,
        }
    }
}
