//! Regions and the partitions they belong to: a closed list, so that a misspelt region is an error.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A group of regions with one namespace of ARNs and accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Partition {
    /// `aws`: the commercial regions.
    Aws,
    /// `aws-cn`: China.
    AwsCn,
    /// `aws-us-gov`: GovCloud (US).
    AwsUsGov,
}

impl Partition {
    /// The second field of every ARN in this partition.
    pub fn as_str(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::AwsCn => "aws-cn",
            Partition::AwsUsGov => "aws-us-gov",
        }
    }

    /// The domain under which this partition's endpoints live.
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Partition::AwsCn => "amazonaws.com.cn",
            Partition::Aws | Partition::AwsUsGov => "amazonaws.com",
        }
    }
}

/// One of AWS's regions. Copying is free: the name is a static string.
/// Source: <https://docs.aws.amazon.com/general/latest/gr/rande.html>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(&'static str);

const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

impl Region {
    /// Where global services (IAM, STS's global endpoint, Route 53 …) live in the `aws` partition.
    pub const US_EAST_1: Region = Region("us-east-1");

    /// Finds a region by its name; `None` when AWS has no such region.
    pub fn parse(name: &str) -> Option<Region> {
        REGIONS.binary_search(&name).ok().map(|index| Region(REGIONS[index]))
    }

    /// All regions, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Region> {
        REGIONS.iter().map(|name| Region(name))
    }

    /// The region's name, such as `eu-west-1`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The partition that this region belongs to.
    pub fn partition(self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::AwsCn
        } else if self.0.starts_with("us-gov-") {
            Partition::AwsUsGov
        } else {
            Partition::Aws
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Region::parse(&text).ok_or_else(|| de::Error::custom(format!("{text} is not an AWS region")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Partition, REGIONS, Region};

    #[test]
    fn the_list_is_sorted_because_it_is_searched_by_halves() {
        assert!(REGIONS.is_sorted());
    }

    #[test]
    fn a_misspelt_region_is_not_found() {
        assert!(Region::parse("us-east-11").is_none());
        assert_eq!(Region::parse("cn-north-1").unwrap().partition(), Partition::AwsCn);
    }
}
