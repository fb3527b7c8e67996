//! Queues: create, find, list, purge, delete.

use crate::attributes::Attributes;
use crate::queue::registry::Registry;
use crate::queue::text::is_valid_queue_name;
use crate::state::{DeletedQueue, ListedQueue, Numbers, Purge, QueueRecord, REST_MILLIS, work};
use crate::{access, error, pages, policies, redrives, tags};
use std::collections::BTreeMap;
use yakumo_api_sqs::{
    CreateQueueInput, CreateQueueOutput, DeleteQueueInput, DeleteQueueOutput, GetQueueUrlInput,
    GetQueueUrlOutput, ListQueuesInput, ListQueuesOutput, PurgeQueueInput, PurgeQueueOutput,
};
use yakumo_aws::{AccountId, Result};
use yakumo_room::{Ctx, Tx};

/// The URL of a queue as this client reaches it.
pub fn queue_url(ctx: &Ctx, account: AccountId, name: &str) -> String {
    format!("{}/{account}/{name}", ctx.facts().endpoint)
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>
pub async fn create_queue(ctx: Ctx, input: CreateQueueInput) -> Result<CreateQueueOutput> {
    let given = input.attributes.unwrap_or_default();
    let name = input.queue_name;
    let mut attributes = new_attributes(&name, &given)?;
    let given_tags = input.tags.unwrap_or_default();
    tags::check(&name, &given_tags, 0)?;
    attributes.pins = policies::pins(&ctx, attributes.policy.as_deref()).await?;
    let registry = ctx.state::<Registry>();
    let changing = registry.change().await;
    let url = queue_url(&ctx, ctx.account(), &name);
    let output = CreateQueueOutput { queue_url: Some(url) };
    if let Some(queue) = changing.find(ctx.account(), ctx.region(), &name).await? {
        check_same(&queue.settings().record, &given, &attributes, &given_tags)?;
        return Ok(output);
    }
    let record = QueueRecord {
        account: ctx.account(),
        region: ctx.region(),
        name,
        number: 0,
        created_at: ctx.now(),
        modified_at: ctx.now(),
        attributes,
        tags: given_tags,
        purge: None,
    };
    redrives::check_target(&changing, &record).await?;
    let (scope, request) = (ctx.scope(), ctx.clone());
    ctx.transact(move |tx| {
        let (mut record, ctx) = (record.clone(), request.clone());
        async move {
            check_rest(&tx, &ctx, &record.name).await?;
            let mut numbers = tx.get::<Numbers>(&work(), &["queues"]).await?.unwrap_or_default();
            numbers.last += 1;
            record.number = numbers.last;
            tx.put(&work(), &["queues"], &numbers);
            let listed =
                ListedQueue { account: record.account, region: record.region, name: record.name.clone() };
            tx.put(&work(), &listed.id(), &listed);
            tx.put_resource(&scope, None, &record);
            Ok(())
        }
    })
    .await?;
    Ok(output)
}

/// The attributes of a new queue; its name and FifoQueue must agree.
fn new_attributes(name: &str, given: &BTreeMap<String, String>) -> Result<Attributes> {
    let wants_fifo = given.get("FifoQueue").map(|value| value.eq_ignore_ascii_case("true"));
    let is_valid = is_valid_queue_name(name);
    match (wants_fifo, name.ends_with(".fifo")) {
        (Some(true), true) if is_valid => {}
        (Some(true), _) => return Err(error::invalid_fifo_queue_name()),
        (_, true) => return Err(error::invalid_queue_name()),
        (_, false) if !is_valid => return Err(error::invalid_queue_name()),
        (_, false) => {}
    }
    let mut attributes = Attributes::new(wants_fifo == Some(true));
    attributes.set_all(given)?;
    Ok(attributes)
}

/// CreateQueue for a queue that exists succeeds only if it asks for nothing else than what is there.
fn check_same(
    record: &QueueRecord,
    given: &BTreeMap<String, String>,
    wanted: &Attributes,
    given_tags: &BTreeMap<String, String>,
) -> Result<()> {
    if let Some(name) = record.attributes.first_difference(given, wanted) {
        return Err(error::queue_name_exists(name));
    }
    if !given_tags.is_empty() && *given_tags != record.tags {
        return Err(error::queue_name_exists_with_other_tags());
    }
    Ok(())
}

/// A name rests for 60 seconds after its queue was deleted.
async fn check_rest(tx: &Tx, ctx: &Ctx, name: &str) -> Result<()> {
    let (account, region) = (ctx.account(), ctx.region());
    let prefix = [account.as_str(), region.as_str(), name];
    let deleted = tx.list::<DeletedQueue>(&work(), &prefix, None, 1_000).await?;
    let now = ctx.now().as_millis();
    if deleted.iter().any(|deleted| now < deleted.deleted_at.as_millis().saturating_add(REST_MILLIS)) {
        return Err(error::queue_deleted_recently());
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>
pub async fn get_queue_url(ctx: Ctx, input: GetQueueUrlInput) -> Result<GetQueueUrlOutput> {
    let owner = match &input.queue_owner_aws_account_id {
        Some(text) => AccountId::parse(text).ok_or_else(error::queue_does_not_exist)?,
        None => ctx.account(),
    };
    let queue = ctx.state::<Registry>().queue(owner, ctx.region(), &input.queue_name).await?;
    Ok(GetQueueUrlOutput { queue_url: Some(queue_url(&ctx, owner, &queue.name.name)) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>
pub async fn list_queues(ctx: Ctx, input: ListQueuesInput) -> Result<ListQueuesOutput> {
    let prefix = input.queue_name_prefix.unwrap_or_default();
    let page = pages::Page::new(input.max_results, input.next_token.as_deref())?;
    let names = pages::queue_names(&ctx, &prefix, page.after.as_deref(), page.limit + 1).await?;
    let (names, next_token) = page.cut(names);
    let urls: Vec<String> = names.iter().map(|name| queue_url(&ctx, ctx.account(), name)).collect();
    Ok(ListQueuesOutput { queue_urls: (!urls.is_empty()).then_some(urls), next_token })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>
///
/// What was sent before is gone for every reader when this answers; the reconciler frees its space later.
pub async fn purge_queue(ctx: Ctx, input: PurgeQueueInput) -> Result<PurgeQueueOutput> {
    let (account, name) = access::named(&ctx, &input.queue_url)?;
    let changing = ctx.state::<Registry>().change().await;
    let queue = changing.find(account, ctx.region(), name).await?.ok_or_else(error::queue_does_not_exist)?;
    let before = queue.settings().record.clone();
    let rests_until = before.purge.map(|purge| purge.at.as_millis().saturating_add(REST_MILLIS));
    if rests_until.is_some_and(|until| ctx.now().as_millis() < until) {
        return Err(error::purge_queue_in_progress(name));
    }
    let next_seq = queue.with(|access| access.index().next_seq()).await?;
    let mut after = before.clone();
    after.purge = Some(Purge { at: ctx.now(), before: next_seq });
    let scope = ctx.scope().with_account(account);
    changing.announce(&queue);
    ctx.transact(|tx| {
        let after = after.clone();
        async move {
            // A purge changes messages, not the resource: it is no row of the change feed.
            tx.put(&scope, &[&after.name], &after);
            Ok(())
        }
    })
    .await?;
    changing.renew(&queue).await?;
    ctx.base().nudge(crate::reconcile::CLEAN_UP);
    Ok(PurgeQueueOutput {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>
pub async fn delete_queue(ctx: Ctx, input: DeleteQueueInput) -> Result<DeleteQueueOutput> {
    let (account, name) = access::named(&ctx, &input.queue_url)?;
    let changing = ctx.state::<Registry>().change().await;
    let queue = changing.find(account, ctx.region(), name).await?.ok_or_else(error::queue_does_not_exist)?;
    let record = queue.settings().record.clone();
    let deleted = DeletedQueue {
        account,
        region: record.region,
        name: record.name.clone(),
        number: record.number,
        deleted_at: ctx.now(),
        is_clean: false,
    };
    let scope = ctx.scope().with_account(account);
    changing.announce(&queue);
    ctx.transact(|tx| {
        let (record, deleted) = (record.clone(), deleted.clone());
        async move {
            tx.delete_resource(&scope, &record);
            let listed =
                ListedQueue { account: record.account, region: record.region, name: record.name.clone() };
            tx.delete::<ListedQueue>(&work(), &listed.id());
            let number = deleted.number_text();
            tx.put(&work(), &deleted.id(&number), &deleted);
            Ok(())
        }
    })
    .await?;
    changing.renew(&queue).await?;
    ctx.base().nudge(crate::reconcile::CLEAN_UP);
    Ok(DeleteQueueOutput {})
}
