//! The root user's own record: made when it first gets an access key.

use serde::{Deserialize, Serialize};
use yakumo_room::Record;

/// What an account keeps of its root user. Key: nothing; there is one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RootUser {
    /// Ids of its access keys, oldest first.
    pub access_keys: Vec<String>,
}

impl Record for RootUser {
    const TABLE: &'static str = "root";
}
