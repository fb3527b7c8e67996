//! The interfaces by which a transit gateway stands in the subnets of its attachments.

use super::TransitGatewayAttachment;
use crate::error;
use crate::network_interfaces::{Attachment, NetworkInterface, Places, Progress, Requester};
use crate::nouns::{self, Home, Noun, new_id};
use crate::subnets::Subnet;
use crate::transit_gateways::missing;
use std::collections::BTreeSet;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// The subnets of these ids, which are to be a VPC's and in different zones, once each.
pub(super) async fn subnets(tx: &Tx, home: Home, vpc: &str, ids: &[String]) -> Result<Vec<Subnet>> {
    if ids.is_empty() {
        return Err(missing("SubnetIds"));
    }
    let mut found = Vec::new();
    for id in ids {
        Subnet::check_id(id)?;
        let subnet: Option<Subnet> = tx.get(&home.scope(), &[id]).await?;
        // AWS: the texts as clients report them.
        let subnet = subnet.ok_or_else(|| {
            Error::sender(Subnet::NOT_FOUND, format!("Subnet {id} was deleted or does not exist."))
        })?;
        if subnet.vpc != vpc {
            return Err(error::invalid_parameter_value(format!("Subnet {id} is not in VPC {vpc}.")));
        }
        found.push(subnet);
    }
    let zones: BTreeSet<&str> = found.iter().map(|subnet| subnet.zone.as_str()).collect();
    match zones.len() == found.len() {
        true => Ok(found),
        false => Err(Error::sender("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ")),
    }
}

/// Puts the gateway into a subnet.
pub(super) async fn enter(
    tx: &Tx,
    ctx: &Ctx,
    attachment: &TransitGatewayAttachment,
    subnet: &Subnet,
) -> Result<()> {
    let interfaces: Vec<NetworkInterface> = nouns::all(tx, subnet.home).await?;
    let address = Places::of(subnet, &interfaces).next()?;
    let interface = NetworkInterface {
        description: format!("Network Interface for Transit Gateway Attachment {}", attachment.id),
        kind: "transit_gateway".into(),
        addresses: vec![address],
        source_dest_check: false,
        requester: Some(Requester { account: subnet.home.account, resource: attachment.id.clone() }),
        attachment: Some(Attachment {
            id: new_id(ctx, "ela-attach-"),
            instance: None,
            instance_owner: "amazon-aws".into(),
            device_index: 1,
            delete_on_termination: false,
            at: ctx.now(),
            progress: Progress::Attached,
        }),
        ..NetworkInterface::new(ctx, subnet)
    };
    nouns::put(tx, None, &interface);
    Ok(())
}

/// Takes the gateway out of those subnets of an attachment.
pub(super) async fn leave(
    tx: &Tx,
    attachment: &TransitGatewayAttachment,
    is_left: impl Fn(&str) -> bool,
) -> Result<()> {
    for interface in nouns::all::<NetworkInterface>(tx, attachment.home).await? {
        let is_its = interface.requester.as_ref().is_some_and(|found| found.resource == attachment.id);
        if is_its && is_left(&interface.subnet) {
            nouns::delete(tx, &interface);
        }
    }
    Ok(())
}
