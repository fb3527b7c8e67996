//! What stands in the way of deleting or detaching: the one place where all nouns that use a VPC, a subnet or a security
//! group are asked.
//!
//! Invariant: whoever adds a noun that lives in a VPC adds it here, or it would be left behind.

use crate::egress_only_internet_gateways::EgressOnlyInternetGateway;
use crate::error;
use crate::internet_gateways::InternetGateway;
use crate::network_acls::NetworkAcl;
use crate::nouns::{self, Home};
use crate::route_tables::RouteTable;
use crate::security_groups::{Peer, SecurityGroup};
use crate::subnets::Subnet;
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
    let has_table =
        nouns::all::<RouteTable>(tx, home).await?.iter().any(|table| table.vpc == *id && !table.is_main());
    let has_acl =
        nouns::all::<NetworkAcl>(tx, home).await?.iter().any(|acl| acl.vpc == *id && !acl.is_default);
    let groups = nouns::all::<SecurityGroup>(tx, home).await?;
    let has_group = groups.iter().any(|group| group.vpc == *id && !group.is_default());
    match has_subnet || has_gateway || has_egress_only || has_table || has_acl || has_group {
        true => Err(error::has_dependencies(&format!("vpc '{id}'"))),
        false => Ok(()),
    }
}

/// What stands in a subnet.
pub(crate) async fn check_subnet(_tx: &Tx, _subnet: &Subnet) -> Result<()> {
    Ok(())
}

/// Interfaces of a subnet that have IPv6 addresses.
pub(crate) async fn check_ipv6_of_subnet(_tx: &Tx, _subnet: &Subnet) -> Result<()> {
    Ok(())
}

/// Public addresses that are reached through a VPC's internet gateway.
pub(crate) async fn check_public_addresses(_tx: &Tx, _home: Home, _vpc: &str) -> Result<()> {
    Ok(())
}

/// Who uses a security group: rules of other groups.
pub(crate) async fn check_group(tx: &Tx, group: &SecurityGroup) -> Result<()> {
    let groups: Vec<SecurityGroup> = nouns::all(tx, group.home).await?;
    let names = |other: &&SecurityGroup| {
        let mut rules = other.rules.iter();
        other.id != group.id
            && rules.any(|rule| matches!(&rule.peer, Peer::Group { id, .. } if *id == group.id))
    };
    match groups.iter().find(names) {
        Some(_) => Err(error::dependency_violation(format!("resource {} has a dependent object", group.id))),
        None => Ok(()),
    }
}

/// How many IPv4 addresses are in use in each subnet.
pub(crate) async fn used_addresses(_ctx: &Ctx, _home: Home) -> Result<BTreeMap<String, usize>> {
    Ok(BTreeMap::new())
}

/// Whether rules of groups in one VPC may name groups in another one: there is an active peering connection between them.
pub(crate) async fn are_peered(_tx: &Tx, _home: Home, _one: &str, _other: &str) -> Result<bool> {
    Ok(false)
}
