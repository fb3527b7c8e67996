//! Where the bytes of blobs are: the one place that tells files, records and objects apart.
//!
//! Invariant: a blob can be opened when all of it is written, wherever that is.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::bucket::{ObjectReader, ObjectWriter, Shelf};
use super::{BlobId, FileReader, FileWriter, chunks, files, kept_key, kept_size, pending_key};
use crate::{Store, StoreError};

/// So much is read of a file at a time. Smaller pieces wake whoever reads the answer more often; larger ones only take memory.
const PIECE_BYTES: usize = 512 * 1024;

/// Where a store keeps the bytes of its blobs at this moment.
#[derive(Clone)]
pub(crate) enum Place {
    /// Files under the folder of the present generation, and whether they are synced.
    Files { folder: PathBuf, durable: bool },
    /// Records beside all others.
    Records(Store),
    /// Objects in a bucket, on the present shelf.
    Objects(Store, Shelf),
}

/// What was read ahead of its time: it is coming.
pub(crate) type Coming = JoinHandle<Result<Bytes, StoreError>>;

impl Place {
    pub(crate) fn of(store: &Store) -> Place {
        if let Some(bodies) = store.bodies() {
            return Place::Objects(store.clone(), bodies.shelf());
        }
        match store.engine().blob_folder() {
            Some((folder, durable)) => Place::Files { folder, durable },
            None => Place::Records(store.clone()),
        }
    }

    /// Whether this is still where the store keeps blobs: a load or a reset begins anew elsewhere.
    pub(crate) fn is_current(&self, store: &Store) -> bool {
        match self {
            Place::Files { folder, .. } => {
                store.engine().blob_folder().is_some_and(|(now, _)| now == *folder)
            }
            Place::Records(_) => true,
            Place::Objects(_, shelf) => shelf.is_current(),
        }
    }

    /// Begins the bytes of a blob. Nothing is done yet.
    pub(crate) fn write(&self, id: BlobId) -> Writing {
        match self {
            Place::Files { folder, durable } => {
                Writing::File { folder: folder.clone(), id, durable: *durable, file: None }
            }
            Place::Records(store) => Writing::Records { store: store.clone(), id, next: 0 },
            Place::Objects(_, shelf) => Writing::Object(Box::new(ObjectWriter::new(shelf.clone(), id))),
        }
    }

    /// Opens a blob; with a range, its beginning is read in the same go. Errors: [`StoreError::NoBlob`].
    pub(crate) async fn open(
        self,
        id: BlobId,
        first: Option<Range<u64>>,
    ) -> Result<(Reading, Option<Bytes>), StoreError> {
        match self {
            Place::Files { folder, .. } => {
                if let Some(file) = FileReader::open_in_memory(&folder, id)? {
                    return Ok((Reading::File(Arc::new(file)), None));
                }
                let opened = blocking("opening a blob", move || {
                    let file = FileReader::open(&folder, id)?;
                    let ahead = first.map(|range| file.read(range, PIECE_BYTES)).transpose()?;
                    Ok((file, ahead))
                });
                let (file, ahead) = opened.await?;
                Ok((Reading::File(Arc::new(file)), ahead))
            }
            Place::Records(store) => {
                let size_bytes = match kept_blob_size(&store, id).await? {
                    Some(size_bytes) => size_bytes,
                    None => chunked_size(&store, id).await?,
                };
                Ok((Reading::Records { store, id, size_bytes }, None))
            }
            Place::Objects(store, shelf) => {
                let size_bytes = kept_blob_size(&store, id).await?;
                let (object, ahead) = ObjectReader::open(shelf, id, size_bytes, first).await?;
                Ok((Reading::Object(Arc::new(object)), ahead))
            }
        }
    }

    /// Reads a kept blob to its end. Answers its size, which should be this.
    pub(crate) async fn check(&self, id: BlobId, size_bytes: u64) -> Result<u64, StoreError> {
        match self {
            Place::Files { folder, .. } => {
                let folder = folder.clone();
                blocking("checking a blob", move || files::check(&folder, id)).await
            }
            Place::Records(store) => chunks::check(store, id).await,
            Place::Objects(_, shelf) => shelf.check(id, size_bytes).await,
        }
    }

    /// Whether there are any bytes of a blob, finished or not.
    pub(crate) async fn has_bytes(&self, id: BlobId) -> Result<bool, StoreError> {
        match self {
            Place::Files { folder, .. } => {
                let folder = folder.clone();
                blocking("looking for a blob", move || Ok(files::exists(&folder, id))).await
            }
            Place::Records(store) => Ok(chunks::read(store, id, 0).await.is_ok_and(|chunk| chunk.is_some())),
            Place::Objects(_, shelf) => shelf.has_bytes(id).await,
        }
    }

    /// Removes a blob's bytes; there need not be any. A blob that was never kept may be unfinished.
    pub(crate) async fn remove(&self, id: BlobId, unfinished: bool) -> Result<(), StoreError> {
        match self {
            Place::Files { folder, .. } => {
                let folder = folder.clone();
                blocking("removing a blob", move || files::remove(&folder, id)).await
            }
            Place::Records(store) => chunks::remove(store, id).await,
            Place::Objects(_, shelf) => shelf.remove(id, unfinished).await,
        }
    }
}

/// A piece on its way to where it is written. Answers its buffer, empty, to be used again.
pub(crate) type Written = JoinHandle<Result<(Writing, Vec<u8>), StoreError>>;

