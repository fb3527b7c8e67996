//! The store: opening, reading, committing.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::batch::{Batch, Op};
use crate::blobs::{self, BlobId, Blobs, Bodies, Garbage, Going, List, Place};
use crate::commit::{Committer, Mode, Order, Ticket};
use crate::engine::{Embedded, Engine, Memory, Postgres};
use crate::{
    Bucket, Changes, CloudId, Config, Durability, Location, Pair, Range, Snapshot, StoreError, Transaction,
    change,
};

/// So many blobs are removed at a time.
const REMOVALS_AT_ONCE: usize = 8;
/// Runs of a transaction before it takes its turn in a row with the other losers.
const HOPEFUL_ATTEMPTS: u32 = 4;
/// Runs of a transaction before it fails with [`StoreError::Contention`].
const MOST_ATTEMPTS: u32 = 64;

/// Everything of one cloud. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    cloud: CloudId,
    committer: Arc<Committer>,
    losers: tokio::sync::Mutex<()>,
    /// Set at the open, when bodies are in a bucket.
    bodies: OnceLock<Arc<Bodies>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.committer.abandon();
        self.committer.garbage.changed.notify_one();
    }
}

impl Store {
    /// Opens or creates a store.
    ///
    /// Errors: [`StoreError::Locked`] when another process has it, [`StoreError::NewerFormat`] when a newer
    /// yakumo wrote it, [`StoreError::Corrupt`] when it is damaged, [`StoreError::OtherBodies`] and
    /// [`StoreError::NoBodies`] when bodies are elsewhere than asked or cannot be had.
    pub async fn open(config: Config) -> Result<Store, StoreError> {
        let (engine, cloud, mode) = open_engine(&config).await?;
        let committer = Committer::start(Arc::new(engine), mode, config.feed_rows).await?;
        let (losers, bodies) = (tokio::sync::Mutex::new(()), OnceLock::new());
        let store = Store(Arc::new(Inner { cloud, committer, losers, bodies }));
        match blobs::settle(&store, &config).await {
            Ok(None) => {}
            Ok(Some(bodies)) => drop(store.0.bodies.set(bodies)),
            Err(error) => {
                // The next one may have it at once.
                let _ = store.close().await;
                return Err(error);
            }
        }
        if config.removes_leftovers
            && let Err(error) = store.remove_leftover_blobs().await
        {
            // On a full disk even this may fail; the next open tries again.
            tracing::warn!(%error, "blobs that nobody needs could not be removed");
        }
        store.collect_garbage(Duration::from_millis(config.blob_grace_ms));
        Ok(store)
    }

    /// The cloud's id, made when the store was created.
    pub fn cloud(&self) -> CloudId {
        self.0.cloud
    }

    pub(crate) fn committer(&self) -> &Arc<Committer> {
        &self.0.committer
    }

    pub(crate) fn garbage(&self) -> &Arc<Garbage> {
        &self.0.committer.garbage
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.committer.engine
    }

    /// The bucket in which bodies are kept; `None` when they are with the records.
    pub fn bucket(&self) -> Option<&Bucket> {
        self.bodies().map(|bodies| bodies.bucket())
    }

    pub(crate) fn bodies(&self) -> Option<&Arc<Bodies>> {
        self.0.bodies.get()
    }

