//! The facts of instance types, family by family: sizes, interfaces, bandwidths. Data, and nothing else.
//!
//! Sources: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html>,
//! <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-optimized.html>

/// What the types of a family have in common.
#[derive(Debug, PartialEq)]
pub(crate) struct Family {
    /// What stands before the dot.
    pub name: &'static str,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// Who made its processors.
    pub maker: &'static str,
    /// Their sustained clock speed, where AWS tells it for the whole family.
    pub ghz: Option<f64>,
    /// Virtual processors of a core.
    pub threads: u32,
    /// `xen` or `nitro`.
    pub hypervisor: &'static str,
    /// Memory for each virtual processor, in MiB; sizes with a memory of their own say so.
    pub mib_per_vcpu: u32,
    /// Its sizes.
    pub sizes: &'static [Size],
    /// Those of them that it has; all when it names none.
    pub only: &'static [&'static str],
}

/// One size.
#[derive(Debug, PartialEq)]
pub(crate) struct Size {
    /// What stands behind the dot.
    pub name: &'static str,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, in MiB; 0 for the family's own proportion.
    pub memory_mib: u32,
    /// The most network interfaces.
    pub interfaces: u32,
    /// The most addresses of one of them, of each version.
    pub addresses: u32,
    /// AWS's words for its bandwidth.
    pub network: &'static str,
    /// Megabits a second and operations a second to disks: baseline, then the most. `None` without a bandwidth of its own.
    pub ebs: Option<Ebs>,
}

/// What goes to disks: each a baseline and the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ebs {
    /// Megabits a second.
    pub mbps: (u32, u32),
    /// Operations of 16 KiB a second.
    pub iops: (u32, u32),
}

const fn size(
    name: &'static str,
    (vcpus, memory_mib): (u32, u32),
    (interfaces, addresses): (u32, u32),
    network: &'static str,
    (mbps, max_mbps, iops, max_iops): (u32, u32, u32, u32),
) -> Size {
    let ebs = match max_mbps {
        0 => None,
        _ => Some(Ebs { mbps: (mbps, max_mbps), iops: (iops, max_iops) }),
    };
    Size { name, vcpus, memory_mib, interfaces, addresses, network, ebs }
}

const NONE: (u32, u32, u32, u32) = (0, 0, 0, 0);
const UP_5: &str = "Up to 5 Gigabit";
const UP_10: &str = "Up to 10 Gigabit";
const UP_12_5: &str = "Up to 12.5 Gigabit";
const UP_15: &str = "Up to 15 Gigabit";

