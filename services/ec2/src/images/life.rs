//! How images come and go: CreateImage, RegisterImage, DeregisterImage.

use super::{Image, Root, catalogue, own};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::instances::{self, Instance, State};
use crate::nouns::{self, Home, Noun, new_id};
use crate::snapshots::{self, New, Permissions, Snapshot};
use crate::tags::{self, Tags};
use crate::volumes::mappings::{self, Mapping};
use crate::volumes::{self, Volume};
use crate::{quotas, shared};
use yakumo_api_ec2::{
    self as api, CreateImageInput, CreateImageOutput, DeleteSnapshotReturnCode, DeregisterImageInput,
    DeregisterImageOutput, RegisterImageInput, RegisterImageOutput, TagSpecification,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateImage,
        access::needs("ec2:CreateImage", |input: &CreateImageInput| {
            let tags = input.tag_specifications.as_ref();
            Asked::any().making::<Image>(tags).making::<Snapshot>(tags).and::<Instance>(&input.instance_id)
        }),
        create_image,
    )
    .on(
        api::RegisterImage,
        access::needs("ec2:RegisterImage", |input: &RegisterImageInput| {
            let asked = Asked::any().making::<Image>(input.tag_specifications.as_ref());
            let mappings = input.block_device_mappings.iter().flatten();
            let snapshots = mappings.filter_map(|mapping| mapping.ebs.as_ref()?.snapshot_id.as_ref());
            snapshots.fold(asked, |asked, id| asked.and::<Snapshot>(id))
        }),
        register_image,
    )
    .on(
        api::DeregisterImage,
        access::needs("ec2:DeregisterImage", |input: &DeregisterImageInput| {
            Asked::on::<Image>(&input.image_id)
        }),
        deregister_image,
    )
}

/// The tags of a request for images and for snapshots.
pub(super) fn tags_of(specifications: Option<&Vec<TagSpecification>>) -> Result<(Tags, Tags)> {
    let given = specifications.map(Vec::as_slice).unwrap_or_default();
    if let Some(other) = given
        .iter()
        .filter_map(|one| one.resource_type.as_deref())
        .find(|kind| ![Image::KIND, Snapshot::KIND].contains(kind))
    {
        let text = format!("'{other}' is not a valid taggable resource type for this operation.");
        return Err(error::invalid_parameter_value(text));
    }
    let of = |kind: &str| {
        let other = if kind == Image::KIND { Snapshot::KIND } else { Image::KIND };
        let own = given.iter().filter(|one| one.resource_type.as_deref() != Some(other));
        tags::at_creation(kind, Some(&own.cloned().collect()))
    };
    Ok((of(Image::KIND)?, of(Snapshot::KIND)?))
}

/// Refuses a name that no image can have.
pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = (3..=128).contains(&name.chars().count());
    let plain = |c: char| c.is_ascii_alphanumeric() || " ()[]./-'@_".contains(c);
    if fits && name.chars().all(plain) {
        return Ok(());
    }
    let text = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
    Err(Error::sender("InvalidAMIName.Malformed", text))
}

