//! The embedded engine: fjall, a log-structured store, in one keyspace of one data directory.
//!
//! What fjall 3.1 does, read in its source, and what follows: a batch is one journal write under one mutex and one
//! sequence number (so a group is one batch and holds no key twice); a failed journal write leaves its rest in a
//! buffer that is written when the database is dropped, and refuses all later writes (so a failed group is undone
//! after the reopening); reads at the newest sequence number see half-applied batches (so reads take a snapshot).

mod database;
mod torn_journal;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use fjall::{Keyspace, PersistMode, Readable};
use parking_lot::{MappedRwLockReadGuard, Mutex, RwLock, RwLockReadGuard};

use crate::batch::Op;
use crate::directory::Directory;
use crate::disk::{Disk, is_full};
use crate::dump::Content;
use crate::{CloudId, Config, Durability, Pair, Range, StoreError};
use database::{OVERHEAD_BYTES, Open, fill, new_database, open_again, pace};

/// How many bytes are written between two looks at how far behind the flushing is.
const BYTES_PER_PACE: u64 = 1024 * 1024;

/// The engine of one data directory.
pub(crate) struct Embedded {
    directory: Mutex<Directory>,
    cloud: CloudId,
    persist: PersistMode,
    disk: Disk,
    current: RwLock<Option<Open>>,
    opened: AtomicU64,
    closed: AtomicBool,
    unpaced_bytes: AtomicU64,
    /// Writes that take back a failed group, if its bytes reach the journal after all.
    undo: Mutex<Vec<Op>>,
}

impl Embedded {
    /// Opens the directory, or makes it. Blocks: call it where that is allowed.
    pub(crate) fn open(path: &Path, config: &Config) -> Result<Embedded, StoreError> {
        let mut directory = Directory::open(path, config.cloud)?;
        let durable = config.durability == Durability::Fsync;
        let open = if directory.is_new() {
            let open = new_database(&directory.next_content(), 1, durable)?;
            directory.switch(durable)?;
            open
        } else {
            open_again(&directory.content(), 1, durable)?
        };
        Ok(Embedded {
            cloud: directory.cloud(),
            disk: Disk::new(directory.path(), config.disk_reserve_bytes),
            directory: Mutex::new(directory),
            persist: match config.durability {
                Durability::Process => PersistMode::Buffer,
                Durability::Fsync => PersistMode::SyncData,
            },
            current: RwLock::new(Some(open)),
            opened: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            unpaced_bytes: AtomicU64::new(0),
            undo: Mutex::new(Vec::new()),
        })
    }

    fn durable(&self) -> bool {
        self.persist != PersistMode::Buffer
    }

    pub(crate) fn cloud(&self) -> CloudId {
        self.cloud
    }

    pub(crate) fn admit(&self, only_deletes: bool) -> Result<(), StoreError> {
        self.disk.admit(only_deletes)
    }

    /// The open database. After a failure that could not be healed then, it is opened now.
    fn open_now(&self) -> Result<MappedRwLockReadGuard<'_, Open>, StoreError> {
        loop {
            if let Ok(open) = RwLockReadGuard::try_map(self.current.read(), Option::as_ref) {
                return Ok(open);
            }
            self.reopen()?;
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let open = self.open_now()?;
        read(open.db.snapshot().get(&open.records, key))
    }

