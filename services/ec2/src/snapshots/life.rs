//! How snapshots come and go.

use super::{Permissions, Snapshot};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::images::{Image, Root};
use crate::nouns::{self, Home, Noun, new_id};
use crate::tags::{self, Tags};
use crate::volumes::{self, File, Sweep, Volume};
use crate::{error, quotas, shared};
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_ec2::{
    self as api, CopySnapshotInput, CopySnapshotOutput, CreateSnapshotInput, CreateSnapshotOutput,
    DeleteSnapshotInput, DeleteSnapshotOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// How long an answer waits for the copy: then it is of the moment of the request. A larger one is of a moment soon after.
const COPIED_WITHIN: Duration = Duration::from_secs(20);
/// What a description may have.
const DESCRIPTION_MAX_CHARS: usize = 255;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateSnapshot,
        access::needs("ec2:CreateSnapshot", |input: &CreateSnapshotInput| {
            Asked::any().making::<Snapshot>(input.tag_specifications.as_ref()).and::<Volume>(&input.volume_id)
        }),
        create_snapshot,
    )
    .on(
        api::CopySnapshot,
        access::needs("ec2:CopySnapshot", |input: &CopySnapshotInput| {
            Asked::any().making::<Snapshot>(input.tag_specifications.as_ref())
        }),
        copy_snapshot,
    )
    .on(
        api::DeleteSnapshot,
        access::needs("ec2:DeleteSnapshot", |input: &DeleteSnapshotInput| {
            Asked::on::<Snapshot>(&input.snapshot_id)
        }),
        delete_snapshot,
    )
}

/// What a new snapshot is of.
pub(crate) struct New {
    /// The volume's id.
    pub volume: String,
    /// Its size in GiB.
    pub gib: i32,
    /// What the machine copies; none when nothing was ever written.
    pub from: Option<String>,
    /// What stands behind the image whose disk it is.
    pub base: Option<Root>,
    /// What is said of it.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
    /// The instance that is to be stopped before it is copied.
    pub waits_for: Option<String>,
}

impl New {
    /// Of a volume.
    pub(crate) fn of(volume: &Volume, description: String, tags: Tags) -> New {
        New {
            volume: volume.id.clone(),
            gib: volume.plan.gib,
            from: (volume.file == File::There).then(|| volume.id.clone()),
            base: volume.base.clone(),
            description,
            tags,
            waits_for: None,
        }
    }
}

/// Writes the record of a new snapshot; [`volumes::finish`] copies its file.
///
/// # Errors
/// SnapshotLimitExceeded.
pub(crate) async fn new(tx: &Tx, ctx: &Ctx, new: New) -> Result<Snapshot> {
    let home = Home::of(ctx);
    let count = nouns::all::<Snapshot>(tx, home).await?.len();
    quotas::check(count + 1, quotas::SNAPSHOTS, "SnapshotLimitExceeded", "snapshots")?;
    let snapshot = Snapshot {
        id: new_id(ctx, Snapshot::PREFIX),
        home,
        volume: new.volume,
        gib: new.gib,
        description: new.description,
        started: ctx.now(),
        done: None,
        file: File::Wanted,
        from: new.from,
        waits_for: new.waits_for,
        base: new.base,
        permissions: Permissions::default(),
        tags: new.tags,
    };
    shared::note(tx, home, &snapshot.id);
    nouns::put(tx, None, &snapshot);
    Ok(snapshot)
}

/// Copies the files of new snapshots, and waits for it a while.
pub(crate) async fn copy(ctx: &Ctx, snapshots: Vec<Snapshot>) {
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let world = Arc::clone(ctx.world());
    ctx.base().errand(async move {
        if snapshots.len() > 1 {
            // All of one moment. What is not copied here is copied below, or by the work, each for itself.
            volumes::copied_together(&world, &snapshots).await;
        }
        for snapshot in &snapshots {
            // What fails here is tried again by the work.
            volumes::finish(&world, snapshot).await.ok();
        }
        done.send(()).ok();
    });
    // Who waits in vain is answered all the same: the snapshot is pending.
    tokio::time::timeout(COPIED_WITHIN, is_done).await.ok();
    ctx.base().nudge(volumes::WORK);
}

