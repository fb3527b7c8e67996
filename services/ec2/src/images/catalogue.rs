//! The images that every account finds in every region: the names and owners that people look for.
//!
//! Invariant: an id follows from region and name, so that it is the same in every cloud.
//! DIFFERS: what stands behind each of them is this host; versions and dates are those of AWS's images of that name.

use super::Root;
use crate::nouns::Home;
use crate::snapshots::{Permissions, Snapshot};
use crate::tags::Tags;
use crate::volumes::File;
use crate::volumes::mappings::Mapping;
use yakumo_aws::{AccountId, Region, Timestamp};

const AMAZON: &str = "137112412989";
const DEBIAN: &str = "136693071363";
const CANONICAL: &str = "099720109477";

/// Names of one kind. `CPU` stands for AWS's name of the processor, `DEB` for Debian's.
struct Family {
    owner: &'static str,
    name: &'static str,
    root_device: &'static str,
    volume: &'static str,
    root: Root,
    /// What `VERSION` is, and when the image was made: seconds since 1970. The newest first.
    versions: &'static [(&'static str, i64)],
}

const FAMILIES: &[Family] = &[
    Family {
        owner: AMAZON,
        name: "al2023-ami-VERSION-kernel-6.1-CPU",
        root_device: "/dev/xvda",
        volume: "gp3",
        root: Root::Host,
        versions: AL2023,
    },
    Family {
        owner: AMAZON,
        name: "al2023-ami-minimal-VERSION-kernel-6.1-CPU",
        root_device: "/dev/xvda",
        volume: "gp3",
        root: Root::Host,
        versions: AL2023,
    },
    Family {
        owner: AMAZON,
        name: "amzn2-ami-hvm-VERSION-CPU-gp2",
        root_device: "/dev/xvda",
        volume: "gp2",
        root: Root::Host,
        versions: AMZN2,
    },
    Family {
        owner: AMAZON,
        name: "amzn2-ami-kernel-5.10-hvm-VERSION-CPU-gp2",
        root_device: "/dev/xvda",
        volume: "gp2",
        root: Root::Host,
        versions: AMZN2,
    },
    Family {
        owner: DEBIAN,
        name: "debian-12-DEB-VERSION",
        root_device: "/dev/xvda",
        volume: "gp3",
        root: Root::Host,
        versions: &[("20251112-2294", 1_762_941_600), ("20251006-2257", 1_759_744_800)],
    },
    Family {
        owner: DEBIAN,
        name: "debian-13-DEB-VERSION",
        root_device: "/dev/xvda",
        volume: "gp3",
        root: Root::Host,
        versions: &[("20251117-2299", 1_763_373_600), ("20251006-2257", 1_759_744_800)],
    },
    Family {
        owner: CANONICAL,
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-DEB-server-VERSION",
        root_device: "/dev/sda1",
        volume: "gp2",
        root: Root::Host,
        versions: UBUNTU,
    },
    Family {
        owner: CANONICAL,
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-DEB-server-VERSION",
        root_device: "/dev/sda1",
        volume: "gp3",
        root: Root::Host,
        versions: UBUNTU,
    },
    Family {
        owner: AMAZON,
        name: "yakumo/VERSION",
        root_device: "/dev/xvda",
        volume: "gp3",
        root: Root::Busybox,
        versions: &[("busybox", 1_763_337_600)],
    },
];
const AL2023: &[(&str, i64)] = &[
    ("2023.9.20251117.0", 1_763_337_600),
    ("2023.9.20251027.0", 1_761_523_200),
    ("2023.8.20250915.0", 1_757_894_400),
];
const AMZN2: &[(&str, i64)] = &[("2.0.20251110.1", 1_762_732_800), ("2.0.20251014.0", 1_760_400_000)];
const UBUNTU: &[(&str, i64)] = &[("20251022", 1_761_091_200), ("20250821", 1_755_734_400)];

/// AWS's name of this host's processor.
pub(super) fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

/// An image that is everywhere.
pub(super) struct BuiltIn {
    /// Its owner's account.
    pub owner: &'static str,
    /// Its name.
    pub name: String,
    /// The name of the device that it boots from.
    pub root_device: &'static str,
    /// What stands behind it.
    pub root: Root,
    /// When it was made.
    pub created: Timestamp,
    volume: &'static str,
}

impl BuiltIn {
    /// Its id in a region.
    pub(super) fn id(&self, region: Region) -> String {
        id("ami", region, &self.name)
    }

    /// Its one volume.
    pub(super) fn mapping(&self, region: Region) -> Mapping {
        let is_new = self.volume == "gp3";
        Mapping {
            device: self.root_device.to_owned(),
            snapshot: Some(id("snap", region, &format!("snapshot of {}", self.name))),
            gib: Some(GIB),
            kind: self.volume.to_owned(),
            iops: is_new.then_some(3_000),
            throughput: is_new.then_some(125),
            deletes: true,
            is_of_image: true,
        }
    }

    /// What is said of it.
    pub(super) fn description(&self) -> String {
        let behind = match self.root {
            Root::Host => "the programs of this host",
            Root::Busybox => "this host's busybox",
        };
        format!("yakumo: behind this name stand {behind}")
    }
}

/// AWS's images have 8 GiB.
const GIB: i32 = 8;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = BuiltIn> {
    let debian = if architecture() == "arm64" { "arm64" } else { "amd64" };
    FAMILIES.iter().flat_map(move |family| {
        family.versions.iter().map(move |(version, at)| BuiltIn {
            owner: family.owner,
            name: family
                .name
                .replace("VERSION", version)
                .replace("CPU", architecture())
                .replace("DEB", debian),
            root_device: family.root_device,
            root: family.root.clone(),
            created: Timestamp::from_secs(*at),
            volume: family.volume,
        })
    })
}

/// The one of that id.
pub(super) fn find(region: Region, id: &str) -> Option<BuiltIn> {
    all().find(|known| known.id(region) == id)
}

fn id(prefix: &str, region: Region, name: &str) -> String {
    let text = format!("{region}/{name}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{prefix}-0{hash:016x}")
}

/// AWS: what Amazon and its verified providers own has an alias.
pub(crate) fn alias(account: &str) -> Option<String> {
    [AMAZON, DEBIAN, CANONICAL].contains(&account).then(|| "amazon".to_owned())
}

/// The snapshots that they are made of: nothing is written there yet.
pub(crate) fn built_in_snapshots(region: Region) -> Vec<Snapshot> {
    let snapshot = |known: BuiltIn| {
        let account: AccountId = AccountId::parse(known.owner)?;
        Some(Snapshot {
            id: known.mapping(region).snapshot?,
            home: Home { account, region },
            volume: "vol-ffffffff".to_owned(),
            gib: GIB,
            description: known.description(),
            started: known.created,
            done: Some(known.created),
            file: File::Empty,
            from: None,
            waits_for: None,
            base: Some(known.root.clone()),
            permissions: Permissions { all: true, ..Permissions::default() },
            tags: Tags::new(),
        })
    };
    all().filter_map(snapshot).collect()
}

/// The one of that id.
pub(crate) fn built_in_snapshot(region: Region, id: &str) -> Option<Snapshot> {
    built_in_snapshots(region).into_iter().find(|snapshot| snapshot.id == id)
}