    /// The value of a key, as of the latest commit. On embedded engines this never yields.
    ///
    /// The bytes may be part of a block of 4 KiB and keep that alive: copy what is kept for long.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        crate::key::check(key)?;
        self.engine().get(key).await
    }

    /// At most `limit` pairs of a range, in its direction; one consistent view of it.
    pub async fn scan(&self, range: Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.engine().scan(&range.cut(), limit).await
    }

    /// Fixes the batch's place in the commit order. May be called under a lock: it never waits for the engine.
    ///
    /// The [`Ticket`] resolves when the batch is durable as configured; dropping it does not cancel the commit.
    pub fn enqueue(&self, batch: Batch) -> Ticket {
        self.0.committer.enqueue(batch)
    }

    /// Commits a batch and waits until it is durable as configured.
    pub async fn commit(&self, batch: Batch) -> Result<Order, StoreError> {
        self.enqueue(batch).await
    }

    /// Runs `f` on a snapshot and commits what it wrote if nothing that it read was written meanwhile, else runs
    /// it again. `f` must have no other effect. An error of `f` ends the transaction without a trace.
    ///
    /// `f` is written `async |tx| { … }`; what it uses from outside it borrows.
    /// Errors: [`StoreError::Contention`] after 64 runs.
    pub async fn transact<T, E, F, Fut>(&self, f: F) -> Result<T, E>
    where
        F: Fn(Transaction) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<StoreError>,
    {
        let mut turn = None;
        for attempt in 0..MOST_ATTEMPTS {
            if attempt == HOPEFUL_ATTEMPTS {
                turn = Some(self.0.losers.lock().await);
            }
            let transaction = self.begin().await?;
            let value = f(transaction.clone()).await?;
            let batch = transaction.into_batch();
            if batch.is_empty() {
                return Ok(value);
            }
            match self.commit(batch).await {
                Ok(_) => return Ok(value),
                Err(StoreError::Conflict) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        drop(turn);
        Err(StoreError::Contention { attempts: MOST_ATTEMPTS }.into())
    }

    async fn begin(&self) -> Result<Transaction, StoreError> {
        let (order, open) = self.0.committer.begin_transaction();
        let view = self.engine().snapshot().await?;
        Ok(Transaction::new(Snapshot { order, view, _blobs: None }, open))
    }

    /// A consistent view of everything.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let order = self.0.committer.applied();
        let blobs = Some(self.garbage().snapshot(order));
        Ok(Snapshot { order, view: self.engine().snapshot().await?, _blobs: blobs })
    }

    /// The rows of the change feed of commits after `after`, oldest first: at least `limit` rows when there are
    /// as many, and a few more when that would tear a commit apart.
    pub async fn changes(&self, after: Order, limit: usize) -> Result<Changes, StoreError> {
        let dropped_to = self.0.committer.feed_dropped_to().await?;
        let range = Range::prefix(change::FEED).after(change::row_key(after.as_u64(), u16::MAX));
        let mut rows = Vec::new();
        for (key, value) in self.engine().scan(&range, limit).await? {
            rows.push(change::read_row(&key, &value)?);
        }
        if let Some(last) = rows.last().filter(|_| rows.len() == limit).map(|row| (row.order, row.index)) {
            let (order, index) = (last.0.as_u64(), last.1);
            let rest = Range::between(change::row_key(order, 0), change::row_key(order + 1, 0));
            let rest = rest.after(change::row_key(order, index));
            for (key, value) in self.engine().scan(&rest, usize::from(u16::MAX)).await? {
                rows.push(change::read_row(&key, &value)?);
            }
        }
        let next = rows.last().map_or(after, |row| row.order);
        Ok(Changes { rows, next, missed: after.as_u64() < dropped_to })
    }

    /// Moves on whenever the change feed has new rows: the order of the newest.
    pub fn watch_changes(&self) -> tokio::sync::watch::Receiver<Order> {
        self.0.committer.watch_changes()
    }

    /// The bodies that are too large for records.
    pub fn blobs(&self) -> Blobs {
        Blobs(self.clone())
    }

    /// Writes what waits, lets go of the data and refuses everything from now on, on all clones.
    pub async fn close(self) -> Result<(), StoreError> {
        self.0.committer.close().await;
        self.engine().close().await
    }
}

impl Store {
    /// Removes a blob's bytes from where they are, then the record that listed it.
    pub(crate) async fn remove_blob(&self, place: &Place, id: BlobId, list: List) -> Result<(), StoreError> {
        place.remove(id, list == List::Pending).await?;
        let mut batch = Batch::new();
        batch.push_system(Op::delete(list.key(id)));
        self.commit(batch).await.map(|_| ())
    }

