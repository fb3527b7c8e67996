//! Who may be whose dead-letter queue, and ListDeadLetterSourceQueues.

use crate::pages::{Page, queue_names};
use crate::queue::registry::{Changing, Registry};
use crate::queues::queue_url;
use crate::state::{QueueName, QueueRecord};
use crate::{access, error};
use yakumo_api_sqs::{ListDeadLetterSourceQueuesInput, ListDeadLetterSourceQueuesOutput};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// How many queues are looked at in one step of a list.
const STEP: usize = 500;

/// Checks a queue's RedrivePolicy against the queue that it names.
///
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>:
/// both are of the same type, account and region.
pub async fn check_target(changing: &Changing<'_>, source: &QueueRecord) -> Result<()> {
    let Some(redrive) = &source.attributes.redrive else { return Ok(()) };
    let Some(target) = QueueName::from_arn(&redrive.target_arn) else {
        return Err(redrive.refuse("Invalid value for deadLetterTargetArn."));
    };
    if target.account != source.account {
        return Err(redrive.refuse("Dead letter target owner should be same as the source."));
    }
    if target.region != source.region {
        return Err(redrive.refuse("Dead-letter target should be in the same region as the source."));
    }
    if target.name == source.name {
        return Err(redrive.refuse("Dead letter target must be another queue than the source."));
    }
    let Some(queue) = changing.find(target.account, target.region, &target.name).await? else {
        return Err(redrive.refuse("Dead letter target does not exist."));
    };
    let settings = queue.settings();
    if settings.is_fifo() != source.attributes.fifo.is_some() {
        return Err(redrive.refuse("Dead-letter queue must be same type of queue as the source."));
    }
    match &settings.record.attributes.redrive_allow {
        Some(allow) if !allow.allows(&source.arn()) => Err(redrive
            .refuse("Dead letter target does not allow this queue as a source by its RedriveAllowPolicy.")),
        _ => Ok(()),
    }
}

/// The names of the caller's queues whose dead letters go to this ARN, in order, behind `after`.
pub async fn sources(
    ctx: &Ctx,
    target_arn: &str,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<String>> {
    let registry = ctx.state::<Registry>();
    let (mut found, mut after) = (Vec::new(), after);
    loop {
        let names = queue_names(ctx, "", after.as_deref(), STEP).await?;
        let is_last = names.len() < STEP;
        after = names.last().cloned();
        for name in names {
            let Some(queue) = registry.find(ctx.account(), ctx.region(), &name).await? else { continue };
            if queue
                .settings()
                .record
                .attributes
                .redrive
                .as_ref()
                .is_some_and(|redrive| redrive.target_arn == target_arn)
            {
                found.push(name);
            }
            if found.len() == limit {
                return Ok(found);
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html>
pub async fn list_dead_letter_source_queues(
    ctx: Ctx,
    input: ListDeadLetterSourceQueuesInput,
) -> Result<ListDeadLetterSourceQueuesOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    if queue.name.account != ctx.account() {
        // AWS: the list is of "your queues"; sources live in the account of their dead-letter queue.
        return Err(error::queue_does_not_exist());
    }
    let page = Page::new(input.max_results, input.next_token.as_deref())?;
    let names = sources(&ctx, &queue.arn, page.after.clone(), page.limit + 1).await?;
    let (names, next_token) = page.cut(names);
    let queue_urls = names.iter().map(|name| queue_url(&ctx, ctx.account(), name)).collect();
    Ok(ListDeadLetterSourceQueuesOutput { queue_urls, next_token })
}
