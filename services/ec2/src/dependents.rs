//! What stands in the way of deleting or detaching: the one place where all nouns that use a VPC, a subnet or a security
//! group are asked.
//!
//! Invariant: whoever adds a noun that lives in a VPC adds it here, or it would be left behind.

use crate::egress_only_internet_gateways::EgressOnlyInternetGateway;
use crate::elastic_ips::{self, ElasticIp};
use crate::error;
use crate::internet_gateways::InternetGateway;
use crate::network_acls::NetworkAcl;
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{self, ALL, Home};
use crate::route_tables::RouteTable;
use crate::security_groups::{Peer, SecurityGroup};
use crate::subnets::Subnet;
use crate::vpc_endpoints::VpcEndpoint;
use crate::vpc_peering_connections;
use crate::vpcs::Vpc;
use std::collections::BTreeMap;
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

/// AWS: what came with the VPC goes with it; anything else must go before.
pub(crate) async fn check_vpc(tx: &Tx, vpc: &Vpc) -> Result<()> {
    let (home, id) = (vpc.home, &vpc.id);
    let has_subnet = nouns::all::<Subnet>(tx, home).await?.iter().any(|subnet| subnet.vpc == *id);
    let has_gateway =
        nouns::all::<InternetGateway>(tx, home).await?.iter().any(|gateway| gateway.vpc.as_ref() == Some(id));
    let has_egress_only =
        nouns::all::<EgressOnlyInternetGateway>(tx, home).await?.iter().any(|gateway| gateway.vpc == *id);
    let has_endpoint = nouns::all::<VpcEndpoint>(tx, home).await?.iter().any(|endpoint| endpoint.vpc == *id);
    let has_table =
        nouns::all::<RouteTable>(tx, home).await?.iter().any(|table| table.vpc == *id && !table.is_main());
    let has_acl =
        nouns::all::<NetworkAcl>(tx, home).await?.iter().any(|acl| acl.vpc == *id && !acl.is_default);
    let groups = nouns::all::<SecurityGroup>(tx, home).await?;
    let has_group = groups.iter().any(|group| group.vpc == *id && !group.is_default());
    let has_gateway = has_gateway || has_egress_only || has_endpoint;
    match has_subnet || has_gateway || has_table || has_acl || has_group {
        true => Err(error::has_dependencies(&format!("vpc '{id}'"))),
        false => Ok(()),
    }
}

/// What stands in a subnet.
pub(crate) async fn check_subnet(tx: &Tx, subnet: &Subnet) -> Result<()> {
    match in_subnet(tx, subnet).await?.is_empty() {
        true => Ok(()),
        false => Err(error::has_dependencies(&format!("subnet '{}'", subnet.id))),
    }
}

async fn in_subnet(tx: &Tx, subnet: &Subnet) -> Result<Vec<NetworkInterface>> {
    let mut interfaces: Vec<NetworkInterface> = nouns::all(tx, subnet.home).await?;
    interfaces.retain(|interface| interface.subnet == subnet.id);
    Ok(interfaces)
}

/// Interfaces of a subnet that have IPv6 addresses.
pub(crate) async fn check_ipv6_of_subnet(tx: &Tx, subnet: &Subnet) -> Result<()> {
    match in_subnet(tx, subnet).await?.iter().any(|interface| !interface.ipv6.is_empty()) {
        true => Err(error::has_dependencies(&format!("subnet '{}'", subnet.id))),
        false => Ok(()),
    }
}

/// Public addresses that are reached through a VPC's internet gateway.
pub(crate) async fn check_public_addresses(tx: &Tx, home: Home, vpc: &str) -> Result<()> {
    let interfaces: Vec<NetworkInterface> = nouns::all(tx, home).await?;
    let is_lent = interfaces.iter().any(|interface| interface.vpc == vpc && interface.public.is_some());
    match is_lent || elastic_ips::is_mapped(&nouns::all::<ElasticIp>(tx, home).await?, vpc) {
        true => Err(error::dependency_violation(format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        ))),
        false => Ok(()),
    }
}

/// Who uses a security group: rules of other groups, interfaces.
pub(crate) async fn check_group(tx: &Tx, group: &SecurityGroup) -> Result<()> {
    let groups: Vec<SecurityGroup> = nouns::all(tx, group.home).await?;
    let names = |other: &&SecurityGroup| {
        let mut rules = other.rules.iter();
        other.id != group.id
            && rules.any(|rule| matches!(&rule.peer, Peer::Group { id, .. } if *id == group.id))
    };
    let interfaces: Vec<NetworkInterface> = nouns::all(tx, group.home).await?;
    let is_member = |interface: &NetworkInterface| interface.groups.contains(&group.id);
    match groups.iter().any(|other| names(&other)) || interfaces.iter().any(is_member) {
        true => Err(error::dependency_violation(format!("resource {} has a dependent object", group.id))),
        false => Ok(()),
    }
}

/// How many IPv4 addresses are in use in each subnet.
pub(crate) async fn used_addresses(ctx: &Ctx, home: Home) -> Result<BTreeMap<String, usize>> {
    let interfaces: Vec<NetworkInterface> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let mut used = BTreeMap::new();
    for interface in interfaces {
        *used.entry(interface.subnet).or_default() += interface.addresses.len();
    }
    Ok(used)
}

/// Whether rules of groups in one VPC may name groups in another one: there is an active peering connection between them.
pub(crate) async fn are_peered(tx: &Tx, home: Home, one: &str, other: &str) -> Result<bool> {
    vpc_peering_connections::is_active_between(tx, home, one, other).await
}
