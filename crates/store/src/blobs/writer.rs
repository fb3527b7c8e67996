//! Writing a blob. The bytes collect here and go out in large pieces, off the async workers, while the next piece
//! collects.

use bytes::Bytes;

use super::place::{Place, Writing, Written};
use super::{BlobId, PendingBlob, chunks, pending_key};
use crate::batch::{Batch, Op};
use crate::{Store, StoreError, record};

/// So much collects before it is written; a multiple of a chunk.
const PIECE_BYTES: usize = 2 * chunks::CHUNK_BYTES;

/// A blob in the making.
pub struct BlobWriter {
    store: Store,
    id: BlobId,
    collected: Vec<u8>,
    size_bytes: u64,
    place: Place,
    work: Work,
    finished: bool,
}

/// What is done to the bytes. `Rest` has a buffer to use again.
enum Work {
    Rest(Writing, Vec<u8>),
    Busy(Written),
    Failed,
}

impl BlobWriter {
    pub(crate) async fn begin(store: Store) -> Result<BlobWriter, StoreError> {
        let id = BlobId::random()?;
        let mut batch = Batch::new();
        batch.push_system(Op::put(pending_key(id), record::seal(super::VERSION, b"")));
        store.engine().admit(false)?;
        store.commit(batch).await?;
        let place = Place::of(&store);
        let work = Work::Rest(place.write(id), Vec::new());
        Ok(BlobWriter { store, id, collected: Vec::new(), size_bytes: 0, place, work, finished: false })
    }

    /// How many bytes have been written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds bytes to the body.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        self.write_changed(&chunk, |_| Ok(())).await
    }

    /// Adds bytes to the body as `change` makes them of `chunk`, where they lie before they are written. It is given
    /// them in order, and may be given them in several stretches.
    pub async fn write_changed<E: From<StoreError>>(
        &mut self,
        chunk: &[u8],
        mut change: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        while !rest.is_empty() {
            self.collected.reserve_exact(PIECE_BYTES.saturating_sub(self.collected.len()));
            let from = self.collected.len();
            let (now, later) = rest.split_at(rest.len().min(PIECE_BYTES.saturating_sub(from)));
            self.collected.extend_from_slice(now);
            change(self.collected.get_mut(from..).unwrap_or_default())?;
            self.size_bytes += now.len() as u64;
            rest = later;
            if self.collected.len() >= PIECE_BYTES {
                self.store.engine().admit(false)?;
                self.write_out(false).await?;
            }
        }
        Ok(())
    }

    /// Ends the body. The blob is readable from now on and stays if a batch keeps it.
    pub async fn finish(mut self) -> Result<PendingBlob, StoreError> {
        self.write_out(true).await?;
        self.settle().await?;
        if !self.place.is_current(&self.store) {
            // The store was reset or loaded meanwhile: what this blob belonged to is gone.
            return Err(StoreError::SnapshotLost);
        }
        self.finished = true;
        Ok(PendingBlob { id: self.id, size_bytes: self.size_bytes })
    }

    /// Hands what has collected on. It is on its way when this returns, and not yet written.
    async fn write_out(&mut self, last: bool) -> Result<(), StoreError> {
        let (writing, spare) = self.settle().await?;
        let piece = std::mem::replace(&mut self.collected, spare);
        self.work = Work::Busy(writing.write(piece, last));
        Ok(())
    }

    /// Waits for what is on its way. Gives what is written so far and an empty buffer.
    async fn settle(&mut self) -> Result<(Writing, Vec<u8>), StoreError> {
        let written = match &mut self.work {
            Work::Busy(busy) => busy.await.map_err(|error| StoreError::engine("writing a blob", error)),
            Work::Rest(..) | Work::Failed => Ok(Err(StoreError::Closed)),
        };
        match std::mem::replace(&mut self.work, Work::Failed) {
            Work::Rest(writing, spare) => Ok((writing, spare)),
            Work::Busy(_) | Work::Failed => written?.map_err(|error| self.store.engine().explain(error)),
        }
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Without a runtime the next start removes it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, place, id) = (self.store.clone(), self.place.clone(), self.id);
        let work = std::mem::replace(&mut self.work, Work::Failed);
        runtime.spawn(async move {
            // A piece that is still being written would come after the removal, and stay for ever.
            let writing = match work {
                Work::Rest(writing, _) => Some(writing),
                Work::Busy(busy) => busy.await.ok().and_then(Result::ok).map(|(writing, _)| writing),
                Work::Failed => None,
            };
            if let Some(writing) = writing {
                writing.abandon().await;
            }
            store.remove_unfinished(&place, id).await;
        });
    }
}
