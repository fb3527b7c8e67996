//! Writing a blob. The bytes collect here and go out in large pieces, off the async workers.

use std::path::PathBuf;

use bytes::Bytes;

use super::{BlobId, FileWriter, PendingBlob, chunks, pending_key};
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
    finished: bool,
}

enum Place {
    /// The folder of the generation, and the file once there is one.
    Files { folder: PathBuf, file: Option<FileWriter>, durable: bool },
    /// The number of the next chunk.
    Chunks { next: u32 },
}

impl BlobWriter {
    pub(crate) async fn begin(store: Store) -> Result<BlobWriter, StoreError> {
        let id = BlobId::random()?;
        let mut batch = Batch::new();
        batch.push_system(Op::put(pending_key(id), record::seal(super::VERSION, b"")));
        store.engine().admit(false)?;
        store.commit(batch).await?;
        let place = match store.engine().blob_folder() {
            Some((folder, durable)) => Place::Files { folder, file: None, durable },
            None => Place::Chunks { next: 0 },
        };
        Ok(BlobWriter { store, id, collected: Vec::new(), size_bytes: 0, place, finished: false })
    }

    /// How many bytes have been written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds bytes to the body.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        self.size_bytes += chunk.len() as u64;
        self.collected.extend_from_slice(&chunk);
        if self.collected.len() >= PIECE_BYTES {
            self.store.engine().admit(false)?;
            // Whole chunks only; the rest waits for more.
            let whole = self.collected.len() - self.collected.len() % PIECE_BYTES;
            let rest = self.collected.split_off(whole);
            let piece = std::mem::replace(&mut self.collected, rest);
            self.write_out(piece, false).await?;
        }
        Ok(())
    }

    /// Ends the body. The blob is readable from now on and stays if a batch keeps it.
    pub async fn finish(mut self) -> Result<PendingBlob, StoreError> {
        let piece = std::mem::take(&mut self.collected);
        self.write_out(piece, true).await?;
        if let Place::Files { folder, .. } = &self.place
            && self.store.engine().blob_folder().is_none_or(|(now, _)| now != *folder)
        {
            // The store was reset or loaded meanwhile: what this blob belonged to is gone.
            return Err(StoreError::SnapshotLost);
        }
        self.finished = true;
        Ok(PendingBlob { id: self.id, size_bytes: self.size_bytes })
    }

    async fn write_out(&mut self, piece: Vec<u8>, last: bool) -> Result<(), StoreError> {
        match &mut self.place {
            Place::Files { folder, file, durable } => {
                let (id, folder, durable, open) = (self.id, folder.clone(), *durable, file.take());
                let written = tokio::task::spawn_blocking(move || {
                    let mut writer = match open {
                        Some(writer) => writer,
                        None => FileWriter::create(&folder, id, durable)?,
                    };
                    writer.write(&piece)?;
                    if last { writer.finish().map(|_| None) } else { Ok(Some(writer)) }
                });
                let written = written.await.map_err(|error| StoreError::engine("writing a blob", error))?;
                *file = written.map_err(|error| self.store.engine().explain(error))?;
                Ok(())
            }
            Place::Chunks { next } => {
                let pairs = chunks::chunk_pairs(self.id, *next, &piece);
                *next += pairs.len() as u32;
                if pairs.is_empty() { Ok(()) } else { chunks::write(&self.store, pairs).await }
            }
        }
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Without a runtime the next start removes it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (store, id) = (self.store.clone(), self.id);
            runtime.spawn(async move {
                if let Err(error) = store.remove_blob(id, &pending_key(id)).await {
                    tracing::debug!(%id, %error, "an interrupted upload stays until the next start");
                }
            });
        }
    }
}
