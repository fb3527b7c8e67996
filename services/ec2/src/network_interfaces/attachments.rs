//! Attaching interfaces to instances. There are no instances yet: nothing can be attached, and what AWS's services
//! attached is theirs.

use super::NetworkInterface;
use crate::access::{self, Asked};
use crate::commit::refuse;
use crate::error;
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
    Err(no_instance(&input.instance_id))
}

/// What EC2 says of an instance that is not there.
pub(crate) fn no_instance(id: &str) -> Error {
    match id.starts_with("i-") {
        true => Error::sender("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist")),
        false => Error::sender("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachNetworkInterface.html>
async fn detach_network_interface(
    ctx: Ctx,
    input: DetachNetworkInterfaceInput,
) -> Result<DetachNetworkInterfaceOutput> {
    match attached(&ctx, &input.attachment_id).await? {
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
