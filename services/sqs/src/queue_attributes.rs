//! GetQueueAttributes and SetQueueAttributes.

use crate::changes::change_record;
use crate::{access, error, policies};
use std::collections::BTreeMap;
use yakumo_api_sqs::{
    GetQueueAttributesInput, GetQueueAttributesOutput, SetQueueAttributesInput, SetQueueAttributesOutput,
    queue_attribute_name as names,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// Every name that can be asked for.
const KNOWN: &[&str] = &[
    names::ALL,
    names::POLICY,
    names::VISIBILITY_TIMEOUT,
    names::MAXIMUM_MESSAGE_SIZE,
    names::MESSAGE_RETENTION_PERIOD,
    names::APPROXIMATE_NUMBER_OF_MESSAGES,
    names::APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE,
    names::CREATED_TIMESTAMP,
    names::LAST_MODIFIED_TIMESTAMP,
    names::QUEUE_ARN,
    names::APPROXIMATE_NUMBER_OF_MESSAGES_DELAYED,
    names::DELAY_SECONDS,
    names::RECEIVE_MESSAGE_WAIT_TIME_SECONDS,
    names::REDRIVE_POLICY,
    names::FIFO_QUEUE,
    names::CONTENT_BASED_DEDUPLICATION,
    names::KMS_MASTER_KEY_ID,
    names::KMS_DATA_KEY_REUSE_PERIOD_SECONDS,
    names::DEDUPLICATION_SCOPE,
    names::FIFO_THROUGHPUT_LIMIT,
    names::REDRIVE_ALLOW_POLICY,
    names::SQS_MANAGED_SSE_ENABLED,
];

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
pub async fn get_queue_attributes(
    ctx: Ctx,
    input: GetQueueAttributesInput,
) -> Result<GetQueueAttributesOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    let wanted = input.attribute_names.unwrap_or_default();
    if let Some(unknown) = wanted.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(error::unknown_attribute(unknown));
    }
    if wanted.is_empty() {
        return Ok(GetQueueAttributesOutput { attributes: None });
    }
    let settings = queue.settings();
    let mut shown = settings.record.attributes.show();
    let counts = queue
        .with(|access| {
            let index = access.index();
            index.sweep(queue.now());
            index.counts()
        })
        .await?;
    if let Some(policy) = shown.get_mut(names::POLICY) {
        *policy = settings.record.attributes.pins.show(&ctx, policy).await?;
    }
    shown.extend([
        (names::APPROXIMATE_NUMBER_OF_MESSAGES, counts.visible.to_string()),
        (names::APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE, counts.not_visible.to_string()),
        (names::APPROXIMATE_NUMBER_OF_MESSAGES_DELAYED, counts.delayed.to_string()),
        (names::CREATED_TIMESTAMP, settings.record.created_at.as_secs().to_string()),
        (names::LAST_MODIFIED_TIMESTAMP, settings.record.modified_at.as_secs().to_string()),
        (names::QUEUE_ARN, queue.arn.clone()),
    ]);
    let wants_all = wanted.iter().any(|name| name == names::ALL);
    let is_wanted = |name: &str| wants_all || wanted.iter().any(|wanted| wanted == name);
    let shown = shown.into_iter().filter(|(name, _)| is_wanted(name));
    let attributes: BTreeMap<String, String> = shown.map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(GetQueueAttributesOutput { attributes: (!attributes.is_empty()).then_some(attributes) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
pub async fn set_queue_attributes(
    ctx: Ctx,
    input: SetQueueAttributesInput,
) -> Result<SetQueueAttributesOutput> {
    if input.attributes.is_empty() {
        return Err(error::missing_parameter("Attributes"));
    }
    let now = ctx.now();
    // Looked up before the queue is locked; what is no policy at all is refused with the other attributes.
    let policy = input
        .attributes
        .get("Policy")
        .filter(|text| policies::check(text).is_ok_and(|policy| policy.is_some()));
    let pins = policies::pins(&ctx, policy.map(String::as_str)).await;
    change_record(&ctx, &input.queue_url, |record| {
        record.attributes.set_all(&input.attributes)?;
        if input.attributes.contains_key("Policy") {
            record.attributes.pins = pins?;
        }
        record.modified_at = now;
        Ok(())
    })
    .await?;
    Ok(SetQueueAttributesOutput {})
}
