//! Types of volumes: which sizes, operations a second and throughput each may have. Pure.
//!
//! Invariant: what is shown of a plan is what AWS would show; nothing here slows a volume down.
//! Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html>

use crate::error;
use crate::nouns::Keys;
use serde::{Deserialize, Serialize};
use yakumo_aws::Result;

/// Type, size and speed of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// `gp3`.
    pub kind: String,
    /// Size in GiB.
    pub gib: i32,
    /// Operations a second, where the type has a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// MiB a second, where the type has a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
}

impl Plan {
    /// The condition keys about it.
    pub(crate) fn keys(&self) -> Keys {
        let mut keys = vec![
            ("ec2:VolumeSize".to_owned(), vec![self.gib.to_string()]),
            ("ec2:VolumeType".to_owned(), vec![self.kind.clone()]),
        ];
        let mut add = |key: &str, value: Option<i32>| {
            keys.extend(value.map(|value| (key.to_owned(), vec![value.to_string()])));
        };
        add("ec2:VolumeIops", self.iops);
        add("ec2:VolumeThroughput", self.throughput);
        keys
    }
}

/// A type: its name, its sizes in GiB, and, where they can be asked for, its operations a second and how many for each GiB.
struct Type(&'static str, (i32, i32), Option<((i32, i32), i32)>);

const TYPES: &[Type] = &[
    Type("standard", (1, 1_024), None),
    Type("gp2", (1, 16_384), None),
    // AWS: 64 TiB, 80 000 operations and 2 000 MiB since September 2025.
    Type("gp3", (1, 65_536), Some(((3_000, 80_000), 500))),
    Type("io1", (4, 16_384), Some(((100, 64_000), 50))),
    Type("io2", (4, 65_536), Some(((100, 256_000), 1_000))),
    Type("st1", (125, 16_384), None),
    Type("sc1", (125, 16_384), None),
];
/// AWS: every gp3 volume has these without asking.
const GP3_IOPS: i32 = 3_000;
const GP3_THROUGHPUT: (i32, i32) = (125, 2_000);

/// A plan of what was asked for, checked.
///
/// # Errors
/// InvalidParameterValue, InvalidParameterCombination in AWS's words.
pub(crate) fn plan(kind: &str, gib: i32, iops: Option<i32>, throughput: Option<i32>) -> Result<Plan> {
    let Some(Type(_, sizes, speeds)) = TYPES.iter().find(|one| one.0 == kind) else {
        return Err(error::invalid_value(kind, "volumeType", "Unknown volume type."));
    };
    if gib < sizes.0 {
        return Err(wrong(format!(
            "Volume of {gib}GiB is too small for volume type {kind}; minimum is {}GiB.",
            sizes.0
        )));
    }
    if gib > sizes.1 {
        return Err(wrong(format!(
            "Volume of {gib}GiB is too large for volume type {kind}; maximum is {}GiB.",
            sizes.1
        )));
    }
    let iops = match (speeds, iops) {
        (None, Some(_)) => return Err(unsupported("iops", kind)),
        (None, None) if kind == "gp2" => Some((3 * gib).clamp(100, 16_000)),
        (None, None) => None,
        (Some(_), None) if kind == "gp3" => Some(GP3_IOPS),
        (Some(_), None) => {
            let text = format!("The parameter iops must be specified for {kind} volumes.");
            return Err(error::invalid_parameter_combination(text));
        }
        (Some((bounds, ratio)), Some(iops)) => Some(within(gib, iops, *bounds, *ratio)?),
    };
    let throughput = match throughput {
        Some(_) if kind != "gp3" => return Err(unsupported("throughput", kind)),
        Some(wanted) => Some(throughput_of(wanted, iops.unwrap_or(GP3_IOPS))?),
        None => (kind == "gp3").then_some(GP3_THROUGHPUT.0),
    };
    Ok(Plan { kind: kind.to_owned(), gib, iops, throughput })
}

fn within(gib: i32, iops: i32, bounds: (i32, i32), ratio: i32) -> Result<i32> {
    if iops < bounds.0 {
        return Err(wrong(format!("Volume iops of {iops} is too low; minimum is {}.", bounds.0)));
    }
    if iops > bounds.1 {
        return Err(wrong(format!("Volume iops of {iops} is too high; maximum is {}.", bounds.1)));
    }
    // AWS: a small gp3 volume has its 3 000 all the same.
    if iops > bounds.0.max(ratio.saturating_mul(gib)) {
        let text = format!(
            "Iops to volume size ratio of {:.6} is too high; maximum is {ratio} IOPS per GiB.",
            f64::from(iops) / f64::from(gib)
        );
        return Err(wrong(text));
    }
    Ok(iops)
}

fn throughput_of(wanted: i32, iops: i32) -> Result<i32> {
    if wanted < GP3_THROUGHPUT.0 {
        return Err(wrong(format!(
            "Volume throughput of {wanted}MiBps is too low; minimum is {}MiBps.",
            GP3_THROUGHPUT.0
        )));
    }
    if wanted > GP3_THROUGHPUT.1 {
        return Err(wrong(format!(
            "Volume throughput of {wanted}MiBps is too high; maximum is {}MiBps.",
            GP3_THROUGHPUT.1
        )));
    }
    if wanted.saturating_mul(4) > iops {
        let text = format!(
            "Throughput (MiBps) to iops ratio of {:.6} is too high; maximum is 0.250000 MiBps per iops.",
            f64::from(wanted) / f64::from(iops)
        );
        return Err(wrong(text));
    }
    Ok(wanted)
}

fn wrong(text: String) -> yakumo_aws::Error {
    error::invalid_parameter_value(text)
}

fn unsupported(parameter: &str, kind: &str) -> yakumo_aws::Error {
    error::invalid_parameter_combination(format!(
        "The parameter {parameter} is not supported for {kind} volumes."
    ))
}

#[cfg(test)]
mod tests {
    use super::plan;

    #[test]
    fn types_have_sizes_and_speeds() {
        let speed = |kind, gib| plan(kind, gib, None, None).map(|plan| (plan.iops, plan.throughput)).unwrap();
        assert_eq!(speed("gp2", 8), (Some(100), None));
        assert_eq!(speed("gp2", 1_000), (Some(3_000), None));
        assert_eq!(speed("gp3", 1), (Some(3_000), Some(125)));
        assert_eq!(speed("standard", 1), (None, None));
        assert!(plan("io1", 4, Some(200), None).is_ok() && plan("gp3", 16, Some(8_000), Some(1_000)).is_ok());
    }

    #[test]
    fn what_a_type_has_not_is_refused() {
        for (kind, gib, iops, throughput, code) in [
            ("gp9", 8, None, None, "InvalidParameterValue"),
            ("gp2", 0, None, None, "InvalidParameterValue"),
            ("gp2", 16_385, None, None, "InvalidParameterValue"),
            ("st1", 100, None, None, "InvalidParameterValue"),
            ("gp2", 8, Some(100), None, "InvalidParameterCombination"),
            ("gp2", 8, None, Some(125), "InvalidParameterCombination"),
            ("io1", 8, None, None, "InvalidParameterCombination"),
            ("io1", 4, Some(201), None, "InvalidParameterValue"),
            ("gp3", 8, Some(2_999), None, "InvalidParameterValue"),
            ("gp3", 8, Some(4_001), None, "InvalidParameterValue"),
            ("gp3", 8, None, Some(124), "InvalidParameterValue"),
            ("gp3", 8, Some(3_000), Some(751), "InvalidParameterValue"),
        ] {
            let refused = plan(kind, gib, iops, throughput).unwrap_err();
            assert_eq!(refused.code, code, "{kind} {gib} {iops:?} {throughput:?}");
        }
    }
}
