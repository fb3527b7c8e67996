//! Operation → IAM action, the queue's ARN, its policy and its tags.
//!
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html> and
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html>.
//! AWS: SQS writes its actions in lower case in the texts of its denials (`sqs:sendmessage`); policies match actions
//! whatever their case.

use crate::address::Address;
use crate::queue::open::OpenQueue;
use crate::queue::registry::Registry;
use crate::state::{QueueName, queue_arn};
use crate::tags;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use yakumo_api_sqs as api;
use yakumo_aws::{AccountId, Region, Result};
use yakumo_room::{Access, Ctx, Need};

/// Actions that another account can be given by a queue's policy. "Cross-account permissions don't apply" to the others
/// (the page of each operation says so).
const CROSS_ACCOUNT: &[&str] = &[
    "sqs:changemessagevisibility",
    "sqs:deletemessage",
    "sqs:getqueueattributes",
    "sqs:getqueueurl",
    "sqs:listdeadlettersourcequeues",
    "sqs:purgequeue",
    "sqs:receivemessage",
    "sqs:sendmessage",
];

/// An input that names its queue by URL.
pub trait OnQueue: Send + Sync + 'static {
    /// The URL as the client wrote it.
    fn queue_url(&self) -> &str;
}

macro_rules! on_queue {
    ($($input:ident)*) => {$(
        impl OnQueue for api::$input {
            fn queue_url(&self) -> &str {
                &self.queue_url
            }
        }
    )*};
}

on_queue!(
    AddPermissionInput ChangeMessageVisibilityInput ChangeMessageVisibilityBatchInput DeleteMessageInput
    DeleteMessageBatchInput DeleteQueueInput GetQueueAttributesInput ListDeadLetterSourceQueuesInput
    ListQueueTagsInput PurgeQueueInput ReceiveMessageInput RemovePermissionInput SendMessageInput
    SendMessageBatchInput SetQueueAttributesInput TagQueueInput UntagQueueInput
);

/// The queue that a URL names, as account, region and name.
pub fn named<'a>(ctx: &Ctx, url: &'a str) -> Result<(AccountId, &'a str)> {
    let address = Address::parse(url, ctx.region())?;
    Ok((address.account.unwrap_or_else(|| ctx.account()), address.name))
}

/// The queue that a URL names; QueueDoesNotExist when there is none.
pub async fn queue(ctx: &Ctx, url: &str) -> Result<Arc<OpenQueue>> {
    let (account, name) = named(ctx, url)?;
    ctx.state::<Registry>().queue(account, ctx.region(), name).await
}

/// The rule of an operation on the queue in its input.
pub fn on_queue<I: OnQueue>(action: &'static str) -> Access<I> {
    Access::needs([action], move |ctx, input: &I| {
        Box::pin(async move { Ok(vec![queue_need(ctx, action, input.queue_url()).await?]) })
    })
}

/// The rule of CreateQueue: the queue to be, and its tags when it gets some.
pub fn create_queue() -> Access<api::CreateQueueInput> {
    Access::needs(["sqs:CreateQueue", "sqs:TagQueue"], |ctx, input: &api::CreateQueueInput| {
        Box::pin(async move {
            let arn = queue_arn(ctx.account(), ctx.region(), &input.queue_name);
            let mut needs = vec![Need::new("sqs:createqueue", arn.clone(), ctx.account())];
            if let Some(tags) = input.tags.as_ref().filter(|tags| !tags.is_empty()) {
                // Counted before they become condition keys, so that nobody is asked about thousands.
                tags::check(&input.queue_name, tags, 0)?;
                needs.push(Need::new("sqs:tagqueue", arn, ctx.account()));
                needs = needs.into_iter().map(|need| with_request_tags(need, tags)).collect();
            }
            Ok(needs)
        })
    })
}

/// The rule of GetQueueUrl, which names the queue without a URL.
pub fn get_queue_url() -> Access<api::GetQueueUrlInput> {
    Access::needs(["sqs:GetQueueUrl"], |ctx, input: &api::GetQueueUrlInput| {
        Box::pin(async move {
            let owner = input.queue_owner_aws_account_id.as_deref().and_then(AccountId::parse);
            let owner = owner.unwrap_or_else(|| ctx.account());
            Ok(vec![need(ctx, "sqs:getqueueurl", owner, ctx.region(), &input.queue_name).await?])
        })
    })
}

