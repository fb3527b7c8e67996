//! What the API shows of volumes, and DescribeVolumes.

use super::{Attachment, Volume};
use crate::access;
use crate::filters::{Filtered, fact};
use crate::pages::{self, Wanted};
use crate::tags::{self, Tags};
use yakumo_api_ec2::{self as api, DescribeVolumesInput, DescribeVolumesOutput, VolumeAttachment};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(api::DescribeVolumes, access::reads("ec2:DescribeVolumes"), describe_volumes)
}

/// What the API shows of its attachment.
pub(crate) fn attachment_shown(volume: &Volume) -> Option<VolumeAttachment> {
    let Attachment { instance, device, since, state, deletes, .. } = volume.attachment.as_ref()?;
    Some(VolumeAttachment {
        delete_on_termination: Some(*deletes),
        volume_id: Some(volume.id.clone()),
        instance_id: Some(instance.clone()),
        device: Some(device.clone()),
        state: Some(state.name().into()),
        attach_time: Some(*since),
        ..VolumeAttachment::default()
    })
}

/// What the API shows of a volume.
pub(crate) fn shown(volume: &Volume) -> api::Volume {
    api::Volume {
        availability_zone: Some(volume.zone.clone()),
        availability_zone_id: Some(volume.zone_id.clone()),
        iops: volume.plan.iops,
        throughput: volume.plan.throughput,
        tags: tags::shown(&volume.tags).filter(|tags| !tags.is_empty()),
        volume_type: Some(volume.plan.kind.clone()),
        multi_attach_enabled: Some(false),
        operator: Some(api::OperatorResponse { managed: Some(false), ..Default::default() }),
        volume_id: Some(volume.id.clone()),
        size: Some(volume.plan.gib),
        snapshot_id: Some(volume.snapshot.clone().unwrap_or_default()),
        state: Some(volume.state().into()),
        create_time: Some(volume.created),
        attachments: Some(attachment_shown(volume).into_iter().collect()),
        encrypted: Some(false),
        ..api::Volume::default()
    }
}

struct Seen(Volume);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "attachment.attach-time",
        "attachment.delete-on-termination",
        "attachment.device",
        "attachment.instance-id",
        "attachment.status",
        "availability-zone",
        "availability-zone-id",
        "create-time",
        "encrypted",
        "fast-restored",
        "multi-attach-enabled",
        "operator.managed",
        "operator.principal",
        "size",
        "snapshot-id",
        "status",
        "volume-id",
        "volume-type",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(volume) = self;
        let of = |what: fn(&Attachment) -> String| fact(volume.attachment.as_ref().map(what));
        match filter {
            "attachment.attach-time" => of(|one| one.since.to_date_time()),
            "attachment.delete-on-termination" => of(|one| one.deletes.to_string()),
            "attachment.device" => of(|one| one.device.clone()),
            "attachment.instance-id" => of(|one| one.instance.clone()),
            "attachment.status" => of(|one| one.state.name().to_owned()),
            "availability-zone" => fact(volume.zone.clone()),
            "availability-zone-id" => fact(volume.zone_id.clone()),
            "create-time" => fact(volume.created.to_date_time()),
            "encrypted" | "fast-restored" | "multi-attach-enabled" | "operator.managed" => {
                fact("false".to_owned())
            }
            // AWS: no service manages one.
            "operator.principal" => Vec::new(),
            "size" => fact(volume.plan.gib.to_string()),
            "snapshot-id" => fact(volume.snapshot.clone()),
            "status" => fact(volume.state().to_owned()),
            "volume-id" => fact(volume.id.clone()),
            _ => fact(volume.plan.kind.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>
async fn describe_volumes(ctx: Ctx, input: DescribeVolumesInput) -> Result<DescribeVolumesOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.volume_ids.as_ref(), "volumeIdSet");
    let page = pages::describe(&ctx, ids, input.filters.as_ref(), wanted, Seen).await?;
    Ok(DescribeVolumesOutput {
        volumes: Some(page.items.iter().map(|Seen(volume)| shown(volume)).collect()),
        next_token: page.next_token,
    })
}
