//! What an index is asked and what it answers. Plain data; all times are cloud time in milliseconds since the epoch.

use super::record::{Received, State};
use std::sync::Arc;

/// Messages that may be in flight at once. A standard queue then answers OverLimit, a FIFO queue nothing.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const IN_FLIGHT_MAX: usize = 120_000;

/// How long a message may stay invisible after one receive, in milliseconds.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>
pub const VISIBILITY_MAX_MILLIS: i64 = 12 * 60 * 60 * 1_000;

/// What the queue's attributes say about time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How long a message is kept from when it was sent.
    pub retention_millis: i64,
    /// How long a FIFO queue holds messages back; a standard queue's messages carry their own delay.
    pub fifo_delay_millis: i64,
}

/// One receive, as the caller wants it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The present.
    pub now: i64,
    /// How many messages at most.
    pub limit: usize,
    /// How long they are invisible from now.
    pub visibility_millis: i64,
    /// A random number for each message's receipt handle.
    pub nonces: &'a [u64],
    /// After how many receives a message is a dead letter; `None` when there is nowhere to move it.
    pub receives_max: Option<u32>,
}

/// A message as it stands after a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its number in the queue.
    pub seq: u64,
    /// When it is visible again.
    pub visible_at: i64,
    /// When it was sent.
    pub sent_at: i64,
    /// How often it was received, when first, and the newest nonce.
    pub received: Received,
    /// Its group, in FIFO queues.
    pub group: Option<Arc<str>>,
}

impl Claim {
    /// The record to store.
    pub fn state(&self) -> State<'_> {
        State {
            visible_at: self.visible_at,
            sent_at: self.sent_at,
            group: self.group.as_deref(),
            received: (self.received.count > 0).then_some(self.received),
        }
    }
}

/// What a receive found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// Messages that are now in flight.
    pub taken: Vec<Claim>,
    /// Messages that were received too often. They are taken out of sight and must be moved, or restored.
    pub dead: Vec<Claim>,
    /// Whether too many messages are in flight already.
    pub is_over_limit: bool,
}

/// What became of a delete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// The message was there and is gone.
    Now,
    /// There is no such message (any more): nothing to do.
    Nothing,
    /// A FIFO queue's message whose visibility timeout is over: it stays.
    HandleExpired,
}

/// What became of a change of visibility.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Changed {
    /// The message as it now stands.
    Now(Claim),
    /// The message is there but not in flight by this handle.
    NotInFlight,
    /// The message would be invisible for more than twelve hours since it was received.
    TooLong,
    /// There is no such message.
    Gone,
}

/// How many messages stand where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Can be received now, or could if their group were not blocked.
    pub visible: usize,
    /// In flight.
    pub not_visible: usize,
    /// Not yet visible for the first time.
    pub delayed: usize,
}
