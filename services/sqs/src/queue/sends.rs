//! Sending: one or more messages into one queue, in one commit.

use super::deduplication::Original;
use super::open::{Access, Commit, OpenQueue};
use super::record::{Seen, State};
use bytes::Bytes;
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_room::store::Batch;

/// A message that is ready to be sent.
pub struct Letter {
    /// Its id.
    pub message_id: [u8; 16],
    /// Its stored body.
    pub body: Bytes,
    /// Its delay; FIFO queues have one for all.
    pub delay_millis: i64,
    /// Its group, in FIFO queues.
    pub group: Option<String>,
    /// What it is deduplicated by, in FIFO queues.
    pub deduplication_key: Option<[u8; 16]>,
}

/// A message that was accepted: itself, or the one that it repeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Its number in the queue.
    pub seq: u64,
    /// Its id.
    pub message_id: [u8; 16],
}

/// Sends messages in their order, all or none.
pub async fn send(queue: &Arc<OpenQueue>, letters: &[Letter]) -> Result<Vec<Sent>> {
    loop {
        let (sent, commit, generation) = queue.with(|access| post(queue, access, letters)).await?;
        let Some(generation) = generation else {
            commit.done().await?;
            return Ok(sent);
        };
        // A repeated message is acknowledged with its original's commit, which may still be on its way. When that
        // fails the index is dropped, and the repeated message must be sent after all.
        commit.done().await?;
        queue.settle().await?;
        if queue.generation() == generation {
            return Ok(sent);
        }
    }
}

/// Puts the letters into the index. The generation comes back when one of them repeats an earlier message.
fn post(queue: &OpenQueue, access: &mut Access<'_>, letters: &[Letter]) -> (Vec<Sent>, Commit, Option<u64>) {
    let now = queue.now();
    let mut batch = Batch::new();
    let mut sent = Vec::with_capacity(letters.len());
    let mut has_repeated = false;
    for letter in letters {
        match repeated(access, letter, now) {
            Some(original) => {
                has_repeated = true;
                sent.push(Sent { seq: original.seq, message_id: original.message_id });
            }
            None => sent.push(post_one(queue, access, letter, now, &mut batch)),
        }
    }
    let generation = has_repeated.then(|| access.generation());
    (sent, access.enqueue(batch), generation)
}

fn repeated(access: &mut Access<'_>, letter: &Letter, now: i64) -> Option<Original> {
    access.index().find_duplicate(letter.deduplication_key.as_ref()?, now)
}

fn post_one(
    queue: &OpenQueue,
    access: &mut Access<'_>,
    letter: &Letter,
    now: i64,
    batch: &mut Batch,
) -> Sent {
    let (keys, index) = (&queue.keys, access.index());
    if let Some(reserved) = index.reserve() {
        batch.put(keys.reserved(), reserved.to_be_bytes().to_vec());
    }
    let visible_at = now.saturating_add(letter.delay_millis);
    let seq = index.send(now, visible_at, letter.group.as_deref());
    let state = State { visible_at, sent_at: now, group: letter.group.as_deref(), received: None };
    batch.put(keys.body(seq), letter.body.clone());
    batch.put(keys.state(seq), state.encode());
    if let Some(key) = letter.deduplication_key {
        let seen = Seen { at: now, key, message_id: letter.message_id };
        let mut expired = Vec::new();
        index.remember(seq, seen, &mut expired);
        batch.put(keys.seen(seq), seen.encode());
        for seq in expired {
            batch.delete(keys.seen(seq));
        }
    }
    Sent { seq, message_id: letter.message_id }
}