/// The bytes of a blob that is being written.
pub(crate) enum Writing {
    /// The file is made with the first piece.
    File {
        folder: PathBuf,
        id: BlobId,
        durable: bool,
        file: Option<FileWriter>,
    },
    /// The number of the next record.
    Records {
        store: Store,
        id: BlobId,
        next: u32,
    },
    Object(Box<ObjectWriter>),
    Done,
}

impl Writing {
    /// Begins to add a piece: every one but the last is a multiple of a chunk.
    pub(crate) fn write(self, piece: Vec<u8>, last: bool) -> Written {
        match self {
            Writing::File { folder, id, durable, file } => tokio::task::spawn_blocking(move || {
                let mut writer = match file {
                    Some(writer) => writer,
                    None => FileWriter::create(&folder, id, durable)?,
                };
                writer.write(&piece)?;
                let mut spare = piece;
                spare.clear();
                let file = if last { writer.finish().map(|_| None)? } else { Some(writer) };
                Ok((Writing::File { folder, id, durable, file }, spare))
            }),
            elsewhere => tokio::spawn(elsewhere.write_elsewhere(piece, last)),
        }
    }

    /// Adds a piece where that is no file.
    async fn write_elsewhere(self, piece: Vec<u8>, last: bool) -> Result<(Writing, Vec<u8>), StoreError> {
        match self {
            Writing::Records { store, id, next } => {
                let pairs = chunks::chunk_pairs(id, next, &piece);
                let next = next + pairs.len() as u32;
                if !pairs.is_empty() {
                    chunks::write(&store, pairs).await?;
                }
                Ok((Writing::Records { store, id, next }, Vec::new()))
            }
            Writing::Object(mut object) => {
                let mut written = object.write(piece.into()).await;
                if last && written.is_ok() {
                    written = object.finish().await;
                }
                match written {
                    Ok(()) if last => Ok((Writing::Done, Vec::new())),
                    Ok(()) => Ok((Writing::Object(object), Vec::new())),
                    Err(error) => {
                        object.abandon().await;
                        Err(error)
                    }
                }
            }
            Writing::File { .. } | Writing::Done => Err(StoreError::Closed),
        }
    }

    /// Ends what was begun elsewhere, as far as that is possible: its bytes are removed afterwards.
    pub(crate) async fn abandon(self) {
        if let Writing::Object(object) = self {
            object.abandon().await;
        }
    }
}

/// The bytes of a blob that is open.
pub(crate) enum Reading {
    File(Arc<FileReader>),
    Records { store: Store, id: BlobId, size_bytes: u64 },
    Object(Arc<ObjectReader>),
}

impl Reading {
    pub(crate) fn size_bytes(&self) -> u64 {
        match self {
            Reading::File(file) => file.size_bytes(),
            Reading::Records { size_bytes, .. } => *size_bytes,
            Reading::Object(object) => object.size_bytes(),
        }
    }

    /// Whether the beginning of a range can be read without a wait.
    pub(crate) fn is_at_hand(&self, range: &Range<u64>) -> bool {
        match self {
            Reading::File(file) => file.is_in_memory(range, PIECE_BYTES),
            Reading::Records { .. } | Reading::Object(_) => false,
        }
    }

    /// The beginning of a range that is not empty, if it is at hand.
    pub(crate) fn read_at_hand(&self, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        match self {
            Reading::File(file) if file.is_in_memory(&range, PIECE_BYTES) => {
                file.read(range, PIECE_BYTES).map(Some)
            }
            Reading::File(_) | Reading::Records { .. } | Reading::Object(_) => Ok(None),
        }
    }

    /// Begins to read the beginning of a range that is not empty, where that is done elsewhere.
    pub(crate) fn read_ahead(&self, range: Range<u64>) -> Option<Coming> {
        match self {
            Reading::File(file) => {
                let file = file.clone();
                Some(tokio::task::spawn_blocking(move || file.read(range, PIECE_BYTES)))
            }
            Reading::Object(object) => {
                let object = object.clone();
                Some(tokio::spawn(async move { object.read(range).await }))
            }
            Reading::Records { .. } => None,
        }
    }

    /// The beginning of a range, now.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        match self {
            Reading::File(file) => {
                let file = file.clone();
                blocking("reading a blob", move || file.read(range, PIECE_BYTES)).await
            }
            Reading::Records { store, id, .. } => {
                let chunk_bytes = chunks::CHUNK_BYTES as u64;
                let number = u32::try_from(range.start / chunk_bytes).unwrap_or(u32::MAX);
                let from = u64::from(number) * chunk_bytes;
                let chunk = chunks::read(store, *id, number).await?.unwrap_or_default();
                let start = (range.start - from).min(chunk.len() as u64) as usize;
                let end = (range.end - from).min(chunk.len() as u64) as usize;
                Ok(chunk.slice(start..end.max(start)))
            }
            Reading::Object(object) => object.read(range).await,
        }
    }
}

/// The size of a blob as its record tells, if it is kept.
async fn kept_blob_size(store: &Store, id: BlobId) -> Result<Option<u64>, StoreError> {
    let kept = store.engine().get(&kept_key(id)).await?;
    kept.map(|value| kept_size(&value)).transpose()
}

/// The size of a blob in records that is not kept (yet, or any more).
async fn chunked_size(store: &Store, id: BlobId) -> Result<u64, StoreError> {
    let size_bytes = chunks::check(store, id).await?;
    let known = size_bytes > 0 || store.engine().get(&pending_key(id)).await?.is_some();
    if known { Ok(size_bytes) } else { Err(StoreError::NoBlob { id: id.to_string() }) }
}

/// Works off the async workers.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::engine(what, error))?
}
