//! AttachVolume and DetachVolume: what is wanted from now on.
//!
//! Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-attaching-volume.html>

use super::{Attachment, Progress, Volume, WORK, attachment_shown, of_instance};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::instances::{Instance, State};
use crate::nouns::{self, Home};
use yakumo_api_ec2::{
    self as api, AttachVolumeInput, AttachVolumeOutput, DetachVolumeInput, DetachVolumeOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// AWS: an instance of a Nitro type has at most 28 attachments, one of which is its interface.
const ATTACHMENTS_MAX: usize = 27;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AttachVolume,
        access::needs("ec2:AttachVolume", |input: &AttachVolumeInput| {
            Asked::on::<Volume>(&input.volume_id).and::<Instance>(&input.instance_id)
        }),
        attach_volume,
    )
    .on(
        api::DetachVolume,
        access::looked_up("ec2:DetachVolume", |ctx, input: &DetachVolumeInput| {
            Box::pin(async move {
                let instance = match &input.instance_id {
                    Some(instance) => Some(instance.clone()),
                    None if nouns::is_id(&input.volume_id) => {
                        let found: Option<Volume> =
                            ctx.get(&Home::of(ctx).scope(), &[&input.volume_id]).await?;
                        found.and_then(|volume| volume.attachment).map(|attachment| attachment.instance)
                    }
                    None => None,
                };
                Ok(Asked::on::<Volume>(&input.volume_id).and_maybe::<Instance>(instance.as_deref()))
            })
        }),
        detach_volume,
    )
}

/// Refuses what is no name of a device: `/dev/sd[a-z]`, `/dev/xvd[a-z]`, both with two letters or a number behind.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>
pub(super) fn check_device(device: &str) -> Result<()> {
    let name = device.strip_prefix("/dev/").unwrap_or(device);
    let rest = name.strip_prefix("sd").or_else(|| name.strip_prefix("xvd")).unwrap_or_default();
    let letters = rest.chars().take_while(char::is_ascii_lowercase).count();
    let number = rest.get(letters..).unwrap_or_default();
    let is_number = number.is_empty() || number.parse().is_ok_and(|number: u8| (1..=15).contains(&number));
    if (1..=2).contains(&letters) && is_number {
        return Ok(());
    }
    Err(error::invalid_value(device, "device", &format!("{device} is not a valid EBS device name.")))
}

fn incorrect_state(text: String) -> Error {
    Error::sender("IncorrectState", text)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html>
async fn attach_volume(ctx: Ctx, input: AttachVolumeInput) -> Result<AttachVolumeOutput> {
    refuse(&[("EbsCardIndex", input.ebs_card_index.is_some_and(|index| index != 0))])?;
    check_device(&input.device)?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let before: Volume = nouns::find(&tx, home, &input.volume_id).await?;
            let instance: Instance = nouns::find(&tx, home, &input.instance_id).await?;
            if before.attachment.is_some() {
                let text = format!("{} is already attached to an instance", before.id);
                return Err(Error::sender("VolumeInUse", text));
            }
            if before.state() != "available" {
                return Err(incorrect_state(format!("Volume '{}' is not 'available'.", before.id)));
            }
            if before.zone != instance.zone {
                let text = format!(
                    "The volume '{}' is not in the same availability zone as instance '{}'",
                    before.id, instance.id
                );
                return Err(Error::sender("InvalidVolume.ZoneMismatch", text));
            }
            // AWS: an instance that starts or stops takes none.
            if !matches!(instance.state, State::Running | State::Stopped) {
                return Err(incorrect_state(format!("Instance '{}' is not 'running'.", instance.id)));
            }
            let all: Vec<Volume> = nouns::all(&tx, home).await?;
            let own = of_instance(&all, &instance.id);
            if own.len() >= ATTACHMENTS_MAX {
                return Err(Error::sender("AttachmentLimitExceeded", "Volume attachment limit exceeded"));
            }
            let place = super::place(&input.device);
            let has = |volume: &Volume| {
                volume.attachment.as_ref().is_some_and(|one| super::place(&one.device) == place)
            };
            let is_root = instance.root_device() == input.device;
            if own.iter().any(|volume| has(volume)) || is_root && instance.state != State::Stopped {
                let device = &input.device;
                let text = format!(
                    "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
                );
                return Err(error::invalid_parameter_value(text));
            }
            let attachment = Attachment {
                instance: instance.id.clone(),
                device: input.device.clone(),
                since: ctx.now(),
                state: Progress::Attaching,
                deletes: false,
                force: false,
            };
            let after = Volume { attachment: Some(attachment), ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    ctx.base().nudge(WORK);
    Ok(attachment_shown(&made).unwrap_or_default())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachVolume.html>
async fn detach_volume(ctx: Ctx, input: DetachVolumeInput) -> Result<DetachVolumeOutput> {
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let before: Volume = nouns::find(&tx, home, &input.volume_id).await?;
            if let Some(instance) = &input.instance_id {
                nouns::find::<Instance>(&tx, home, instance).await?;
            }
            let is_meant = |attachment: &&Attachment| {
                input.instance_id.as_ref().is_none_or(|wanted| *wanted == attachment.instance)
                    && input.device.as_ref().is_none_or(|wanted| *wanted == attachment.device)
            };
            let Some(attachment) = &before.attachment else {
                let text = format!("Volume '{}' is in the '{}' state.", before.id, before.state());
                return Err(incorrect_state(text));
            };
            let Some(attachment) = Some(attachment).filter(is_meant) else {
                let text = format!("The volume '{}' is not attached as the request says.", before.id);
                return Err(Error::sender("InvalidAttachment.NotFound", text));
            };
            let instance: Instance = nouns::find(&tx, home, &attachment.instance).await?;
            if instance.root_device() == attachment.device && instance.state != State::Stopped {
                let text =
                    format!("Unable to detach root volume '{}' from instance '{}'", before.id, instance.id);
                return Err(error::operation_not_permitted(text));
            }
            let state = match attachment.state {
                Progress::Busy => Progress::Busy,
                _ => Progress::Detaching,
            };
            let force = attachment.force || input.force == Some(true);
            let after = Volume {
                attachment: Some(Attachment { state, force, ..attachment.clone() }),
                ..before.clone()
            };
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    ctx.base().nudge(WORK);
    Ok(attachment_shown(&made).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::check_device;

    #[test]
    fn devices_have_names() {
        for good in ["/dev/sdf", "/dev/sda1", "/dev/xvdf", "/dev/xvdba", "xvdh", "sdf", "/dev/sdf15"] {
            assert!(check_device(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/dev/", "/dev/sd", "/dev/nvme1n1", "/dev/../etc", "/dev/sdf16", "/dev/sdabc", "/dev/sdF"]
        {
            assert_eq!(check_device(bad).unwrap_err().code, "InvalidParameterValue", "{bad}");
        }
    }
}
