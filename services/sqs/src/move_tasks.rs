//! Message move tasks: start, cancel, list. The reconciler does the moving.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>

use crate::access::arn_needs;
use crate::error;
use crate::queue::open::OpenQueue;
use crate::queue::registry::Registry;
use crate::reconcile::MOVE_TASKS;
use crate::redrives::sources;
use crate::state::{MoveStatus, MoveTask, Numbers, QueueName, queue_arn, work};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use yakumo_api_sqs::{
    CancelMessageMoveTaskInput, CancelMessageMoveTaskOutput, ListMessageMoveTasksInput,
    ListMessageMoveTasksOutput, ListMessageMoveTasksResultEntry, StartMessageMoveTaskInput,
    StartMessageMoveTaskOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Access, Ctx};

const RATE_MAX: i32 = 500;
const LIST_MAX: i32 = 10;

/// What each operation needs on the source.
const START: [&str; 4] =
    ["sqs:startmessagemovetask", "sqs:receivemessage", "sqs:deletemessage", "sqs:getqueueattributes"];
const CANCEL: [&str; 4] =
    ["sqs:cancelmessagemovetask", "sqs:receivemessage", "sqs:deletemessage", "sqs:getqueueattributes"];
const LIST: [&str; 4] =
    ["sqs:listmessagemovetasks", "sqs:receivemessage", "sqs:deletemessage", "sqs:getqueueattributes"];

/// What a task's handle says, as JSON in base64: as AWS's handles do.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: String,
    source_arn: String,
}

