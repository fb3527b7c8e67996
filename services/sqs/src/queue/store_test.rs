//! An open queue over a store in memory: what fails leaves no trace, what was stored is all there is to know.

use super::body::Body;
use super::open::OpenQueue;
use super::receives::{Want, receive};
use super::registry::Registry;
use super::sends::{Letter, send};
use super::{receipt::Receipt, receipts, transfers};
use crate::attributes::Attributes;
use crate::state::QueueRecord;
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{AccountId, Region, Timestamp};
use yakumo_room::store::{Batch, Range};
use yakumo_room::{Base, Clock, Course, Ids};
use yakumo_store::{Config, Store};

struct World {
    base: Arc<Base>,
    registry: Arc<Registry>,
}

impl World {
    async fn new() -> World {
        let store = Store::open(Config::memory()).await.unwrap();
        let clock = Clock::with_course(Course { host_millis: 0, cloud_millis: 1_000_000, rate: 0.0 });
        let base = Base::new(store, clock, Ids::new(Some(1)));
        World { registry: Registry::new(base.clone()), base }
    }

    fn queue(&self, number: u64, is_fifo: bool) -> Arc<OpenQueue> {
        let record = QueueRecord {
            account: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            name: format!("q{number}"),
            number,
            created_at: Timestamp::default(),
            modified_at: Timestamp::default(),
            attributes: Attributes::new(is_fifo),
            tags: Default::default(),
            purge: None,
        };
        Arc::new(OpenQueue::new(self.base.clone(), record).unwrap())
    }

    async fn post(&self, queue: &Arc<OpenQueue>, text: &str) -> u64 {
        let is_fifo = queue.settings().is_fifo();
        let mut key = [0; 16];
        key[..text.len()].copy_from_slice(text.as_bytes());
        let body = Body { text, sender: "s", group: is_fifo.then_some("g"), ..Body::default() };
        let letter = Letter {
            message_id: key,
            body: body.encode().into(),
            delay_millis: 0,
            group: is_fifo.then(|| "g".to_owned()),
            deduplication_key: is_fifo.then_some(key),
        };
        send(queue, &[letter]).await.unwrap()[0].seq
    }

    /// Receives up to ten messages: their texts and receipts.
    async fn take(&self, queue: &Arc<OpenQueue>) -> Vec<(String, Receipt)> {
        let want = Want { limit: 10, visibility_millis: 30_000, attempt: None };
        let deliveries = receive(&self.registry, queue, want).await.unwrap();
        let shown = deliveries.messages.iter().map(|delivery| {
            let receipt = Receipt { seq: delivery.claim.seq, nonce: delivery.claim.received.nonce };
            (Body::decode(&delivery.body).unwrap().text.to_owned(), receipt)
        });
        shown.collect()
    }

    async fn keys(&self) -> usize {
        self.base.store.scan(Range::all(), usize::MAX).await.unwrap().len()
    }
}

async fn visible(queue: &Arc<OpenQueue>) -> usize {
    queue.with(|access| access.index().counts().visible).await.unwrap()
}

#[tokio::test]
async fn a_failed_commit_takes_the_index_back_to_what_is_stored() {
    let world = World::new().await;
    let queue = world.queue(1, false);
    world.post(&queue, "kept").await;
    let lost = queue.with(|access| {
        access.index().send(queue.now(), queue.now(), None);
        let mut batch = Batch::new();
        // No engine takes an empty key.
        batch.put("", "");
        access.enqueue(batch)
    });
    assert!(lost.await.unwrap().done().await.is_err());
    assert!(!queue.is_loaded());
    assert_eq!(visible(&queue).await, 1);
    let texts: Vec<String> = world.take(&queue).await.into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["kept"]);
}

#[tokio::test]
async fn a_claim_whose_send_had_failed_gives_nothing_and_leaves_nothing() {
    let world = World::new().await;
    let queue = world.queue(1, false);
    visible(&queue).await;
    // In the index but not in the store: as for the moment between a send and the failure of its commit.
    queue.with(|access| access.index().send(queue.now(), queue.now(), None)).await.unwrap();
    assert!(world.take(&queue).await.is_empty());
    assert_eq!((visible(&queue).await, world.keys().await), (0, 0));
}

#[tokio::test]
async fn a_loaded_index_goes_on_as_the_dropped_one_would_have() {
    let world = World::new().await;
    for is_fifo in [false, true] {
        let queue = world.queue(1 + u64::from(is_fifo), is_fifo);
        let first = world.post(&queue, "a").await;
        world.post(&queue, "b").await;
        let taken = world.take(&queue).await;
        assert_eq!(taken.len(), 2);
        receipts::delete(&queue, &[taken[0].1]).await.unwrap();
        queue.drop_index();
        assert!(world.take(&queue).await.is_empty(), "what is in flight stays there");
        world.base.clock.advance(Duration::from_secs(30)).unwrap();
        queue.drop_index();
        let again = world.take(&queue).await;
        assert_eq!((again.len(), &*again[0].0), (1, "b"));
        receipts::delete(&queue, &[again[0].1]).await.unwrap();
        queue.drop_index();
        assert_eq!(visible(&queue).await, 0);
        // The same id within five minutes is the same message, even though that is gone.
        let seq = world.post(&queue, "a").await;
        assert_eq!(seq == first, is_fifo);
        assert!(is_fifo || seq > first + 1, "numbers are never given twice");
    }
}

#[tokio::test]
async fn a_move_changes_both_queues_or_none() {
    let world = World::new().await;
    let (from, to) = (world.queue(2, false), world.queue(1, false));
    world.post(&from, "a").await;
    world.post(&from, "b").await;
    let taken = from.with(|access| access.index().take_visible(from.now(), 10)).await.unwrap();
    assert_eq!(visible(&from).await, 0);
    transfers::restore(&from, &taken[..1]).await.unwrap();
    assert_eq!(transfers::redrive(&from, &to, taken).await.unwrap(), 1);
    assert_eq!((visible(&from).await, visible(&to).await), (1, 1));
    from.drop_index();
    to.drop_index();
    assert_eq!((visible(&from).await, visible(&to).await), (1, 1));
    assert_eq!(world.take(&from).await[0].0, "a");
    assert_eq!(world.take(&to).await[0].0, "b");
}
