//! Virtual MFA devices, whose they are, and the secret that makes their codes.
//!
//! The seed is a record of its own: it never stands in the change feed, which has images of the device.

use crate::state::arn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// A virtual MFA device. Key: path and folded name, so that a name may be used once under each path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MfaDevice {
    pub account: AccountId,
    /// Path and folded name: what keys hold.
    pub place: String,
    pub name: String,
    pub path: String,
    pub created: Timestamp,
    pub tags: BTreeMap<String, String>,
    /// `None` until it is enabled.
    pub enabled: Option<Enabled>,
}

/// For whom a device was enabled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Enabled {
    /// The key of its holder: see [`MfaLink`].
    pub holder: String,
    /// The folded name of the user; `None` for the root user.
    pub user: Option<String>,
    pub at: Timestamp,
}

impl Record for MfaDevice {
    const TABLE: &'static str = "mfa-devices";
}

impl Resource for MfaDevice {
    const TYPE: &'static str = "AWS::IAM::VirtualMFADevice";

    fn id(&self) -> Vec<&str> {
        vec![&self.place]
    }

    /// Also its serial number.
    fn arn(&self) -> String {
        arn(self.account, "mfa", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}

/// Says that a holder has a device. Key: the holder's key (a user's unique id, or `:root`), the device's place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MfaLink {
    pub holder: String,
    pub place: String,
}

impl Record for MfaLink {
    const TABLE: &'static str = "mfa-links";
}

/// What makes a device's codes, and which of them were used. Key: the device's place.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MfaSeed {
    /// The secret in base 32, as the authenticator got it.
    pub base32: String,
    /// By how many steps the authenticator's clock is ahead of the host's, as the last two codes told.
    pub drift_steps: i64,
    /// The step of the last code that was accepted: no earlier code counts any more.
    pub last_step: Option<u64>,
    /// A step in which wrong codes were given, and how many.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub wrong: (u64, u32),
}

fn is_nothing(wrong: &(u64, u32)) -> bool {
    *wrong == (0, 0)
}

impl Record for MfaSeed {
    const TABLE: &'static str = "mfa-seeds";
}
