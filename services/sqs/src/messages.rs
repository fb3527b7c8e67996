//! Messages: send, receive, delete, change visibility.

use crate::letters::{Draft, hex_of};
use crate::queue::body::{Attribute, AttributeValue, Body, decode_attributes};
use crate::queue::digest::{hex, md5_of_attributes};
use crate::queue::open::OpenQueue;
use crate::queue::outcomes::{Changed, Deleted};
use crate::queue::polls::Waiter;
use crate::queue::receipt::Receipt;
use crate::queue::receives::{Deliveries, Delivery, RECEIVE_MAX, Want, receive};
use crate::queue::registry::Registry;
use crate::queue::settings::Settings;
use crate::queue::text::is_valid_token;
use crate::queue::{receipts, sends};
use crate::{access, error};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_sqs::{
    ChangeMessageVisibilityInput, ChangeMessageVisibilityOutput, DeleteMessageInput, DeleteMessageOutput,
    Message, MessageAttributeValue, ReceiveMessageInput, ReceiveMessageOutput, SendMessageInput,
    SendMessageOutput, message_system_attribute_name as names,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, uuid_text};

/// How long a message can be made invisible, in seconds.
const VISIBILITY_MAX_S: i32 = 43_200;
const WAIT_MAX_S: i32 = 20;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub async fn send_message(ctx: Ctx, mut input: SendMessageInput) -> Result<SendMessageOutput> {
    let url = std::mem::take(&mut input.queue_url);
    let queue = access::queue(&ctx, &url).await?;
    let settings = queue.settings();
    let (letter, digests) = Draft::from(input).seal(&ctx, &settings)?;
    let sent = sends::send(&queue, std::slice::from_ref(&letter)).await?;
    let sent = sent.first().ok_or_else(|| Error::internal("a send gave no message"))?;
    Ok(SendMessageOutput {
        md5_of_message_body: Some(hex(&digests.body)),
        md5_of_message_attributes: hex_of(digests.attributes),
        md5_of_message_system_attributes: hex_of(digests.system_attributes),
        message_id: Some(uuid_text(sent.message_id)),
        sequence_number: settings.is_fifo().then(|| sequence_number(sent.seq)),
    })
}

/// Twenty digits that grow with each message of a queue.
///
/// AWS: "the large, non-consecutive number that Amazon SQS assigns to each message"; it has twenty digits there too.
pub fn sequence_number(seq: u64) -> String {
    const FIRST: u128 = 18_850_000_000_000_000_000;
    (FIRST + u128::from(seq) * 256).to_string()
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
pub async fn receive_message(ctx: Ctx, input: ReceiveMessageInput) -> Result<ReceiveMessageOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    let settings = queue.settings();
    let asked = Asked::check(&input, &settings)?;
    let wanted = Wanted::new(&input)?;
    let deliveries = if asked.wait_s == 0 {
        receive(ctx.state::<Registry>(), &queue, asked.want).await?
    } else {
        poll(&ctx, &queue, &asked).await?
    };
    // AWS: quotas-queues.html: OverLimit is for short polls of standard queues; long polls and FIFO queues give nothing.
    if deliveries.is_over_limit && asked.wait_s == 0 && !settings.is_fifo() {
        return Err(error::too_many_in_flight());
    }
    let message = |delivery: &Delivery| show(&queue, delivery, &wanted, settings.is_fifo());
    let messages = deliveries.messages.iter().map(message).collect::<Result<Vec<Message>>>()?;
    Ok(ReceiveMessageOutput { messages: (!messages.is_empty()).then_some(messages) })
}

/// Waits for messages until the wait time, in host time, is over, the client has gone, or the cloud stops.
async fn poll(ctx: &Ctx, queue: &Arc<OpenQueue>, asked: &Asked<'_>) -> Result<Deliveries> {
    let registry = ctx.state::<Registry>();
    let waiter = Waiter::join(queue);
    let mut timeout = pin!(tokio::time::sleep(Duration::from_secs(asked.wait_s)));
    let mut gone = pin!(ctx.gone());
    let mut stopped = pin!(ctx.base().stopped());
    loop {
        let mut place = pin!(waiter.line_up());
        place.as_mut().enable();
        let deliveries = receive(registry, queue, asked.want).await?;
        if !deliveries.messages.is_empty() {
            return Ok(deliveries);
        }
        tokio::select! {
            // In this order: a client that has gone takes nothing, even when its turn has come as well.
            biased;
            () = &mut gone => return Ok(deliveries),
            () = &mut stopped => return Ok(deliveries),
            () = waiter.turn(place) => {}
            () = &mut timeout => return Ok(deliveries),
        }
    }
}

/// A receive's numbers, checked.
struct Asked<'a> {
    want: Want<'a>,
    wait_s: u64,
}

