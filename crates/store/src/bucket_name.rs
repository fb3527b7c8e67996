//! The name of a bucket in which bodies are kept: `s3://BUCKET/PREFIX`, and where the object store is. Plain data, no IO.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest prefix, in bytes: a key is at most 1,024 and we add less than 100.
const PREFIX_BYTES_MAX: usize = 900;

/// A bucket of an object store that speaks S3. Credentials are not part of it: they come from the environment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// The bucket.
    pub name: String,
    /// What the keys of bodies begin with, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The URL of an object store that is not AWS's, without a path.
    pub endpoint: Option<String>,
    /// The region in which requests are signed.
    pub region: Option<String>,
}

impl Bucket {
    /// Reads `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(url: &str) -> Result<Bucket, String> {
        let rest = url.strip_prefix("s3://").ok_or("it does not begin with s3://")?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if !(3..=63).contains(&name.len()) || !name.bytes().all(letters) {
            return Err(format!("{name:?} is not the name of a bucket"));
        }
        let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(letters);
        if prefix.len() > PREFIX_BYTES_MAX || !(prefix.is_empty() || prefix.split('/').all(part)) {
            return Err(format!(
                "its prefix may have letters, digits, dots, hyphens, underscores and single slashes, at most \
                 {PREFIX_BYTES_MAX} of them"
            ));
        }
        Ok(Bucket { name: name.to_owned(), prefix: prefix.to_owned(), endpoint: None, region: None })
    }

    /// Whether bodies have the same keys in the same bucket; the way to it may differ.
    pub fn is_same(&self, other: &Bucket) -> bool {
        (&self.name, &self.prefix) == (&other.name, &other.prefix)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(text, "s3://{}", self.name)?;
        if !self.prefix.is_empty() {
            write!(text, "/{}", self.prefix)?;
        }
        match &self.endpoint {
            Some(endpoint) => write!(text, " at {endpoint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;

    fn check(url: &str, name: &str, prefix: &str) {
        let bucket = Bucket::parse(url).unwrap();
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), (name, prefix), "{url}");
    }

    #[test]
    fn a_bucket_and_a_prefix_are_read_and_what_is_none_is_refused() {
        check("s3://bodies", "bodies", "");
        check("s3://bodies/", "bodies", "");
        check("s3://bodies/clouds/team-1/", "bodies", "clouds/team-1");
        for wrong in [
            "",
            "bodies",
            "http://bodies",
            "s3://",
            "s3://ab",
            "s3://bo dies",
            "s3://bodies//a",
            "s3://bodies/../a",
        ] {
            assert!(Bucket::parse(wrong).is_err(), "{wrong}");
        }
        let long = format!("s3://bodies/{}", "a".repeat(901));
        assert!(Bucket::parse(&long).is_err());
    }
}
