//! Message move tasks, made so: messages go from a dead-letter queue to where its owner wants them.
//!
//! Invariant: a message is counted as moved in the task only after its move is committed.

use super::all;
use crate::queue::body::Body;
use crate::queue::open::OpenQueue;
use crate::queue::outcomes::Claim;
use crate::queue::registry::Registry;
use crate::queue::transfers;
use crate::state::{MoveStatus, MoveTask, work};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use yakumo_aws::{Error, Result};
use yakumo_room::Record;
use yakumo_room::store::Batch;

/// Messages in one commit of a move: bodies can be a mebibyte each.
const MOVED_AT_ONCE: usize = 32;

/// Goes on with all tasks as far as they may go now.
pub(super) async fn run(registry: &Registry) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::allowance;
    use crate::state::{MoveStatus, MoveTask};
    use yakumo_aws::{AccountId, Region, Timestamp};

    #[test]
    fn a_rate_lets_one_go_at_once_and_then_one_for_each_part_of_a_second() {
        let task = |rate, moved| MoveTask {
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            source: "q".into(),
            source_number: 1,
            number: 1,
            id: String::new(),
            destination_arn: None,
            messages_per_second: rate,
            status: MoveStatus::Running,
            moved,
            to_move: 100,
            failure: None,
            started_at: Timestamp::from_millis(1_000),
        };
        assert_eq!(allowance(&task(None, 9), 1_000), usize::MAX);
        let allowances = [(0, 1_000), (1, 1_000), (1, 1_499), (1, 1_500), (0, 3_000)]
            .map(|(moved, now)| allowance(&task(Some(2), moved), now));
        assert_eq!(allowances, [1, 0, 0, 1, 5]);
    }
}