    /// Removes blobs, several at a time. After a failure the rest waits for its next turn, too: with an object store that
    /// is away each try takes seconds.
    async fn remove_blobs(&self, place: &Place, blobs: Vec<Going>) {
        let failed = AtomicBool::new(false);
        let removals = stream::iter(blobs).for_each_concurrent(REMOVALS_AT_ONCE, async |going| {
            if failed.load(Relaxed) {
                self.garbage().later(going);
            } else if let Err(error) = self.remove_blob(place, going.id, going.list).await {
                tracing::debug!(id = %going.id, %error, "a discarded blob stays for now");
                failed.store(true, Relaxed);
                self.garbage().later(going);
            }
        });
        removals.await;
    }

    /// Removes a blob that was never kept, now or when that is possible.
    pub(crate) async fn remove_unfinished(&self, place: &Place, id: BlobId) {
        if let Err(error) = self.remove_blob(place, id, List::Pending).await {
            tracing::debug!(%id, %error, "an interrupted upload stays for now");
            self.garbage().now(id, List::Pending);
        }
    }

    /// What an earlier process left: uploads without an end, and garbage. Objects go while the cloud works already.
    async fn remove_leftover_blobs(&self) -> Result<(), StoreError> {
        if let Some(bodies) = self.bodies() {
            for list in [List::Pending, List::Garbage] {
                self.put_off(list).await?;
            }
            return bodies.sweep(true).await;
        }
        let place = Place::of(self);
        for list in [List::Pending, List::Garbage] {
            let all = Range::prefix(list.prefix());
            loop {
                let page = self.engine().scan(&all, 256).await?;
                if page.is_empty() {
                    break;
                }
                for (key, _) in page {
                    self.remove_blob(&place, blobs::listed_id(&key)?, list).await?;
                }
            }
        }
        Ok(())
    }

    /// Hands a list to the collector.
    async fn put_off(&self, list: List) -> Result<(), StoreError> {
        let mut range = Range::prefix(list.prefix());
        loop {
            let page = self.engine().scan(&range, 256).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            range = range.after(last.clone());
            for (key, _) in page {
                self.garbage().now(blobs::listed_id(&key)?, list);
            }
        }
    }

    /// Starts the task that removes discarded blobs; it ends with the store.
    fn collect_garbage(&self, grace: Duration) {
        let (inner, garbage) = (Arc::downgrade(&self.0), self.garbage().clone());
        tokio::spawn(async move {
            let mut wait = None;
            loop {
                let changed = garbage.changed.notified();
                match wait {
                    Some(wait) => drop(tokio::time::timeout(wait, changed).await),
                    None => changed.await,
                }
                let Some(inner) = inner.upgrade() else { return };
                let store = Store(inner);
                let place = Place::of(&store);
                let (ready, next) = garbage.collectable(grace);
                wait = next;
                store.remove_blobs(&place, ready).await;
            }
        });
    }
}

async fn open_engine(config: &Config) -> Result<(Engine, CloudId, Mode), StoreError> {
    match &config.location {
        Location::Memory => {
            let cloud = config.cloud.map_or_else(CloudId::random, Ok)?;
            Ok((Engine::Memory(Memory::default()), cloud, Mode::Inline))
        }
        Location::Directory(path) => {
            let (path, config) = (path.clone(), config.clone());
            let mode = match config.durability {
                Durability::Process => Mode::Inline,
                Durability::Fsync => Mode::Thread,
            };
            let engine = tokio::task::spawn_blocking(move || Embedded::open(&path, &config))
                .await
                .map_err(|error| StoreError::engine("opening", error))??;
            let cloud = engine.cloud();
            Ok((Engine::Embedded(Arc::new(engine)), cloud, mode))
        }
        Location::Postgres(url) => {
            let engine = Postgres::open(url, config).await?;
            let cloud = engine.cloud();
            Ok((Engine::Postgres(engine), cloud, Mode::Task))
        }
    }
}
