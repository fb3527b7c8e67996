//! The additional checksums in S3's inputs and outputs: one member for each algorithm.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

use crate::error;
use crate::state::Checksum;
use yakumo_aws::Result;
use yakumo_checksum::Algorithm;

/// Which algorithm a request chose, and the value when it came in the head.
pub type Chosen = Option<(Algorithm, Option<String>)>;

/// The checksum members of a structure, with the names of their algorithms.
#[macro_export]
macro_rules! checksum_members {
    ($of:expr) => {
        [
            ("CRC32", &$of.checksum_crc32),
            ("CRC32C", &$of.checksum_crc32_c),
            ("CRC64NVME", &$of.checksum_crc64_nvme),
            ("SHA1", &$of.checksum_sha1),
            ("SHA256", &$of.checksum_sha256),
            ("SHA512", &$of.checksum_sha512),
            ("MD5", &$of.checksum_md5),
            ("XXHASH64", &$of.checksum_xxhash64),
            ("XXHASH3", &$of.checksum_xxhash3),
            ("XXHASH128", &$of.checksum_xxhash128),
        ]
    };
}

/// What an input says of its checksum: `chosen!(input, input.checksum_algorithm)`.
#[macro_export]
macro_rules! chosen {
    ($input:expr, $algorithm:expr) => {
        $crate::objects::checksums::chosen($algorithm.as_deref(), $crate::checksum_members!($input))
    };
}

/// Puts a checksum into the members of an output.
#[macro_export]
macro_rules! put_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some((algorithm, value)) = $checksum {
            let member = match algorithm {
                "CRC32" => &mut $output.checksum_crc32,
                "CRC32C" => &mut $output.checksum_crc32_c,
                "CRC64NVME" => &mut $output.checksum_crc64_nvme,
                "SHA1" => &mut $output.checksum_sha1,
                "SHA512" => &mut $output.checksum_sha512,
                "MD5" => &mut $output.checksum_md5,
                "XXHASH64" => &mut $output.checksum_xxhash64,
                "XXHASH3" => &mut $output.checksum_xxhash3,
                "XXHASH128" => &mut $output.checksum_xxhash128,
                _ => &mut $output.checksum_sha256,
            };
            *member = Some(value.to_owned());
        }
    };
}

/// See [`chosen!`].
pub fn chosen(algorithm: Option<&str>, members: [(&'static str, &Option<String>); 10]) -> Result<Chosen> {
    let mut given = members.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
    let value = given.next();
    if given.next().is_some() {
        return Err(error::invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    let name = match (value, algorithm) {
        (Some((name, _)), Some(algorithm)) if !name.eq_ignore_ascii_case(algorithm) => {
            return Err(error::invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid."));
        }
        (Some((name, _)), _) => name,
        (None, Some(algorithm)) => algorithm,
        (None, None) => return Ok(None),
    };
    let algorithm = Algorithm::from_name(name).ok_or_else(error::unknown_checksum)?;
    Ok(Some((algorithm, value.map(|(_, value)| value.clone()))))
}

/// The checksum of an object that was uploaded at once.
pub fn full(calculated: Option<(Algorithm, String)>) -> Option<Checksum> {
    let (algorithm, value) = calculated?;
    Some(Checksum { algorithm: algorithm.as_str().to_owned(), value, kind: "FULL_OBJECT".to_owned() })
}

/// The pair that [`put_checksum!`] takes.
pub fn pair(checksum: Option<&Checksum>) -> Option<(&str, &str)> {
    checksum.map(|checksum| (checksum.algorithm.as_str(), checksum.value.as_str()))
}
