//! Background work: moving messages for move tasks, and freeing the space of what is gone.
//!
//! Both read what to do from the store, in bounded steps, and can be stopped and begun again at any point.

use crate::queue::body::Body;
use crate::queue::keys::Keys;
use crate::queue::open::OpenQueue;
use crate::queue::outcomes::Claim;
use crate::queue::record::State;
use crate::queue::registry::Registry;
use crate::queue::transfers;
use crate::state::{DeletedQueue, ListedQueue, MoveStatus, MoveTask, REST_MILLIS, work};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use yakumo_aws::{Error, Result};
use yakumo_room::store::{Batch, Range};
use yakumo_room::{Reconciler, Record, Scope};

/// The name of the reconciler that moves messages.
pub const MOVE_TASKS: &str = "sqs.message-move-tasks";
/// The name of the reconciler that frees space.
pub const CLEAN_UP: &str = "sqs.clean-up";

/// Messages in one commit of a move: bodies can be a mebibyte each.
const MOVED_AT_ONCE: usize = 32;
/// Messages in one commit of a clean-up.
const FREED_AT_ONCE: usize = 500;

/// Moves messages for message move tasks.
pub fn move_tasks(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(MOVE_TASKS, Duration::from_secs(1), move |_| {
        let registry = registry.clone();
        async move { run_moves(&registry).await }
    })
}

/// Frees the space of deleted queues, purged and expired messages.
pub fn clean_up(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(CLEAN_UP, Duration::from_secs(30), move |_| {
        let registry = registry.clone();
        async move { run_clean_up(&registry).await }
    })
}

/// All records of a table of work.
async fn all<R: Record>(registry: &Registry) -> Result<Vec<R>> {
    let rows = registry.base().store.scan(Range::prefix(work().key(R::TABLE).build()), usize::MAX).await?;
    rows.iter().map(|(_, bytes)| R::from_bytes(bytes).map_err(Error::internal)).collect()
}

async fn run_moves(registry: &Registry) -> Result<()> {
    if !registry.has_moves.swap(false, Ordering::AcqRel) {
        return Ok(());
    }
    let mut tasks = all::<MoveTask>(registry).await?;
    tasks.retain(|task| task.status.is_active());
    while !tasks.is_empty() && !registry.base().is_stopping() {
        let mut has_moved = false;
        for task in &mut tasks {
            has_moved |= advance(registry, task).await?;
        }
        tasks.retain(|task| task.status.is_active());
        if !has_moved {
            break;
        }
        tokio::task::yield_now().await;
    }
    if !tasks.is_empty() {
        registry.has_moves.store(true, Ordering::Release);
    }
    Ok(())
}

/// Moves what the task may move now; gives whether it can go on at once.
async fn advance(registry: &Registry, task: &mut MoveTask) -> Result<bool> {
    let source = registry.find(task.account, task.region, &task.source).await?;
    let source = source.filter(|source| source.number == task.source_number);
    let moved_before = task.moved;
    match source {
        _ if task.status == MoveStatus::Cancelling => task.status = MoveStatus::Cancelled,
        None => fail(task, "AWS.SimpleQueueService.NonExistentQueue"),
        Some(source) => move_some(registry, task, &source).await?,
    }
    if task.moved == moved_before && task.status == MoveStatus::Running {
        // Waiting for its rate; it may have been cancelled meanwhile.
        return Ok(reread(registry, task).await? == MoveStatus::Cancelling);
    }
    save(registry, task).await?;
    Ok(true)
}

fn fail(task: &mut MoveTask, reason: &str) {
    task.status = MoveStatus::Failed;
    task.failure = Some(reason.to_owned());
}

async fn move_some(registry: &Registry, task: &mut MoveTask, source: &Arc<OpenQueue>) -> Result<()> {
    let left = usize::try_from(task.to_move.saturating_sub(task.moved)).unwrap_or(usize::MAX);
    let limit = allowance(task, source.now()).min(MOVED_AT_ONCE).min(left);
    if limit == 0 {
        if left == 0 {
            task.status = MoveStatus::Completed;
        }
        return Ok(());
    }
    let taken = source.with(|access| access.index().take_visible(source.now(), limit)).await?;
    if taken.is_empty() {
        task.status = MoveStatus::Completed;
        return Ok(());
    }
    let outcome = deliver(registry, task, source, &taken).await;
    // What could not be delivered goes back; what was delivered is not taken any more.
    transfers::restore(source, &taken).await?;
    outcome
}

