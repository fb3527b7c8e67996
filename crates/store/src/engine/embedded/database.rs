//! Making, opening and filling a fjall database, and pacing its writers.
//!
//! Invariant: a flush is asked for here and nowhere else, so that fjall's own channel never fills.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::torn_journal;
use crate::blobs::FileWriter;
use crate::dump::{Content, Item};
use crate::{CloudId, Pair, StoreError};

/// Writes collect in memory until this much is there and are then flushed to a table.
///
/// We ask for the flush ourselves, once: fjall asks at every commit above its own limit, and when a thousand such
/// requests fill the channel, its worker waits for ever to add one to the channel that only it empties.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
const MEMTABLE_LIMIT_BYTES: u64 = 4 * MEMTABLE_BYTES;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// fjall's smallest limit; a journal file is 64 MB before it is sealed.
const JOURNAL_BYTES: u64 = 64 * 1024 * 1024;
const OPEN_FILES: usize = 200;
/// Names the folders in shared memory in which databases are made, within milliseconds; older ones are forgotten.
const MADE_PREFIX: &str = "yakumo-";
const FORGOTTEN: Duration = Duration::from_secs(600);
/// How deep fjall nests its folders, with room to spare.
const MOST_FOLDERS_DEEP: u32 = 6;
const KEYSPACE: &str = "records";
const RECORDS: &str = "records";
/// What a record costs in memory beside its bytes.
pub(super) const OVERHEAD_BYTES: u64 = 80;

/// An open database.
pub(super) struct Open {
    pub(super) db: Database,
    pub(super) records: Keyspace,
    /// Which opening this is: snapshots belong to one.
    pub(super) serial: u64,
    unflushed_bytes: AtomicU64,
}

/// Makes a new database. fjall syncs a dozen files and folders for that, which takes 60 ms or more on a common
/// disk; where power loss is not promised anything, it is made in memory and copied.
pub(super) fn new_database(folder: &Path, serial: u64, durable: bool) -> Result<Open, StoreError> {
    let shared_memory = Path::new("/dev/shm");
    if !durable && shared_memory.is_dir() {
        sweep(shared_memory, FORGOTTEN);
        let name = format!("{MADE_PREFIX}{}", CloudId::random()?);
        let made = shared_memory.join(name);
        let copied = open_database(&made, 0).and_then(|open| {
            drop(open);
            copy_folder(&made, folder, MOST_FOLDERS_DEEP)
        });
        let _ = std::fs::remove_dir_all(&made);
        match copied {
            Ok(()) => return open_database(folder, serial),
            Err(error) => tracing::debug!(%error, "making the database in memory"),
        }
        let _ = std::fs::remove_dir_all(folder);
    }
    open_database(folder, serial)
}

