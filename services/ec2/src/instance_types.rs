//! Instance types: what an instance may use.
//!
//! Invariant: what a type is follows from its family and its size, and is said once, in `facts.rs`.
//! Source: <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html>

mod facts;
mod offerings;
mod seen;

use crate::access;
use crate::error;
use facts::{Ebs, FAMILIES, Family, Size};
use yakumo_api_ec2 as api;
use yakumo_aws::Result;
use yakumo_room::Room;

/// A type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct InstanceType {
    family: &'static Family,
    size: &'static Size,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
}

impl InstanceType {
    fn of(family: &'static Family, size: &'static Size) -> InstanceType {
        let memory_mib = match size.memory_mib {
            0 => size.vcpus * family.mib_per_vcpu,
            own => own,
        };
        InstanceType { family, size, vcpus: size.vcpus, memory_mib }
    }

    /// Its name: `t3.micro`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.family.name, self.size.name)
    }

    /// `x86_64` or `arm64`.
    pub(crate) fn architecture(&self) -> &'static str {
        self.family.architecture
    }

    /// Whether it has a bandwidth to its disks of its own, or can have one.
    pub(crate) fn is_ebs_optimized(&self) -> bool {
        self.ebs().is_some()
    }

    /// Whether it runs on Nitro, with ENA's network.
    pub(crate) fn is_nitro(&self) -> bool {
        self.family.hypervisor == "nitro"
    }

    /// The most network interfaces that it has.
    pub(crate) fn interfaces(&self) -> usize {
        usize::try_from(self.size.interfaces).unwrap_or(1)
    }

    fn ebs(&self) -> Option<Ebs> {
        self.size.ebs
    }
}

/// What a type that nobody knows any more is taken for.
pub(crate) fn smallest() -> InstanceType {
    find("t2.nano").expect("the catalogue has it: the test below")
}

/// Whether the types of that name live on CPU credits.
pub(crate) fn is_burstable(name: &str) -> bool {
    find(name).is_some_and(|kind| kind.family.name.starts_with('t'))
}

/// All types, by family and size.
pub(crate) fn all() -> impl Iterator<Item = InstanceType> {
    let of = |family: &'static Family| {
        let has = move |size: &&'static Size| family.only.is_empty() || family.only.contains(&size.name);
        family.sizes.iter().filter(has).map(move |size| InstanceType::of(family, size))
    };
    FAMILIES.iter().flat_map(of)
}

/// The type of that name.
pub(crate) fn find(name: &str) -> Option<InstanceType> {
    let (family, size) = name.split_once('.')?;
    let family = FAMILIES.iter().find(|known| known.name == family)?;
    let size = family.sizes.iter().find(|known| known.name == size)?;
    let has = family.only.is_empty() || family.only.contains(&size.name);
    has.then(|| InstanceType::of(family, size))
}

/// The type of that name.
///
/// # Errors
/// InvalidParameterValue in AWS's words.
pub(crate) fn require(name: &str) -> Result<InstanceType> {
    find(name)
        .ok_or_else(|| error::invalid_parameter_value(format!("Invalid value '{name}' for InstanceType.")))
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::DescribeInstanceTypes,
        access::reads("ec2:DescribeInstanceTypes"),
        seen::describe_instance_types,
    )
    .on(
        api::DescribeInstanceTypeOfferings,
        access::reads("ec2:DescribeInstanceTypeOfferings"),
        offerings::describe_instance_type_offerings,
    )
}

#[cfg(test)]
mod tests {
    use super::{all, find, is_burstable, require, smallest};

    #[test]
    fn types_have_aws_sizes() {
        for (name, vcpus, memory_mib, architecture) in [
            ("t2.micro", 1, 1024, "x86_64"),
            ("t3.micro", 2, 1024, "x86_64"),
            ("t4g.small", 2, 2048, "arm64"),
            ("m5.large", 2, 8192, "x86_64"),
            ("c5.9xlarge", 36, 73_728, "x86_64"),
            ("r6i.32xlarge", 128, 1_048_576, "x86_64"),
            ("c7g.medium", 1, 2048, "arm64"),
            ("m1.small", 1, 1740, "x86_64"),
        ] {
            let kind = require(name).unwrap();
            assert_eq!(
                (kind.vcpus, kind.memory_mib, kind.architecture()),
                (vcpus, memory_mib, architecture),
                "{name}"
            );
        }
        for none in ["t3", "t3.huge", "m6i.48xlarge", "m7i.32xlarge", "m6a.medium", ""] {
            assert!(find(none).is_none(), "{none}");
        }
        assert!(is_burstable("t2.nano") && !is_burstable("m5.large"));
        assert_eq!(smallest().memory_mib, 512);
    }

    #[test]
    fn every_type_is_found_by_its_name() {
        let mut names: Vec<String> = all().map(|kind| kind.name()).collect();
        assert!(names.len() > 200);
        for kind in all() {
            assert_eq!(find(&kind.name()), Some(kind));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all().count());
    }
}