impl<'a> Asked<'a> {
    fn check(input: &'a ReceiveMessageInput, settings: &Settings) -> Result<Asked<'a>> {
        let attributes = &settings.record.attributes;
        let limit = input.max_number_of_messages.unwrap_or(1);
        let limit = usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=RECEIVE_MAX).contains(limit))
            .ok_or_else(|| {
                error::invalid_parameter(
                    limit,
                    "MaxNumberOfMessages",
                    "Must be between 1 and 10, if provided.",
                )
            })?;
        let wait_s =
            in_range(input.wait_time_seconds, WAIT_MAX_S, "WaitTimeSeconds")?.unwrap_or(attributes.wait_s);
        let visibility_s = in_range(input.visibility_timeout, VISIBILITY_MAX_S, "VisibilityTimeout")?;
        let visibility_s = visibility_s.unwrap_or(attributes.visibility_s);
        let attempt = input.receive_request_attempt_id.as_deref().filter(|attempt| !attempt.is_empty());
        if let Some(attempt) = attempt {
            if !settings.is_fifo() {
                return Err(error::wrong_queue_type(attempt, "ReceiveRequestAttemptId"));
            }
            if !is_valid_token(attempt) {
                return Err(error::invalid_token(attempt, "ReceiveRequestAttemptId"));
            }
        }
        let visibility_millis = i64::from(visibility_s) * 1_000;
        Ok(Asked { want: Want { limit, visibility_millis, attempt }, wait_s: u64::from(wait_s) })
    }
}

fn in_range(value: Option<i32>, max: i32, name: &str) -> Result<Option<u32>> {
    let Some(value) = value else { return Ok(None) };
    let number = u32::try_from(value).ok().filter(|_| value <= max);
    let refused =
        || error::invalid_parameter(value, name, &format!("Must be >= 0 and <= {max}, if provided."));
    number.map(Some).ok_or_else(refused)
}

/// Which attributes a receive wants to see.
struct Wanted<'a> {
    system: Vec<&'a str>,
    user: &'a [String],
}

impl<'a> Wanted<'a> {
    fn new(input: &'a ReceiveMessageInput) -> Result<Wanted<'a>> {
        const KNOWN: &[&str] = &[
            names::ALL,
            names::SENDER_ID,
            names::SENT_TIMESTAMP,
            names::APPROXIMATE_RECEIVE_COUNT,
            names::APPROXIMATE_FIRST_RECEIVE_TIMESTAMP,
            names::SEQUENCE_NUMBER,
            names::MESSAGE_DEDUPLICATION_ID,
            names::MESSAGE_GROUP_ID,
            names::AWS_TRACE_HEADER,
            names::DEAD_LETTER_QUEUE_SOURCE_ARN,
        ];
        let lists = [&input.attribute_names, &input.message_system_attribute_names];
        let system: Vec<&str> = lists.into_iter().flatten().flatten().map(String::as_str).collect();
        if let Some(unknown) = system.iter().find(|name| !KNOWN.contains(name)) {
            return Err(error::unknown_attribute(unknown));
        }
        Ok(Wanted { system, user: input.message_attribute_names.as_deref().unwrap_or_default() })
    }

    fn has_system(&self, name: &str) -> bool {
        self.system.iter().any(|wanted| *wanted == names::ALL || *wanted == name)
    }

    /// `All` and `.*` are everything, `bar.*` is what begins with `bar`.
    fn has_user(&self, name: &str) -> bool {
        self.user.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => wanted == names::ALL || wanted == name,
        })
    }
}

fn show(queue: &OpenQueue, delivery: &Delivery, wanted: &Wanted<'_>, is_fifo: bool) -> Result<Message> {
    let body = Body::decode(&delivery.body).map_err(Error::internal)?;
    let receipt = Receipt { seq: delivery.claim.seq, nonce: delivery.claim.received.nonce };
    let (message_attributes, md5_of_message_attributes) = user_attributes(&body, wanted)?;
    Ok(Message {
        message_id: Some(uuid_text(body.message_id)),
        receipt_handle: Some(receipt.encode(queue.number)),
        md5_of_body: Some(hex(&body.md5)),
        body: Some(body.text.to_owned()),
        attributes: system_attributes(delivery, &body, wanted, is_fifo),
        md5_of_message_attributes,
        message_attributes,
    })
}

fn system_attributes(
    delivery: &Delivery,
    body: &Body<'_>,
    wanted: &Wanted<'_>,
    is_fifo: bool,
) -> Option<BTreeMap<String, String>> {
    if wanted.system.is_empty() {
        return None;
    }
    let (claim, before) = (&delivery.claim, body.dead_letter.map_or(0, |(_, before)| before));
    let count = before.saturating_add(claim.received.count);
    let all = [
        (names::SENDER_ID, Some(body.sender.to_owned())),
        (names::SENT_TIMESTAMP, Some(claim.sent_at.to_string())),
        (names::APPROXIMATE_RECEIVE_COUNT, Some(count.to_string())),
        (names::APPROXIMATE_FIRST_RECEIVE_TIMESTAMP, Some(claim.received.first_at.to_string())),
        (names::SEQUENCE_NUMBER, is_fifo.then(|| sequence_number(claim.seq))),
        (names::MESSAGE_DEDUPLICATION_ID, body.deduplication_id.map(str::to_owned)),
        (names::MESSAGE_GROUP_ID, body.group.map(str::to_owned)),
        (names::AWS_TRACE_HEADER, body.trace_header.map(str::to_owned)),
        (names::DEAD_LETTER_QUEUE_SOURCE_ARN, body.dead_letter.map(|(source, _)| source.to_owned())),
    ];
    let shown = all.into_iter().filter(|(name, _)| wanted.has_system(name));
    let shown: BTreeMap<String, String> =
        shown.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    (!shown.is_empty()).then_some(shown)
}

