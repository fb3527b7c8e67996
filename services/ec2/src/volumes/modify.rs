//! ModifyVolume: volumes grow and change their type, also while they are in use.
//!
//! DIFFERS: the file system grows with its volume; on AWS that is left to who uses it.
//! Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modify-volume.html>

use super::{File, Modification, Volume, WORK, plan};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, ALL, Home};
use crate::pages::Wanted;
use crate::tags::Tags;
use yakumo_api_ec2::{
    self as api, DescribeVolumesModificationsInput, DescribeVolumesModificationsOutput, ModifyVolumeInput,
    ModifyVolumeOutput, VolumeModification,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyVolume,
        access::needs("ec2:ModifyVolume", |input: &ModifyVolumeInput| Asked::on::<Volume>(&input.volume_id)),
        modify_volume,
    )
    .on(
        api::DescribeVolumesModifications,
        access::reads("ec2:DescribeVolumesModifications"),
        describe_volumes_modifications,
    )
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolume.html>
async fn modify_volume(ctx: Ctx, input: ModifyVolumeInput) -> Result<ModifyVolumeOutput> {
    refuse(&[("MultiAttachEnabled", input.multi_attach_enabled == Some(true))])?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let before: Volume = nouns::find(&tx, Home::of(ctx), &input.volume_id).await?;
            if before.file == File::Wanted || matches!(before.file, File::Failed(_)) {
                let text = format!("Volume '{}' is in the '{}' state.", before.id, before.state());
                return Err(Error::sender("IncorrectState", text));
            }
            if before.modification.as_ref().is_some_and(|last| last.done.is_none() && last.failed.is_none()) {
                let text = format!("Volume {} is already being modified.", before.id);
                return Err(Error::sender("IncorrectModificationState", text));
            }
            let old = &before.plan;
            let kind = input.volume_type.as_deref().unwrap_or(&old.kind);
            let gib = input.size.unwrap_or(old.gib);
            if gib < old.gib {
                return Err(error::invalid_parameter_value("New size cannot be smaller than existing size"));
            }
            // AWS: what is not said stays, as far as the type can have it.
            let keeps = kind == old.kind && kind != "gp2";
            let iops = input.iops.or(old.iops.filter(|_| keeps));
            let throughput = input.throughput.or(old.throughput.filter(|_| keeps));
            let after = plan(kind, gib, iops, throughput)?;
            let volume = Volume {
                modification: Some(Modification {
                    before: old.clone(),
                    after,
                    since: ctx.now(),
                    done: None,
                    failed: None,
                }),
                ..before.clone()
            };
            nouns::put(&tx, Some(&before), &volume);
            Ok(volume)
        }
    })
    .await?;
    ctx.base().nudge(WORK);
    Ok(ModifyVolumeOutput { volume_modification: shown(&made) })
}

fn shown(volume: &Volume) -> Option<VolumeModification> {
    let change = volume.modification.as_ref()?;
    let state = match (&change.failed, change.done) {
        (Some(_), _) => "failed",
        (None, Some(_)) => "completed",
        (None, None) => "modifying",
    };
    Some(VolumeModification {
        volume_id: Some(volume.id.clone()),
        modification_state: Some(state.into()),
        status_message: change.failed.clone(),
        target_size: Some(change.after.gib),
        target_iops: change.after.iops,
        target_volume_type: Some(change.after.kind.clone()),
        target_throughput: change.after.throughput,
        target_multi_attach_enabled: Some(false),
        original_size: Some(change.before.gib),
        original_iops: change.before.iops,
        original_volume_type: Some(change.before.kind.clone()),
        original_throughput: change.before.throughput,
        original_multi_attach_enabled: Some(false),
        progress: Some(if change.done.is_some() { 100 } else { 0 }),
        start_time: Some(change.since),
        end_time: change.done,
        ..VolumeModification::default()
    })
}

struct Seen(VolumeModification);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "modification-state",
        "original-iops",
        "original-size",
        "original-volume-type",
        "originalMultiAttachEnabled",
        "start-time",
        "target-iops",
        "target-size",
        "target-volume-type",
        "targetMultiAttachEnabled",
        "volume-id",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(seen) = self;
        let number = |value: Option<i32>| fact(value.map(|value| value.to_string()));
        match filter {
            "modification-state" => fact(seen.modification_state.clone()),
            "original-iops" => number(seen.original_iops),
            "original-size" => number(seen.original_size),
            "original-volume-type" => fact(seen.original_volume_type.clone()),
            "target-iops" => number(seen.target_iops),
            "target-size" => number(seen.target_size),
            "target-volume-type" => fact(seen.target_volume_type.clone()),
            "originalMultiAttachEnabled" | "targetMultiAttachEnabled" => fact("false".to_owned()),
            "start-time" => fact(seen.start_time.map(|time| time.to_date_time())),
            _ => fact(seen.volume_id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumesModifications.html>
async fn describe_volumes_modifications(
    ctx: Ctx,
    input: DescribeVolumesModificationsInput,
) -> Result<DescribeVolumesModificationsOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = input.volume_ids.unwrap_or_default();
    let all: Vec<Volume> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    for id in &ids {
        let found = all.iter().find(|volume| volume.id == *id);
        if found.is_none_or(|volume| volume.modification.is_none()) {
            let text = format!("Modification for volume '{id}' does not exist.");
            return Err(Error::sender("InvalidVolumeModification.NotFound", text));
        }
    }
    let named = all.iter().filter(|volume| ids.is_empty() || ids.contains(&volume.id));
    let passed = named.filter_map(shown).map(Seen).filter(|seen| filters.pass(seen));
    let page = wanted.cut(passed.collect(), |Seen(seen)| seen.volume_id.clone().unwrap_or_default())?;
    Ok(DescribeVolumesModificationsOutput {
        volumes_modifications: Some(page.items.into_iter().map(|Seen(seen)| seen).collect()),
        next_token: page.next_token,
    })
}
