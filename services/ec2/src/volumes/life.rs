//! How volumes come and go.

use super::{File, Plan, Sweep, Volume, WORK, plan};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::images::Root;
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::snapshots::{self, Snapshot};
use crate::tags::{self, Tags};
use crate::zones::{self, Zone};
use crate::{error, quotas};
use yakumo_api_ec2::{self as api, CreateVolumeInput, DeleteVolumeInput, DeleteVolumeOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// AWS: the type of who names none.
const DEFAULT_TYPE: &str = "gp2";

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(api::CreateVolume, access::needs("ec2:CreateVolume", create_asked), create_volume).on(
        api::DeleteVolume,
        access::needs("ec2:DeleteVolume", |input: &DeleteVolumeInput| Asked::on::<Volume>(&input.volume_id)),
        delete_volume,
    )
}

fn create_asked(input: &CreateVolumeInput) -> Asked {
    let mut asked = Asked::any().making::<Volume>(input.tag_specifications.as_ref());
    if let Some(id) = &input.snapshot_id {
        asked = asked.and::<Snapshot>(id);
    }
    let mut with = |key: &str, value: Option<String>| {
        let before = std::mem::take(&mut asked);
        asked = match value {
            Some(value) => before.with(key, vec![value]),
            None => before,
        };
    };
    with("ec2:AvailabilityZone", input.availability_zone.clone());
    with("ec2:AvailabilityZoneId", input.availability_zone_id.clone());
    with("ec2:Encrypted", Some(input.encrypted.unwrap_or_default().to_string()));
    with("ec2:VolumeType", Some(input.volume_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned())));
    with("ec2:VolumeSize", input.size.map(|size| size.to_string()));
    with("ec2:VolumeIops", input.iops.map(|iops| iops.to_string()));
    with("ec2:VolumeThroughput", input.throughput.map(|throughput| throughput.to_string()));
    asked
}

fn zone(ctx: &Ctx, input: &CreateVolumeInput) -> Result<Zone> {
    let (name, id) = (input.availability_zone.as_deref(), input.availability_zone_id.as_deref());
    match (name, id) {
        (None, None) => Err(error::missing_parameter("AvailabilityZone")),
        (Some(_), Some(_)) => Err(error::not_together("availabilityZone", "availabilityZoneId")),
        (Some(wanted), _) | (_, Some(wanted)) => {
            let is_meant =
                |zone: &Zone| name.is_some() && zone.name == wanted || id.is_some() && zone.id == wanted;
            zones::of(ctx.region()).into_iter().find(is_meant).ok_or_else(|| {
                Error::sender("InvalidZone.NotFound", format!("The zone '{wanted}' does not exist."))
            })
        }
    }
}

/// What is to be on a new volume.
pub(crate) struct Content {
    /// The snapshot that it begins with.
    pub snapshot: Option<Snapshot>,
    /// What stands behind the image whose disk it is.
    pub base: Option<Root>,
}

/// A new volume without an owner's wishes: attached to nothing, its file still to be made.
pub(crate) fn new(ctx: &Ctx, zone: (&str, &str), plan: Plan, content: Content, tags: Tags) -> Volume {
    Volume {
        id: new_id(ctx, Volume::PREFIX),
        home: Home::of(ctx),
        zone: zone.0.to_owned(),
        zone_id: zone.1.to_owned(),
        plan,
        from: content.snapshot.as_ref().and_then(Snapshot::content),
        snapshot: content.snapshot.map(|snapshot| snapshot.id),
        base: content.base,
        created: ctx.now(),
        file: File::Wanted,
        attachment: None,
        modification: None,
        auto_enable_io: false,
        token: None,
        tags,
    }
}

/// Whether an account may have `more` volumes.
pub(super) async fn check_room(tx: &Tx, home: Home, more: usize) -> Result<()> {
    let count = nouns::all::<Volume>(tx, home).await?.len();
    quotas::check(count.saturating_add(more), quotas::VOLUMES, "VolumeLimitExceeded", "volumes")
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>
async fn create_volume(ctx: Ctx, input: CreateVolumeInput) -> Result<api::CreateVolumeOutput> {
    refuse(&[
        ("Encrypted", input.encrypted == Some(true)),
        ("KmsKeyId", input.kms_key_id.is_some()),
        ("OutpostArn", input.outpost_arn.is_some()),
        ("MultiAttachEnabled", input.multi_attach_enabled == Some(true)),
        ("VolumeInitializationRate", input.volume_initialization_rate.is_some()),
        ("Operator", input.operator.is_some()),
    ])?;
    let zone = zone(&ctx, &input)?;
    let tags = tags::at_creation(Volume::KIND, input.tag_specifications.as_ref())?;
    let bare = CreateVolumeInput { client_token: None, dry_run: None, ..input.clone() };
    let token = ClientToken::of(input.client_token.as_deref(), &bare);
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, zone, tags, token) = (&ctx, &input, &zone, tags.clone(), token.clone());
        async move {
            let home = Home::of(ctx);
            if token.is_some() {
                for volume in nouns::all::<Volume>(&tx, home).await? {
                    if ClientToken::made(token.as_ref(), volume.token.as_ref())? {
                        return Ok(volume);
                    }
                }
            }
            let source = match &input.snapshot_id {
                Some(id) => Some(snapshots::usable(&tx, home, id).await?),
                None => None,
            };
            let least = source.as_ref().map(|source| source.gib);
            let gib = input.size.or(least).ok_or_else(|| error::missing_parameter("size/snapshot"))?;
            if let (Some(least), Some(id)) = (least, &input.snapshot_id)
                && gib < least
            {
                let text =
                    format!("Volume of {gib}GiB is smaller than snapshot '{id}', expect size >= {least}GiB.");
                return Err(error::invalid_parameter_value(text));
            }
            let kind = input.volume_type.as_deref().unwrap_or(DEFAULT_TYPE);
            let plan = plan(kind, gib, input.iops, input.throughput)?;
            check_room(&tx, home, 1).await?;
            let base = source.as_ref().and_then(|source| source.base.clone());
            let content = Content { snapshot: source, base };
            let volume = Volume { token, ..new(ctx, (&zone.name, &zone.id), plan, content, tags) };
            nouns::put(&tx, None, &volume);
            Ok(volume)
        }
    })
    .await?;
    ctx.base().nudge(WORK);
    Ok(super::seen::shown(&made))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVolume.html>
async fn delete_volume(ctx: Ctx, input: DeleteVolumeInput) -> Result<DeleteVolumeOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.volume_id);
        async move {
            let volume: Volume = nouns::find(&tx, Home::of(ctx), id).await?;
            if let Some(attachment) = &volume.attachment {
                let text = format!("Volume {id} is currently attached to {}", attachment.instance);
                return Err(Error::sender("VolumeInUse", text));
            }
            nouns::delete(&tx, &volume);
            Sweep::is_due(&tx, ctx.base());
            Ok(())
        }
    })
    .await?;
    ctx.base().nudge(WORK);
    Ok(DeleteVolumeOutput {})
}