/// The rule of ListQueues, which is about no queue in particular.
pub fn list_queues() -> Access<api::ListQueuesInput> {
    Access::needs(["sqs:ListQueues"], |ctx, _| {
        Box::pin(async move {
            let arn = queue_arn(ctx.account(), ctx.region(), "");
            Ok(vec![Need::new("sqs:listqueues", arn, ctx.account())])
        })
    })
}

/// The rule of TagQueue.
pub fn tag_queue() -> Access<api::TagQueueInput> {
    Access::needs(["sqs:TagQueue"], |ctx, input: &api::TagQueueInput| {
        Box::pin(async move {
            tags::check(named(ctx, &input.queue_url)?.1, &input.tags, 0)?;
            let need = queue_need(ctx, "sqs:tagqueue", &input.queue_url).await?;
            Ok(vec![with_request_tags(need, &input.tags)])
        })
    })
}

/// The rule of UntagQueue.
pub fn untag_queue() -> Access<api::UntagQueueInput> {
    Access::needs(["sqs:UntagQueue"], |ctx, input: &api::UntagQueueInput| {
        Box::pin(async move {
            let need = queue_need(ctx, "sqs:untagqueue", &input.queue_url).await?;
            Ok(vec![need.with_key("aws:TagKeys", input.tag_keys.clone())])
        })
    })
}

/// What an action on the queue that a URL names needs.
async fn queue_need(ctx: &Ctx, action: &'static str, url: &str) -> Result<Need> {
    let (account, name) = named(ctx, url)?;
    need(ctx, action, account, ctx.region(), name).await
}

/// What actions on the queue that an ARN names need; the caller's account owns what is no ARN of a queue.
pub async fn arn_needs(ctx: &Ctx, actions: &[&'static str], arn: &str) -> Result<Vec<Need>> {
    let mut needs = Vec::with_capacity(actions.len());
    for action in actions {
        needs.push(match QueueName::from_arn(arn) {
            Some(queue) => need(ctx, action, queue.account, queue.region, &queue.name).await?,
            None => Need::new(*action, arn, ctx.account()),
        });
    }
    Ok(needs)
}

/// What an action on the resource of an ARN needs, before anybody acts; `None` when there is no such queue.
pub async fn need_of(ctx: &Ctx, action: &str, arn: &str) -> Result<Option<Need>> {
    let action = action.to_ascii_lowercase();
    if action == "sqs:listqueues" {
        let arn = queue_arn(ctx.account(), ctx.region(), "");
        return Ok(Some(Need::new(action, arn, ctx.account())));
    }
    let Some(name) = QueueName::from_arn(arn) else { return Ok(None) };
    let queue = ctx.state::<Registry>().find(name.account, name.region, &name.name).await?;
    Ok(queue.map(|queue| need_on(ctx, action, name.account, &queue)))
}

/// What an action on a queue needs. A queue that does not exist has no policy: only its owner gets to hear so.
async fn need(ctx: &Ctx, action: &'static str, owner: AccountId, region: Region, name: &str) -> Result<Need> {
    Ok(match ctx.state::<Registry>().find(owner, region, name).await? {
        Some(queue) => need_on(ctx, action, owner, &queue),
        None => Need::new(action, queue_arn(owner, region, name), owner),
    })
}

fn need_on(ctx: &Ctx, action: impl Into<Cow<'static, str>>, owner: AccountId, queue: &OpenQueue) -> Need {
    let action = action.into();
    let settings = queue.settings();
    let has_policy = owner == ctx.account() || CROSS_ACCOUNT.contains(&&*action);
    let mut need = Need::new(action, queue.arn.clone(), owner);
    need.keys = settings.tag_keys.as_slice().into();
    need.with_policy(settings.policy.clone().filter(|_| has_policy))
}

fn with_request_tags(need: Need, tags: &BTreeMap<String, String>) -> Need {
    let need = need.with_key("aws:TagKeys", tags.keys().cloned().collect());
    tags.iter().fold(need, |need, (name, value)| {
        need.with_key(format!("aws:RequestTag/{name}"), vec![value.clone()])
    })
}
