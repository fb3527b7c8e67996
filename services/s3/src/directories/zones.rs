//! The zones in which directory buckets can be.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/endpoint-directory-buckets-AZ.html>

use yakumo_aws::Region;

/// Regions and the ids of their zones.
const ZONES: [(&str, &[&str]); 7] = [
    ("us-east-1", &["use1-az4", "use1-az5", "use1-az6"]),
    ("us-east-2", &["use2-az1", "use2-az2"]),
    ("us-west-2", &["usw2-az1", "usw2-az3", "usw2-az4"]),
    ("ap-south-1", &["aps1-az1", "aps1-az3"]),
    ("ap-northeast-1", &["apne1-az1", "apne1-az4"]),
    ("eu-west-1", &["euw1-az1", "euw1-az3"]),
    ("eu-north-1", &["eun1-az1", "eun1-az2", "eun1-az3"]),
];

/// Whether a region has a zone of this id for directory buckets.
pub fn has(region: Region, zone: &str) -> bool {
    ZONES.iter().any(|(name, zones)| *name == region.as_str() && zones.contains(&zone))
}

#[cfg(test)]
mod tests {
    use super::has;
    use yakumo_aws::Region;

    #[test]
    fn zones_are_those_of_their_region() {
        assert!(has(Region::US_EAST_1, "use1-az4"));
        for other in ["use1-az1", "usw2-az1", "us-east-1a", ""] {
            assert!(!has(Region::US_EAST_1, other), "{other}");
        }
    }
}
