//! Where a store lives and what an acknowledged commit survives. Plain data, no IO.

use std::path::PathBuf;

use std::sync::Arc;

use crate::{Bucket, CloudId};

/// The place of the data, which also chooses the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    /// In this process; gone when it ends.
    Memory,
    /// A directory of its own, made when it is absent, held by one process at a time.
    Directory(PathBuf),
    /// A PostgreSQL server: a connection string as `tokio-postgres` reads it. Without TLS.
    Postgres(String),
}

/// What an acknowledged commit survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// The end of this process, `kill -9` included: the data is with the operating system.
    #[default]
    Process,
    /// The loss of power too: the journal is synced, once for all the commits that wait.
    Fsync,
}

/// How to open a [`Store`](crate::Store).
#[derive(Clone, Debug)]
pub struct Config {
    /// The place of the data.
    pub location: Location,
    /// What an acknowledged commit survives. The memory engine survives nothing, PostgreSQL decides by itself.
    pub durability: Durability,
    /// The cloud to open. `None` takes the one that is there, or makes a new one. In PostgreSQL, which can
    /// hold many clouds, `None` opens the only one.
    pub cloud: Option<CloudId>,
    /// Free space, in bytes, that writes leave on the disk; below it they are refused. A file of a quarter of
    /// this, up to 16 MiB, is set aside so that recovery and deletes still have room on a full disk.
    pub disk_reserve_bytes: u64,
    /// How many rows the change feed keeps; older ones are dropped as new ones come.
    pub feed_rows: u64,
    /// How long, in milliseconds, a discarded blob stays readable for those who already know its id.
    pub blob_grace_ms: u64,
    /// The bucket in which a new store keeps its bodies. The store remembers it: `None` takes the one that it knows, and
    /// another one is refused. Of one that it knows, the endpoint and the region may change.
    pub bodies: Option<Bucket>,
    /// For tests: what is in the place of the object store.
    #[doc(hidden)]
    pub bodies_in_memory: Option<Arc<dyn object_store::ObjectStore>>,
    /// Whether the open removes blobs that interrupted uploads left, and garbage. Whoever only looks leaves them.
    pub removes_leftovers: bool,
}

impl Config {
    /// The defaults for a location: `process` durability, 64 MiB of reserve, 20,000 rows of feed, 10 s of grace.
    pub fn new(location: Location) -> Config {
        Config {
            location,
            durability: Durability::Process,
            cloud: None,
            disk_reserve_bytes: 64 * 1024 * 1024,
            feed_rows: 20_000,
            blob_grace_ms: 10_000,
            bodies: None,
            bodies_in_memory: None,
            removes_leftovers: true,
        }
    }

    /// A store in memory.
    pub fn memory() -> Config {
        Config::new(Location::Memory)
    }

    /// A store in a directory.
    pub fn directory(path: impl Into<PathBuf>) -> Config {
        Config::new(Location::Directory(path.into()))
    }

    /// The same with another durability.
    pub fn durability(mut self, durability: Durability) -> Config {
        self.durability = durability;
        self
    }
}
