//! Reading a blob: any range, as a stream, with every block checked. What has to be waited for is read while the piece
//! before it is on its way to whoever asked.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{Stream, stream};

use super::BlobId;
use super::garbage::InUse;
use super::place::{Coming, Place, Reading};
use crate::{Store, StoreError};

/// An open blob. While it lives the blob is not removed.
pub struct BlobReader {
    id: BlobId,
    size_bytes: u64,
    reading: Reading,
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

enum Ahead {
    There(Bytes),
    Coming(Coming),
}

impl BlobReader {
    async fn open(hold: BlobHold, first: Option<Range<u64>>) -> Result<BlobReader, StoreError> {
        let BlobHold { store, id, in_use } = hold;
        let (reading, first) = Place::of(&store).open(id, first).await?;
        let (size_bytes, ahead) = (reading.size_bytes(), first.map(Ahead::There));
        Ok(BlobReader { id, size_bytes, reading, ahead, _in_use: in_use })
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
            // A copy from memory is made when it is asked for: it is sent while it is in the processor's caches.
            if next < end && !reader.reading.is_at_hand(&(next..end)) {
                reader.ahead = reader.reading.read_ahead(next..end).map(Ahead::Coming);
            }
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

    /// The beginning of a range, at least one byte of it. What was read ahead was read of the same range.
    async fn piece(&mut self, range: Range<u64>) -> Result<Bytes, StoreError> {
        match self.ahead.take() {
            Some(Ahead::There(piece)) => Ok(piece),
            Some(Ahead::Coming(coming)) => {
                coming.await.map_err(|error| StoreError::engine("reading a blob", error))?
            }
            None => match self.reading.read_at_hand(range.clone())? {
                Some(piece) => Ok(piece),
                None => self.reading.read(range).await,
            },
        }
    }
}
