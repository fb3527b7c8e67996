//! One ordered, transactional key-value space with a change feed, blobs and snapshots.
//!
//! Everything of a cloud is in one [`Store`]. Writers hand in a [`Batch`]; all batches pass through one commit
//! queue, which fixes their order and merges those that wait into one write of the engine.
//! Invariant: a batch is visible and durable as a whole or not at all, and batches become so in their [`Order`].

mod batch;
mod blobs;
mod bucket_name;
mod change;
mod cloud;
mod commit;
mod config;
mod directory;
mod disk;
mod dump;
mod engine;
mod error;
mod field;
#[cfg(test)]
mod golden;
pub mod key;
mod range;
pub mod record;
mod snapshot;
mod store;
mod transaction;

pub use batch::{Batch, MAX_BATCH_BYTES, MAX_VALUE_BYTES};
pub use blobs::{
    AuditedBlob, BlobAudit, BlobHold, BlobId, BlobReader, BlobWriter, Blobs, PendingBlob, SMALL_BODY_BYTES,
    Stray,
};
pub use bucket_name::Bucket;
pub use change::{Change, Changes, RecordedChange};
pub use cloud::CloudId;
pub use commit::{Order, Ticket};
pub use config::{Config, Durability, Location};
pub use dump::Contents;
pub use error::StoreError;
pub use range::Range;
pub use snapshot::Snapshot;
pub use store::Store;
pub use transaction::Transaction;

/// A key and its value.
pub type Pair = (bytes::Bytes, bytes::Bytes);

/// `Result` with [`StoreError`].
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
