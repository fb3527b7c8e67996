//! The stored records of the room's control plane and the pure rules on them.
//!
//! Invariant: a queue's number is never used twice, so messages of a deleted queue cannot turn up in its successor.

use crate::attributes::Attributes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Arn, Region, Timestamp};
use yakumo_room::{Record, Resource, Scope};

/// How long a name stays taken after DeleteQueue, and how long PurgeQueue must not be repeated.
pub const REST_MILLIS: i64 = 60_000;

/// A queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueRecord {
    /// The owner.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its name, `.fifo` included.
    pub name: String,
    /// The number that its messages are stored under.
    pub number: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its attributes were last changed.
    pub modified_at: Timestamp,
    /// What was set.
    pub attributes: Attributes,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The last PurgeQueue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge: Option<Purge>,
}

/// A PurgeQueue: what came before it is gone, even where it is still stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Purge {
    /// When.
    pub at: Timestamp,
    /// Messages with smaller numbers are gone.
    pub before: u64,
}

impl Record for QueueRecord {
    const TABLE: &'static str = "queues";
}

impl Resource for QueueRecord {
    const TYPE: &'static str = "AWS::SQS::Queue";

    fn id(&self) -> Vec<&str> {
        vec![&self.name]
    }

    fn arn(&self) -> String {
        queue_arn(self.account, self.region, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    fn policy(&self) -> Option<&str> {
        self.attributes.policy.as_deref()
    }
}

/// The ARN of a queue.
pub fn queue_arn(account: AccountId, region: Region, name: &str) -> String {
    format!("arn:{}:sqs:{region}:{account}:{name}", region.partition().as_str())
}

/// A queue that an ARN names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueName {
    /// The owner.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub name: String,
}

impl QueueName {
    /// Reads the ARN of a queue.
    pub fn from_arn(text: &str) -> Option<QueueName> {
        let arn = Arn::parse(text).ok().filter(|arn| arn.service() == "sqs")?;
        let region = Region::parse(arn.region())?;
        let name = arn.resource().to_owned();
        let is_whole = arn.partition() == region.partition().as_str() && !name.contains(':');
        is_whole.then_some(QueueName { account: AccountId::parse(arn.account())?, region, name })
    }
}

/// Where the room keeps what it must find again without knowing an account or region: its lists of work.
pub fn work() -> Scope {
    Scope { account: None, region: None, service: "sqs" }
}

/// The last number that was given to a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// It.
    pub last: u64,
}

impl Record for Numbers {
    const TABLE: &'static str = "numbers";
}

/// A line in the list of all queues of the cloud, for background work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListedQueue {
    /// The owner.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub name: String,
}

impl ListedQueue {
    /// The parts of its key.
    pub fn id(&self) -> [&str; 3] {
        [self.account.as_str(), self.region.as_str(), &self.name]
    }
}

impl Record for ListedQueue {
    const TABLE: &'static str = "all-queues";
}

/// A queue that was deleted: its name is taken for 60 seconds, and its messages are still to be removed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeletedQueue {
    /// The owner.
    pub account: AccountId,
    /// Where it was.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// The number that its messages are stored under.
    pub number: u64,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Whether all its messages are removed.
    pub is_clean: bool,
}

impl DeletedQueue {
    /// The last part of its key: one name can have been deleted several times.
    pub fn number_text(&self) -> String {
        format!("{:020}", self.number)
    }

    /// The parts of its key.
    pub fn id<'a>(&'a self, number_text: &'a str) -> [&'a str; 4] {
        [self.account.as_str(), self.region.as_str(), &self.name, number_text]
    }
}

impl Record for DeletedQueue {
    const TABLE: &'static str = "deleted-queues";
}

/// Where a message move task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MoveStatus {
    /// Moving messages.
    Running,
    /// All messages were moved.
    Completed,
    /// To be stopped.
    Cancelling,
    /// Stopped by its owner.
    Cancelled,
    /// Stopped by a failure.
    Failed,
}

