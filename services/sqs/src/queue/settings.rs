//! What the data plane needs of a queue's record, ready for use: made once for each change of the record.

use super::outcomes::Rules;
use crate::policies;
use crate::state::{QueueName, QueueRecord};
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_policy::Attached;
use yakumo_room::Resource;

/// A queue's record and what follows from it.
pub struct Settings {
    /// The record, as committed.
    pub record: QueueRecord,
    /// The compiled policy.
    pub policy: Option<Arc<Attached>>,
    /// `aws:ResourceTag/…` for access rules.
    pub tag_keys: Vec<(String, Vec<String>)>,
    /// The dead-letter queue, and how often a message may be received before it goes there.
    pub redrive: Option<(QueueName, u32)>,
    /// What the index must know.
    pub rules: Rules,
}

impl Settings {
    /// Compiles a record.
    pub fn new(record: QueueRecord) -> Result<Settings> {
        let attached = |document| Attached {
            id: "Policy".to_owned(),
            holder: record.arn(),
            document: Arc::new(document),
        };
        let policy = policies::in_force(&record.attributes)?.map(attached).map(Arc::new);
        let attributes = &record.attributes;
        let rules = Rules {
            retention_millis: millis(attributes.retention_s),
            fifo_delay_millis: if attributes.fifo.is_some() { millis(attributes.delay_s) } else { 0 },
        };
        let redrive = attributes.redrive.as_ref();
        let redrive =
            redrive.and_then(|policy| Some((QueueName::from_arn(&policy.target_arn)?, policy.receives_max)));
        Ok(Settings { policy, tag_keys: record.tag_keys(), redrive, rules, record })
    }

    /// Whether it is a FIFO queue.
    pub fn is_fifo(&self) -> bool {
        self.record.attributes.fifo.is_some()
    }

    /// The first message number that a purge has left.
    pub fn purged_before(&self) -> u64 {
        self.record.purge.map_or(1, |purge| purge.before)
    }
}

/// Seconds as milliseconds.
pub fn millis(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000
}