const M1: &[Size] = &[
    size("small", (1, 1740), (2, 4), "Low", NONE),
    size("medium", (1, 3788), (2, 6), "Moderate", NONE),
    size("large", (2, 7680), (3, 10), "Moderate", (500, 500, 4_000, 4_000)),
];
const T2: &[Size] = &[
    size("nano", (1, 512), (2, 2), "Low to Moderate", NONE),
    size("micro", (1, 1024), (2, 2), "Low to Moderate", NONE),
    size("small", (1, 2048), (3, 4), "Low to Moderate", NONE),
    size("medium", (2, 4096), (3, 6), "Low to Moderate", NONE),
    size("large", (2, 8192), (3, 12), "Low to Moderate", NONE),
    size("xlarge", (4, 16384), (3, 15), "Moderate", NONE),
    size("2xlarge", (8, 32768), (3, 15), "Moderate", NONE),
];
const T3: &[Size] = &[
    size("nano", (2, 512), (2, 2), UP_5, (43, 2_085, 250, 11_800)),
    size("micro", (2, 1024), (2, 2), UP_5, (87, 2_085, 500, 11_800)),
    size("small", (2, 2048), (3, 4), UP_5, (174, 2_085, 1_000, 11_800)),
    size("medium", (2, 4096), (3, 6), UP_5, (347, 2_085, 2_000, 11_800)),
    size("large", (2, 8192), (3, 12), UP_5, (695, 2_780, 4_000, 15_700)),
    size("xlarge", (4, 16384), (4, 15), UP_5, (695, 2_780, 4_000, 15_700)),
    size("2xlarge", (8, 32768), (4, 15), UP_5, (695, 2_780, 4_000, 15_700)),
];
const T3A: &[Size] = &[
    size("nano", (2, 512), (2, 2), UP_5, (45, 2_085, 250, 11_800)),
    size("micro", (2, 1024), (2, 2), UP_5, (90, 2_085, 500, 11_800)),
    size("small", (2, 2048), (2, 4), UP_5, (175, 2_085, 1_000, 11_800)),
    size("medium", (2, 4096), (3, 6), UP_5, (350, 2_085, 2_000, 11_800)),
    size("large", (2, 8192), (3, 12), UP_5, (695, 2_780, 4_000, 15_700)),
    size("xlarge", (4, 16384), (4, 15), UP_5, (695, 2_780, 4_000, 15_700)),
    size("2xlarge", (8, 32768), (4, 15), UP_5, (695, 2_780, 4_000, 15_700)),
];
const T4G: &[Size] = &[
    size("nano", (2, 512), (2, 2), UP_5, (32, 2_606, 250, 11_800)),
    size("micro", (2, 1024), (2, 2), UP_5, (64, 2_606, 500, 11_800)),
    size("small", (2, 2048), (3, 4), UP_5, (128, 2_606, 1_000, 11_800)),
    size("medium", (2, 4096), (3, 6), UP_5, (256, 2_606, 2_000, 11_800)),
    size("large", (2, 8192), (3, 12), UP_5, (512, 3_475, 4_000, 15_700)),
    size("xlarge", (4, 16384), (4, 15), UP_5, (1_024, 3_475, 4_000, 15_700)),
    size("2xlarge", (8, 32768), (4, 15), UP_5, (2_048, 3_475, 4_000, 15_700)),
];
const FIFTH_INTEL: &[Size] = &[
    size("large", (2, 0), (3, 10), UP_10, (650, 4_750, 3_600, 18_750)),
    size("xlarge", (4, 0), (4, 15), UP_10, (1_150, 4_750, 6_000, 18_750)),
    size("2xlarge", (8, 0), (4, 15), UP_10, (2_300, 4_750, 12_000, 18_750)),
    size("4xlarge", (16, 0), (8, 30), UP_10, (4_750, 4_750, 18_750, 18_750)),
    size("8xlarge", (32, 0), (8, 30), "10 Gigabit", (6_800, 6_800, 30_000, 30_000)),
    size("12xlarge", (48, 0), (8, 30), "12 Gigabit", (9_500, 9_500, 40_000, 40_000)),
    size("16xlarge", (64, 0), (15, 50), "20 Gigabit", (13_600, 13_600, 60_000, 60_000)),
    size("24xlarge", (96, 0), (15, 50), "25 Gigabit", (19_000, 19_000, 80_000, 80_000)),
];
const FIFTH_AMD: &[Size] = &[
    size("large", (2, 0), (3, 10), UP_10, (650, 2_880, 3_600, 16_000)),
    size("xlarge", (4, 0), (4, 15), UP_10, (1_085, 2_880, 6_000, 16_000)),
    size("2xlarge", (8, 0), (4, 15), UP_10, (1_580, 2_880, 8_333, 16_000)),
    size("4xlarge", (16, 0), (8, 30), UP_10, (2_880, 2_880, 16_000, 16_000)),
    size("8xlarge", (32, 0), (8, 30), UP_10, (4_750, 4_750, 20_000, 20_000)),
    size("12xlarge", (48, 0), (8, 30), "10 Gigabit", (6_780, 6_780, 30_000, 30_000)),
    size("16xlarge", (64, 0), (15, 50), "12 Gigabit", (9_500, 9_500, 40_000, 40_000)),
    size("24xlarge", (96, 0), (15, 50), "20 Gigabit", (13_570, 13_570, 60_000, 60_000)),
];
const C5: &[Size] = &[
    size("large", (2, 0), (3, 10), UP_10, (650, 4_750, 4_000, 20_000)),
    size("xlarge", (4, 0), (4, 15), UP_10, (1_150, 4_750, 6_000, 20_000)),
    size("2xlarge", (8, 0), (4, 15), UP_10, (2_300, 4_750, 10_000, 20_000)),
    size("4xlarge", (16, 0), (8, 30), UP_10, (4_750, 4_750, 20_000, 20_000)),
    size("9xlarge", (36, 0), (8, 30), "12 Gigabit", (9_500, 9_500, 40_000, 40_000)),
    size("12xlarge", (48, 0), (8, 30), "12 Gigabit", (9_500, 9_500, 40_000, 40_000)),
    size("18xlarge", (72, 0), (15, 50), "25 Gigabit", (19_000, 19_000, 80_000, 80_000)),
    size("24xlarge", (96, 0), (15, 50), "25 Gigabit", (19_000, 19_000, 80_000, 80_000)),
];
const LATER: &[Size] = &[
    size("medium", (1, 0), (2, 4), UP_12_5, (325, 10_000, 2_500, 40_000)),
    size("large", (2, 0), (3, 10), UP_12_5, (650, 10_000, 3_600, 40_000)),
    size("xlarge", (4, 0), (4, 15), UP_12_5, (1_250, 10_000, 6_000, 40_000)),
    size("2xlarge", (8, 0), (4, 15), UP_12_5, (2_500, 10_000, 12_000, 40_000)),
    size("4xlarge", (16, 0), (8, 30), UP_12_5, (5_000, 10_000, 20_000, 40_000)),
    size("8xlarge", (32, 0), (8, 30), "12.5 Gigabit", (10_000, 10_000, 40_000, 40_000)),
    size("12xlarge", (48, 0), (8, 30), "18.75 Gigabit", (15_000, 15_000, 60_000, 60_000)),
    size("16xlarge", (64, 0), (15, 50), "25 Gigabit", (20_000, 20_000, 80_000, 80_000)),
    size("24xlarge", (96, 0), (15, 50), "37.5 Gigabit", (30_000, 30_000, 120_000, 120_000)),
    size("32xlarge", (128, 0), (15, 50), "50 Gigabit", (40_000, 40_000, 160_000, 160_000)),
    size("48xlarge", (192, 0), (15, 50), "50 Gigabit", (40_000, 40_000, 240_000, 240_000)),
];
const GRAVITON_2: &[Size] = &[
    size("medium", (1, 0), (2, 4), UP_10, (315, 4_750, 2_500, 20_000)),
    size("large", (2, 0), (3, 10), UP_10, (630, 4_750, 3_600, 20_000)),
    size("xlarge", (4, 0), (4, 15), UP_10, (1_188, 4_750, 6_000, 20_000)),
    size("2xlarge", (8, 0), (4, 15), UP_10, (2_375, 4_750, 12_000, 20_000)),
    size("4xlarge", (16, 0), (8, 30), UP_10, (4_750, 4_750, 20_000, 20_000)),
    size("8xlarge", (32, 0), (8, 30), "12 Gigabit", (9_500, 9_500, 40_000, 40_000)),
    size("12xlarge", (48, 0), (8, 30), "20 Gigabit", (14_250, 14_250, 50_000, 50_000)),
    size("16xlarge", (64, 0), (15, 50), "25 Gigabit", (19_000, 19_000, 80_000, 80_000)),
];
const GRAVITON_3: &[Size] = &[
    size("medium", (1, 0), (2, 4), UP_12_5, (315, 10_000, 2_500, 40_000)),
    size("large", (2, 0), (3, 10), UP_12_5, (630, 10_000, 3_600, 40_000)),
    size("xlarge", (4, 0), (4, 15), UP_12_5, (1_250, 10_000, 6_000, 40_000)),
    size("2xlarge", (8, 0), (4, 15), UP_15, (2_500, 10_000, 12_000, 40_000)),
    size("4xlarge", (16, 0), (8, 30), UP_15, (5_000, 10_000, 20_000, 40_000)),
    size("8xlarge", (32, 0), (8, 30), "15 Gigabit", (10_000, 10_000, 40_000, 40_000)),
    size("12xlarge", (48, 0), (8, 30), "22.5 Gigabit", (15_000, 15_000, 60_000, 60_000)),
    size("16xlarge", (64, 0), (15, 50), "30 Gigabit", (20_000, 20_000, 80_000, 80_000)),
];