/// How many messages the owner's rate lets the task move now. Its clock is the cloud's.
fn allowance(task: &MoveTask, now: i64) -> usize {
    let Some(rate) = task.messages_per_second else { return usize::MAX };
    let elapsed = u64::try_from(now - task.started_at.as_millis()).unwrap_or(0);
    let due = elapsed.saturating_mul(u64::from(rate)) / 1_000 + 1;
    usize::try_from(due.saturating_sub(task.moved)).unwrap_or(usize::MAX)
}

async fn deliver(
    registry: &Registry,
    task: &mut MoveTask,
    source: &Arc<OpenQueue>,
    taken: &[Claim],
) -> Result<()> {
    let mut first = 0;
    while first < taken.len() {
        let Some(target_arn) = target(task, source, &taken[first]).await? else {
            fail(task, "CouldNotDetermineMessageSource");
            return Ok(());
        };
        let Some(target) = registry.find_arn(&target_arn).await? else {
            fail(task, "AWS.SimpleQueueService.NonExistentQueue");
            return Ok(());
        };
        // Neighbours mostly have the same destination: they share a commit.
        let mut end = first + 1;
        while end < taken.len()
            && self::target(task, source, &taken[end]).await?.as_ref() == Some(&target_arn)
        {
            end += 1;
        }
        task.moved += transfers::redrive(source, &target, taken[first..end].to_vec()).await? as u64;
        first = end;
    }
    Ok(())
}

/// Where a message goes: the task's destination, or where it came from.
async fn target(task: &MoveTask, source: &Arc<OpenQueue>, claim: &Claim) -> Result<Option<String>> {
    if let Some(arn) = &task.destination_arn {
        return Ok(Some(arn.clone()));
    }
    let Some(body) = transfers::body_of(source, claim).await? else { return Ok(None) };
    let body = Body::decode(&body).map_err(Error::internal)?;
    Ok(body.dead_letter.map(|(source, _)| source.to_owned()))
}

fn task_key(task: &MoveTask) -> bytes::Bytes {
    let [source, number] = task.id();
    work().record_key(MoveTask::TABLE, &[&source, &number])
}

/// Takes in a cancellation that came meanwhile; gives the status.
async fn reread(registry: &Registry, task: &mut MoveTask) -> Result<MoveStatus> {
    if let Some(bytes) = registry.base().store.get(&task_key(task)).await? {
        task.status = MoveTask::from_bytes(&bytes).map_err(Error::internal)?.status;
    }
    Ok(task.status)
}

/// Stores how far the task is. A cancellation that came meanwhile is kept, and a task that was removed with its queue
/// stays removed.
async fn save(registry: &Registry, task: &mut MoveTask) -> Result<()> {
    let _turn = registry.change().await;
    let key = task_key(task);
    let Some(stored) = registry.base().store.get(&key).await? else { return Ok(()) };
    if task.status == MoveStatus::Running {
        task.status = MoveTask::from_bytes(&stored).map_err(Error::internal)?.status;
    }
    let mut batch = Batch::new();
    batch.put(key, task.to_bytes());
    registry.base().store.commit(batch).await?;
    Ok(())
}

async fn run_clean_up(registry: &Registry) -> Result<()> {
    // A deletion that is being acknowledged ends first: after that nothing is sent into the queue any more.
    drop(registry.change().await);
    for deleted in all::<DeletedQueue>(registry).await? {
        clean_deleted(registry, deleted).await?;
    }
    for listed in all::<ListedQueue>(registry).await? {
        if registry.base().is_stopping() {
            return Ok(());
        }
        if let Some(queue) = registry.find(listed.account, listed.region, &listed.name).await? {
            clean_purged(&queue).await?;
            clean_expired(&queue).await?;
        }
    }
    Ok(())
}

