//! The attributes of a volume, and its status.

use super::{File, Volume};
use crate::access::{self, Asked};
use crate::commit::{change, only_if};
use crate::error;
use crate::filters::{Filtered, fact};
use crate::nouns::{self, Home};
use crate::pages::{self, Wanted};
use crate::tags::Tags;
use yakumo_api_ec2::{
    self as api, AttributeBooleanValue, DescribeVolumeAttributeInput, DescribeVolumeAttributeOutput,
    DescribeVolumeStatusInput, DescribeVolumeStatusOutput, ModifyVolumeAttributeInput,
    ModifyVolumeAttributeOutput, VolumeStatusDetails, VolumeStatusInfo, VolumeStatusItem,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeVolumeAttribute,
        access::needs("ec2:DescribeVolumeAttribute", |input: &DescribeVolumeAttributeInput| {
            Asked::on::<Volume>(&input.volume_id)
        }),
        describe_volume_attribute,
    )
    .on(
        api::ModifyVolumeAttribute,
        access::needs("ec2:ModifyVolumeAttribute", |input: &ModifyVolumeAttributeInput| {
            Asked::on::<Volume>(&input.volume_id)
        }),
        modify_volume_attribute,
    )
    .on(api::DescribeVolumeStatus, access::reads("ec2:DescribeVolumeStatus"), describe_volume_status)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeAttribute.html>
async fn describe_volume_attribute(
    ctx: Ctx,
    input: DescribeVolumeAttributeInput,
) -> Result<DescribeVolumeAttributeOutput> {
    let volume: Volume = nouns::look_up(&ctx, Home::of(&ctx), &input.volume_id).await?;
    only_if(input.dry_run)?;
    let mut output = DescribeVolumeAttributeOutput { volume_id: Some(volume.id), ..Default::default() };
    match input.attribute.as_str() {
        "autoEnableIO" => {
            output.auto_enable_io = Some(AttributeBooleanValue { value: Some(volume.auto_enable_io) })
        }
        "productCodes" => output.product_codes = Some(Vec::new()),
        other => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    Ok(output)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVolumeAttribute.html>
async fn modify_volume_attribute(
    ctx: Ctx,
    input: ModifyVolumeAttributeInput,
) -> Result<ModifyVolumeAttributeOutput> {
    let wanted = input.auto_enable_io.as_ref().and_then(|value| value.value);
    let wanted = wanted.ok_or_else(|| error::missing_parameter("AutoEnableIO"))?;
    change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.volume_id);
        async move {
            let before: Volume = nouns::find(&tx, Home::of(ctx), id).await?;
            nouns::put(&tx, Some(&before), &Volume { auto_enable_io: wanted, ..before.clone() });
            Ok(())
        }
    })
    .await?;
    Ok(ModifyVolumeAttributeOutput {})
}

struct Seen(VolumeStatusItem);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "action.code",
        "action.description",
        "action.event-id",
        "availability-zone",
        "availability-zone-id",
        "event.description",
        "event.event-id",
        "event.event-type",
        "event.not-after",
        "event.not-before",
        "volume-status.details-name",
        "volume-status.details-status",
        "volume-status.status",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(item) = self;
        let status = item.volume_status.clone().unwrap_or_default();
        let details = || status.details.iter().flatten();
        match filter {
            "availability-zone" => fact(item.availability_zone.clone()),
            "availability-zone-id" => fact(item.availability_zone_id.clone()),
            "volume-status.details-name" => details().filter_map(|one| one.name.clone()).collect(),
            "volume-status.details-status" => details().filter_map(|one| one.status.clone()).collect(),
            "volume-status.status" => fact(status.status.clone()),
            // There are no actions and no events.
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn status(volume: &Volume) -> VolumeStatusItem {
    let (status, io) = match volume.file {
        File::Wanted => ("insufficient-data", "not-available"),
        File::There | File::Empty => ("ok", "passed"),
        File::Failed(_) => ("impaired", "failed"),
    };
    let detail = |name: &str, status: &str| VolumeStatusDetails {
        name: Some(name.to_owned()),
        status: Some(status.to_owned()),
    };
    VolumeStatusItem {
        actions: Some(Vec::new()),
        availability_zone: Some(volume.zone.clone()),
        availability_zone_id: Some(volume.zone_id.clone()),
        events: Some(Vec::new()),
        volume_id: Some(volume.id.clone()),
        volume_status: Some(VolumeStatusInfo {
            details: Some(vec![detail("io-enabled", io), detail("io-performance", "not-applicable")]),
            status: Some(status.into()),
        }),
        attachment_statuses: Some(Vec::new()),
        ..VolumeStatusItem::default()
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeStatus.html>
async fn describe_volume_status(
    ctx: Ctx,
    input: DescribeVolumeStatusInput,
) -> Result<DescribeVolumeStatusOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.volume_ids.as_ref(), "volumeIdSet");
    let page =
        pages::describe(&ctx, ids, input.filters.as_ref(), wanted, |volume: Volume| Seen(status(&volume)))
            .await?;
    Ok(DescribeVolumeStatusOutput {
        volume_statuses: Some(page.items.into_iter().map(|Seen(item)| item).collect()),
        next_token: page.next_token,
    })
}