/// Writes a new image.
///
/// # Errors
/// InvalidAMIName.Duplicate, ResourceLimitExceeded.
pub(super) async fn put_new(tx: &Tx, image: &Image) -> Result<()> {
    let all: Vec<Image> = nouns::all(tx, image.home).await?;
    if let Some(other) = all.iter().find(|other| other.name == image.name) {
        let text = format!("AMI name {} is already in use by AMI {}", image.name, other.id);
        return Err(Error::sender("InvalidAMIName.Duplicate", text));
    }
    quotas::check(all.len() + 1, quotas::IMAGES, "ResourceLimitExceeded", "AMIs")?;
    shared::note(tx, image.home, &image.id);
    nouns::put(tx, None, image);
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html>
async fn create_image(ctx: Ctx, input: CreateImageInput) -> Result<CreateImageOutput> {
    refuse(&[
        (
            "SnapshotLocation",
            input.snapshot_location.as_deref().is_some_and(|location| location != "regional"),
        ),
        ("BootModeOverride", input.boot_mode_override.is_some()),
    ])?;
    check_name(&input.name)?;
    let (image_tags, snapshot_tags) = tags_of(input.tag_specifications.as_ref())?;
    let (id, snapshots, restarts) = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        let (image_tags, snapshot_tags) = (image_tags.clone(), snapshot_tags.clone());
        async move {
            let home = Home::of(ctx);
            let instance: Instance = nouns::find(&tx, home, &input.instance_id).await?;
            if !matches!(instance.state, State::Running | State::Stopped) {
                let text = format!("Instance '{}' is not in the state 'running' or 'stopped'.", instance.id);
                return Err(Error::sender("IncorrectState", text));
            }
            let restarts = instance.state == State::Running && input.no_reboot != Some(true);
            let all: Vec<Volume> = nouns::all(&tx, home).await?;
            let volumes = volumes::of_instance(&all, &instance.id);
            let has: Vec<Mapping> = volumes.iter().filter_map(|volume| mapping_of(volume)).collect();
            let root_device = instance.root_device().to_owned();
            if !has.iter().any(|mapping| mapping.device == root_device) {
                return Err(error::not_implemented("CreateImage of an instance without a root volume"));
            }
            let id = new_id(ctx, Image::PREFIX);
            let mut made = Vec::new();
            let mut mappings = mappings::merged(&has, input.block_device_mappings.as_ref(), &root_device)?;
            for mapping in &mut mappings {
                let is_its = |volume: &&&Volume| {
                    volume.attachment.as_ref().is_some_and(|attachment| attachment.device == mapping.device)
                };
                let Some(volume) = volumes.iter().find(is_its).filter(|_| mapping.snapshot.is_none()) else {
                    continue;
                };
                let text = format!("Created by CreateImage({}) for {id}", instance.id);
                let waits_for = restarts.then(|| instance.id.clone());
                let new = New { waits_for, ..New::of(volume, text, snapshot_tags.clone()) };
                let snapshot = snapshots::new(&tx, ctx, new).await?;
                mapping.snapshot = Some(snapshot.id.clone());
                made.push(snapshot);
            }
            let image = Image {
                id,
                home,
                name: input.name.clone(),
                description: input.description.clone().unwrap_or_default(),
                root_device,
                root: instance.root.clone(),
                mappings,
                created: ctx.now(),
                from_instance: Some(instance.id.clone()),
                from_image: Some((instance.image.clone(), home.region.to_string())),
                permissions: Permissions::default(),
                deprecated: None,
                tags: image_tags,
            };
            put_new(&tx, &image).await?;
            if restarts {
                nouns::put(&tx, Some(&instance), &Instance { reboots: true, ..instance.clone() });
            }
            Ok((image.id, made, restarts))
        }
    })
    .await?;
    match restarts {
        // AWS: it is shut down, copied, and starts again.
        true => ctx.base().nudge(instances::WORK),
        false => snapshots::copy(&ctx, snapshots).await,
    }
    Ok(CreateImageOutput { image_id: Some(id) })
}