async fn clean_deleted(registry: &Registry, mut deleted: DeletedQueue) -> Result<()> {
    let store = &registry.base().store;
    let number = deleted.number_text();
    let key = work().record_key(DeletedQueue::TABLE, &deleted.id(&number));
    let mut batch = Batch::new();
    if !deleted.is_clean {
        let scope = Scope { account: Some(deleted.account), region: Some(deleted.region), service: "sqs" };
        let keys = Keys::new(&scope, deleted.number);
        while free_states(registry, &keys, u64::MAX).await? {}
        while free_range(registry, keys.all_seen()).await? {}
        clean_tasks(registry, deleted.number).await?;
        deleted.is_clean = true;
        batch.delete(keys.reserved()).put(key.clone(), deleted.to_bytes());
    }
    let rests_until = deleted.deleted_at.as_millis().saturating_add(REST_MILLIS);
    if rests_until <= registry.base().clock.now().as_millis() {
        batch.delete(key);
    }
    if !batch.is_empty() {
        store.commit(batch).await?;
    }
    Ok(())
}

async fn clean_tasks(registry: &Registry, source_number: u64) -> Result<()> {
    let prefix = work().record_key(MoveTask::TABLE, &[&MoveTask::source_key(source_number)]);
    while free_range(registry, Range::prefix(prefix.clone())).await? {}
    Ok(())
}

/// Removes some of the messages before a number, with their bodies; gives whether there may be more.
async fn free_states(registry: &Registry, keys: &Keys, before: u64) -> Result<bool> {
    let rows = registry.base().store.scan(keys.states_before(before), FREED_AT_ONCE).await?;
    let mut batch = Batch::new();
    for (key, _) in &rows {
        batch.delete(keys.body(Keys::seq(key).map_err(Error::internal)?)).delete(key.clone());
    }
    if !rows.is_empty() {
        registry.base().store.commit(batch).await?;
    }
    Ok(rows.len() == FREED_AT_ONCE)
}

async fn free_range(registry: &Registry, range: Range) -> Result<bool> {
    let rows = registry.base().store.scan(range, FREED_AT_ONCE).await?;
    let mut batch = Batch::new();
    for (key, _) in &rows {
        batch.delete(key.clone());
    }
    if !rows.is_empty() {
        registry.base().store.commit(batch).await?;
    }
    Ok(rows.len() == FREED_AT_ONCE)
}

async fn clean_purged(queue: &Arc<OpenQueue>) -> Result<()> {
    let before = queue.settings().purged_before();
    if before <= 1 {
        return Ok(());
    }
    loop {
        let rows = queue.base().store.scan(queue.keys.states_before(before), FREED_AT_ONCE).await?;
        let mut seqs = Vec::with_capacity(rows.len());
        for (key, _) in &rows {
            seqs.push(Keys::seq(key).map_err(Error::internal)?);
        }
        if seqs.is_empty() {
            return Ok(());
        }
        free(queue, &seqs, &[]).await?;
    }
}

/// Frees what is past its retention. A queue that is not loaded is loaded only when its oldest message is.
async fn clean_expired(queue: &Arc<OpenQueue>) -> Result<()> {
    if !queue.is_loaded() {
        let settings = queue.settings();
        let oldest = queue.base().store.scan(queue.keys.states_from(settings.purged_before()), 1).await?;
        let Some((_, oldest)) = oldest.first() else { return Ok(()) };
        let sent_at = State::decode(oldest).map_err(Error::internal)?.sent_at;
        if sent_at.saturating_add(settings.rules.retention_millis) > queue.now() {
            return Ok(());
        }
    }
    loop {
        let (garbage, seen) = queue
            .with(|access| {
                let index = access.index();
                index.sweep(queue.now());
                (index.take_garbage(FREED_AT_ONCE), index.expire_seen(queue.now(), FREED_AT_ONCE))
            })
            .await?;
        if garbage.is_empty() && seen.is_empty() {
            return Ok(());
        }
        free(queue, &garbage, &seen).await?;
    }
}

async fn free(queue: &OpenQueue, messages: &[u64], seen: &[u64]) -> Result<()> {
    let mut batch = Batch::new();
    for seq in messages {
        batch.delete(queue.keys.state(*seq)).delete(queue.keys.body(*seq));
    }
    for seq in seen {
        batch.delete(queue.keys.seen(*seq));
    }
    queue.base().store.commit(batch).await?;
    Ok(())
}
