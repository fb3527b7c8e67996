//! Instance types and their sizes: what an instance may use.
//!
//! Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html>

use yakumo_aws::{Error, Result};

/// A type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InstanceType {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
}

/// What a type that nobody knows any more is taken for.
pub(crate) const SMALLEST: InstanceType = InstanceType { vcpus: 1, memory_mib: 512 };

/// Sizes of a family that follow AWS's usual steps: a large one has two processors, an xlarge one four.
const STEPS: &[(&str, u32)] = &[
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("12xlarge", 48),
    ("16xlarge", 64),
    ("24xlarge", 96),
];
/// Families and how much memory they have for each processor, in GiB.
const FAMILIES: &[(&str, u32)] = &[
    ("m5", 4),
    ("m5a", 4),
    ("m6a", 4),
    ("m6i", 4),
    ("m7a", 4),
    ("m7i", 4),
    ("c6a", 2),
    ("c6i", 2),
    ("c7a", 2),
    ("c7i", 2),
    ("r5", 8),
    ("r5a", 8),
    ("r6a", 8),
    ("r6i", 8),
    ("r7a", 8),
    ("r7i", 8),
];
/// Types with sizes of their own: processors and MiB.
const OTHERS: &[(&str, u32, u32)] = &[
    ("t2.nano", 1, 512),
    ("t2.micro", 1, 1024),
    ("t2.small", 1, 2048),
    ("t2.medium", 2, 4096),
    ("t2.large", 2, 8192),
    ("t2.xlarge", 4, 16384),
    ("t2.2xlarge", 8, 32768),
    ("t3.nano", 2, 512),
    ("t3.micro", 2, 1024),
    ("t3.small", 2, 2048),
    ("t3.medium", 2, 4096),
    ("t3.large", 2, 8192),
    ("t3.xlarge", 4, 16384),
    ("t3.2xlarge", 8, 32768),
    ("t3a.nano", 2, 512),
    ("t3a.micro", 2, 1024),
    ("t3a.small", 2, 2048),
    ("t3a.medium", 2, 4096),
    ("t3a.large", 2, 8192),
    ("t3a.xlarge", 4, 16384),
    ("t3a.2xlarge", 8, 32768),
    ("m1.small", 1, 1740),
    ("m1.medium", 1, 3788),
    ("m1.large", 2, 7680),
    ("c5.large", 2, 4096),
    ("c5.xlarge", 4, 8192),
    ("c5.2xlarge", 8, 16384),
    ("c5.4xlarge", 16, 32768),
    ("c5.9xlarge", 36, 73728),
    ("c5.12xlarge", 48, 98304),
    ("c5.18xlarge", 72, 147_456),
    ("c5.24xlarge", 96, 196_608),
];

/// The type of that name.
pub(crate) fn find(name: &str) -> Option<InstanceType> {
    if let Some((_, vcpus, memory_mib)) = OTHERS.iter().find(|(known, ..)| *known == name) {
        return Some(InstanceType { vcpus: *vcpus, memory_mib: *memory_mib });
    }
    let (family, size) = name.split_once('.')?;
    let (_, gib) = FAMILIES.iter().find(|(known, _)| *known == family)?;
    let (_, vcpus) = STEPS.iter().find(|(known, _)| *known == size)?;
    Some(InstanceType { vcpus: *vcpus, memory_mib: vcpus * gib * 1024 })
}

/// The type of that name.
///
/// # Errors
/// InvalidParameterValue in AWS's words.
pub(crate) fn require(name: &str) -> Result<InstanceType> {
    find(name).ok_or_else(|| {
        Error::sender(
            "InvalidParameterValue",
            format!("The following supplied instance types do not exist: [{name}]"),
        )
    })
}
