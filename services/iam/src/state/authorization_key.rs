//! The key that authorization messages are sealed with: made on first need, one for the whole cloud.

use serde::{Deserialize, Serialize};
use yakumo_room::Record;

/// The key. Key: nothing; there is one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AuthorizationKey {
    /// 32 bytes in base 64.
    pub key: String,
}

impl Record for AuthorizationKey {
    const TABLE: &'static str = "authorization-key";
}
