//! Bodies that are too large for records: written as a stream, checked when read, removed when nobody needs them.
//!
//! A blob's life is in the records: `pending` before its first byte is written, `kept` with the commit that refers to
//! it, `garbage` with the commit that no longer does. Invariant: whatever is pending or garbage at an open is removed,
//! so an interrupted upload leaves nothing and a kept blob is whole.

mod audit;
mod blocks;
mod bucket;
mod chunks;
mod files;
mod garbage;
mod id;
mod place;
mod reader;
mod writer;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::batch::{Batch, Op};
use crate::field::{FieldReader, FieldWriter};
use crate::key::SYSTEM;
use crate::{Store, StoreError, Transaction, record};

pub use audit::{AuditedBlob, BlobAudit, Stray};
pub(crate) use bucket::{Bodies, ObjectWriter, Shelf, new_shelf, settle};
pub(crate) use chunks::{CHUNK_BYTES, chunk_pairs};
pub(crate) use files::{FileReader, FileWriter};
pub(crate) use garbage::{Garbage, Going, SnapshotInUse};
pub use id::BlobId;
pub(crate) use place::{Place, blocking};
pub use reader::{BlobHold, BlobReader};
pub use writer::BlobWriter;

/// Bodies up to this many bytes belong into a record.
pub const SMALL_BODY_BYTES: usize = 32 * 1024;

const VERSION: u8 = 1;

/// The blobs of a store.
#[derive(Clone)]
pub struct Blobs(pub(crate) Store);

/// A blob that is written, but that no commit refers to yet. Without one it is gone at the next start.
#[must_use = "a blob that no batch keeps is removed"]
#[derive(Debug)]
pub struct PendingBlob {
    pub(crate) id: BlobId,
    pub(crate) size_bytes: u64,
}

impl PendingBlob {
    /// Its id, to be stored in the record that refers to it.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// How many bytes it has.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl Blobs {
    /// Begins a blob. Dropping the writer before [`BlobWriter::finish`] removes what was written.
    pub async fn create(&self) -> Result<BlobWriter, StoreError> {
        BlobWriter::begin(self.0.clone()).await
    }

    /// Writes a whole body. An error of the body ends the upload, and nothing of it remains.
    pub async fn put<S, E>(&self, body: S) -> Result<PendingBlob, E>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: From<StoreError>,
    {
        let mut body = std::pin::pin!(body);
        let mut writer = self.create().await?;
        while let Some(chunk) = body.next().await {
            writer.write(chunk?).await?;
        }
        Ok(writer.finish().await?)
    }

    /// Opens a blob for reading; while it is open it is not removed. Errors: [`StoreError::NoBlob`].
    pub async fn open(&self, id: BlobId) -> Result<BlobReader, StoreError> {
        self.hold(id).open().await
    }

    /// Holds a blob that is opened later; until then, and while it is open, it is not removed.
    pub fn hold(&self, id: BlobId) -> BlobHold {
        BlobHold::new(self.0.clone(), id)
    }

    /// Removes a blob that was written and then not kept: the request that wanted it failed. After an error it is tried again.
    pub async fn abandon(&self, blob: PendingBlob) -> Result<(), StoreError> {
        let removed = self.0.remove_blob(&Place::of(&self.0), blob.id, List::Pending).await;
        if removed.is_err() {
            self.0.garbage().now(blob.id, List::Pending);
        }
        removed
    }
}

/// A list of blobs that go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    /// Never kept: perhaps unfinished.
    Pending,
    /// Kept once.
    Garbage,
}

impl List {
    pub(crate) fn key(self, id: BlobId) -> Bytes {
        match self {
            List::Pending => pending_key(id),
            List::Garbage => garbage_key(id),
        }
    }

    pub(crate) fn prefix(self) -> Bytes {
        match self {
            List::Pending => list_prefix(b'p'),
            List::Garbage => list_prefix(b'g'),
        }
    }
}

/// One of the three lists: `p`ending, `k`ept, `g`arbage.
pub(crate) fn list_prefix(list: u8) -> Bytes {
    Bytes::from(vec![SYSTEM, b'b', list])
}

fn list_key(list: u8, id: BlobId) -> Bytes {
    [&[SYSTEM, b'b', list][..], id.as_bytes()].concat().into()
}

pub(crate) fn pending_key(id: BlobId) -> Bytes {
    list_key(b'p', id)
}

pub(crate) fn kept_key(id: BlobId) -> Bytes {
    list_key(b'k', id)
}

pub(crate) fn garbage_key(id: BlobId) -> Bytes {
    list_key(b'g', id)
}

/// The id at the end of a key of a list.
pub(crate) fn listed_id(key: &[u8]) -> Result<BlobId, StoreError> {
    let id = key.get(3..).and_then(|id| id.try_into().ok());
    id.map(BlobId::from_bytes).ok_or_else(|| StoreError::corrupt("a key of a blob"))
}

pub(crate) fn kept_value(size_bytes: u64) -> Bytes {
    FieldWriter::version(VERSION).u64(size_bytes).done()
}

/// The size that a `kept` record tells.
pub(crate) fn kept_size(value: &[u8]) -> Result<u64, StoreError> {
    FieldReader(record::unseal("a blob's record", VERSION, value)?.1).u64()
}

impl Batch {
    /// Keeps a blob from this commit on: the same batch stores the record that refers to it.
    pub fn keep_blob(&mut self, blob: &PendingBlob) -> &mut Batch {
        self.push_system(Op::delete(pending_key(blob.id)));
        self.push_system(Op::put(kept_key(blob.id), kept_value(blob.size_bytes)));
        self
    }

    /// Lets go of a blob: the same batch removes or replaces the record that refers to it. Its bytes go when no
    /// reader and no snapshot needs them.
    pub fn discard_blob(&mut self, id: BlobId) -> &mut Batch {
        self.push_system(Op::delete(kept_key(id)));
        self.push_system(Op::put(garbage_key(id), record::seal(VERSION, b"")));
        self.discarded.push(id);
        self
    }
}

impl Transaction {
    /// As [`Batch::keep_blob`], when the transaction commits.
    pub fn keep_blob(&self, blob: &PendingBlob) {
        self.with_batch(|batch| {
            batch.keep_blob(blob);
        });
    }

    /// As [`Batch::discard_blob`], when the transaction commits.
    pub fn discard_blob(&self, id: BlobId) {
        self.with_batch(|batch| {
            batch.discard_blob(id);
        });
    }
}