type UserAttributes = (Option<BTreeMap<String, MessageAttributeValue>>, Option<String>);

/// The wanted attributes; the digest covers what is returned, not what was sent.
fn user_attributes(body: &Body<'_>, wanted: &Wanted<'_>) -> Result<UserAttributes> {
    let Some((_, bytes)) = body.attributes.filter(|_| !wanted.user.is_empty()) else {
        return Ok((None, None));
    };
    let all = decode_attributes(bytes).map_err(Error::internal)?;
    let chosen: Vec<Attribute<'_>> =
        all.into_iter().filter(|attribute| wanted.has_user(attribute.name)).collect();
    if chosen.is_empty() {
        return Ok((None, None));
    }
    let md5 = hex(&md5_of_attributes(chosen.iter().copied()));
    let shown = chosen.into_iter().map(|attribute| {
        let mut value =
            MessageAttributeValue { data_type: attribute.data_type.to_owned(), ..Default::default() };
        match attribute.value {
            AttributeValue::Text(text) => value.string_value = Some(text.to_owned()),
            AttributeValue::Binary(bytes) => value.binary_value = Some(bytes.to_vec().into()),
        }
        (attribute.name.to_owned(), value)
    });
    Ok((Some(shown.collect()), Some(md5)))
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>
pub async fn delete_message(ctx: Ctx, input: DeleteMessageInput) -> Result<DeleteMessageOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    let receipt = receipt(&queue, &input.receipt_handle)?;
    for outcome in receipts::delete(&queue, &[receipt]).await? {
        deleted(outcome, &input.receipt_handle)?;
    }
    Ok(DeleteMessageOutput {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>
pub async fn change_message_visibility(
    ctx: Ctx,
    input: ChangeMessageVisibilityInput,
) -> Result<ChangeMessageVisibilityOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    let millis = visibility_millis(input.visibility_timeout)?;
    let receipt = receipt(&queue, &input.receipt_handle)?;
    for outcome in receipts::change_visibility(&queue, &[(receipt, millis)]).await? {
        changed(outcome, &input.receipt_handle, input.visibility_timeout)?;
    }
    Ok(ChangeMessageVisibilityOutput {})
}

/// Reads a receipt handle of the queue.
pub fn receipt(queue: &OpenQueue, handle: &str) -> Result<Receipt> {
    if handle.is_empty() {
        return Err(error::missing_parameter("ReceiptHandle"));
    }
    Receipt::decode(handle, queue.number).ok_or_else(|| error::receipt_handle_is_invalid(handle))
}

/// Checks a new visibility timeout.
pub fn visibility_millis(seconds: i32) -> Result<i64> {
    if (0..=VISIBILITY_MAX_S).contains(&seconds) {
        return Ok(i64::from(seconds) * 1_000);
    }
    let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
    Err(error::invalid_parameter(seconds, "VisibilityTimeout", reason))
}

/// What the client hears of a delete.
pub fn deleted(outcome: Deleted, handle: &str) -> Result<()> {
    match outcome {
        Deleted::Now | Deleted::Nothing => Ok(()),
        Deleted::HandleExpired => Err(error::receipt_handle_expired(handle)),
    }
}

/// What the client hears of a change of visibility.
pub fn changed(outcome: Changed, handle: &str, seconds: i32) -> Result<()> {
    match outcome {
        Changed::Now(_) => Ok(()),
        Changed::NotInFlight => Err(error::message_not_in_flight()),
        Changed::Gone => Err(error::no_message_for_visibility(handle)),
        Changed::TooLong => Err(error::visibility_beyond_limit(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, sequence_number};
    use yakumo_api_sqs::ReceiveMessageInput;

    #[test]
    fn sequence_numbers_have_twenty_digits_and_grow() {
        let numbers = [1, 2, 1_000_000, 1 << 50].map(sequence_number);
        assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 20), "{numbers:?}");
    }

    fn check(names: &[&str], name: &str, expected: bool) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let input = ReceiveMessageInput { message_attribute_names: Some(names), ..Default::default() };
        assert_eq!(Wanted::new(&input).unwrap().has_user(name), expected, "{input:?} {name}");
    }

    #[test]
    fn attribute_filters() {
        check(&["All"], "a", true);
        check(&[".*"], "a", true);
        check(&["bar.*"], "bar.x", true);
        check(&["bar.*"], "foo", false);
        check(&["a", "b"], "b", true);
        check(&["a"], "ab", false);
        check(&[], "a", false);
    }

    #[test]
    fn unknown_system_attributes_are_refused() {
        let input =
            ReceiveMessageInput { attribute_names: Some(vec!["Colour".into()]), ..Default::default() };
        assert_eq!(Wanted::new(&input).err().unwrap().message, "Unknown Attribute Colour.");
    }
}
