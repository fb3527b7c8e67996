//! Batches: up to ten sends, deletes or changes of visibility in one request and one commit. Each entry succeeds or
//! fails alone.

use crate::error;
use crate::letters::{Draft, hex_of};
use crate::messages::{changed, deleted, receipt, sequence_number, visibility_millis};
use crate::queue::digest::hex;
use crate::queue::text::is_valid_label;
use crate::queue::{receipts, sends};
use crate::{access, attributes::MESSAGE_MAX_BYTES};
use yakumo_api_sqs::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchInput, ChangeMessageVisibilityBatchOutput,
    ChangeMessageVisibilityBatchResultEntry, DeleteMessageBatchInput, DeleteMessageBatchOutput,
    DeleteMessageBatchResultEntry, SendMessageBatchInput, SendMessageBatchOutput,
    SendMessageBatchResultEntry,
};
use yakumo_aws::{Error, Fault, Result};
use yakumo_room::{Ctx, uuid_text};

const ENTRIES_MAX: usize = 10;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
pub async fn send_message_batch(ctx: Ctx, input: SendMessageBatchInput) -> Result<SendMessageBatchOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    check(input.entries.iter().map(|entry| &*entry.id), "SendMessageBatchRequestEntry")?;
    let settings = queue.settings();
    let mut drafts = Vec::with_capacity(input.entries.len());
    for mut entry in input.entries {
        drafts.push((std::mem::take(&mut entry.id), Draft::from(entry)));
    }
    let size_bytes: usize = drafts.iter().map(|(_, draft)| draft.size_bytes()).sum();
    if size_bytes > MESSAGE_MAX_BYTES as usize {
        return Err(error::batch_too_long(size_bytes, MESSAGE_MAX_BYTES as usize));
    }
    let (mut sealed, mut letters, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (id, draft) in drafts {
        match draft.seal(&ctx, &settings) {
            Ok((letter, digests)) => {
                letters.push(letter);
                sealed.push((id, digests));
            }
            Err(error) => failed.push(failure(id, &error)),
        }
    }
    let sent = if letters.is_empty() { Vec::new() } else { sends::send(&queue, &letters).await? };
    let successful = sealed.into_iter().zip(sent).map(|((id, digests), sent)| SendMessageBatchResultEntry {
        id,
        message_id: uuid_text(sent.message_id),
        md5_of_message_body: hex(&digests.body),
        md5_of_message_attributes: hex_of(digests.attributes),
        md5_of_message_system_attributes: hex_of(digests.system_attributes),
        sequence_number: settings.is_fifo().then(|| sequence_number(sent.seq)),
    });
    Ok(SendMessageBatchOutput { successful: some(successful.collect()), failed: some(failed) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>
pub async fn delete_message_batch(
    ctx: Ctx,
    input: DeleteMessageBatchInput,
) -> Result<DeleteMessageBatchOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    check(input.entries.iter().map(|entry| &*entry.id), "DeleteMessageBatchRequestEntry")?;
    let (mut entries, mut wanted, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for entry in input.entries {
        match receipt(&queue, &entry.receipt_handle) {
            Ok(receipt) => {
                wanted.push(receipt);
                entries.push(entry);
            }
            Err(error) => failed.push(failure(entry.id, &error)),
        }
    }
    let mut successful = Vec::with_capacity(entries.len());
    for (entry, outcome) in entries.into_iter().zip(receipts::delete(&queue, &wanted).await?) {
        match deleted(outcome, &entry.receipt_handle) {
            Ok(()) => successful.push(DeleteMessageBatchResultEntry { id: entry.id }),
            Err(error) => failed.push(failure(entry.id, &error)),
        }
    }
    Ok(DeleteMessageBatchOutput { successful: some(successful), failed: some(failed) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>
pub async fn change_message_visibility_batch(
    ctx: Ctx,
    input: ChangeMessageVisibilityBatchInput,
) -> Result<ChangeMessageVisibilityBatchOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    check(input.entries.iter().map(|entry| &*entry.id), "ChangeMessageVisibilityBatchRequestEntry")?;
    let (mut entries, mut wanted, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for entry in input.entries {
        let seconds = entry.visibility_timeout.ok_or_else(|| error::missing_parameter("VisibilityTimeout"));
        let checked = seconds
            .and_then(|seconds| Ok((receipt(&queue, &entry.receipt_handle)?, visibility_millis(seconds)?)));
        match checked {
            Ok(change) => {
                wanted.push(change);
                entries.push(entry);
            }
            Err(error) => failed.push(failure(entry.id, &error)),
        }
    }
    let mut successful = Vec::with_capacity(entries.len());
    for (entry, outcome) in entries.into_iter().zip(receipts::change_visibility(&queue, &wanted).await?) {
        match changed(outcome, &entry.receipt_handle, entry.visibility_timeout.unwrap_or_default()) {
            Ok(()) => successful.push(ChangeMessageVisibilityBatchResultEntry { id: entry.id }),
            Err(error) => failed.push(failure(entry.id, &error)),
        }
    }
    Ok(ChangeMessageVisibilityBatchOutput { successful: some(successful), failed: some(failed) })
}

/// The rules for the batch as a whole: 1 to 10 entries with ids that are well formed and distinct.
fn check<'a>(ids: impl ExactSizeIterator<Item = &'a str>, entry: &str) -> Result<()> {
    match ids.len() {
        0 => return Err(error::empty_batch(entry)),
        count if count > ENTRIES_MAX => return Err(error::too_many_entries(count)),
        _ => {}
    }
    let mut seen: Vec<&str> = Vec::with_capacity(ENTRIES_MAX);
    for id in ids {
        if !is_valid_label(id) {
            return Err(error::invalid_batch_entry_id());
        }
        if seen.contains(&id) {
            return Err(error::batch_ids_not_distinct(id));
        }
        seen.push(id);
    }
    Ok(())
}

/// AWS leaves an empty list out of the answer.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The error of one entry. AWS: it names the old code of the query protocol where the two differ.
fn failure(id: String, error: &Error) -> BatchResultErrorEntry {
    let code = match &*error.code {
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        code => code,
    };
    BatchResultErrorEntry {
        id,
        sender_fault: error.fault == Fault::Sender,
        code: code.to_owned(),
        message: Some(error.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_batch_has_one_to_ten_distinct_ids() {
        let codes = |ids: &[&str]| check(ids.iter().copied(), "E").map_err(|error| error.code.into_owned());
        assert_eq!(codes(&["a", "b"]), Ok(()));
        assert_eq!(codes(&[]), Err("EmptyBatchRequest".into()));
        assert_eq!(codes(&["a"; 11]), Err("TooManyEntriesInBatchRequest".into()));
        assert_eq!(codes(&["a", "a"]), Err("BatchEntryIdsNotDistinct".into()));
        assert_eq!(codes(&["a", "b c"]), Err("InvalidBatchEntryId".into()));
        assert_eq!(codes(&[&"a".repeat(81)]), Err("InvalidBatchEntryId".into()));
    }
}
