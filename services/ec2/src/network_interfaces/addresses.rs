//! Secondary addresses that come and go.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignPrivateIpAddresses.html>

use super::life::{check_counts, count, random};
use super::places::in_use;
use super::{NetworkInterface, Places};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::elastic_ips;
use crate::error;
use crate::nouns::{self, Home};
use crate::subnets::Subnet;
use std::net::{Ipv4Addr, Ipv6Addr};
use yakumo_api_ec2::{
    self as api, AssignIpv6AddressesInput, AssignIpv6AddressesOutput, AssignPrivateIpAddressesInput,
    AssignPrivateIpAddressesOutput, AssignedPrivateIpAddress, UnassignIpv6AddressesInput,
    UnassignIpv6AddressesOutput, UnassignPrivateIpAddressesInput, UnassignPrivateIpAddressesOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AssignPrivateIpAddresses,
        access::needs("ec2:AssignPrivateIpAddresses", |input: &AssignPrivateIpAddressesInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
        }),
        assign_private_ip_addresses,
    )
    .on(
        api::UnassignPrivateIpAddresses,
        access::needs("ec2:UnassignPrivateIpAddresses", |input: &UnassignPrivateIpAddressesInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
        }),
        unassign_private_ip_addresses,
    )
    .on(
        api::AssignIpv6Addresses,
        access::needs("ec2:AssignIpv6Addresses", |input: &AssignIpv6AddressesInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
        }),
        assign_ipv6_addresses,
    )
    .on(
        api::UnassignIpv6Addresses,
        access::needs("ec2:UnassignIpv6Addresses", |input: &UnassignIpv6AddressesInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
        }),
        unassign_ipv6_addresses,
    )
}

async fn own(tx: &Tx, home: Home, id: &str) -> Result<NetworkInterface> {
    let interface: NetworkInterface = nouns::find(tx, home, id).await?;
    interface.check_own()?;
    Ok(interface)
}

async fn assign_private_ip_addresses(
    ctx: Ctx,
    input: AssignPrivateIpAddressesInput,
) -> Result<AssignPrivateIpAddressesOutput> {
    refuse(&[
        ("Ipv4Prefix", input.ipv4_prefixes.is_some()),
        ("Ipv4PrefixCount", input.ipv4_prefix_count.is_some()),
    ])?;
    let named = input.private_ip_addresses.clone().unwrap_or_default();
    if !named.is_empty() && input.secondary_private_ip_address_count.is_some() {
        return Err(error::not_together("privateIpAddresses", "secondaryPrivateIpAddressCount"));
    }
    let chosen = count(input.secondary_private_ip_address_count, "secondaryPrivateIpAddressCount")?;
    if named.is_empty() && chosen == 0 {
        return Err(error::missing_parameter("secondaryPrivateIpAddressCount"));
    }
    let moves = input.allow_reassignment == Some(true);
    let assigned = change(&ctx, None, |tx| {
        let (home, id, named) = (Home::of(&ctx), &input.network_interface_id, &named);
        async move {
            let before = own(&tx, home, id).await?;
            if moves {
                take_away(&tx, &before, named).await?;
            }
            let subnet: Subnet = nouns::find(&tx, home, &before.subnet).await?;
            let all: Vec<NetworkInterface> = nouns::all(&tx, home).await?;
            let mut places = Places::of(&subnet, &all);
            let mut assigned = Vec::new();
            for text in named {
                // AWS: an address that the interface has already may be moved to it once more.
                match text.parse::<Ipv4Addr>() {
                    Ok(address) if moves && before.addresses.iter().skip(1).any(|own| *own == address) => {}
                    _ => assigned.push(places.take(text, "privateIpAddress")?),
                }
            }
            for _ in 0..chosen {
                assigned.push(places.next()?);
            }
            let mut after = before.clone();
            after.addresses.extend(&assigned);
            check_counts(&after)?;
            nouns::put(&tx, Some(&before), &after);
            Ok(assigned)
        }
    })
    .await?;
    let shown =
        |address: &Ipv4Addr| AssignedPrivateIpAddress { private_ip_address: Some(address.to_string()) };
    Ok(AssignPrivateIpAddressesOutput {
        network_interface_id: Some(input.network_interface_id),
        assigned_private_ip_addresses: Some(assigned.iter().map(shown).collect()),
        ..AssignPrivateIpAddressesOutput::default()
    })
}