/// Removes what processes have left that were killed while they made a database: it would stay in memory.
fn sweep(folder: &Path, older_than: Duration) {
    let forgotten = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let ours = name.to_str().and_then(|name| CloudId::parse(name.strip_prefix(MADE_PREFIX)?)).is_some();
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        ours && age.is_some_and(|age| age >= older_than)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(forgotten) {
        // Another user's stays.
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

/// Copies a folder of a new database. The journal is empty and only reserves space: it is copied as empty.
fn copy_folder(from: &Path, to: &Path, depth: u32) -> Result<(), StoreError> {
    let failed = |error| StoreError::io_at("copying to", to, error);
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(failed)?.is_dir() {
            if depth > 0 {
                copy_folder(&path, &target, depth - 1)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "jnl") {
            std::fs::File::create(&target).map_err(failed)?;
        } else {
            std::fs::copy(&path, &target).map_err(failed)?;
        }
    }
    Ok(())
}

/// Opens a database that was there before; its journal may have a torn end.
pub(super) fn open_again(folder: &Path, serial: u64, durable: bool) -> Result<Open, StoreError> {
    torn_journal::repair(&folder.join(RECORDS), durable)?;
    let open = open_database(folder, serial)?;
    // What earlier processes left unflushed is flushed now: those that are killed soon after their start would
    // otherwise pass on an ever longer journal.
    pace(&open, 0).map_err(|error| StoreError::engine("flushing", error))?;
    Ok(open)
}

fn open_database(folder: &Path, serial: u64) -> Result<Open, StoreError> {
    let path = folder.join(RECORDS);
    let open = || {
        let db = Database::builder(&path)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .max_cached_files(Some(OPEN_FILES))
            // With two, one spins while the other compacts (worker_pool.rs, `WorkerMessage::Compact`).
            .worker_threads(1)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_LIMIT_BYTES);
        let records = db.keyspace(KEYSPACE, options)?;
        let unflushed_bytes = AtomicU64::new(db.write_buffer_size());
        Ok(Open { db, records, serial, unflushed_bytes })
    };
    // fjall asserts some of what it reads back.
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(open)) => Ok(open),
        Ok(Err(fjall::Error::Locked)) => {
            Err(StoreError::Locked { place: path.display().to_string(), holder: None })
        }
        Ok(Err(fjall::Error::Io(error))) => Err(StoreError::io_at("opening", &path, error)),
        Ok(Err(error)) => Err(StoreError::corrupt(format!("{}: {error}", path.display()))),
        Err(_) => Err(StoreError::corrupt(format!("{}: the engine gave up reading it", path.display()))),
    }
}

/// Asks for a flush when enough was written, and waits while flushing is far behind. fjall waits too, later, but for
/// ever when its flushing has failed.
pub(super) fn pace(open: &Open, bytes: u64) -> Result<(), fjall::Error> {
    if open.unflushed_bytes.fetch_add(bytes, Relaxed) + bytes >= MEMTABLE_BYTES {
        open.unflushed_bytes.store(0, Relaxed);
        open.records.rotate_memtable()?;
    }
    loop {
        // Answers an error once the database is poisoned.
        open.db.persist(PersistMode::Buffer)?;
        if open.records.sealed_memtable_count() < 3 && open.records.l0_table_count() < 18 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Fills a new generation.
pub(super) fn fill(
    open: &Open,
    folder: &Path,
    durable: bool,
    content: &mut Content,
) -> Result<(), StoreError> {
    let mut blob: Option<FileWriter> = None;
    while let Some(item) = content.next()? {
        match item {
            Item::Pairs(pairs) => fill_pairs(open, pairs)?,
            Item::Blob { id } => {
                if let Some(blob) = blob.replace(FileWriter::create(folder, id, durable)?) {
                    blob.finish()?;
                }
            }
            Item::BlobData(data) => {
                let damaged = || StoreError::corrupt("a snapshot file has a body without a blob");
                blob.as_mut().ok_or_else(damaged)?.write(&data)?;
            }
        }
    }
    blob.map_or(Ok(()), |blob| blob.finish().map(|_| ()))
}

fn fill_pairs(open: &Open, pairs: Vec<Pair>) -> Result<(), StoreError> {
    let failed = |error| StoreError::engine("loading", error);
    let mut batch = fjall::OwnedWriteBatch::with_capacity(open.db.clone(), pairs.len());
    let mut bytes = 0;
    for (key, value) in pairs {
        bytes += (key.len() + value.len()) as u64 + OVERHEAD_BYTES;
        batch.insert(&open.records, key, value);
    }
    // The journal's buffer reaches the system before the switch.
    batch.durability(Some(PersistMode::Buffer)).commit().map_err(failed)?;
    pace(open, bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_forgotten_folders_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["yakumo-abcdefgh", "yakumo-else", "other"] {
            std::fs::create_dir_all(dir.path().join(name).join("records")).unwrap();
        }
        let left = || std::fs::read_dir(dir.path()).unwrap().count();
        sweep(dir.path(), FORGOTTEN);
        assert_eq!(left(), 3, "a new one may be in use");
        sweep(dir.path(), Duration::ZERO);
        assert_eq!(left(), 2);
        assert!(!dir.path().join("yakumo-abcdefgh").exists());
    }
}
