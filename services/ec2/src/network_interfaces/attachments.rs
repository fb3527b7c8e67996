//! Attaching interfaces to instances. An instance has one interface here: a second one is refused by name, and what AWS's
//! services attached is theirs.

use super::NetworkInterface;
use super::instances::second_interface;
use crate::access::{self, Asked};
use crate::commit::refuse;
use crate::error;
use crate::instances::Instance;
use crate::nouns::{self, ALL, Home};
use yakumo_api_ec2::{
    self as api, AttachNetworkInterfaceInput, AttachNetworkInterfaceOutput, DetachNetworkInterfaceInput,
    DetachNetworkInterfaceOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AttachNetworkInterface,
        access::needs("ec2:AttachNetworkInterface", |input: &AttachNetworkInterfaceInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
                .and_kind("instance", &input.instance_id)
        }),
        attach_network_interface,
    )
    .on(
        api::DetachNetworkInterface,
        access::looked_up("ec2:DetachNetworkInterface", |ctx, input: &DetachNetworkInterfaceInput| {
            Box::pin(async move {
                let found = attached(ctx, &input.attachment_id).await?;
                Ok(Asked::on::<NetworkInterface>(found.as_ref().map_or("", |interface| &interface.id)))
            })
        }),
        detach_network_interface,
    )
}

async fn attached(ctx: &Ctx, id: &str) -> Result<Option<NetworkInterface>> {
    let all: Vec<NetworkInterface> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    Ok(all
        .into_iter()
        .find(|interface| interface.attachment.as_ref().is_some_and(|attachment| attachment.id == id)))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachNetworkInterface.html>
async fn attach_network_interface(
    ctx: Ctx,
    input: AttachNetworkInterfaceInput,
) -> Result<AttachNetworkInterfaceOutput> {
    refuse(&[
        ("EnaSrdSpecification", input.ena_srd_specification.is_some()),
        ("EnaQueueCount", input.ena_queue_count.is_some()),
    ])?;
    nouns::look_up::<NetworkInterface>(&ctx, Home::of(&ctx), &input.network_interface_id).await?;
    nouns::look_up::<Instance>(&ctx, Home::of(&ctx), &input.instance_id).await?;
    Err(second_interface())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachNetworkInterface.html>
async fn detach_network_interface(
    ctx: Ctx,
    input: DetachNetworkInterfaceInput,
) -> Result<DetachNetworkInterfaceOutput> {
    match attached(&ctx, &input.attachment_id).await? {
        // AWS: the first interface of an instance is its own as long as it lives.
        Some(interface) if interface.instance().is_some() => {
            let text = "The network interface at device index 0 cannot be detached.";
            Err(error::operation_not_permitted(text))
        }
        // AWS: the attachments of its own services are theirs.
        Some(_) => {
            let text = "You are not allowed to manage 'ela-attach' attachments.";
            Err(error::operation_not_permitted(text))
        }
        None => {
            let text = format!("The attachment ID '{}' does not exist", input.attachment_id);
            Err(Error::sender("InvalidAttachmentID.NotFound", text))
        }
    }
}
