//! What S3 keeps of an account as a whole.

use crate::state::PublicAccess;
use serde::{Deserialize, Serialize};
use yakumo_room::Record;

/// An account's settings. Key: the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `None` where the account blocks nothing: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_access: Option<PublicAccess>,
}

impl Record for Account {
    const TABLE: &'static str = "accounts";
}