    pub(crate) fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let open = self.open_now()?;
        scan(&open.db.snapshot(), &open.records, range, limit)
    }

    pub(crate) fn snapshot(&self) -> Result<EmbeddedSnapshot, StoreError> {
        let open = self.open_now()?;
        Ok(EmbeddedSnapshot { view: open.db.snapshot(), serial: open.serial })
    }

    pub(crate) fn get_at(&self, view: &EmbeddedSnapshot, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let current = self.current.read();
        let open = current.as_ref().filter(|open| open.serial == view.serial);
        read(view.view.get(&open.ok_or(StoreError::SnapshotLost)?.records, key))
    }

    pub(crate) fn scan_at(
        &self,
        view: &EmbeddedSnapshot,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let current = self.current.read();
        let open = current.as_ref().filter(|open| open.serial == view.serial);
        scan(&view.view, &open.ok_or(StoreError::SnapshotLost)?.records, range, limit)
    }

    /// Writes a group with one journal write, and one sync when so configured.
    pub(crate) fn apply(&self, ops: &mut [Op]) -> Result<(), StoreError> {
        drop(self.open_now()?);
        // The background work may have poisoned the database; nothing of this group was written yet.
        if let Err(error) = self.ready(ops_bytes(ops)) {
            tracing::warn!(%error, "flushing or compacting failed; reopening the store");
            let low = self.disk.is_low().then(|| self.disk.filled_up());
            self.heal(&[]).map_err(|error| low.unwrap_or(error))?;
        }
        self.write(ops).map_err(|error| self.failed(ops, error))
    }

    fn write(&self, ops: &mut [Op]) -> Result<(), fjall::Error> {
        let current = self.current.read();
        // `apply` has just looked, and only the leader closes.
        let Some(open) = current.as_ref() else { return Err(fjall::Error::Unrecoverable) };
        let mut batch =
            fjall::OwnedWriteBatch::with_capacity(open.db.clone(), ops.len()).durability(Some(self.persist));
        for op in ops {
            match op.value.take() {
                Some(value) => batch.insert(&open.records, op.key.clone(), value),
                None => batch.remove(&open.records, op.key.clone()),
            }
        }
        // A panic in the engine must not take the queue with it.
        catch_unwind(AssertUnwindSafe(|| batch.commit())).unwrap_or(Err(fjall::Error::Unrecoverable))
    }

    /// Looks whether the database still takes writes, and now and then at the disk and how far behind flushing is.
    fn ready(&self, bytes: u64) -> Result<(), fjall::Error> {
        if let Some(open) = self.current.read().as_ref() {
            // Writes nothing, as nothing is buffered; answers an error once the database is poisoned.
            open.db.persist(PersistMode::Buffer)?;
        }
        if self.unpaced_bytes.fetch_add(bytes, Relaxed) + bytes < BYTES_PER_PACE {
            return Ok(());
        }
        self.unpaced_bytes.store(0, Relaxed);
        self.disk.look();
        let current = self.current.read();
        current.as_ref().map_or(Ok(()), |open| pace(open, BYTES_PER_PACE))
    }

    /// After a failed group: makes sure that nothing of it remains, and says what went wrong.
    fn failed(&self, ops: &[Op], error: fjall::Error) -> StoreError {
        tracing::error!(%error, "the journal refused a write; reopening the store");
        let error = match error {
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
                if is_full(&error) {
                    self.disk.filled_up()
                } else {
                    StoreError::io("writing the journal", error)
                }
            }
            _ if self.disk.is_low() => self.disk.filled_up(),
            other => StoreError::engine("writing the journal", other),
        };
        if let Err(healing) = self.heal(ops) {
            tracing::error!(%healing, "reopening the store failed; it is tried again at the next write");
        }
        error
    }

    /// Closes the database and opens it again, undoing `ops` if they are there afterwards.
    fn heal(&self, ops: &[Op]) -> Result<(), StoreError> {
        // The failed group never reached the memory of the database: what it answers now is the state before.
        for op in ops {
            if let Ok(value) = self.get(&op.key) {
                self.undo.lock().push(Op { key: op.key.clone(), value });
            }
        }
        *self.current.write() = None;
        self.reopen()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        // Also keeps two from opening at once.
        let directory = self.directory.lock();
        if self.closed.load(Relaxed) {
            return Err(StoreError::Closed);
        }
        if self.current.read().is_some() {
            return Ok(());
        }
        let serial = self.opened.fetch_add(1, Relaxed) + 1;
        let open = open_again(&directory.content(), serial, self.durable())?;
        let mut undo = self.undo.lock();
        let mut batch = open.db.batch().durability(Some(self.persist));
        for op in undo.iter() {
            let found = read(open.records.get(&op.key))?;
            match &op.value {
                _ if found == op.value => {}
                Some(value) => batch.insert(&open.records, op.key.clone(), value.clone()),
                None => batch.remove(&open.records, op.key.clone()),
            }
        }
        batch.commit().map_err(|error| StoreError::engine("undoing a failed write", error))?;
        undo.clear();
        drop(undo);
        *self.current.write() = Some(open);
        drop(directory);
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn flush_for_tests(&self) -> Result<(), StoreError> {
        let flushed = self.open_now()?.records.rotate_memtable_and_wait();
        flushed.map_err(|error| StoreError::engine("flushing", error))
    }

    pub(crate) fn explain(&self, error: StoreError) -> StoreError {
        match &error {
            StoreError::Io { error: cause, .. } if is_full(cause) => self.disk.filled_up(),
            _ => error,
        }
    }

    /// The folder of the blobs, and whether they are synced.
    pub(crate) fn blob_folder(&self) -> (PathBuf, bool) {
        (self.directory.lock().content(), self.durable())
    }

    /// Builds the next generation in a new database and switches to it. Only while the queue is held.
    pub(crate) fn replace(&self, mut content: Content) -> Result<(), StoreError> {
        let mut directory = self.directory.lock();
        let folder = directory.next_content();
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| StoreError::io_at("removing", &folder, error))?;
        }
        let serial = self.opened.fetch_add(1, Relaxed) + 1;
        let open = new_database(&folder, serial, self.durable())?;
        fill(&open, &folder, self.durable(), &mut content)?;
        if self.durable() {
            let synced = open.db.persist(PersistMode::SyncAll);
            synced.map_err(|error| StoreError::engine("syncing the journal", error))?;
        }
        let old = directory.switch(self.durable())?;
        self.undo.lock().clear();
        *self.current.write() = Some(open);
        std::fs::remove_dir_all(&old).map_err(|error| StoreError::io_at("removing", &old, error))
    }

    /// Lets go of the database and of the directory's lock.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Relaxed);
        let open = self.current.write().take();
        let synced = open.as_ref().map_or(Ok(()), |open| open.db.persist(PersistMode::SyncAll));
        drop(open);
        self.directory.lock().unlock();
        synced.map_err(|error| StoreError::engine("syncing the journal", error))
    }
}

/// A consistent view; it is read through its engine, so that it cannot keep an old database open.
pub(crate) struct EmbeddedSnapshot {
    view: fjall::Snapshot,
    serial: u64,
}

fn ops_bytes(ops: &[Op]) -> u64 {
    ops.iter()
        .map(|op| (op.key.len() + op.value.as_ref().map_or(0, Bytes::len)) as u64 + OVERHEAD_BYTES)
        .sum()
}

fn read(value: fjall::Result<Option<fjall::UserValue>>) -> Result<Option<Bytes>, StoreError> {
    match value {
        Ok(value) => Ok(value.map(Bytes::from)),
        Err(error) => Err(StoreError::engine("reading", error)),
    }
}

fn scan(
    view: &fjall::Snapshot,
    records: &Keyspace,
    range: &Range,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    let Some(bounds) = range.bounds() else { return Ok(Vec::new()) };
    let mut found = view.range(records, bounds);
    let mut pairs = Vec::new();
    while pairs.len() < limit {
        let next = if range.reverse { found.next_back() } else { found.next() };
        let Some(guard) = next else { break };
        let (key, value) = guard.into_inner().map_err(|error| StoreError::engine("scanning", error))?;
        pairs.push((key.into(), value.into()));
    }
    Ok(pairs)
}
