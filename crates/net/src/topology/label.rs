//! What people call things, for maps and messages.
//!
//! Invariant: no packet depends on a label, and none is ever written into the packet filter.

use super::Id;
use serde::{Deserialize, Serialize};

/// What people call a thing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// Its `Name` tag, else the name of a security group: any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A subnet's availability zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// A VPC's account and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<Id>,
}
