//! Directory buckets: what is kept of them beyond what every bucket has.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-overview.html>

use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;
use yakumo_room::Record;

/// The storage class of everything in a directory bucket.
pub const STORAGE_CLASS: &str = "EXPRESS_ONEZONE";

/// That a bucket is a directory bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// The id of its zone, `use1-az4`.
    pub zone: String,
}

/// What a client token of RenameObject stands for. Key: the bucket's id, the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Renamed {
    pub token: String,
    /// All that the request asked for.
    pub asked: String,
    pub at: Timestamp,
}

impl Record for Renamed {
    const TABLE: &'static str = "renamed-objects";
}

/// The zone in the name of a directory bucket: `base--use1-az4--x-s3`.
pub fn zone_in(name: &str) -> Option<&str> {
    let (base, zone) = name.strip_suffix("--x-s3")?.rsplit_once("--")?;
    (!base.is_empty() && !zone.is_empty()).then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::zone_in;

    #[test]
    fn zones_in_names() {
        for (name, zone) in [
            ("logs--use1-az4--x-s3", Some("use1-az4")),
            ("a--b--use1-az4--x-s3", Some("use1-az4")),
            ("--use1-az4--x-s3", None),
            ("logs----x-s3", None),
            ("logs--x-s3", None),
            ("logs--use1-az4--x-s3x", None),
            ("logs", None),
        ] {
            assert_eq!(zone_in(name), zone, "{name}");
        }
    }
}
