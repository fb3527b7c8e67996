//! Messages on their way from one queue to another: dead letters and redrives. Both queues change in one commit.
//!
//! Invariant: a message is taken out of sight first, its body is read without a lock, and then both queues are locked,
//! the one with the smaller number first. Whatever fails puts the message back.

use super::body::Body;
use super::keys::Keys;
use super::open::{Access, Commit, OpenQueue};
use super::outcomes::Claim;
use super::record::State;
use bytes::Bytes;
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_room::store::Batch;

/// Why messages move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    /// They were received too often.
    Dead,
    /// Their owner wants them back.
    Redriven,
}

/// Moves messages that were received too often into their dead-letter queue.
///
/// AWS: sqs-dead-letter-queues.html: the id stays; in standard queues the time of the first send stays, so retention
/// goes on counting; in FIFO queues it is set anew.
pub async fn bury(from: &Arc<OpenQueue>, to: &Arc<OpenQueue>, dead: Vec<Claim>) -> Result<()> {
    carry(from, to, dead, Why::Dead).await.map(|_| ())
}

/// Moves taken messages as their owner asked; gives how many arrived.
///
/// AWS: sqs-configure-dead-letter-queue-redrive.html: redriven messages are new ones, with a new id and send time.
pub async fn redrive(from: &Arc<OpenQueue>, to: &Arc<OpenQueue>, taken: Vec<Claim>) -> Result<usize> {
    carry(from, to, taken, Why::Redriven).await
}

/// The stored body of a taken message; `None` when there is none, and then the message is gone.
pub async fn body_of(queue: &Arc<OpenQueue>, claim: &Claim) -> Result<Option<Bytes>> {
    let (store, key) = (&queue.base().store, queue.keys.body(claim.seq));
    if let Some(body) = store.get(&key).await? {
        return Ok(Some(body));
    }
    // The send may still be on its way into the store.
    queue.settle().await?;
    Ok(store.get(&key).await?)
}

/// Puts taken messages back.
pub async fn restore(queue: &Arc<OpenQueue>, taken: &[Claim]) -> Result<()> {
    let put_back = |access: &mut Access<'_>| {
        for claim in taken {
            access.index().restore(claim.seq, queue.now());
        }
    };
    queue.with(put_back).await
}

async fn carry(from: &Arc<OpenQueue>, to: &Arc<OpenQueue>, taken: Vec<Claim>, why: Why) -> Result<usize> {
    let outcome = try_carry(from, to, &taken, why).await;
    if outcome.is_err() {
        restore(from, &taken).await?;
    }
    outcome
}

async fn try_carry(from: &Arc<OpenQueue>, to: &Arc<OpenQueue>, taken: &[Claim], why: Why) -> Result<usize> {
    if from.number == to.number {
        restore(from, taken).await?;
        return Ok(0);
    }
    let mut bodies = Vec::with_capacity(taken.len());
    for claim in taken {
        let body = body_of(from, claim).await?;
        // Damage must show before anything is changed.
        if let Some(body) = &body {
            Body::decode(body).map_err(Error::internal)?;
        }
        bodies.push(body);
    }
    loop {
        if let Some((moved, commit)) = exchange(from, to, taken, &bodies, why)? {
            commit.done().await?;
            return Ok(moved);
        }
        from.load().await?;
        to.load().await?;
    }
}

/// Changes both queues under both locks; `None` when one of the two must be loaded first.
fn exchange(
    from: &Arc<OpenQueue>,
    to: &Arc<OpenQueue>,
    taken: &[Claim],
    bodies: &[Option<Bytes>],
    why: Why,
) -> Result<Option<(usize, Commit)>> {
    let Some((mut source, mut target)) = lock_both(from, to)? else { return Ok(None) };
    let mut batch = Batch::new();
    let mut moved = 0;
    for (claim, body) in taken.iter().zip(bodies) {
        if !source.index().is_taken(claim.seq) {
            continue;
        }
        source.index().remove_taken(claim.seq);
        batch.delete(from.keys.state(claim.seq)).delete(from.keys.body(claim.seq));
        if let Some(body) = body {
            arrive(from, to, &mut target, claim, body, why, &mut batch)?;
            moved += 1;
        }
    }
    Ok(Some((moved, source.enqueue_with(&target, batch))))
}

/// Both locks, taken in the order of the queues' numbers; `None` when one of the two must be loaded first.
fn lock_both<'a>(
    from: &'a Arc<OpenQueue>,
    to: &'a Arc<OpenQueue>,
) -> Result<Option<(Access<'a>, Access<'a>)>> {
    if from.number < to.number {
        let Some(from) = from.try_lock()? else { return Ok(None) };
        Ok(to.try_lock()?.map(|to| (from, to)))
    } else {
        let Some(to) = to.try_lock()? else { return Ok(None) };
        Ok(from.try_lock()?.map(|from| (from, to)))
    }
}

fn arrive(
    from: &OpenQueue,
    to: &OpenQueue,
    access: &mut Access<'_>,
    claim: &Claim,
    body: &[u8],
    why: Why,
    batch: &mut Batch,
) -> Result<()> {
    let (now, is_fifo) = (to.now(), to.settings().is_fifo());
    let mut body = Body::decode(body).map_err(Error::internal)?;
    let before = body.dead_letter.map_or(0, |(_, before)| before);
    match why {
        Why::Dead => body.dead_letter = Some((&from.arn, before.saturating_add(claim.received.count))),
        Why::Redriven => {
            body.dead_letter = None;
            to.base().ids.fill(&mut body.message_id);
        }
    }
    let sent_at = if why == Why::Dead && !is_fifo { claim.sent_at } else { now };
    let group = if is_fifo { Some(body.group.unwrap_or_default()) } else { None };
    let (keys, index): (&Keys, _) = (&to.keys, access.index());
    if let Some(reserved) = index.reserve() {
        batch.put(keys.reserved(), reserved.to_be_bytes().to_vec());
    }
    let seq = index.arrive(now, sent_at, group);
    let state = State { visible_at: now, sent_at, group, received: None };
    batch.put(keys.body(seq), body.encode()).put(keys.state(seq), state.encode());
    Ok(())
}
