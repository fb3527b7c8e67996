//! The volumes of an instance through its life: given at its launch, kept when it stops, released or deleted at its end.

use super::life::{Content, check_room};
use super::mappings::Mapping;
use super::{Attachment, Progress, Sweep, Volume, plan};
use crate::images::Root;
use crate::instances::Instance;
use crate::nouns::{self, Home};
use crate::snapshots;
use crate::tags::Tags;
use yakumo_api_ec2::{EbsInstanceBlockDevice, InstanceBlockDeviceMapping};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// The volumes of an instance.
pub(crate) fn of_instance<'a>(all: &'a [Volume], instance: &str) -> Vec<&'a Volume> {
    let is_its = |volume: &&Volume| volume.attachment.as_ref().is_some_and(|one| one.instance == instance);
    all.iter().filter(is_its).collect()
}

/// Gives a new instance the volumes that its mappings describe.
///
/// # Errors
/// In AWS's words when a mapping cannot be, a snapshot is not there, or a quota is reached.
pub(crate) async fn give(
    tx: &Tx,
    ctx: &Ctx,
    instance: &Instance,
    mappings: &[Mapping],
    tags: &Tags,
) -> Result<()> {
    check_room(tx, instance.home, mappings.len()).await?;
    for mapping in mappings {
        let is_root = mapping.device == instance.root_device();
        let source = match &mapping.snapshot {
            // What an image brings may belong to the image's owner.
            Some(id) if mapping.is_of_image => snapshots::any(tx, instance.home, id).await?,
            Some(id) => Some(snapshots::usable(tx, instance.home, id).await?),
            None => None,
        };
        let least = source.as_ref().map(|source| source.gib);
        let gib = mapping.gib.or(least).ok_or_else(|| {
            let text = "The request must contain the parameter size or snapshotId";
            Error::sender("MissingParameter", text)
        })?;
        if let (Some(least), Some(id)) = (least, &mapping.snapshot)
            && gib < least
        {
            let text =
                format!("Volume of size {gib}GB is smaller than snapshot '{id}', expect size>= {least}GB");
            return Err(Error::sender("InvalidBlockDeviceMapping", text));
        }
        let plan = plan(&mapping.kind, gib, mapping.iops, mapping.throughput)?;
        let base: Option<Root> = match is_root {
            true => Some(instance.root.clone()),
            false => source.as_ref().and_then(|source| source.base.clone()),
        };
        let content = Content { snapshot: source, base };
        let volume = super::new(ctx, (&instance.zone, &instance.zone_id), plan, content, tags.clone());
        let attachment = Attachment {
            instance: instance.id.clone(),
            device: mapping.device.clone(),
            since: ctx.now(),
            state: Progress::Attaching,
            deletes: mapping.deletes,
            force: false,
        };
        nouns::put(tx, None, &Volume { attachment: Some(attachment), ..volume });
    }
    Ok(())
}

/// It runs: what it was started with is attached.
pub(crate) async fn settle(tx: &Tx, home: Home, instance: &str) -> Result<()> {
    let all: Vec<Volume> = nouns::all(tx, home).await?;
    for before in of_instance(&all, instance) {
        if let Some(attachment) = before.attachment.clone().filter(|one| one.state == Progress::Attaching) {
            let attachment = Attachment { state: Progress::Attached, ..attachment };
            nouns::put(tx, Some(before), &Volume { attachment: Some(attachment), ..before.clone() });
        }
    }
    Ok(())
}

/// Whether the volume at a device of an instance ends with it.
///
/// # Errors
/// InvalidInstanceAttributeValue when nothing is there.
pub(crate) async fn ends_with(
    tx: &Tx,
    home: Home,
    instance: &str,
    device: &str,
    deletes: bool,
) -> Result<()> {
    let all: Vec<Volume> = nouns::all(tx, home).await?;
    for before in of_instance(&all, instance) {
        if let Some(attachment) = before.attachment.clone().filter(|one| one.device == device) {
            let attachment = Attachment { deletes, ..attachment };
            nouns::put(tx, Some(before), &Volume { attachment: Some(attachment), ..before.clone() });
            return Ok(());
        }
    }
    let text = format!("No device is currently mapped at {device}");
    Err(Error::sender("InvalidInstanceAttributeValue", text))
}

/// It has ended: what goes with it goes, the rest is free.
pub(crate) async fn rest(tx: &Tx, ctx: &Ctx, home: Home, instance: &str) -> Result<()> {
    let all: Vec<Volume> = nouns::all(tx, home).await?;
    for before in of_instance(&all, instance) {
        if before.attachment.as_ref().is_some_and(|attachment| attachment.deletes) {
            nouns::delete(tx, before);
            Sweep::is_due(tx, ctx.base());
        } else {
            nouns::put(tx, Some(before), &Volume { attachment: None, ..before.clone() });
        }
    }
    Ok(())
}

/// What DescribeInstances shows of them.
pub(crate) fn shown_of_instance(all: &[Volume], instance: &str) -> Vec<InstanceBlockDeviceMapping> {
    let mut own = of_instance(all, instance);
    own.sort_by_key(|volume| volume.attachment.as_ref().map(|one| one.device.clone()));
    let shown = |volume: &&Volume| {
        let attachment = volume.attachment.as_ref()?;
        Some(InstanceBlockDeviceMapping {
            device_name: Some(attachment.device.clone()),
            ebs: Some(EbsInstanceBlockDevice {
                attach_time: Some(attachment.since),
                delete_on_termination: Some(attachment.deletes),
                status: Some(attachment.state.name().replace("busy", "detaching")),
                volume_id: Some(volume.id.clone()),
                ..EbsInstanceBlockDevice::default()
            }),
        })
    };
    own.iter().filter_map(shown).collect()
}
