//! What the API shows of images, and DescribeImages.

use super::{Image, catalogue};
use crate::access;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{Home, Noun};
use crate::pages::Wanted;
use crate::shared;
use crate::snapshots::{Permissions, Snapshot};
use crate::tags::{self, Tags};
use crate::volumes::mappings::Mapping;
use std::collections::BTreeMap;
use yakumo_api_ec2::{self as api, DescribeImagesInput, DescribeImagesOutput};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(api::DescribeImages, access::reads("ec2:DescribeImages"), describe_images)
}

/// An image as an account sees it, who may launch it, and its tags.
struct Seen {
    shown: api::Image,
    permissions: Permissions,
    tags: Tags,
    is_own: bool,
    is_deprecated: bool,
}

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "block-device-mapping.delete-on-termination",
        "block-device-mapping.device-name",
        "block-device-mapping.encrypted",
        "block-device-mapping.snapshot-id",
        "block-device-mapping.volume-size",
        "block-device-mapping.volume-type",
        "boot-mode",
        "creation-date",
        "description",
        "ena-support",
        "hypervisor",
        "image-id",
        "image-type",
        "is-public",
        "kernel-id",
        "manifest-location",
        "name",
        "owner-alias",
        "owner-id",
        "platform",
        "platform-details",
        "product-code",
        "product-code.type",
        "ramdisk-id",
        "root-device-name",
        "root-device-type",
        "source-image-id",
        "source-image-region",
        "source-instance-id",
        "sriov-net-support",
        "state",
        "state-reason-code",
        "state-reason-message",
        "usage-operation",
        "virtualization-type",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let image = &self.shown;
        if let Some(filter) = filter.strip_prefix("block-device-mapping.") {
            return image
                .block_device_mappings
                .iter()
                .flatten()
                .flat_map(|one| of_mapping(one, filter))
                .collect();
        }
        match filter {
            "architecture" => fact(image.architecture.clone()),
            "boot-mode" => fact(image.boot_mode.clone()),
            "creation-date" => fact(image.creation_date.clone()),
            "description" => fact(image.description.clone()),
            "ena-support" => fact(image.ena_support.map(|support| support.to_string())),
            "hypervisor" => fact(image.hypervisor.clone()),
            "image-id" => fact(image.image_id.clone()),
            "image-type" => fact(image.image_type.clone()),
            "is-public" => fact(image.public.map(|public| public.to_string())),
            "manifest-location" => fact(image.image_location.clone()),
            "name" => fact(image.name.clone()),
            "owner-alias" => fact(image.image_owner_alias.clone()),
            "owner-id" => fact(image.owner_id.clone()),
            "platform-details" => fact(image.platform_details.clone()),
            "root-device-name" => fact(image.root_device_name.clone()),
            "root-device-type" => fact(image.root_device_type.clone()),
            "source-image-id" => fact(image.source_image_id.clone()),
            "source-image-region" => fact(image.source_image_region.clone()),
            "source-instance-id" => fact(image.source_instance_id.clone()),
            "state" => fact(image.state.clone()),
            "usage-operation" => fact(image.usage_operation.clone()),
            "virtualization-type" => fact(image.virtualization_type.clone()),
            // No image has a kernel of its own, a platform, product codes, or a reason for its state.
            _ => Vec::new(),
        }
    }

    /// AWS: an account sees its own tags alone.
    fn tags(&self) -> Option<&Tags> {
        self.is_own.then_some(&self.tags)
    }
}

fn of_mapping(mapping: &api::BlockDeviceMapping, filter: &str) -> Vec<String> {
    let ebs = mapping.ebs.clone().unwrap_or_default();
    match filter {
        "delete-on-termination" => fact(ebs.delete_on_termination.map(|deletes| deletes.to_string())),
        "device-name" => fact(mapping.device_name.clone()),
        "encrypted" => fact("false".to_owned()),
        "snapshot-id" => fact(ebs.snapshot_id),
        "volume-size" => fact(ebs.volume_size.map(|size| size.to_string())),
        _ => fact(ebs.volume_type),
    }
}

fn shown(image: &Image, state: &str, is_own: bool) -> api::Image {
    let owner = image.home.account.to_string();
    api::Image {
        block_device_mappings: Some(image.mappings.iter().map(Mapping::shown).collect()),
        description: Some(image.description.clone()).filter(|text| !text.is_empty()),
        image_location: Some(format!("{owner}/{}", image.name)),
        name: Some(image.name.clone()),
        root_device_name: Some(image.root_device.clone()),
        tags: tags::shown(&image.tags).filter(|tags| is_own && !tags.is_empty()),
        deprecation_time: image.deprecated.map(Timestamped::text),
        source_instance_id: image.from_instance.clone().filter(|_| is_own),
        source_image_id: image.from_image.as_ref().map(|(id, _)| id.clone()),
        source_image_region: image.from_image.as_ref().map(|(_, region)| region.clone()),
        image_id: Some(image.id.clone()),
        state: Some(state.to_owned()),
        owner_id: Some(owner),
        creation_date: Some(image.created.text()),
        public: Some(image.permissions.all),
        ..common()
    }
}

/// AWS shows the times of images with milliseconds.
trait Timestamped {
    fn text(self) -> String;
}