/// Takes secondary addresses away from the other interfaces of the subnet that have them.
///
/// # Errors
/// InvalidIPAddress.InUse: AWS: a primary address cannot be moved.
async fn take_away(tx: &Tx, to: &NetworkInterface, addresses: &[String]) -> Result<()> {
    let all: Vec<NetworkInterface> = nouns::all(tx, to.home).await?;
    for before in all.iter().filter(|other| other.subnet == to.subnet && other.id != to.id) {
        let mut after = before.clone();
        for address in addresses.iter().filter_map(|text| text.parse::<Ipv4Addr>().ok()) {
            if before.primary() == Some(address)
                || (before.requester.is_some() && before.addresses.contains(&address))
            {
                return Err(in_use(&address.to_string()));
            }
            if after.addresses.contains(&address) {
                after.addresses.retain(|own| *own != address);
                elastic_ips::unlink(tx, before, &[address]).await?;
            }
        }
        if after != *before {
            nouns::put(tx, Some(before), &after);
        }
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignPrivateIpAddresses.html>
async fn unassign_private_ip_addresses(
    ctx: Ctx,
    input: UnassignPrivateIpAddressesInput,
) -> Result<UnassignPrivateIpAddressesOutput> {
    refuse(&[("Ipv4Prefix", input.ipv4_prefixes.is_some())])?;
    let named = input.private_ip_addresses.clone().unwrap_or_default();
    if named.is_empty() {
        return Err(error::missing_parameter("privateIpAddresses"));
    }
    change(&ctx, None, |tx| {
        let (home, id, named) = (Home::of(&ctx), &input.network_interface_id, &named);
        async move {
            let before = own(&tx, home, id).await?;
            let mut after = before.clone();
            let mut gone = Vec::new();
            for text in named {
                let secondary = before.addresses.iter().skip(1).copied();
                let address = secondary.clone().find(|own| own.to_string() == *text);
                let Some(address) = address else {
                    let text = format!(
                        "Some of {named:?} addresses are not assigned as secondary addresses to interface {id}"
                    );
                    return Err(error::invalid_parameter_value(text.replace('"', "")));
                };
                after.addresses.retain(|own| *own != address);
                gone.push(address);
            }
            elastic_ips::unlink(&tx, &before, &gone).await?;
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(UnassignPrivateIpAddressesOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssignIpv6Addresses.html>
async fn assign_ipv6_addresses(
    ctx: Ctx,
    input: AssignIpv6AddressesInput,
) -> Result<AssignIpv6AddressesOutput> {
    refuse(&[
        ("Ipv6Prefix", input.ipv6_prefixes.is_some()),
        ("Ipv6PrefixCount", input.ipv6_prefix_count.is_some()),
    ])?;
    let named = input.ipv6_addresses.clone().unwrap_or_default();
    if !named.is_empty() && input.ipv6_address_count.is_some() {
        return Err(error::not_together("ipv6Addresses", "ipv6AddressCount"));
    }
    let chosen = count(input.ipv6_address_count, "ipv6AddressCount")?;
    if named.is_empty() && chosen == 0 {
        return Err(error::missing_parameter("ipv6AddressCount"));
    }
    let assigned = change(&ctx, None, |tx| {
        let (ctx, id, named) = (&ctx, &input.network_interface_id, &named);
        async move {
            let home = Home::of(ctx);
            let before = own(&tx, home, id).await?;
            let subnet: Subnet = nouns::find(&tx, home, &before.subnet).await?;
            let all: Vec<NetworkInterface> = nouns::all(&tx, home).await?;
            let mut places = Places::of(&subnet, &all);
            let mut assigned: Vec<Ipv6Addr> = Vec::new();
            for text in named {
                assigned.push(places.take6(text, "ipv6Address")?);
            }
            for _ in 0..chosen {
                assigned.push(places.next6(|| random(ctx))?);
            }
            let mut after = before.clone();
            after.ipv6.extend(&assigned);
            check_counts(&after)?;
            nouns::put(&tx, Some(&before), &after);
            Ok(assigned)
        }
    })
    .await?;
    Ok(AssignIpv6AddressesOutput {
        network_interface_id: Some(input.network_interface_id),
        assigned_ipv6_addresses: Some(assigned.iter().map(ToString::to_string).collect()),
        ..AssignIpv6AddressesOutput::default()
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnassignIpv6Addresses.html>
async fn unassign_ipv6_addresses(
    ctx: Ctx,
    input: UnassignIpv6AddressesInput,
) -> Result<UnassignIpv6AddressesOutput> {
    refuse(&[("Ipv6Prefix", input.ipv6_prefixes.is_some())])?;
    let named = input.ipv6_addresses.clone().unwrap_or_default();
    if named.is_empty() {
        return Err(error::missing_parameter("ipv6Addresses"));
    }
    let gone = change(&ctx, None, |tx| {
        let (home, id, named) = (Home::of(&ctx), &input.network_interface_id, &named);
        async move {
            let before = own(&tx, home, id).await?;
            let mut after = before.clone();
            let mut gone = Vec::new();
            for text in named {
                let address = text.parse::<Ipv6Addr>().ok().filter(|address| before.ipv6.contains(address));
                let Some(address) = address else {
                    let text = format!("Address {text} is not assigned to interface {id}");
                    return Err(error::invalid_parameter_value(text));
                };
                after.ipv6.retain(|own| *own != address);
                gone.push(address);
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(gone)
        }
    })
    .await?;
    Ok(UnassignIpv6AddressesOutput {
        network_interface_id: Some(input.network_interface_id),
        unassigned_ipv6_addresses: Some(gone.iter().map(ToString::to_string).collect()),
        ..UnassignIpv6AddressesOutput::default()
    })
}
