//! Reading a blob: any range, as a stream, with every block checked. While one piece is on its way to whoever asked,
//! the next one is read.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::task::JoinHandle;

use super::garbage::InUse;
use super::{BlobId, FileReader, chunks, kept_key, kept_size};
use crate::{Store, StoreError};

/// So much is read at a time.
const PIECE_BYTES: usize = 512 * 1024;

/// An open blob. While it lives the blob is not removed.
pub struct BlobReader {
    id: BlobId,
    size_bytes: u64,
    place: Place,
    /// What was read before it was asked for.
    ahead: Option<Ahead>,
    _in_use: InUse,
}

/// A blob that is not removed while this lives, and not open yet: a body of thousands of pieces needs one file at a time.
pub struct BlobHold {
    store: Store,
    id: BlobId,
    in_use: InUse,
}

impl BlobHold {
    pub(crate) fn new(store: Store, id: BlobId) -> BlobHold {
        let in_use = store.garbage().in_use(id);
        BlobHold { store, id, in_use }
    }

    /// Opens it. Errors: [`StoreError::NoBlob`] when it was removed before it was held.
    pub async fn open(self) -> Result<BlobReader, StoreError> {
        BlobReader::open(self, None).await
    }

    /// Opens it and reads the beginning of the range in one go. Gives the range as a stream.
    pub async fn read(
        self,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static, StoreError> {
        Ok(BlobReader::open(self, Some(range.clone())).await?.stream(range))
    }
}

enum Place {
    Files(Arc<FileReader>),
    Chunks(Store),
}

enum Ahead {
    There(Bytes),
    Coming(JoinHandle<Result<Bytes, StoreError>>),
}

impl BlobReader {
    async fn open(hold: BlobHold, first: Option<Range<u64>>) -> Result<BlobReader, StoreError> {
        let BlobHold { store, id, in_use } = hold;
        if let Some((folder, _)) = store.engine().blob_folder() {
            let opened = tokio::task::spawn_blocking(move || {
                let file = FileReader::open(&folder, id)?;
                let ahead = first.map(|range| file.read(range, PIECE_BYTES)).transpose()?;
                Ok::<_, StoreError>((file, ahead))
            });
            let (file, ahead) =
                opened.await.map_err(|error| StoreError::engine("opening a blob", error))??;
            let (size_bytes, place) = (file.size_bytes(), Place::Files(Arc::new(file)));
            let ahead = ahead.map(Ahead::There);
            return Ok(BlobReader { id, size_bytes, place, ahead, _in_use: in_use });
        }
        let size_bytes = match store.engine().get(&kept_key(id)).await? {
            Some(value) => kept_size(&value)?,
            None => chunked_size(&store, id).await?,
        };
        Ok(BlobReader { id, size_bytes, place: Place::Chunks(store), ahead: None, _in_use: in_use })
    }

    /// How many bytes the whole blob has.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The bytes from `range.start` to before `range.end`; what lies beyond the end is left out.
    pub fn stream(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
        let end = range.end.min(self.size_bytes);
        stream::try_unfold((self, range.start), move |(mut reader, at)| async move {
            if at >= end {
                return Ok(None);
            }
            let piece = reader.piece(at..end).await?;
            if piece.is_empty() {
                return Err(StoreError::corrupt(format!("the blob {} ends at byte {at}", reader.id)));
            }
            let next = at + piece.len() as u64;
            reader.read_ahead(next..end);
            Ok(Some((piece, (reader, next))))
        })
    }

    /// The whole blob at once; for those that are known to be small.
    pub async fn bytes(mut self) -> Result<Bytes, StoreError> {
        let mut body = Vec::new();
        while (body.len() as u64) < self.size_bytes {
            let piece = self.piece(body.len() as u64..self.size_bytes).await?;
            if piece.is_empty() {
                return Err(StoreError::corrupt(format!("the blob {} is cut short", self.id)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.into())
    }

    /// Begins to read the beginning of a range, where that is done elsewhere.
    fn read_ahead(&mut self, range: Range<u64>) {
        if let Place::Files(file) = &self.place
            && !range.is_empty()
        {
            let file = file.clone();
            let coming = tokio::task::spawn_blocking(move || file.read(range, PIECE_BYTES));
            self.ahead = Some(Ahead::Coming(coming));
        }
    }

    /// The beginning of a range, at least one byte of it. What was read ahead was read of the same range.
    async fn piece(&mut self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if self.ahead.is_none() {
            self.read_ahead(range.clone());
        }
        match (self.ahead.take(), &self.place) {
            (Some(Ahead::There(piece)), _) => Ok(piece),
            (Some(Ahead::Coming(coming)), _) => {
                coming.await.map_err(|error| StoreError::engine("reading a blob", error))?
            }
            (None, Place::Files(_)) => Ok(Bytes::new()),
            (None, Place::Chunks(store)) => {
                let chunk_bytes = chunks::CHUNK_BYTES as u64;
                let number = u32::try_from(range.start / chunk_bytes).unwrap_or(u32::MAX);
                let from = u64::from(number) * chunk_bytes;
                let chunk = chunks::read(store, self.id, number).await?.unwrap_or_default();
                let start = (range.start - from).min(chunk.len() as u64) as usize;
                let end = (range.end - from).min(chunk.len() as u64) as usize;
                Ok(chunk.slice(start..end.max(start)))
            }
        }
    }
}

/// The size of a blob in records that is not kept (yet, or any more).
async fn chunked_size(store: &Store, id: BlobId) -> Result<u64, StoreError> {
    let size_bytes = chunks::check(store, id).await?;
    let known = size_bytes > 0 || store.engine().get(&super::pending_key(id)).await?.is_some();
    if known { Ok(size_bytes) } else { Err(StoreError::NoBlob { id: id.to_string() }) }
}
