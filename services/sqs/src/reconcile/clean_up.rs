//! Frees the space of what nobody can see any more: deleted queues, purged and expired messages, old deduplication ids.

use super::all;
use crate::queue::keys::Keys;
use crate::queue::open::OpenQueue;
use crate::queue::record::State;
use crate::queue::registry::Registry;
use crate::state::{DeletedQueue, ListedQueue, MoveTask, REST_MILLIS, work};
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_room::store::{Batch, Range};
use yakumo_room::{Record, Scope};

/// Messages in one commit.
const FREED_AT_ONCE: usize = 500;

/// Looks at every queue once.
pub(super) async fn run(registry: &Registry) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::run;
    use crate::attributes::Attributes;
    use crate::queue::registry::Registry;
    use crate::queue::sends::{Letter, send};
    use crate::state::{DeletedQueue, ListedQueue, Purge, QueueRecord, work};
    use std::sync::Arc;
    use std::time::Duration;
    use yakumo_aws::{AccountId, Region, Timestamp};
    use yakumo_room::store::{Batch, Range};
    use yakumo_room::{Base, Clock, Course, Ids, Record, Scope};
    use yakumo_store::{Config, Store};

    const SCOPE: Scope =
        Scope { account: Some(AccountId::DEFAULT), region: Some(Region::US_EAST_1), service: "sqs" };

    async fn registry() -> Arc<Registry> {
        let store = Store::open(Config::memory()).await.unwrap();
        let clock = Clock::with_course(Course { host_millis: 0, cloud_millis: 1_000_000, rate: 0.0 });
        Registry::new(Base::new(store, clock, Ids::new(Some(1))))
    }

    fn record(purge: Option<Purge>) -> QueueRecord {
        QueueRecord {
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            name: "q".into(),
            number: 1,
            created_at: Timestamp::default(),
            modified_at: Timestamp::default(),
            attributes: Attributes::new(false),
            tags: Default::default(),
            purge,
        }
    }

    async fn put(registry: &Registry, record: &QueueRecord) {
        let listed =
            ListedQueue { account: record.account, region: record.region, name: record.name.clone() };
        let mut batch = Batch::new();
        batch.put(SCOPE.record_key(QueueRecord::TABLE, &["q"]), record.to_bytes());
        batch.put(work().record_key(ListedQueue::TABLE, &listed.id()), listed.to_bytes());
        registry.base().store.commit(batch).await.unwrap();
    }

    async fn fill(registry: &Registry) {
        let queue = registry.queue(AccountId::DEFAULT, Region::US_EAST_1, "q").await.unwrap();
        for _ in 0..3 {
            let letter = Letter {
                message_id: [0; 16],
                body: Default::default(),
                delay_millis: 0,
                group: None,
                deduplication_key: None,
            };
            send(&queue, &[letter]).await.unwrap();
        }
    }

    async fn keys(registry: &Registry) -> usize {
        registry.base().store.scan(Range::all(), usize::MAX).await.unwrap().len()
    }

    #[tokio::test]
    async fn expired_and_purged_messages_leave_no_key() {
        let registry = registry().await;
        put(&registry, &record(None)).await;
        fill(&registry).await;
        // The queue, its line in the list, the reserved number, and two keys for each message.
        assert_eq!(keys(&registry).await, 3 + 6);
        registry.base().clock.advance(Duration::from_secs(345_599)).unwrap();
        run(&registry).await.unwrap();
        assert_eq!(keys(&registry).await, 3 + 6);
        registry.base().clock.advance(Duration::from_secs(1)).unwrap();
        run(&registry).await.unwrap();
        assert_eq!(keys(&registry).await, 3);
        fill(&registry).await;
        let queue = registry.queue(AccountId::DEFAULT, Region::US_EAST_1, "q").await.unwrap();
        let changing = registry.change().await;
        put(&registry, &record(Some(Purge { at: Timestamp::default(), before: 5 }))).await;
        changing.renew(&queue).await.unwrap();
        drop(changing);
        run(&registry).await.unwrap();
        assert_eq!(keys(&registry).await, 3 + 2 * 2, "message 4 is purged, 5 and 6 are not");
    }

    #[tokio::test]
    async fn a_deleted_queue_leaves_no_key_once_its_name_is_free() {
        let registry = registry().await;
        put(&registry, &record(None)).await;
        fill(&registry).await;
        let deleted = DeletedQueue {
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            name: "q".into(),
            number: 1,
            deleted_at: registry.base().clock.now(),
            is_clean: false,
        };
        let listed = ListedQueue { account: deleted.account, region: deleted.region, name: "q".into() };
        let mut batch = Batch::new();
        batch.delete(SCOPE.record_key(QueueRecord::TABLE, &["q"]));
        batch.delete(work().record_key(ListedQueue::TABLE, &listed.id()));
        let number = deleted.number_text();
        batch.put(work().record_key(DeletedQueue::TABLE, &deleted.id(&number)), deleted.to_bytes());
        registry.base().store.commit(batch).await.unwrap();
        run(&registry).await.unwrap();
        assert_eq!(keys(&registry).await, 1, "the name rests for a minute");
        registry.base().clock.advance(Duration::from_secs(60)).unwrap();
        run(&registry).await.unwrap();
        assert_eq!(keys(&registry).await, 0);
    }
}