/// Sizes of the sixth generation with Intel's processors.
const SIXTH_INTEL: &[&str] =
    &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge"];
/// The same with AMD's.
const SIXTH_AMD: &[&str] = &[
    "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge",
    "48xlarge",
];
/// Of the seventh with Intel's.
const SEVENTH_INTEL: &[&str] =
    &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"];

const BASE: Family = Family {
    name: "",
    architecture: "x86_64",
    maker: "Intel",
    ghz: None,
    threads: 2,
    hypervisor: "nitro",
    mib_per_vcpu: 4096,
    sizes: &[],
    only: &[],
};
const AMD: Family = Family { maker: "AMD", ..BASE };
const ARM: Family = Family { architecture: "arm64", maker: "AWS", threads: 1, ..BASE };
const XEN: Family = Family { hypervisor: "xen", threads: 1, ..BASE };
/// Memory for each virtual processor of the families c and r, in MiB; those of m have [`BASE`]'s.
const C: u32 = 2048;
const R: u32 = 8192;

/// All families.
pub(crate) const FAMILIES: &[Family] = &[
    Family { name: "c5", ghz: Some(3.4), mib_per_vcpu: C, sizes: C5, ..BASE },
    Family { name: "c6a", ghz: Some(3.6), mib_per_vcpu: C, sizes: LATER, only: SIXTH_AMD, ..AMD },
    Family { name: "c6g", ghz: Some(2.5), mib_per_vcpu: C, sizes: GRAVITON_2, ..ARM },
    Family { name: "c6i", ghz: Some(3.5), mib_per_vcpu: C, sizes: LATER, only: SIXTH_INTEL, ..BASE },
    Family { name: "c7a", ghz: Some(3.7), threads: 1, mib_per_vcpu: C, sizes: LATER, ..AMD },
    Family { name: "c7g", ghz: Some(2.6), mib_per_vcpu: C, sizes: GRAVITON_3, ..ARM },
    Family { name: "c7i", ghz: Some(3.2), mib_per_vcpu: C, sizes: LATER, only: SEVENTH_INTEL, ..BASE },
    Family { name: "m1", sizes: M1, ..XEN },
    Family { name: "m5", ghz: Some(3.1), sizes: FIFTH_INTEL, ..BASE },
    Family { name: "m5a", ghz: Some(2.5), sizes: FIFTH_AMD, ..AMD },
    Family { name: "m6a", ghz: Some(3.6), sizes: LATER, only: SIXTH_AMD, ..AMD },
    Family { name: "m6g", ghz: Some(2.5), sizes: GRAVITON_2, ..ARM },
    Family { name: "m6i", ghz: Some(3.5), sizes: LATER, only: SIXTH_INTEL, ..BASE },
    Family { name: "m7a", ghz: Some(3.7), threads: 1, sizes: LATER, ..AMD },
    Family { name: "m7g", ghz: Some(2.6), sizes: GRAVITON_3, ..ARM },
    Family { name: "m7i", ghz: Some(3.2), sizes: LATER, only: SEVENTH_INTEL, ..BASE },
    Family { name: "r5", ghz: Some(3.1), mib_per_vcpu: R, sizes: FIFTH_INTEL, ..BASE },
    Family { name: "r5a", ghz: Some(2.5), mib_per_vcpu: R, sizes: FIFTH_AMD, ..AMD },
    Family { name: "r6a", ghz: Some(3.6), mib_per_vcpu: R, sizes: LATER, only: SIXTH_AMD, ..AMD },
    Family { name: "r6g", ghz: Some(2.5), mib_per_vcpu: R, sizes: GRAVITON_2, ..ARM },
    Family { name: "r6i", ghz: Some(3.5), mib_per_vcpu: R, sizes: LATER, only: SIXTH_INTEL, ..BASE },
    Family { name: "r7a", ghz: Some(3.7), threads: 1, mib_per_vcpu: R, sizes: LATER, ..AMD },
    Family { name: "r7g", ghz: Some(2.6), mib_per_vcpu: R, sizes: GRAVITON_3, ..ARM },
    Family { name: "r7i", ghz: Some(3.2), mib_per_vcpu: R, sizes: LATER, only: SEVENTH_INTEL, ..BASE },
    Family { name: "t2", sizes: T2, ..XEN },
    Family { name: "t3", ghz: Some(2.5), sizes: T3, ..BASE },
    Family { name: "t3a", ghz: Some(2.2), sizes: T3A, ..AMD },
    Family { name: "t4g", ghz: Some(2.5), sizes: T4G, ..ARM },
];

/// AWS: types of the Free Tier.
pub(crate) const FREE_TIER: &[&str] = &["t2.micro", "t3.micro", "t3.small", "t4g.micro", "t4g.small"];
