//! Images: what an instance's disk begins with.
//!
//! DIFFERS: behind AWS's names stands what this host has: its own `/usr`, or a busybox; the description says so.

use crate::access;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::Home;
use crate::pages::Wanted;
use crate::tags::Tags;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{self as api, DescribeImagesInput, DescribeImagesOutput};
use yakumo_aws::{Error, Region, Result};
use yakumo_room::{Ctx, Room, Tx};

/// What stands behind an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Root {
    /// The host's `/usr`.
    Host,
    /// The host's busybox.
    Busybox,
}

/// An image that every account finds in every region.
pub(crate) struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What stands behind it.
    pub root: Root,
}

/// All of them.
pub(crate) const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: "al2023-ami-2023.9.20251117.0-kernel-6.1-x86_64", root: Root::Host },
    BuiltIn { name: "debian-12-amd64-20251112-2294", root: Root::Host },
    BuiltIn { name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022", root: Root::Host },
    BuiltIn { name: "yakumo/busybox", root: Root::Busybox },
];

/// The id of an image that is everywhere: it follows from region and name, so that it is the same in every cloud.
pub(crate) fn id(region: Region, name: &str) -> String {
    let text = format!("{region}/{name}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("ami-0{hash:016x}")
}

/// What stands behind the image of that id.
///
/// # Errors
/// InvalidAMIID.Malformed, InvalidAMIID.NotFound.
pub(crate) async fn root(_tx: &Tx, home: Home, image: &str) -> Result<Root> {
    if !image.starts_with("ami-") {
        let text = format!("Invalid id: \"{image}\" (expecting \"ami-...\")");
        return Err(Error::sender("InvalidAMIID.Malformed", text));
    }
    let found = BUILT_IN.iter().find(|known| id(home.region, known.name) == image);
    found.map(|known| known.root.clone()).ok_or_else(|| not_found(image))
}

/// The architecture of what stands behind the images: this host's.
pub(crate) fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// The architecture of an image: `x86_64` or `arm64`.
///
/// # Errors
/// Those of [`root`].
pub(crate) async fn architecture(tx: &Tx, home: Home, image: &str) -> Result<&'static str> {
    root(tx, home, image).await.map(|_| host_architecture())
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(api::DescribeImages, access::reads("ec2:DescribeImages"), describe_images)
}

/// An image as an account sees it.
struct Seen(api::Image);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "image-id",
        "image-type",
        "is-public",
        "name",
        "owner-alias",
        "owner-id",
        "root-device-type",
        "state",
        "virtualization-type",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(image) = self;
        match filter {
            "architecture" => fact(image.architecture.clone()),
            "image-id" => fact(image.image_id.clone()),
            "image-type" => fact(image.image_type.clone()),
            "is-public" => fact(image.public.map(|public| public.to_string())),
            "name" => fact(image.name.clone()),
            "owner-alias" => fact(image.image_owner_alias.clone()),
            "owner-id" => fact(image.owner_id.clone()),
            "root-device-type" => fact(image.root_device_type.clone()),
            "state" => fact(image.state.clone()),
            _ => fact(image.virtualization_type.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn shown(region: Region, known: &BuiltIn) -> api::Image {
    let behind = match known.root {
        Root::Host => "the programs of this host",
        Root::Busybox => "this host's busybox",
    };
    api::Image {
        architecture: Some(host_architecture().into()),
        description: Some(format!("yakumo: behind this name stand {behind}")),
        ena_support: Some(true),
        hypervisor: Some("xen".into()),
        image_id: Some(id(region, known.name)),
        image_location: Some(format!("amazon/{}", known.name)),
        image_owner_alias: Some("amazon".into()),
        image_type: Some("machine".into()),
        name: Some(known.name.into()),
        owner_id: Some("137112412989".into()),
        platform_details: Some("Linux/UNIX".into()),
        public: Some(true),
        root_device_name: Some("/dev/xvda".into()),
        root_device_type: Some("ebs".into()),
        state: Some("available".into()),
        usage_operation: Some("RunInstances".into()),
        virtualization_type: Some("hvm".into()),
        ..api::Image::default()
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>
async fn describe_images(ctx: Ctx, input: DescribeImagesInput) -> Result<DescribeImagesOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let owners = input.owners.unwrap_or_default();
    let ids = input.image_ids.unwrap_or_default();
    let is_owned =
        owners.is_empty() || owners.iter().any(|owner| owner == "amazon" || owner == "137112412989");
    let all: Vec<Seen> = BUILT_IN.iter().map(|known| Seen(shown(ctx.region(), known))).collect();
    for wanted in &ids {
        if !all.iter().any(|Seen(image)| image.image_id.as_ref() == Some(wanted)) {
            return Err(not_found(wanted));
        }
    }
    let is_named =
        |image: &api::Image| ids.is_empty() || image.image_id.as_ref().is_some_and(|id| ids.contains(id));
    let mut found: Vec<Seen> =
        all.into_iter().filter(|seen| is_owned && is_named(&seen.0) && filters.pass(seen)).collect();
    let key = |Seen(image): &Seen| image.image_id.clone().unwrap_or_default();
    found.sort_by_key(key);
    let page = wanted.cut(found, key)?;
    Ok(DescribeImagesOutput {
        images: Some(page.items.into_iter().map(|Seen(image)| image).collect()),
        next_token: page.next_token,
    })
}

fn not_found(image: &str) -> Error {
    Error::sender("InvalidAMIID.NotFound", format!("The image id '[{image}]' does not exist"))
}
