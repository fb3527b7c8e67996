//! What a bucket tells others: its notification configuration, and what waits to be told.
//!
//! Invariant: a tiding is written together with the change that it tells of, and goes when it was taken or can never be.

use crate::state::version::scope;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Region, Timestamp};
use yakumo_room::Record;

/// A queue that hears of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueConfiguration {
    pub id: String,
    /// The queue's ARN.
    pub queue: String,
    /// As given: `s3:ObjectCreated:*` …
    pub events: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

impl QueueConfiguration {
    /// Whether it is about this event (`s3:ObjectCreated:Put`) of this key.
    pub fn is_about(&self, event: &str, key: &str) -> bool {
        self.events.iter().any(|wanted| covers(wanted, event))
            && key.starts_with(self.prefix.as_deref().unwrap_or_default())
            && key.ends_with(self.suffix.as_deref().unwrap_or_default())
    }
}

/// Whether an event of a configuration stands for this one: the same, or all of its kind.
pub fn covers(wanted: &str, event: &str) -> bool {
    match wanted.strip_suffix(":*") {
        Some(kind) => event.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')),
        None => wanted == event,
    }
}

/// An event on its way to one queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tiding {
    /// Without `s3:`.
    pub event: String,
    /// Later changes of a key have higher ones.
    pub sequence: u64,
    pub at: Timestamp,
    pub bucket: String,
    pub owner: AccountId,
    pub region: Region,
    pub configuration: String,
    pub queue: String,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Only in buckets that keep versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The storage class that a lifecycle transition leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// When the restored copy goes whose coming is told, and the class that it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<(Timestamp, String)>,
    /// Who did it, as `userIdentity` names them.
    pub principal_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    pub request_id: String,
}

impl Record for Tiding {
    const TABLE: &'static str = "tidings";
}

impl Tiding {
    /// Its row: queue after queue, each in the order of what happened. `number` tells apart what has the same sequence.
    pub fn row(&self, bucket_id: &str, number: u64) -> Bytes {
        let key = scope().key(Tiding::TABLE).text(&self.queue).u64(self.sequence);
        key.text(bucket_id).u64(number).build()
    }
}

/// A version that is to be looked at again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Later {
    pub bucket: String,
    pub bucket_id: String,
    pub owner: AccountId,
    pub region: Region,
    pub key: String,
    pub order: u64,
    pub at: Timestamp,
}

impl Record for Later {
    const TABLE: &'static str = "events-to-come";
}

impl Later {
    /// Its row, in the order of time.
    pub fn row(&self) -> Bytes {
        let key = scope().key(Later::TABLE).i64(self.at.as_millis()).text(&self.bucket_id);
        key.text(&self.key).u64(self.order).build()
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn events_and_kinds_of_events() {
        for (wanted, event, is_covered) in [
            ("s3:ObjectCreated:*", "s3:ObjectCreated:Put", true),
            ("s3:ObjectCreated:Put", "s3:ObjectCreated:Put", true),
            ("s3:ObjectCreated:Put", "s3:ObjectCreated:Post", false),
            ("s3:ObjectCreated:*", "s3:ObjectRemoved:Delete", false),
            ("s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", true),
            ("s3:LifecycleTransition", "s3:LifecycleTransition", true),
        ] {
            assert_eq!(covers(wanted, event), is_covered, "{wanted} {event}");
        }
    }
}
