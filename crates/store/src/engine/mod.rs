//! The engines behind the commit queue: what each can do, chosen by an enum.
//!
//! Invariant: `apply` is called by one leader at a time. Reads of embedded engines never wait in an `await`.

mod embedded;
mod memory;
mod postgres;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{Batch, Op};
use crate::dump::Content;
use crate::{Pair, Range, StoreError};

pub(crate) use embedded::Embedded;
pub(crate) use memory::Memory;
pub(crate) use postgres::Postgres;

/// An engine.
pub(crate) enum Engine {
    Memory(Memory),
    Embedded(Arc<Embedded>),
    Postgres(Arc<Postgres>),
}

impl Engine {
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self {
            Engine::Memory(engine) => Ok(engine.get(key)),
            Engine::Embedded(engine) => engine.get(key),
            Engine::Postgres(engine) => engine.get(key).await,
        }
    }

    /// At most `limit` pairs of the range, in its direction.
    pub(crate) async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        match self {
            Engine::Memory(engine) => Ok(engine.snapshot().scan(range, limit)),
            Engine::Embedded(engine) => engine.scan(range, limit),
            Engine::Postgres(engine) => engine.scan(range, limit).await,
        }
    }

    pub(crate) async fn snapshot(&self) -> Result<EngineSnapshot, StoreError> {
        match self {
            Engine::Memory(engine) => Ok(EngineSnapshot::Memory(engine.snapshot())),
            Engine::Embedded(engine) => Ok(EngineSnapshot::Embedded(engine.clone(), engine.snapshot()?)),
            Engine::Postgres(engine) => Ok(EngineSnapshot::Postgres(Box::new(engine.snapshot().await?))),
        }
    }

    /// Refuses writes that the engine cannot take now; cheap.
    pub(crate) fn admit(&self, only_deletes: bool) -> Result<(), StoreError> {
        match self {
            Engine::Memory(_) => Ok(()),
            Engine::Embedded(engine) => engine.admit(only_deletes),
            Engine::Postgres(engine) => engine.admit(),
        }
    }

    /// Refuses batches that this engine cannot write, and that would fail a whole group.
    pub(crate) fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        match self {
            Engine::Memory(_) | Engine::Embedded(_) => Ok(()),
            Engine::Postgres(engine) => engine.check(batch),
        }
    }

    /// Writes a group, durable as configured. After an error nothing of it is there, now or after a restart.
    /// The values may be taken out of `ops`; the keys stay.
    pub(crate) async fn apply(&self, ops: &mut [Op]) -> Result<(), StoreError> {
        match self {
            Engine::Memory(engine) => engine.apply(ops),
            Engine::Embedded(engine) => engine.apply(ops),
            Engine::Postgres(engine) => engine.apply(ops).await,
        }
    }

    /// Replaces everything; after an error the old content is still there.
    pub(crate) async fn replace(&self, content: Content) -> Result<(), StoreError> {
        match self {
            Engine::Memory(engine) => engine.replace(content),
            Engine::Embedded(engine) => {
                let engine = engine.clone();
                let replaced = tokio::task::spawn_blocking(move || engine.replace(content));
                replaced.await.map_err(|error| StoreError::engine("replacing the content", error))?
            }
            Engine::Postgres(engine) => engine.replace(content).await,
        }
    }

    /// Moves everything from memory into a table.
    #[cfg(test)]
    pub(crate) fn flush_for_tests(&self) -> Result<(), StoreError> {
        match self {
            Engine::Embedded(engine) => engine.flush_for_tests(),
            Engine::Memory(_) | Engine::Postgres(_) => Ok(()),
        }
    }

    /// Says so when an error of the operating system means that the disk is full.
    pub(crate) fn explain(&self, error: StoreError) -> StoreError {
        match self {
            Engine::Embedded(engine) => engine.explain(error),
            Engine::Memory(_) | Engine::Postgres(_) => error,
        }
    }

    /// The folder for blobs, where they are files, and whether they are synced.
    pub(crate) fn blob_folder(&self) -> Option<(PathBuf, bool)> {
        match self {
            Engine::Memory(_) => None,
            Engine::Embedded(engine) => Some(engine.blob_folder()),
            Engine::Postgres(_) => None,
        }
    }

    /// Lets go of files, threads and locks.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match self {
            Engine::Memory(_) => Ok(()),
            Engine::Embedded(engine) => engine.close(),
            Engine::Postgres(engine) => engine.close().await,
        }
    }
}

/// A consistent view of an engine.
pub(crate) enum EngineSnapshot {
    Memory(memory::MemorySnapshot),
    Embedded(Arc<Embedded>, embedded::EmbeddedSnapshot),
    Postgres(Box<postgres::PostgresSnapshot>),
}

impl EngineSnapshot {
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self {
            EngineSnapshot::Memory(snapshot) => Ok(snapshot.get(key)),
            EngineSnapshot::Embedded(engine, snapshot) => engine.get_at(snapshot, key),
            EngineSnapshot::Postgres(snapshot) => snapshot.get(key).await,
        }
    }

    pub(crate) async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        match self {
            EngineSnapshot::Memory(snapshot) => Ok(snapshot.scan(range, limit)),
            EngineSnapshot::Embedded(engine, snapshot) => engine.scan_at(snapshot, range, limit),
            EngineSnapshot::Postgres(snapshot) => snapshot.scan(range, limit).await,
        }
    }
}