/// A volume of an instance, as an image has it; its snapshot is still to be made.
fn mapping_of(volume: &Volume) -> Option<Mapping> {
    let attachment = volume.attachment.as_ref()?;
    let speeds = volume.plan.kind != "gp2";
    Some(Mapping {
        device: attachment.device.clone(),
        snapshot: None,
        gib: Some(volume.plan.gib),
        kind: volume.plan.kind.clone(),
        iops: volume.plan.iops.filter(|_| speeds),
        throughput: volume.plan.throughput,
        deletes: attachment.deletes,
        is_of_image: false,
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html>
async fn register_image(ctx: Ctx, input: RegisterImageInput) -> Result<RegisterImageOutput> {
    let other =
        |value: &Option<String>, fine: &[&str]| value.as_deref().is_some_and(|value| !fine.contains(&value));
    refuse(&[
        ("ImageLocation", input.image_location.is_some()),
        ("BillingProduct", input.billing_products.is_some()),
        ("BootMode", other(&input.boot_mode, &["uefi-preferred"])),
        ("TpmSupport", input.tpm_support.is_some()),
        ("UefiData", input.uefi_data.is_some()),
        ("ImdsSupport", input.imds_support.is_some()),
        ("KernelId", input.kernel_id.is_some()),
        ("RamdiskId", input.ramdisk_id.is_some()),
        ("VirtualizationType", input.virtualization_type.as_deref() != Some("hvm")),
        ("Architecture", other(&input.architecture, &[catalogue::architecture()])),
        ("SriovNetSupport", other(&input.sriov_net_support, &["simple"])),
    ])?;
    check_name(&input.name)?;
    let (image_tags, _) = tags_of(input.tag_specifications.as_ref())?;
    let root_device =
        input.root_device_name.clone().ok_or_else(|| error::missing_parameter("rootDeviceName"))?;
    let mappings = mappings::merged(&[], input.block_device_mappings.as_ref(), &root_device)?;
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, tags) = (&ctx, &input, image_tags.clone());
        let (root_device, mut mappings) = (root_device.clone(), mappings.clone());
        async move {
            let home = Home::of(ctx);
            let mut root: Option<Root> = None;
            for mapping in &mut mappings {
                let Some(snapshot) = &mapping.snapshot else { continue };
                let found = snapshots::usable(&tx, home, snapshot).await?;
                mapping.gib = mapping.gib.or(Some(found.gib));
                let plan = volumes::plan(
                    &mapping.kind,
                    mapping.gib.unwrap_or(found.gib),
                    mapping.iops,
                    mapping.throughput,
                )?;
                if plan.gib < found.gib {
                    let text = format!(
                        "Volume of size {}GB is smaller than snapshot '{snapshot}', expect size>= {}GB",
                        plan.gib, found.gib
                    );
                    return Err(Error::sender("InvalidBlockDeviceMapping", text));
                }
                if mapping.device == root_device {
                    root = Some(found.base.ok_or_else(|| {
                        error::not_implemented("RegisterImage of a snapshot of a data volume")
                    })?);
                }
            }
            let root = root.ok_or_else(|| {
                Error::sender("InvalidBlockDeviceMapping", "The root device has no snapshot.")
            })?;
            let image = Image {
                id: new_id(ctx, Image::PREFIX),
                home,
                name: input.name.clone(),
                description: input.description.clone().unwrap_or_default(),
                root_device,
                root,
                mappings,
                created: ctx.now(),
                from_instance: None,
                from_image: None,
                permissions: Permissions::default(),
                deprecated: None,
                tags,
            };
            put_new(&tx, &image).await?;
            Ok(image.id)
        }
    })
    .await?;
    Ok(RegisterImageOutput { image_id: Some(id) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html>
async fn deregister_image(ctx: Ctx, input: DeregisterImageInput) -> Result<DeregisterImageOutput> {
    let results = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let image = own(&tx, home, &input.image_id).await?;
            let mut results = Vec::new();
            if input.delete_associated_snapshots == Some(true) {
                for id in image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
                    let Some(snapshot) = tx.get::<Snapshot>(&home.scope(), &[id]).await? else { continue };
                    // AWS: what another image uses stays, and the answer says so.
                    let code = match snapshots::remove(&tx, ctx, &snapshot, Some(&image.id)).await {
                        Ok(()) => "success",
                        Err(error) if error.code == "InvalidSnapshot.InUse" => "skipped",
                        Err(error) => return Err(error),
                    };
                    results.push(DeleteSnapshotReturnCode {
                        snapshot_id: Some(id.clone()),
                        return_code: Some(code.into()),
                    });
                }
            }
            shared::forget(&tx, &image.id);
            nouns::delete(&tx, &image);
            Ok(results)
        }
    })
    .await?;
    ctx.base().nudge(volumes::WORK);
    let asked = input.delete_associated_snapshots == Some(true);
    Ok(DeregisterImageOutput {
        r#return: Some(true),
        delete_snapshot_results: Some(results).filter(|_| asked),
    })
}
