//! Reads an object by ranges of whole blocks, each of them checked.

use std::ops::Range;

use bytes::Bytes;
use object_store::ObjectStoreExt;

use super::{Shelf, away};
use crate::StoreError;
use crate::blobs::BlobId;
use crate::blobs::blocks::{Known, blocks, body_bytes, damaged, whole_bytes};

/// So much is read at a time: enough that the way to the object store and back costs little beside it.
const PIECE_BYTES: usize = 2 * 1024 * 1024;
/// Of the first piece, for which somebody waits, only so much.
const FIRST_BYTES: usize = 512 * 1024;

/// An open object.
pub(crate) struct ObjectReader {
    shelf: Shelf,
    id: BlobId,
    known: Known,
    /// A small body was read whole when it was opened.
    whole: Option<Bytes>,
}

impl ObjectReader {
    /// Opens a blob. Its size is that of its record, if there is one; with a range, its beginning is read meanwhile.
    pub(crate) async fn open(
        shelf: Shelf,
        id: BlobId,
        size_bytes: Option<u64>,
        first: Option<Range<u64>>,
    ) -> Result<(ObjectReader, Option<Bytes>), StoreError> {
        let size_bytes = match size_bytes {
            Some(size_bytes) => size_bytes,
            None => shelf.size(id).await?,
        };
        let whole = whole_bytes(size_bytes);
        if whole <= FIRST_BYTES as u64 {
            let bytes = shelf.piece(id, 0..whole).await?;
            let end = bytes.get(size_bytes as usize..).unwrap_or_default();
            let known = known(id, size_bytes, whole, end)?;
            let body = bytes.slice(..size_bytes as usize);
            let body = known.check(0..size_bytes, body, &(0..size_bytes))?;
            let reader = ObjectReader { shelf, id, known, whole: Some(body) };
            let ahead = first.map(|range| reader.of_whole(range)).unwrap_or_default();
            return Ok((reader, ahead));
        }
        let blocks = first.as_ref().and_then(|range| blocks(size_bytes, range, FIRST_BYTES));
        let (end, ahead) = tokio::join!(shelf.piece(id, size_bytes..whole), async {
            match &blocks {
                Some(blocks) => shelf.piece(id, blocks.clone()).await.map(Some),
                None => Ok(None),
            }
        });
        let known = known(id, size_bytes, whole, &end?)?;
        let ahead = match (ahead?, blocks, first) {
            (Some(bytes), Some(blocks), Some(range)) => Some(known.check(blocks, bytes, &range)?),
            _ => None,
        };
        Ok((ObjectReader { shelf, id, known, whole: None }, ahead))
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.known.size_bytes()
    }

    fn of_whole(&self, range: Range<u64>) -> Option<Bytes> {
        let whole = self.whole.as_ref()?;
        let end = range.end.min(whole.len() as u64);
        Some(whole.slice(range.start.min(end) as usize..end as usize))
    }

    /// The beginning of a range.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if let Some(bytes) = self.of_whole(range.clone()) {
            return Ok(bytes);
        }
        let Some(blocks) = self.known.blocks(&range, PIECE_BYTES) else { return Ok(Bytes::new()) };
        let bytes = self.shelf.piece(self.id, blocks.clone()).await?;
        self.known.check(blocks, bytes, &range)
    }
}

/// What the end of an object tells, when it is as long as its record says.
fn known(id: BlobId, size_bytes: u64, whole: u64, end: &[u8]) -> Result<Known, StoreError> {
    if end.len() as u64 != whole - size_bytes {
        return Err(damaged(id, "it is too short"));
    }
    Known::read(id, whole, end, |_| Err(damaged(id, "its size is wrong")))
}

impl Shelf {
    /// A range of an object. Errors: [`StoreError::NoBlob`].
    async fn piece(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, StoreError> {
        let got = self.bodies.get(&self.path(id), range).await?;
        got.ok_or_else(|| StoreError::NoBlob { id: id.to_string() })
    }

    /// The size of a body, by that of its object.
    async fn size(&self, id: BlobId) -> Result<u64, StoreError> {
        match self.bodies.objects.head(&self.path(id)).await {
            Ok(object) => body_bytes(object.size).ok_or_else(|| damaged(id, "its size is wrong")),
            Err(error) if away::is_missing(&error) => Err(StoreError::NoBlob { id: id.to_string() }),
            Err(error) => Err(self.bodies.away("looking for a body", error)),
        }
    }
}
