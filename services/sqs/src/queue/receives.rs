//! Receiving: claim messages, store that they are claimed, and only then read what they say.

use super::open::{Access, Commit, OpenQueue};
use super::outcomes::{Ask, Claim, Claims};
use super::registry::Registry;
use super::transfers;
use bytes::Bytes;
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_room::store::Batch;

/// The most messages that one receive gives.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
pub const RECEIVE_MAX: usize = 10;

/// What a receive asks for.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// How many messages at most, up to [`RECEIVE_MAX`].
    pub limit: usize,
    /// How long they are invisible.
    pub visibility_millis: i64,
    /// The id that makes a receive from a FIFO queue repeatable.
    pub attempt: Option<&'a str>,
}

/// A message that was received.
pub struct Delivery {
    /// Where it stands.
    pub claim: Claim,
    /// Its stored body.
    pub body: Bytes,
}

/// What a receive gave.
#[derive(Default)]
pub struct Deliveries {
    /// The messages.
    pub messages: Vec<Delivery>,
    /// Whether there were none because too many are in flight.
    pub is_over_limit: bool,
}

/// How often one receive moves dead letters before it gives up looking behind them.
const BURIALS_MAX: usize = 32;

/// Receives what can be received now, and moves dead letters on the way.
pub async fn receive(registry: &Registry, queue: &Arc<OpenQueue>, want: Want<'_>) -> Result<Deliveries> {
    let settings = queue.settings();
    let graveyard = match &settings.redrive {
        Some((target, max)) => {
            registry.find(target.account, target.region, &target.name).await?.map(|target| (target, *max))
        }
        None => None,
    };
    let nonces = nonces(queue, want.limit);
    let mut burials = 0;
    loop {
        let (claims, commit) = queue
            .with(|access| {
                let ask = Ask {
                    now: queue.now(),
                    limit: want.limit,
                    visibility_millis: want.visibility_millis,
                    nonces: &nonces,
                    receives_max: graveyard.as_ref().map(|(_, max)| *max),
                };
                claim(queue, access, ask, want.attempt)
            })
            .await?;
        let has_dead = !claims.dead.is_empty();
        if let Some((target, _)) = graveyard.as_ref().filter(|_| has_dead) {
            transfers::bury(queue, target, claims.dead).await?;
            burials += 1;
        }
        if let Some(commit) = commit {
            commit.done().await?;
        }
        if claims.taken.is_empty() && has_dead && burials < BURIALS_MAX {
            continue;
        }
        let messages = read(queue, claims.taken).await?;
        return Ok(Deliveries { messages, is_over_limit: claims.is_over_limit });
    }
}

/// As many random numbers as messages are wanted.
fn nonces(queue: &OpenQueue, limit: usize) -> [u64; RECEIVE_MAX] {
    let mut bytes = [0; RECEIVE_MAX * 8];
    let wanted = limit.min(RECEIVE_MAX) * 8;
    if let Some(bytes) = bytes.get_mut(..wanted) {
        queue.base().ids.fill(bytes);
    }
    let mut nonces = [0; RECEIVE_MAX];
    for (nonce, chunk) in nonces.iter_mut().zip(bytes.as_chunks().0) {
        *nonce = u64::from_be_bytes(*chunk);
    }
    nonces
}

fn claim(
    queue: &OpenQueue,
    access: &mut Access<'_>,
    ask: Ask<'_>,
    attempt: Option<&str>,
) -> (Claims, Option<Commit>) {
    let index = access.index();
    let repeated = attempt.and_then(|attempt| index.repeat(attempt, ask));
    let claims = match repeated {
        Some(taken) => Claims { taken, ..Claims::default() },
        None => {
            let claims = index.claim(ask);
            if let Some(attempt) = attempt.filter(|_| !claims.taken.is_empty()) {
                index.record_attempt(attempt, ask.now, &claims.taken);
            }
            claims
        }
    };
    if claims.taken.is_empty() {
        return (claims, None);
    }
    let mut batch = Batch::new();
    for claim in &claims.taken {
        batch.put(queue.keys.state(claim.seq), claim.state().encode());
    }
    batch.leads_to_deletes();
    let commit = access.enqueue(batch);
    (claims, Some(commit))
}

/// Reads the bodies of messages whose claims are committed, and so are their sends, which came before.
async fn read(queue: &Arc<OpenQueue>, claims: Vec<Claim>) -> Result<Vec<Delivery>> {
    let mut messages = Vec::with_capacity(claims.len());
    for claim in claims {
        match queue.base().store.get(&queue.keys.body(claim.seq)).await? {
            Some(body) => messages.push(Delivery { claim, body }),
            // Its send failed after this receive had claimed it, or a purge came between: there is no such message.
            None => forget(queue, claim.seq).await?,
        }
    }
    Ok(messages)
}

async fn forget(queue: &Arc<OpenQueue>, seq: u64) -> Result<()> {
    let commit = queue.with(|access| {
        access.index().drop_bodiless(seq);
        let mut batch = Batch::new();
        batch.delete(queue.keys.state(seq));
        access.enqueue(batch)
    });
    commit.await?.done().await
}
