//! CreateSnapshots: of the volumes of one instance, all of one moment of the request.

use super::{New, Snapshot, copy, new};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::instances::{Instance, State};
use crate::nouns::{self, Home, Noun};
use crate::tags::{self, Tags};
use crate::volumes::{self, File, Volume};
use yakumo_api_ec2::{self as api, CreateSnapshotsInput, CreateSnapshotsOutput, SnapshotInfo};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// AWS: "You can specify up to 40 volume IDs per request." (API_InstanceSpecification)
const EXCLUDED_MAX: usize = 40;

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateSnapshots,
        access::looked_up("ec2:CreateSnapshots", |ctx, input: &CreateSnapshotsInput| {
            Box::pin(async move {
                let id = &input.instance_specification.instance_id;
                let scope = Home::of(ctx).scope();
                let volumes: Vec<Volume> = ctx.list(&scope, &[], None, nouns::ALL).await?;
                let instance: Option<Instance> = ctx.get(&scope, &[id]).await?;
                // Who asks for what cannot be is told so by the handler.
                let chosen = instance.and_then(|instance| chosen(&volumes, &instance, input).ok());
                let chosen = chosen.unwrap_or_default();
                let asked =
                    Asked::any().making::<Snapshot>(input.tag_specifications.as_ref()).and::<Instance>(id);
                // Tags of volumes are tags at creation, too.
                let copied: Vec<_> = chosen.iter().map(|volume| copied(input, volume)).collect();
                let copied = copied.iter().filter(|tags| !tags.is_empty()).map(specification);
                let asked = copied.fold(asked, |asked, tags| asked.making::<Snapshot>(Some(&tags)));
                Ok(chosen.iter().fold(asked, |asked, volume| asked.and::<Volume>(&volume.id)))
            })
        }),
        create_snapshots,
    )
}

/// The tags that a snapshot of the volume takes over; AWS's own are not copied.
fn copied(input: &CreateSnapshotsInput, volume: &Volume) -> Tags {
    if input.copy_tags_from_source.as_deref() != Some("volume") {
        return Tags::new();
    }
    let own = volume.tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Tags as a request gives them.
fn specification(tags: &Tags) -> Vec<api::TagSpecification> {
    vec![api::TagSpecification { resource_type: Some(Snapshot::KIND.to_owned()), tags: tags::shown(tags) }]
}

/// The volumes that are meant.
fn chosen<'a>(
    all: &'a [Volume],
    instance: &Instance,
    input: &CreateSnapshotsInput,
) -> Result<Vec<&'a Volume>> {
    let wanted = &input.instance_specification;
    let excluded = wanted.exclude_data_volume_ids.as_deref().unwrap_or_default();
    if excluded.len() > EXCLUDED_MAX {
        let text = format!("You can exclude at most {EXCLUDED_MAX} data volumes.");
        return Err(error::invalid_parameter_value(text));
    }
    let mut own = volumes::of_instance(all, &instance.id);
    let is_root = |volume: &Volume| {
        volume.attachment.as_ref().is_some_and(|attachment| attachment.device == instance.root_device())
    };
    for id in excluded {
        match own.iter().find(|volume| volume.id == *id) {
            // AWS: "If you specify the ID of the root volume, the request fails."
            Some(volume) if is_root(volume) => {
                let reason = "It is the root volume. To exclude the root volume, use ExcludeBootVolume.";
                return Err(error::invalid_value(id, "ExcludeDataVolumeId", reason));
            }
            Some(_) => {}
            None => {
                let reason = "The volume is not attached to the instance.";
                return Err(error::invalid_value(id, "ExcludeDataVolumeId", reason));
            }
        }
    }
    own.retain(|volume| !excluded.contains(&volume.id));
    own.retain(|volume| !(wanted.exclude_boot_volume == Some(true) && is_root(volume)));
    Ok(own)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html>
async fn create_snapshots(ctx: Ctx, input: CreateSnapshotsInput) -> Result<CreateSnapshotsOutput> {
    refuse(&[
        ("OutpostArn", input.outpost_arn.is_some()),
        ("Location", input.location.as_deref().is_some_and(|location| location != "regional")),
    ])?;
    let description = super::life::description(input.description.as_deref())?;
    let given = tags::at_creation(Snapshot::KIND, input.tag_specifications.as_ref())?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, description, given) = (&ctx, &input, description.clone(), given.clone());
        async move {
            let home = Home::of(ctx);
            let id = &input.instance_specification.instance_id;
            let instance: Instance = nouns::find(&tx, home, id).await?;
            if !matches!(instance.state, State::Running | State::Stopping | State::Stopped) {
                let text = format!("Instance '{id}' is in the '{}' state.", instance.state.name());
                return Err(Error::sender("IncorrectState", text));
            }
            let all: Vec<Volume> = nouns::all(&tx, home).await?;
            let chosen = chosen(&all, &instance, input)?;
            if chosen.is_empty() {
                let text = "All volumes of the instance are excluded.";
                return Err(error::invalid_parameter_value(text));
            }
            let mut made = Vec::new();
            for volume in chosen {
                if matches!(volume.file, File::Wanted | File::Failed(_)) {
                    let text = format!("Volume '{}' is in the '{}' state.", volume.id, volume.state());
                    return Err(Error::sender("IncorrectState", text));
                }
                // Tags of the request go before those of the volume.
                let mut tags = copied(input, volume);
                tags.extend(given.clone());
                made.push(new(&tx, ctx, New::of(volume, description.clone(), tags)).await?);
            }
            Ok(made)
        }
    })
    .await?;
    copy(&ctx, made.clone()).await;
    Ok(CreateSnapshotsOutput { snapshots: Some(made.iter().map(shown).collect()) })
}

fn shown(snapshot: &Snapshot) -> SnapshotInfo {
    let seen = super::seen::shown(snapshot);
    SnapshotInfo {
        description: seen.description,
        tags: seen.tags,
        encrypted: seen.encrypted,
        volume_id: seen.volume_id,
        state: seen.state,
        volume_size: seen.volume_size,
        start_time: seen.start_time,
        progress: seen.progress,
        owner_id: seen.owner_id,
        snapshot_id: seen.snapshot_id,
        ..SnapshotInfo::default()
    }
}
