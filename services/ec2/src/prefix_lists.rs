//! Managed prefix lists: the record and what the API shows of it.
//!
//! Invariant: every version of a list is kept as it was.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html>

use crate::cidr::Cidr;
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home};
use crate::tags::Tags;
use serde::{Deserialize, Serialize};

/// A customer's prefix list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrefixList {
    /// `pl-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its name.
    pub name: String,
    /// Whether its entries are of IPv6.
    pub is_ipv6: bool,
    /// How many entries it may have.
    pub max_entries: usize,
    /// The entries of each version, the first one first.
    pub versions: Vec<Vec<Entry>>,
    /// What was done last: `create`, `modify` or `restore`.
    pub last: String,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// An entry of a prefix list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The block.
    pub cidr: Cidr,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

noun!(
    PrefixList,
    table: "prefix-lists",
    type: "AWS::EC2::PrefixList",
    kind: "prefix-list",
    prefix: "pl-",
    not_found: "InvalidPrefixListID.NotFound",
    malformed: "InvalidPrefixListId.Malformed",
    spoken: "prefix list ID",
    keys: |_| Vec::new(),
);

impl PrefixList {
    /// The entries in force.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.versions.last().map(Vec::as_slice).unwrap_or_default()
    }
}