pub(super) fn description(text: Option<&str>) -> Result<String> {
    let text = text.unwrap_or_default();
    match text.chars().count() > DESCRIPTION_MAX_CHARS {
        true => Err(error::invalid_parameter_value("The description is longer than 255 characters.")),
        false => Ok(text.to_owned()),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshot.html>
async fn create_snapshot(ctx: Ctx, input: CreateSnapshotInput) -> Result<CreateSnapshotOutput> {
    refuse(&[
        ("OutpostArn", input.outpost_arn.is_some()),
        ("Location", input.location.as_deref().is_some_and(|location| location != "regional")),
    ])?;
    let description = description(input.description.as_deref())?;
    let tags = tags::at_creation(Snapshot::KIND, input.tag_specifications.as_ref())?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, id, description, tags) = (&ctx, &input.volume_id, description.clone(), tags.clone());
        async move {
            let volume: Volume = nouns::find(&tx, Home::of(ctx), id).await?;
            if matches!(volume.file, File::Wanted | File::Failed(_)) {
                let text = format!("Volume '{id}' is in the '{}' state.", volume.state());
                return Err(Error::sender("IncorrectState", text));
            }
            new(&tx, ctx, New::of(&volume, description, tags)).await
        }
    })
    .await?;
    // AWS: it is of the moment of the request, and shown as pending.
    copy(&ctx, vec![made.clone()]).await;
    Ok(super::seen::shown(&made))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html>
async fn copy_snapshot(ctx: Ctx, input: CopySnapshotInput) -> Result<CopySnapshotOutput> {
    let elsewhere = input.destination_region.as_deref().is_some_and(|region| region != ctx.region().as_str());
    refuse(&[
        ("Encrypted", input.encrypted == Some(true)),
        ("KmsKeyId", input.kms_key_id.is_some()),
        ("DestinationOutpostArn", input.destination_outpost_arn.is_some()),
        ("DestinationAvailabilityZone", input.destination_availability_zone.is_some()),
        ("CompletionDurationMinutes", input.completion_duration_minutes.is_some()),
    ])?;
    if elsewhere {
        let region = input.destination_region.unwrap_or_default();
        return Err(error::invalid_value(
            region,
            "destinationRegion",
            "The copy is made where the request is sent.",
        ));
    }
    let description = description(input.description.as_deref())?;
    let tags = tags::at_creation(Snapshot::KIND, input.tag_specifications.as_ref())?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, description, tags) = (&ctx, &input, description.clone(), tags.clone());
        async move {
            let id = &input.source_snapshot_id;
            Snapshot::check_id(id)?;
            let of = shared::home(&tx, id).await?.filter(|of| of.region.as_str() == input.source_region);
            let found: Option<Snapshot> = match of {
                Some(of) => tx.get(&of.scope(), &[id]).await?,
                None => None,
            };
            let source = found.filter(|found| found.is_for(Home::of(ctx)));
            let source = source.ok_or_else(|| Snapshot::not_found(id))?.complete()?;
            // AWS: a copy is of a volume that cannot be asked for.
            let (volume, from) = ("vol-ffffffff".to_owned(), source.content());
            let wanted =
                New { volume, gib: source.gib, from, base: source.base, description, tags, waits_for: None };
            new(&tx, ctx, wanted).await
        }
    })
    .await?;
    copy(&ctx, vec![made.clone()]).await;
    Ok(CopySnapshotOutput { tags: tags::shown(&made.tags), snapshot_id: Some(made.id) })
}

/// Removes a snapshot that no image uses; `but` is an image that is about to go.
///
/// # Errors
/// InvalidSnapshot.InUse.
pub(crate) async fn remove(tx: &Tx, ctx: &Ctx, snapshot: &Snapshot, but: Option<&str>) -> Result<()> {
    let images: Vec<Image> = nouns::all(tx, snapshot.home).await?;
    let uses = |image: &&Image| Some(image.id.as_str()) != but && image.uses(&snapshot.id);
    if let Some(image) = images.iter().find(uses) {
        let text = format!("The snapshot {} is currently in use by {}", snapshot.id, image.id);
        return Err(Error::sender("InvalidSnapshot.InUse", text));
    }
    shared::forget(tx, &snapshot.id);
    nouns::delete(tx, snapshot);
    Sweep::is_due(tx, ctx.base());
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html>
async fn delete_snapshot(ctx: Ctx, input: DeleteSnapshotInput) -> Result<DeleteSnapshotOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.snapshot_id);
        async move {
            let snapshot: Snapshot = nouns::find(&tx, Home::of(ctx), id).await?;
            remove(&tx, ctx, &snapshot, None).await
        }
    })
    .await?;
    ctx.base().nudge(volumes::WORK);
    Ok(DeleteSnapshotOutput {})
}
