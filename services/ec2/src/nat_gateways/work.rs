//! What happens to a NAT gateway after the answer: it comes up or fails, it goes down, it is forgotten.

use super::{Address, NatGateway, State};
use crate::commit::change;
use crate::elastic_ips::{self, ElasticIp};
use crate::network_interfaces::{Attachment, NetworkInterface, Places, Progress, Requester};
use crate::nouns::{self, Home, new_id};
use crate::subnets::Subnet;
use crate::work;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// AWS: a deleted or failed gateway is shown for about an hour.
const KEPT_MS: i64 = 3_600_000;

/// Does what is due for a gateway.
pub(crate) async fn tend(ctx: &Ctx, id: &str) -> Result<()> {
    let (home, now) = (Home::of(ctx), ctx.now());
    let Some(seen) = ctx.get::<NatGateway>(&home.scope(), &[id]).await? else {
        return change(ctx, None, |tx| async move {
            work::is_done(&tx, id);
            Ok(())
        })
        .await;
    };
    let is_due = match seen.state {
        State::Pending | State::Deleting | State::Available => true,
        State::Failed | State::Deleted => {
            seen.ended.is_none_or(|ended| ended.plus_millis(KEPT_MS).as_millis() <= now.as_millis())
        }
    };
    if !is_due {
        return Ok(());
    }
    change(ctx, None, |tx| async move {
        let Some(before) = tx.get::<NatGateway>(&home.scope(), &[id]).await? else {
            work::is_done(&tx, id);
            return Ok(());
        };
        match before.state {
            State::Pending => {
                let after = match come_up(&tx, ctx, &before).await {
                    Ok(address) => {
                        work::is_done(&tx, id);
                        NatGateway { state: State::Available, address: Some(address), ..before.clone() }
                    }
                    Err(error) if error.status < 500 => failed(ctx, &before, &error),
                    Err(error) => return Err(error),
                };
                nouns::put(&tx, Some(&before), &after);
            }
            State::Deleting => {
                go_down(&tx, &before).await?;
                let after = NatGateway { state: State::Deleted, ended: Some(now), ..before.clone() };
                nouns::put(&tx, Some(&before), &after);
            }
            State::Available => work::is_done(&tx, id),
            State::Failed | State::Deleted => {
                nouns::delete(&tx, &before);
                work::is_done(&tx, id);
            }
        }
        Ok(())
    })
    .await
}

/// AWS: the codes and texts of FailureCode and FailureMessage.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html>
fn failed(ctx: &Ctx, before: &NatGateway, error: &Error) -> NatGateway {
    let allocation = before.allocation.as_deref().unwrap_or_default();
    let text = match &*error.code {
        "InsufficientFreeAddressesInSubnet" | "InvalidIPAddress.InUse" => {
            "Subnet has insufficient free addresses to create this NAT gateway".to_owned()
        }
        "Gateway.NotAttached" => format!("Network {} has no Internet gateway attached", before.vpc),
        "InvalidAllocationID.NotFound" => {
            format!("Elastic IP address {allocation} could not be associated with this NAT gateway")
        }
        "Resource.AlreadyAssociated" => format!("Elastic IP address {allocation} is already associated"),
        "InvalidSubnetID.NotFound" => {
            format!("The specified subnet {} does not exist or could not be found.", before.subnet)
        }
        _ => error.message.clone(),
    };
    NatGateway {
        state: State::Failed,
        failure: Some((error.code.to_string(), text)),
        ended: Some(ctx.now()),
        ..before.clone()
    }
}

/// Gives a gateway its interface and its Elastic IP.
async fn come_up(tx: &Tx, ctx: &Ctx, gateway: &NatGateway) -> Result<Address> {
    let home = gateway.home;
    let subnet: Subnet = nouns::find(tx, home, &gateway.subnet).await?;
    let elastic: Option<ElasticIp> = match &gateway.allocation {
        None => None,
        Some(allocation) => {
            elastic_ips::check_gateway(tx, home, &gateway.vpc).await?;
            let address: ElasticIp = nouns::find(tx, home, allocation).await?;
            if address.link.is_some() {
                return Err(Error::sender("Resource.AlreadyAssociated", "it is associated"));
            }
            Some(address)
        }
    };
    let interfaces: Vec<NetworkInterface> = nouns::all(tx, home).await?;
    let mut places = Places::of(&subnet, &interfaces);
    let private = match gateway.wanted {
        Some(wanted) => places.take(&wanted.to_string(), "privateIpAddress")?,
        None => places.next()?,
    };
    let interface = NetworkInterface {
        description: format!("Interface for NAT Gateway {}", gateway.id),
        kind: "nat_gateway".into(),
        addresses: vec![private],
        // AWS: it forwards for others, and no security group can be given to it.
        source_dest_check: false,
        requester: Some(Requester { account: home.account, resource: gateway.id.clone() }),
        attachment: Some(Attachment {
            id: new_id(ctx, "ela-attach-"),
            instance: None,
            instance_owner: "amazon-aws".into(),
            device_index: 1,
            delete_on_termination: false,
            at: ctx.now(),
            progress: Progress::Attached,
        }),
        ..NetworkInterface::new(ctx, &subnet)
    };
    nouns::put(tx, None, &interface);
    let association =
        elastic.as_ref().map(|elastic| elastic_ips::link(tx, ctx, elastic, &interface, private));
    let public = elastic.map(|elastic| elastic.address);
    Ok(Address { interface: interface.id, private, public, association })
}

/// Takes them away.
async fn go_down(tx: &Tx, gateway: &NatGateway) -> Result<()> {
    let Some(address) = &gateway.address else { return Ok(()) };
    let interface: Option<NetworkInterface> = tx.get(&gateway.home.scope(), &[&address.interface]).await?;
    if let Some(interface) = interface {
        elastic_ips::unlink_interface(tx, &interface).await?;
        nouns::delete(tx, &interface);
    }
    Ok(())
}
