//! The engines behind the commit queue: what each can do, chosen by an enum.
//!
//! Invariant: `apply` is called by one leader at a time. Reads of embedded engines never wait in an `await`.

mod memory;

use bytes::Bytes;

use crate::batch::Op;
use crate::{Pair, Range, StoreError};

pub(crate) use memory::Memory;

/// An engine.
pub(crate) enum Engine {
    Memory(Memory),
}

impl Engine {
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self {
            Engine::Memory(engine) => Ok(engine.get(key)),
        }
    }

    /// At most `limit` pairs of the range, in its direction.
    pub(crate) async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        match self {
            Engine::Memory(engine) => Ok(engine.snapshot().scan(range, limit)),
        }
    }

    pub(crate) async fn snapshot(&self) -> Result<EngineSnapshot, StoreError> {
        match self {
            Engine::Memory(engine) => Ok(EngineSnapshot::Memory(engine.snapshot())),
        }
    }

    /// Refuses writes that the engine cannot take now; cheap.
    pub(crate) fn admit(&self, _only_deletes: bool) -> Result<(), StoreError> {
        match self {
            Engine::Memory(_) => Ok(()),
        }
    }

    /// Writes a group, durable as configured. After an error nothing of it is there, now or after a restart.
    pub(crate) async fn apply(&self, ops: &[Op]) -> Result<(), StoreError> {
        match self {
            Engine::Memory(engine) => {
                engine.apply(ops);
                Ok(())
            }
        }
    }

    /// Removes everything.
    pub(crate) async fn reset(&self) -> Result<(), StoreError> {
        match self {
            Engine::Memory(engine) => {
                engine.reset();
                Ok(())
            }
        }
    }

    /// Lets go of files, threads and locks.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match self {
            Engine::Memory(_) => Ok(()),
        }
    }
}

/// A consistent view of an engine.
pub(crate) enum EngineSnapshot {
    Memory(memory::MemorySnapshot),
}

impl EngineSnapshot {
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self {
            EngineSnapshot::Memory(snapshot) => Ok(snapshot.get(key)),
        }
    }

    pub(crate) async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        match self {
            EngineSnapshot::Memory(snapshot) => Ok(snapshot.scan(range, limit)),
        }
    }
}
