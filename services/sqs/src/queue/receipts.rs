//! What a receipt handle is good for: deleting a message and changing how long it stays invisible.

use super::open::OpenQueue;
use super::outcomes::{Changed, Deleted};
use super::receipt::Receipt;
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_room::store::Batch;

/// Deletes messages in one commit; one outcome for each receipt.
pub async fn delete(queue: &Arc<OpenQueue>, receipts: &[Receipt]) -> Result<Vec<Deleted>> {
    let (outcomes, commit) = queue
        .with(|access| {
            let now = queue.now();
            let mut batch = Batch::new();
            let mut outcomes = Vec::with_capacity(receipts.len());
            for receipt in receipts {
                let outcome = access.index().delete(receipt.seq, receipt.nonce, now);
                if outcome == Deleted::Now {
                    batch.delete(queue.keys.state(receipt.seq)).delete(queue.keys.body(receipt.seq));
                }
                outcomes.push(outcome);
            }
            let commit = (!batch.is_empty()).then(|| access.enqueue(batch));
            (outcomes, commit)
        })
        .await?;
    if let Some(commit) = commit {
        commit.done().await?;
    }
    Ok(outcomes)
}

/// Sets new visibility timeouts in one commit; one outcome for each receipt and timeout.
pub async fn change_visibility(queue: &Arc<OpenQueue>, wanted: &[(Receipt, i64)]) -> Result<Vec<Changed>> {
    let (outcomes, commit) = queue
        .with(|access| {
            let now = queue.now();
            let mut batch = Batch::new();
            let mut outcomes = Vec::with_capacity(wanted.len());
            for (receipt, millis) in wanted {
                let outcome = access.index().change_visibility(receipt.seq, receipt.nonce, now, *millis);
                if let Changed::Now(claim) = &outcome {
                    batch.put(queue.keys.state(claim.seq), claim.state().encode());
                }
                outcomes.push(outcome);
            }
            let commit = (!batch.is_empty()).then(|| access.enqueue(batch));
            (outcomes, commit)
        })
        .await?;
    if let Some(commit) = commit {
        commit.done().await?;
    }
    Ok(outcomes)
}
