//! Multipart uploads and their parts.

use crate::state::version::{Headers, Piece, Seal};
use crate::state::{Acl, Lock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// An upload that was begun and not yet completed or aborted. Key: bucket id, object key, upload id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    pub key: String,
    pub id: String,
    pub initiated: Timestamp,
    /// The account and the ARN of whoever began it.
    pub initiator: (AccountId, String),
    pub headers: Headers,
    pub metadata: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// Algorithm and kind of the checksum that was chosen.
    pub checksum: Option<(String, String)>,
    /// By what the customer's key is known again, if the upload was begun with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Seal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// The condition keys of what it was begun with that its later requests do not repeat.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, String>,
    /// What holds the object that it becomes.
    #[serde(default, skip_serializing_if = "Lock::is_unset")]
    pub lock: Lock,
}

/// A part that was uploaded. Key: upload id, number in five digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub number: i32,
    pub modified: Timestamp,
    pub size_bytes: u64,
    pub etag: String,
    pub checksum: Option<String>,
    pub piece: Option<Piece>,
}

impl Record for Upload {
    const TABLE: &'static str = "uploads";
}

impl Record for Part {
    const TABLE: &'static str = "parts";
}

/// The last field of a part's key.
pub fn part_key(number: i32) -> String {
    format!("{number:05}")
}
