//! The wanted state of all networks of a cloud, in AWS's nouns, as plain data.
//!
//! Ids are AWS's (`vpc-…`, `eni-…`) and unique in the cloud, so accounts and regions need no field: what they keep
//! apart is not connected. Invariant: no IO and no rule here; `trace` explains it, `engine` makes the kernel equal to it.

mod around;
mod check;
mod devices;
mod endpoints;
mod gateways;
mod interfaces;
mod label;
mod names;
mod routes;
mod rules;
mod services;

pub use check::{Flaw, LIMITS, Limits};
pub use devices::{DEVICES_MAX, Device, Seat};
pub use endpoints::{ENDPOINT_PORT, Endpoint, GATEWAY_PORTS};
pub use gateways::{NatGateway, Peering, TransitAttachment, TransitGateway, TransitRoute, TransitTable};
pub use interfaces::{Interface, PrivateAddress};
pub use label::Label;
pub use names::{Dns, NameServer};
pub use routes::{Destination, Route, RouteTable, Target};
pub use rules::{Acl, AclEntry, Group, GroupRule, Peer, Ports, PrefixList, Traffic};
pub use services::{DNS_V4, DNS_V6, METADATA_V4, METADATA_V6, Service, TIME_V4, TIME_V6};

use crate::Cidr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// An AWS id: `vpc-0123456789abcdef0`. Lower-case letters, digits and hyphens (see [`Topology::flaws`]).
pub type Id = String;

/// Everything that is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Topology {
    /// VPCs by id.
    pub vpcs: BTreeMap<Id, Vpc>,
    /// Subnets by id.
    pub subnets: BTreeMap<Id, Subnet>,
    /// Route tables by id.
    pub route_tables: BTreeMap<Id, RouteTable>,
    /// Network ACLs by id.
    pub acls: BTreeMap<Id, Acl>,
    /// Security groups by id.
    pub groups: BTreeMap<Id, Group>,
    /// Prefix lists by id: customers' own and AWS's (`com.amazonaws.region.s3`).
    pub prefix_lists: BTreeMap<Id, PrefixList>,
    /// Network interfaces by id, without those of NAT gateways.
    pub interfaces: BTreeMap<Id, Interface>,
    /// Interfaces that are further links of a machine, by id; the machine's first one is not among them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<Id, Device>,
    /// NAT gateways by id, those that are available.
    pub nat_gateways: BTreeMap<Id, NatGateway>,
    /// Peering connections by id, those that are active.
    pub peerings: BTreeMap<Id, Peering>,
    /// Transit gateways by id, those that are available.
    pub transit_gateways: BTreeMap<Id, TransitGateway>,
    /// VPC endpoints by id, `vpce-…`, those that are available.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<Id, Endpoint>,
    /// Network interfaces, those of NAT gateways too, whose flows are counted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub watched: BTreeMap<Id, Watched>,
    /// What people call the things above, by id. No packet depends on it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Id, Label>,
}

/// That the flows of an interface are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Watched {}

/// A VPC.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Vpc {
    /// Its associated IPv4 and IPv6 blocks, the primary one first.
    pub cidrs: Vec<Cidr>,
    /// The attached internet gateway, `igw-…`.
    pub internet_gateway: Option<Id>,
    /// Egress-only internet gateways, `eigw-…`.
    pub egress_only_gateways: BTreeSet<Id>,
    /// Gateway endpoints (`vpce-…`) that are available.
    pub gateway_endpoints: BTreeSet<Id>,
    /// What its resolver does.
    pub dns: Dns,
    /// What its resolver answers for names of this VPC alone, such as private DNS of interface endpoints: lower-case names
    /// without a dot at the end, `*.` in front for all names below. They go before every other answer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// What private addresses are called that are not called after themselves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reverse: BTreeMap<Ipv4Addr, String>,
}

/// A subnet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subnet {
    /// Its VPC.
    pub vpc: Id,
    /// Its IPv4 and IPv6 blocks.
    pub cidrs: Vec<Cidr>,
    /// The route table that is associated with it, or the VPC's main one.
    pub route_table: Id,
    /// The network ACL that is associated with it.
    pub acl: Id,
    /// Its availability zone; transit gateways prefer it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
}

impl Subnet {
    /// Its IPv4 block.
    pub fn cidr_v4(&self) -> Option<&Cidr> {
        self.cidrs.iter().find(|cidr| cidr.is_ipv4())
    }
}
