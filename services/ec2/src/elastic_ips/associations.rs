//! What Elastic IPs stand for.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateAddress.html>

use super::{ElasticIp, Link, of};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::error;
use crate::instances;
use crate::internet_gateways::InternetGateway;
use crate::network_interfaces::{self, NetworkInterface};
use crate::nouns::{self, ALL, Home, new_id};
use std::net::Ipv4Addr;
use yakumo_api_ec2::{
    self as api, AssociateAddressInput, AssociateAddressOutput, DisassociateAddressInput,
    DisassociateAddressOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AssociateAddress,
        access::needs("ec2:AssociateAddress", |input: &AssociateAddressInput| {
            let asked = Asked::any()
                .and_maybe::<ElasticIp>(input.allocation_id.as_deref())
                .and_maybe::<NetworkInterface>(input.network_interface_id.as_deref());
            match &input.instance_id {
                Some(instance) => asked.and_kind("instance", instance),
                None => asked,
            }
        }),
        associate_address,
    )
    .on(
        api::DisassociateAddress,
        access::looked_up("ec2:DisassociateAddress", |ctx, input: &DisassociateAddressInput| {
            Box::pin(async move {
                let id = input.association_id.as_deref().unwrap_or_default();
                let all: Vec<ElasticIp> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
                Ok(match all.iter().find_map(|address| Some((address, linked(address, id)?))) {
                    Some((address, link)) => {
                        Asked::on::<ElasticIp>(&address.id).and::<NetworkInterface>(&link.interface)
                    }
                    None => Asked::on::<ElasticIp>(""),
                })
            })
        }),
        disassociate_address,
    )
}

fn linked<'a>(address: &'a ElasticIp, association: &str) -> Option<&'a Link> {
    address.link.as_ref().filter(|link| link.id == association)
}

/// Makes an address stand for a private one.
pub(crate) fn link(
    tx: &Tx,
    ctx: &Ctx,
    before: &ElasticIp,
    interface: &NetworkInterface,
    private: Ipv4Addr,
) -> String {
    let link = Link {
        id: new_id(ctx, "eipassoc-"),
        interface: interface.id.clone(),
        subnet: interface.subnet.clone(),
        vpc: interface.vpc.clone(),
        private,
        is_managed: interface.requester.is_some(),
    };
    let id = link.id.clone();
    nouns::put(tx, Some(before), &ElasticIp { link: Some(link), ..before.clone() });
    id
}

/// What stands for these addresses of an interface stands for nothing any more.
pub(crate) async fn unlink(tx: &Tx, interface: &NetworkInterface, private: &[Ipv4Addr]) -> Result<()> {
    let all: Vec<ElasticIp> = nouns::all(tx, interface.home).await?;
    for address in private {
        if let Some(before) = of(&all, interface, *address) {
            nouns::put(tx, Some(before), &ElasticIp { link: None, ..before.clone() });
        }
    }
    Ok(())
}

/// The same for all its addresses.
pub(crate) async fn unlink_interface(tx: &Tx, interface: &NetworkInterface) -> Result<()> {
    unlink(tx, interface, &interface.addresses).await
}

/// AWS: a VPC without an internet gateway has nothing that public addresses could be reached through.
pub(crate) async fn check_gateway(tx: &Tx, home: Home, vpc: &str) -> Result<()> {
    let gateways: Vec<InternetGateway> = nouns::all(tx, home).await?;
    match gateways.iter().any(|gateway| gateway.vpc.as_deref() == Some(vpc)) {
        true => Ok(()),
        false => {
            let text = format!("Network {vpc} is not attached to any internet gateway");
            Err(Error::sender("Gateway.NotAttached", text))
        }
    }
}

fn already(resource: &str, association: &str) -> Error {
    let text = format!("resource {resource} is already associated with associate-id {association}");
    Error::sender("Resource.AlreadyAssociated", text)
}

/// AWS: what a service holds is not for others to take.
fn not_yours() -> Error {
    Error::sender("AuthFailure", "You do not have permission to access the specified resource.")
}