impl Timestamped for yakumo_aws::Timestamp {
    fn text(self) -> String {
        let text = self.to_date_time();
        match text.strip_suffix('Z') {
            Some(seconds) if !seconds.contains('.') => format!("{seconds}.000Z"),
            _ => text,
        }
    }
}

/// What all images have in common.
fn common() -> api::Image {
    api::Image {
        architecture: Some(catalogue::architecture().into()),
        boot_mode: Some("uefi-preferred".into()),
        ena_support: Some(true),
        hypervisor: Some("xen".into()),
        image_type: Some("machine".into()),
        platform_details: Some("Linux/UNIX".into()),
        root_device_type: Some("ebs".into()),
        sriov_net_support: Some("simple".into()),
        usage_operation: Some("RunInstances".into()),
        virtualization_type: Some("hvm".into()),
        deregistration_protection: Some("disabled".into()),
        ..api::Image::default()
    }
}

fn built_in(known: &catalogue::BuiltIn, ctx: &Ctx) -> api::Image {
    api::Image {
        block_device_mappings: Some(vec![known.mapping(ctx.region()).shown()]),
        description: Some(known.description()),
        image_location: Some(format!("amazon/{}", known.name)),
        image_owner_alias: catalogue::alias(known.owner),
        name: Some(known.name.clone()),
        root_device_name: Some(known.root_device.to_owned()),
        image_id: Some(known.id(ctx.region())),
        state: Some("available".into()),
        owner_id: Some(known.owner.to_owned()),
        creation_date: Some(known.created.text()),
        public: Some(true),
        ..common()
    }
}

async fn all(ctx: &Ctx) -> Result<Vec<Seen>> {
    let home = Home::of(ctx);
    let snapshots: Vec<Snapshot> = shared::everybodys(ctx).await?;
    let states: BTreeMap<String, &str> =
        snapshots.iter().map(|snapshot| (snapshot.id.clone(), snapshot.state())).collect();
    let mut found = Vec::new();
    for image in shared::everybodys::<Image>(ctx).await? {
        if !image.is_for(home) {
            continue;
        }
        let is_own = image.home.account == home.account;
        let mut states = image.mappings.iter().filter_map(|mapping| states.get(mapping.snapshot.as_ref()?));
        // An image is as far as the last of its snapshots.
        let state = match states.clone().any(|state| *state == "error") {
            true => "failed",
            false if states.any(|state| *state == "pending") => "pending",
            false => "available",
        };
        found.push(Seen {
            shown: shown(&image, state, is_own),
            is_deprecated: image.deprecated.is_some_and(|at| at.as_millis() <= ctx.now().as_millis()),
            permissions: image.permissions,
            tags: image.tags,
            is_own,
        });
    }
    found.extend(catalogue::all().map(|known| Seen {
        shown: built_in(&known, ctx),
        permissions: Permissions { all: true, ..Permissions::default() },
        tags: Tags::new(),
        is_own: false,
        is_deprecated: false,
    }));
    Ok(found)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>
async fn describe_images(ctx: Ctx, input: DescribeImagesInput) -> Result<DescribeImagesOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = input.image_ids.unwrap_or_default();
    if !ids.is_empty() && input.max_results.is_some() {
        return Err(error::not_together("imageIdSet", "maxResults"));
    }
    let account = ctx.account().to_string();
    let all = all(&ctx).await?;
    for id in &ids {
        Image::check_id(id)?;
        if !all.iter().any(|seen| seen.shown.image_id.as_ref() == Some(id)) {
            return Err(Image::not_found(id));
        }
    }
    let owners = input.owners.unwrap_or_default();
    let is_owned = |seen: &Seen| {
        let (owner, alias) = (seen.shown.owner_id.as_deref(), seen.shown.image_owner_alias.as_deref());
        owners.is_empty()
            || owners.iter().any(|wanted| match wanted.as_str() {
                "self" => seen.is_own,
                other => owner == Some(other) || alias == Some(other),
            })
    };
    let users = input.executable_users.unwrap_or_default();
    let is_executable = |seen: &Seen| {
        users.is_empty()
            || users.iter().any(|user| match user.as_str() {
                "all" => seen.permissions.all,
                "self" => seen.permissions.accounts.contains(&account),
                other => seen.permissions.accounts.contains(other),
            })
    };
    // AWS: the owner sees what is out of date, others only when they ask for it.
    let is_current =
        |seen: &Seen| seen.is_own || !seen.is_deprecated || input.include_deprecated == Some(true);
    let is_named =
        |seen: &Seen| ids.is_empty() || seen.shown.image_id.as_ref().is_some_and(|id| ids.contains(id));
    let mut found: Vec<Seen> = all
        .into_iter()
        .filter(|seen| is_named(seen) && is_owned(seen) && is_executable(seen) && is_current(seen))
        .filter(|seen| filters.pass(seen))
        .collect();
    let key = |seen: &Seen| seen.shown.image_id.clone().unwrap_or_default();
    found.sort_by_key(key);
    let page = wanted.cut(found, key)?;
    Ok(DescribeImagesOutput {
        images: Some(page.items.into_iter().map(|seen| seen.shown).collect()),
        next_token: page.next_token,
    })
}
