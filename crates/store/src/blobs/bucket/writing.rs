//! Writes an object: a small one with one PUT, a larger one in parts, of which a few are on their way at a time.
//!
//! Invariant: however large the body is, at most three parts of it are in memory.

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::task::JoinSet;

use super::Shelf;
use crate::StoreError;
use crate::blobs::BlobId;
use crate::blobs::blocks::Checksums;

/// A part, in bytes: the least that S3 takes of any but the last.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES: usize = 5 * 1024 * 1024;
/// AWS: an upload has at most so many parts, so a blob at most 48 GiB; S3's largest body of one request has 5.
const PARTS_MAX: u32 = 10_000;
/// So many parts are on their way at a time, and one collects.
const UNDER_WAY_MAX: usize = 2;

/// An object that is being written.
pub(crate) struct ObjectWriter {
    shelf: Shelf,
    id: BlobId,
    checksums: Checksums,
    collected: Vec<Bytes>,
    collected_bytes: usize,
    parts: u32,
    upload: Option<Box<dyn MultipartUpload>>,
    under_way: JoinSet<object_store::Result<()>>,
}

impl ObjectWriter {
    /// Nothing is asked of the object store yet.
    pub(crate) fn new(shelf: Shelf, id: BlobId) -> ObjectWriter {
        ObjectWriter {
            shelf,
            id,
            checksums: Checksums::default(),
            collected: Vec::new(),
            collected_bytes: 0,
            parts: 0,
            upload: None,
            under_way: JoinSet::new(),
        }
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), StoreError> {
        self.checksums.update(&piece);
        self.collect(piece);
        if self.collected_bytes >= PART_BYTES { self.send_part().await } else { Ok(()) }
    }

    fn collect(&mut self, piece: Bytes) {
        self.collected_bytes += piece.len();
        self.collected.push(piece);
    }

    /// Sends the rest; the object is there when this returns.
    pub(crate) async fn finish(&mut self) -> Result<(), StoreError> {
        let (_, end) = std::mem::take(&mut self.checksums).finish();
        self.collect(end.into());
        if self.upload.is_none() {
            let (path, payload) = (self.shelf.path(self.id), self.payload());
            let put = self.shelf.bodies.objects.put(&path, payload).await;
            return put.map(drop).map_err(|error| self.away(error));
        }
        self.send_part().await?;
        while self.under_way_ends().await? {}
        match &mut self.upload {
            Some(upload) => {
                let completed = upload.complete().await.map(drop);
                completed.map_err(|error| self.away(error))
            }
            None => Ok(()),
        }
    }

    fn payload(&mut self) -> PutPayload {
        self.collected_bytes = 0;
        std::mem::take(&mut self.collected).into_iter().collect()
    }

    async fn send_part(&mut self) -> Result<(), StoreError> {
        if self.parts == PARTS_MAX {
            return Err(StoreError::Unsupported { what: "a body of more than 10,000 parts of 5 MiB" });
        }
        self.parts += 1;
        while self.under_way.len() >= UNDER_WAY_MAX {
            self.under_way_ends().await?;
        }
        let payload = self.payload();
        let upload = match self.upload.take() {
            Some(upload) => upload,
            None => {
                let path = self.shelf.path(self.id);
                let begun = self.shelf.bodies.objects.put_multipart(&path).await;
                begun.map_err(|error| self.away(error))?
            }
        };
        let part = self.upload.insert(upload).put_part(payload);
        self.under_way.spawn(part);
        Ok(())
    }

    /// Waits for one part; false when none is on its way.
    async fn under_way_ends(&mut self) -> Result<bool, StoreError> {
        match self.under_way.join_next().await {
            None => Ok(false),
            Some(Ok(sent)) => sent.map(|()| true).map_err(|error| self.away(error)),
            Some(Err(error)) => Err(StoreError::engine("sending a body", error)),
        }
    }

    fn away(&self, error: object_store::Error) -> StoreError {
        self.shelf.bodies.away("sending a body", error)
    }

    /// Ends what was begun, as far as that is possible; what stays is removed by its record.
    pub(crate) async fn abandon(mut self) {
        self.under_way.shutdown().await;
        if let Some(mut upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::debug!(id = %self.id, %error, "an upload could not be ended; it is tried again");
        }
    }
}