async fn associate_address(ctx: Ctx, input: AssociateAddressInput) -> Result<AssociateAddressOutput> {
    let allocation = match (&input.allocation_id, &input.public_ip) {
        (Some(id), None) => id,
        (Some(_), Some(_)) => return Err(error::not_together("allocationId", "publicIp")),
        // AWS: by its public address only an address of EC2-Classic could be associated.
        (None, Some(_)) => {
            let text = "You must specify an allocation id when mapping an address to a VPC instance";
            return Err(error::invalid_parameter_combination(text));
        }
        (None, None) => return Err(error::missing_parameter("allocationId")),
    };
    if input.instance_id.is_none() && input.network_interface_id.is_none() {
        return Err(error::missing_parameter("networkInterfaceId"));
    }
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let address: ElasticIp = nouns::find(&tx, home, allocation).await?;
            let interface = meant(&tx, home, input).await?;
            interface.check_own()?;
            let private = private_of(&interface, input.private_ip_address.as_deref())?;
            check_gateway(&tx, home, &interface.vpc).await?;
            let all: Vec<ElasticIp> = nouns::all(&tx, home).await?;
            let other = of(&all, &interface, private);
            if let (Some(link), true) = (&address.link, other == Some(&address)) {
                return Ok(link.id.clone());
            }
            // AWS: reassociation is automatic; who says false wants to hear of it.
            let moves = input.allow_reassociation != Some(false);
            match &address.link {
                Some(link) if link.is_managed => return Err(not_yours()),
                Some(link) if !moves => return Err(already(&address.id, &link.id)),
                _ => {}
            }
            if let Some((other, link)) = other.and_then(|other| Some((other, other.link.as_ref()?))) {
                if !moves {
                    return Err(already(&interface.id, &link.id));
                }
                nouns::put(&tx, Some(other), &ElasticIp { link: None, ..other.clone() });
            }
            if interface.primary() == Some(private) {
                network_interfaces::without_lent(&tx, &interface);
            }
            Ok(link(&tx, ctx, &address, &interface, private))
        }
    })
    .await?;
    Ok(AssociateAddressOutput { association_id: Some(id) })
}

/// The interface that a request names, by itself or by its instance.
async fn meant(tx: &Tx, home: Home, input: &AssociateAddressInput) -> Result<NetworkInterface> {
    if let Some(instance) = &input.instance_id {
        instances::primary_interface(tx, home, instance).await?;
    }
    match (&input.network_interface_id, &input.instance_id) {
        (Some(id), instance) => {
            let found: NetworkInterface = nouns::find(tx, home, id).await?;
            match instance.as_deref() {
                Some(instance) if found.instance() != Some(instance) => {
                    let text = format!("The interface '{id}' is not one of the instance '{instance}'.");
                    Err(error::invalid_parameter_combination(text))
                }
                _ => Ok(found),
            }
        }
        (None, Some(instance)) => network_interfaces::only(tx, home, instance).await,
        (None, None) => Err(error::missing_parameter("networkInterfaceId")),
    }
}

/// The private address that a request names, or the primary one.
fn private_of(interface: &NetworkInterface, wanted: Option<&str>) -> Result<Ipv4Addr> {
    let found = match wanted {
        None => interface.primary(),
        Some(text) => interface.addresses.iter().copied().find(|address| address.to_string() == text),
    };
    found.ok_or_else(|| {
        let wanted = wanted.unwrap_or_default();
        let text = format!("Address {wanted} is not assigned to network interface {}", interface.id);
        error::invalid_parameter_value(text)
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateAddress.html>
async fn disassociate_address(
    ctx: Ctx,
    input: DisassociateAddressInput,
) -> Result<DisassociateAddressOutput> {
    let id = match (&input.association_id, &input.public_ip) {
        (Some(id), _) => id,
        (None, Some(_)) => {
            let text = "You must specify an association id when unmapping an address from a VPC instance";
            return Err(error::invalid_parameter_value(text));
        }
        (None, None) => return Err(error::missing_parameter("associationId")),
    };
    change(&ctx, input.dry_run, |tx| {
        let home = Home::of(&ctx);
        async move {
            let all: Vec<ElasticIp> = nouns::all(&tx, home).await?;
            let found = all.iter().find_map(|address| Some((address, linked(address, id)?)));
            let Some((before, link)) = found else {
                let text = format!("The association ID '{id}' does not exist");
                return Err(Error::sender("InvalidAssociationID.NotFound", text));
            };
            if link.is_managed {
                return Err(not_yours());
            }
            nouns::put(&tx, Some(before), &ElasticIp { link: None, ..before.clone() });
            Ok(())
        }
    })
    .await?;
    Ok(DisassociateAddressOutput {})
}
