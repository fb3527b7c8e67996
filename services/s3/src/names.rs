//! What buckets and keys may be called.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>

use crate::error;
use crate::state::directory::zone_in;
use yakumo_aws::Result;

/// AWS: the longest key, in bytes of UTF-8.
const KEY_BYTES_MAX: usize = 1024;

/// Checks the name of a bucket that is to be made.
pub fn check_bucket(name: &str) -> Result<()> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    let good = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| allowed(*byte))
        && ends(bytes.first().copied())
        && ends(bytes.last().copied())
        && !name.contains("..")
        && !is_ip_address(name)
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
    if good { Ok(()) } else { Err(error::invalid_bucket_name(name)) }
}

/// Checks the name of a directory bucket that is to be made.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html>
pub fn check_directory(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = (3..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && name.bytes().next().is_some_and(begins)
        && zone_in(name).is_some();
    if good { Ok(()) } else { Err(error::invalid_bucket_name(name)) }
}

fn is_ip_address(name: &str) -> bool {
    let fields: Vec<&str> = name.split('.').collect();
    fields.len() == 4
        && fields.iter().all(|field| !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit()))
}

/// Checks a key.
///
/// AWS: relative elements are never more than the others, from the left:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>. DIFFERS: AWS answers 400 without a word.
pub fn check_key(key: &str) -> Result<()> {
    let mut elements = key.split('/').scan(0_i32, |depth, element| {
        *depth += if element == ".." { -1 } else { 1 };
        Some(*depth)
    });
    match key.len() {
        0..=KEY_BYTES_MAX if elements.any(|depth| depth < 0) => Err(error::invalid_uri()),
        0..=KEY_BYTES_MAX => Ok(()),
        bytes => Err(error::key_too_long(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_bucket, check_directory, check_key};

    #[test]
    fn keys() {
        for good in ["a", "..a", "a/..", "a/../b", "videos/2014/../../video1.wmv", "a//../..", "./a", "/"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in ["..", "../a", "a/../../b", "a/b/../../..", &"a".repeat(1025)] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_directory_buckets() {
        let long = format!("{}--use1-az4--x-s3", "a".repeat(47));
        for good in ["logs--use1-az4--x-s3", "1-a--usw2-az1--x-s3", &long] {
            assert!(check_directory(good).is_ok(), "{good}");
        }
        let long = format!("{}--use1-az4--x-s3", "a".repeat(48));
        for bad in ["logs", "Logs--use1-az4--x-s3", "a.b--use1-az4--x-s3", "-a--use1-az4--x-s3", &long, ""] {
            assert!(check_directory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_buckets() {
        let long = "a".repeat(63);
        for good in ["abc", "my-bucket", "a.b.c", "123", "my.bucket-1", &long] {
            assert!(check_bucket(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "ab",
            "",
            &long,
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            ".abc",
            "abc.",
            "a..b",
            "192.168.5.4",
            "xn--a",
            "sthree-a",
            "abc-s3alias",
            "abc--ol-s3",
            "abc--x-s3",
            "a b",
            "ä-b-c",
        ] {
            assert!(check_bucket(bad).is_err(), "{bad}");
        }
    }
}
