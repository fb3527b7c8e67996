//! Versions of objects: one row for each, under bucket, key and order, the newest first.
//!
//! Invariant: in a bucket that never kept versions each key has one row at most, and its order is 0, so that it is
//! found without a scan.

use crate::state::restore::Restore;
use crate::state::{Acl, Lock, packed, replication};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::Timestamp;
use yakumo_room::store::BlobId;
use yakumo_room::{Record, RecordError, Scope};

/// An object's version, or a delete marker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub key: String,
    /// Later versions have higher numbers. 0 for what was written while the bucket kept no versions.
    pub order: u64,
    /// `None` is the version `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub modified: Timestamp,
    /// `None` for a delete marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// `None` is the full control of the bucket's owner, whose it then is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// What holds it.
    #[serde(default, skip_serializing_if = "Lock::is_unset")]
    pub lock: Lock,
    /// The copy that was last asked for while it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
    /// `None` where no rule of replication has to do with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<replication::Status>,
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub size_bytes: u64,
    /// Without its quotation marks.
    pub etag: String,
    /// The body, piece after piece. Empty for an empty body.
    pub pieces: Vec<Piece>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// The parts of a multipart upload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartInfo>,
    pub headers: Headers,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// By what the customer's key is known again, for an object that is encrypted with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Seal>,
    /// The upload in this bucket that became it, so that a completion can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
}

/// One stretch of a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    pub size_bytes: u64,
    pub place: Place,
    /// The key that the bytes are encrypted with; without one they are as they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}

/// A key that is sealed under another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// Nonce, key and tag in Base64.
    pub sealed: String,
    /// Whether the other key is the customer's and not the cloud's.
    #[serde(default)]
    pub by_customer: bool,
}

/// Where a stretch of a body is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// A row of its own, by this id.
    Row(String),
    /// A blob.
    Blob(BlobId),
}

/// A part of a multipart upload as GetObjectAttributes and `partNumber` know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartInfo {
    pub number: i32,
    pub size_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// An additional checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checksum {
    /// `CRC32`, `CRC64NVME` …
    pub algorithm: String,
    /// In Base64; of a composite one with `-PARTS` at the end.
    pub value: String,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub kind: String,
}

/// What is answered as headers, as given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

impl Record for Version {
    const TABLE: &'static str = "versions";
    const VERSION: u8 = packed::FORM;

    fn to_bytes(&self) -> Vec<u8> {
        packed::pack(self).unwrap_or_else(|| {
            let mut bytes = vec![JSON];
            serde_json::to_writer(&mut bytes, self).expect("records hold nothing that JSON cannot");
            bytes
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Version, RecordError> {
        let malformed = |reason: String| RecordError::Malformed { table: Version::TABLE, reason };
        match bytes.split_first() {
            Some((&JSON, json)) => serde_json::from_slice(json).map_err(|error| malformed(error.to_string())),
            Some((&packed::FORM, rest)) => {
                packed::unpack(rest).ok_or_else(|| malformed("it is damaged".into()))
            }
            Some((&found, _)) => {
                Err(RecordError::Newer { table: Version::TABLE, found, known: Version::VERSION })
            }
            None => Err(malformed("it is empty".into())),
        }
    }
}

/// The first byte of a record that is JSON: the only form of earlier releases, and now that of versions which
/// [`packed`] cannot say.
const JSON: u8 = 1;

impl Version {
    /// What clients call it.
    pub fn shown_id(&self) -> &str {
        self.id.as_deref().unwrap_or("null")
    }

    /// Where its row is.
    pub fn row(&self, bucket_id: &str) -> Bytes {
        row(bucket_id, &self.key, self.order)
    }
}

/// Where the rows of objects are: in no account's space, since bucket ids are unique.
pub fn scope() -> Scope {
    Scope { account: None, region: None, service: "s3" }
}

/// The row of a version.
pub fn row(bucket_id: &str, key: &str, order: u64) -> Bytes {
    scope().key(Version::TABLE).text(bucket_id).text(key).u64(!order).build()
}

/// The beginning of the rows of a key.
pub fn rows_of(bucket_id: &str, key: &str) -> Bytes {
    scope().key(Version::TABLE).text(bucket_id).text(key).build()
}

/// The beginning of the rows of all keys that begin with `prefix`.
pub fn rows_under(bucket_id: &str, prefix: &str) -> Bytes {
    scope().key(Version::TABLE).text(bucket_id).text_prefix(prefix).build()
}

/// The beginning of the rows of small bodies.
pub fn body_rows() -> Bytes {
    scope().key("bodies").build()
}

/// The row of a small body.
pub fn body_row(id: &str) -> Bytes {
    scope().key("bodies").text(id).build()
}

/// A new version id: the order, so that its row is found, and 16 random bytes. 32 characters, as AWS's have.
pub fn new_id(order: u64, random: &[u8; 16]) -> String {
    let mut bytes = [0; 24];
    let (head, tail) = bytes.split_at_mut(8);
    head.copy_from_slice(&order.to_be_bytes());
    tail.copy_from_slice(random);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The order in a version id; `None` for what is no version id of ours.
pub fn order_of(id: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (order, random) = bytes.split_first_chunk::<8>()?;
    (random.len() == 16).then(|| u64::from_be_bytes(*order))
}

#[cfg(test)]
mod tests {
    use super::{new_id, order_of, row};

    #[test]
    fn a_version_is_found_by_its_id() {
        let id = new_id(77, &[9; 16]);
        assert_eq!((id.len(), order_of(&id)), (32, Some(77)));
        for other in ["", "null", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(order_of(other), None, "{other}");
        }
    }

    #[test]
    fn keys_sort_by_their_bytes_and_versions_newest_first() {
        let rows =
            [row("b", "a", 9), row("b", "a", 3), row("b", "a", 0), row("b", "a/", 5), row("b", "b", 0)];
        assert!(rows.is_sorted());
    }
}
