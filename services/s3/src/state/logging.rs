//! Server access logging: where a bucket's log goes, and the lines that wait to go there.

use crate::state::version::scope;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;
use yakumo_room::Record;

/// Where a bucket's log goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// The name of the bucket.
    pub target: String,
    pub prefix: String,
    #[serde(default)]
    pub naming: Naming,
}

/// How the objects of a log are named.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html#server-access-logging-overview>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Naming {
    /// Without having been told how.
    #[default]
    Unset,
    Simple,
    /// Under the day of the delivery.
    ByDelivery,
    /// Under the day of what is told.
    ByEvent,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When the request came.
    pub at: Timestamp,
    pub text: String,
}

impl Record for Line {
    const TABLE: &'static str = "log-lines";
}

impl Line {
    /// The beginning of the keys of a bucket's lines.
    pub fn rows_of(bucket_id: &str) -> Bytes {
        scope().record_key(Line::TABLE, &[bucket_id])
    }

    /// Its row: in the order in which the requests ended.
    pub fn row(bucket_id: &str, sequence: u64) -> Bytes {
        scope().key(Line::TABLE).text(bucket_id).u64(sequence).build()
    }
}