impl Handle {
    fn of(task: &MoveTask) -> String {
        let handle = Handle { task_id: task.id.clone(), source_arn: source_arn(task) };
        STANDARD.encode(serde_json::to_vec(&handle).unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Handle> {
        serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()
    }
}

fn source_arn(task: &MoveTask) -> String {
    queue_arn(task.account, task.region, &task.source)
}

/// The rule of StartMessageMoveTask: to take messages out of the source, and to send them to the destination, or to
/// each queue that they may have come from.
pub fn start_access() -> Access<StartMessageMoveTaskInput> {
    let actions = [&START[..], &["sqs:sendmessage"]].concat();
    Access::needs(actions, |ctx, input: &StartMessageMoveTaskInput| {
        Box::pin(async move {
            let mut needs = arn_needs(ctx, &START, &input.source_arn).await?;
            let destinations = match &input.destination_arn {
                Some(arn) => vec![arn.clone()],
                None => {
                    let names = sources(ctx, &input.source_arn, None, usize::MAX).await?;
                    names.iter().map(|name| queue_arn(ctx.account(), ctx.region(), name)).collect()
                }
            };
            for arn in destinations {
                needs.extend(arn_needs(ctx, &["sqs:sendmessage"], &arn).await?);
            }
            Ok(needs)
        })
    })
}

/// The rule of CancelMessageMoveTask, whose handle names the source.
pub fn cancel_access() -> Access<CancelMessageMoveTaskInput> {
    Access::needs(CANCEL, |ctx, input: &CancelMessageMoveTaskInput| {
        Box::pin(async move {
            let arn = Handle::parse(&input.task_handle).map(|handle| handle.source_arn);
            let arn = arn.unwrap_or_else(|| queue_arn(ctx.account(), ctx.region(), ""));
            arn_needs(ctx, &CANCEL, &arn).await
        })
    })
}

/// The rule of ListMessageMoveTasks.
pub fn list_access() -> Access<ListMessageMoveTasksInput> {
    Access::needs(LIST, |ctx, input: &ListMessageMoveTasksInput| {
        Box::pin(async move { arn_needs(ctx, &LIST, &input.source_arn).await })
    })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>
pub async fn start_message_move_task(
    ctx: Ctx,
    input: StartMessageMoveTaskInput,
) -> Result<StartMessageMoveTaskOutput> {
    let messages_per_second = rate(input.max_number_of_messages_per_second)?;
    let source = queue(&ctx, &input.source_arn, "SourceArn").await?;
    if sources(&ctx, &source.arn, None, 1).await?.is_empty() {
        return Err(error::invalid_parameter_text("Source queue must be configured as a Dead Letter Queue."));
    }
    if let Some(arn) = &input.destination_arn {
        check_destination(&source, &*queue(&ctx, arn, "DestinationArn").await?)?;
    }
    let registry = ctx.state::<Registry>();
    let _turn = registry.change().await;
    if tasks(&ctx, &source).await?.iter().any(|task| task.status.is_active()) {
        return Err(error::invalid_parameter_text(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ));
    }
    let to_move = source.with(|access| {
        access.index().sweep(source.now());
        access.index().counts().visible
    });
    let task = MoveTask {
        account: source.name.account,
        region: source.name.region,
        source: source.name.name.clone(),
        source_number: source.number,
        number: 0,
        id: ctx.base().ids.uuid(),
        destination_arn: input.destination_arn,
        messages_per_second,
        status: MoveStatus::Running,
        moved: 0,
        to_move: to_move.await? as u64,
        failure: None,
        started_at: ctx.now(),
    };
    let handle = Handle::of(&task);
    store_new(&ctx, task).await?;
    registry.has_moves.store(true, Ordering::Release);
    ctx.base().nudge(MOVE_TASKS);
    Ok(StartMessageMoveTaskOutput { task_handle: Some(handle) })
}

async fn store_new(ctx: &Ctx, task: MoveTask) -> Result<()> {
    ctx.transact(move |tx| {
        let mut task = task.clone();
        async move {
            let mut numbers = tx.get::<Numbers>(&work(), &["move-tasks"]).await?.unwrap_or_default();
            numbers.last += 1;
            task.number = numbers.last;
            tx.put(&work(), &["move-tasks"], &numbers);
            let [source, number] = task.id();
            tx.put(&work(), &[&source, &number], &task);
            Ok(())
        }
    })
    .await
}

fn rate(given: Option<i32>) -> Result<Option<u32>> {
    let Some(given) = given else { return Ok(None) };
    let rate = u32::try_from(given).ok().filter(|_| (1..=RATE_MAX).contains(&given));
    let reason = "Must be between 1 and 500, if provided.";
    rate.map(Some).ok_or_else(|| error::invalid_parameter(given, "MaxNumberOfMessagesPerSecond", reason))
}

fn check_destination(source: &OpenQueue, destination: &OpenQueue) -> Result<()> {
    if source.number == destination.number {
        return Err(error::invalid_parameter_text(
            "Source queue arn and destination queue arn cannot be the same.",
        ));
    }
    if source.settings().is_fifo() != destination.settings().is_fifo() {
        return Err(error::invalid_parameter_text(
            "Source queue and destination queue must be of the same type.",
        ));
    }
    Ok(())
}

/// The queue that an ARN names; a task stays in its owner's account and region.
async fn queue(ctx: &Ctx, arn: &str, parameter: &str) -> Result<Arc<OpenQueue>> {
    let absent = || {
        error::resource_not_found(format!(
            "The resource that you specified for the {parameter} parameter doesn't exist."
        ))
    };
    let name = QueueName::from_arn(arn).ok_or_else(absent)?;
    if (name.account, name.region) != (ctx.account(), ctx.region()) {
        return Err(absent());
    }
    ctx.state::<Registry>().find(name.account, name.region, &name.name).await?.ok_or_else(absent)
}

/// The tasks of a source queue, newest first.
async fn tasks(ctx: &Ctx, source: &OpenQueue) -> Result<Vec<MoveTask>> {
    let prefix = MoveTask::source_key(source.number);
    let mut tasks = ctx.list::<MoveTask>(&work(), &[&prefix], None, 1_000).await?;
    tasks.reverse();
    Ok(tasks)
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html>
pub async fn cancel_message_move_task(
    ctx: Ctx,
    input: CancelMessageMoveTaskInput,
) -> Result<CancelMessageMoveTaskOutput> {
    let absent = || error::resource_not_found("Task does not exist.");
    let handle = Handle::parse(&input.task_handle).ok_or_else(absent)?;
    let source = queue(&ctx, &handle.source_arn, "TaskHandle").await?;
    let _turn = ctx.state::<Registry>().change().await;
    let found = tasks(&ctx, &source).await?.into_iter().find(|task| task.id == handle.task_id);
    let mut task = found.ok_or_else(absent)?;
    if task.status != MoveStatus::Running {
        return Err(error::unsupported_operation("Only tasks in status RUNNING can be cancelled."));
    }
    task.status = MoveStatus::Cancelling;
    let moved = i64::try_from(task.moved).map_err(Error::internal)?;
    ctx.transact(move |tx| {
        let task = task.clone();
        async move {
            let [source, number] = task.id();
            tx.put(&work(), &[&source, &number], &task);
            Ok(())
        }
    })
    .await?;
    ctx.base().nudge(MOVE_TASKS);
    Ok(CancelMessageMoveTaskOutput { approximate_number_of_messages_moved: Some(moved) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html>
pub async fn list_message_move_tasks(
    ctx: Ctx,
    input: ListMessageMoveTasksInput,
) -> Result<ListMessageMoveTasksOutput> {
    let limit = input.max_results.unwrap_or(1);
    if !(1..=LIST_MAX).contains(&limit) {
        return Err(error::invalid_parameter(limit, "MaxResults", "Must be between 1 and 10, if provided."));
    }
    let source = queue(&ctx, &input.source_arn, "SourceArn").await?;
    let tasks = tasks(&ctx, &source).await?;
    let entries = tasks.iter().take(limit as usize).map(entry).collect();
    Ok(ListMessageMoveTasksOutput { results: Some(entries) })
}

fn entry(task: &MoveTask) -> ListMessageMoveTasksResultEntry {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    ListMessageMoveTasksResultEntry {
        // AWS: "only populated for tasks that are in RUNNING status".
        task_handle: (task.status == MoveStatus::Running).then(|| Handle::of(task)),
        status: Some(task.status.as_str().to_owned()),
        source_arn: Some(source_arn(task)),
        destination_arn: task.destination_arn.clone(),
        max_number_of_messages_per_second: task.messages_per_second.and_then(|rate| i32::try_from(rate).ok()),
        approximate_number_of_messages_moved: Some(number(task.moved)),
        approximate_number_of_messages_to_move: Some(number(task.to_move)),
        failure_reason: task.failure.clone(),
        started_timestamp: Some(task.started_at.as_millis()),
    }
}
