//! AttachNetworkInterface and DetachNetworkInterface: what is wanted from now on. What AWS's services attached is theirs.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html>

use super::{Attachment, NetworkInterface, Progress, in_use_by, too_many, work};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::instances::{self, Instance, State};
use crate::nouns::{self, ALL, Home, new_id};
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
            Asked::on::<NetworkInterface>(&input.network_interface_id).and::<Instance>(&input.instance_id)
        }),
        attach_network_interface,
    )
    .on(
        api::DetachNetworkInterface,
        access::looked_up("ec2:DetachNetworkInterface", |ctx, input: &DetachNetworkInterfaceInput| {
            Box::pin(async move {
                let all: Vec<NetworkInterface> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
                let found = attached(&all, &input.attachment_id);
                let interface = found.map_or("", |interface| &interface.id);
                let instance = found.and_then(|interface| interface.instance()).unwrap_or_default();
                Ok(Asked::on::<NetworkInterface>(interface).and::<Instance>(instance))
            })
        }),
        detach_network_interface,
    )
}

fn attached<'a>(all: &'a [NetworkInterface], id: &str) -> Option<&'a NetworkInterface> {
    let is_it = |attachment: &Attachment| attachment.id == id;
    all.iter().find(|interface| interface.attachment.as_ref().is_some_and(is_it))
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
    instances::check_card(input.network_card_index)?;
    instances::check_index(input.device_index)?;
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let before: NetworkInterface = nouns::find(&tx, home, &input.network_interface_id).await?;
            before.check_own()?;
            let instance: Instance = nouns::find(&tx, home, &input.instance_id).await?;
            if before.attachment.is_some() {
                return Err(in_use_by(&before.id));
            }
            if !matches!(instance.state, State::Running | State::Stopped) {
                let text = format!("Instance '{}' is not 'running'.", instance.id);
                return Err(Error::sender("IncorrectState", text));
            }
            if before.zone != instance.zone {
                return Err(instances::other_zone());
            }
            let all: Vec<NetworkInterface> = nouns::all(&tx, home).await?;
            let own = instances::interfaces_of(&all, &instance.id);
            let has = |own: &Attachment| own.device_index == input.device_index && own.instance.is_some();
            if own.iter().any(|own| own.attachment.as_ref().is_some_and(has)) {
                let text = format!(
                    "Instance '{}' already has an interface attached at device index '{}'.",
                    instance.id, input.device_index
                );
                return Err(error::invalid_parameter_value(text));
            }
            if own.len() >= instance.interfaces_max() {
                return Err(too_many(own.len() + 1, &instance.kind));
            }
            let attachment = Attachment {
                id: new_id(ctx, "eni-attach-"),
                instance: Some(instance.id.clone()),
                instance_owner: home.account.to_string(),
                device_index: input.device_index,
                // AWS: what is attached later is kept, unless it is said otherwise.
                delete_on_termination: false,
                at: ctx.now(),
                progress: Progress::Attaching,
            };
            let id = attachment.id.clone();
            nouns::put(
                &tx,
                Some(&before),
                &NetworkInterface { attachment: Some(attachment), ..before.clone() },
            );
            Ok(id)
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    Ok(AttachNetworkInterfaceOutput { attachment_id: Some(id), network_card_index: Some(0) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachNetworkInterface.html>. Here nothing in an instance can
/// hold an interface back, so that `Force` does what is done without it.
async fn detach_network_interface(
    ctx: Ctx,
    input: DetachNetworkInterfaceInput,
) -> Result<DetachNetworkInterfaceOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.attachment_id);
        async move {
            let all: Vec<NetworkInterface> = nouns::all(&tx, home).await?;
            let found = attached(&all, id).and_then(|found| Some((found, found.attachment.as_ref()?)));
            let Some((before, attachment)) = found else {
                let text = format!("The attachment ID '{id}' does not exist");
                return Err(Error::sender("InvalidAttachmentID.NotFound", text));
            };
            if attachment.instance.is_none() {
                // AWS: the attachments of its own services are theirs.
                let text = "You are not allowed to manage 'ela-attach' attachments.";
                return Err(error::operation_not_permitted(text));
            }
            if attachment.device_index == 0 {
                // AWS: the first interface of an instance is its own as long as it lives.
                let text =
                    "The network interface at device index 0 and networkCard index 0 cannot be detached.";
                return Err(error::operation_not_permitted(text));
            }
            let after = NetworkInterface {
                attachment: Some(Attachment { progress: Progress::Detaching, ..attachment.clone() }),
                ..before.clone()
            };
            nouns::put(&tx, Some(before), &after);
            Ok(())
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    Ok(DetachNetworkInterfaceOutput {})
}