impl MoveStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            MoveStatus::Running => "RUNNING",
            MoveStatus::Completed => "COMPLETED",
            MoveStatus::Cancelling => "CANCELLING",
            MoveStatus::Cancelled => "CANCELLED",
            MoveStatus::Failed => "FAILED",
        }
    }

    /// Whether the task still has work to do.
    pub fn is_active(self) -> bool {
        matches!(self, MoveStatus::Running | MoveStatus::Cancelling)
    }
}

/// A message move task. Its key is the source queue's number and its own, so that the tasks of one queue lie together
/// in the order in which they were started.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MoveTask {
    /// The owner of the source queue.
    pub account: AccountId,
    /// Where it is.
    pub region: Region,
    /// The source queue's name.
    pub source: String,
    /// The source queue's number: a new queue of that name does not inherit tasks.
    pub source_number: u64,
    /// Its place among all tasks.
    pub number: u64,
    /// A UUID, part of the task's handle.
    pub id: String,
    /// Where messages go; `None` for each one's own source.
    pub destination_arn: Option<String>,
    /// The owner's limit.
    pub messages_per_second: Option<u32>,
    /// Where it stands.
    pub status: MoveStatus,
    /// How many were moved.
    pub moved: u64,
    /// How many there were at the start.
    pub to_move: u64,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
}

impl MoveTask {
    /// The part of the keys of all tasks of one source queue.
    pub fn source_key(source_number: u64) -> String {
        format!("{source_number:020}")
    }

    /// The parts of its key.
    pub fn id(&self) -> [String; 2] {
        [MoveTask::source_key(self.source_number), format!("{:020}", self.number)]
    }
}

impl Record for MoveTask {
    const TABLE: &'static str = "move-tasks";
}

#[cfg(test)]
mod tests {
    use super::{QueueName, QueueRecord};
    use yakumo_room::Record;

    #[test]
    fn only_queues_have_queue_arns() {
        let name = QueueName::from_arn("arn:aws:sqs:eu-west-1:123456789012:q.fifo").unwrap();
        assert_eq!(
            (name.region.as_str(), name.account.as_str(), &*name.name),
            ("eu-west-1", "123456789012", "q.fifo")
        );
        for bad in [
            "arn:aws:sns:eu-west-1:123456789012:q",
            "arn:aws:sqs:eu-west-11:123456789012:q",
            "arn:aws:sqs:eu-west-1:12345678901:q",
            "arn:aws-cn:sqs:eu-west-1:123456789012:q",
            "arn:aws:sqs:eu-west-1:123456789012:q:x",
            "q",
        ] {
            assert_eq!(QueueName::from_arn(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_queue_of_version_1_opens() {
        // from: us. Such bytes are in people's data directories: they must open in every later release.
        let golden = b"\x01{\"account\":\"000000000000\",\"region\":\"us-east-1\",\"name\":\"q.fifo\",\"number\":7,\
            \"created_at\":1000,\"modified_at\":2000,\"attributes\":{\"delay_s\":0,\"message_max_bytes\":1048576,\
            \"retention_s\":345600,\"wait_s\":0,\"visibility_s\":30,\"is_sse_managed\":true,\
            \"fifo\":{\"is_content_based\":true,\"is_scope_group\":false,\"is_limit_per_group\":false}},\
            \"tags\":{\"a\":\"b\"},\"purge\":{\"at\":5,\"before\":6}}";
        let record = QueueRecord::from_bytes(golden).unwrap();
        assert_eq!((record.number, record.attributes.visibility_s), (7, 30));
        assert_eq!(QueueRecord::from_bytes(&record.to_bytes()).unwrap(), record);
        assert_eq!(
            String::from_utf8(record.to_bytes()).unwrap(),
            String::from_utf8(golden.to_vec()).unwrap()
        );
    }
}
