//! Blobs as records, on engines without a directory: one record for each 256 KiB.

use bytes::Bytes;

use super::BlobId;
use crate::batch::{Batch, Op};
use crate::key::SYSTEM;
use crate::{Pair, Range, Store, StoreError};

/// The bytes of each chunk but the last.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;
const CHECKSUM_BYTES: usize = 4;

fn prefix(id: BlobId) -> Vec<u8> {
    [&[SYSTEM, b'b', b'c'][..], id.as_bytes()].concat()
}

fn chunk_key(id: BlobId, number: u32) -> Bytes {
    let mut key = prefix(id);
    key.extend_from_slice(&number.to_be_bytes());
    key.into()
}

/// The record of one chunk: its checksum, then its bytes.
pub(crate) fn chunk_pair(id: BlobId, number: u32, chunk: &[u8]) -> Pair {
    let mut value = Vec::with_capacity(CHECKSUM_BYTES + chunk.len());
    value.extend_from_slice(&crc32fast::hash(chunk).to_be_bytes());
    value.extend_from_slice(chunk);
    (chunk_key(id, number), value.into())
}

/// The records of a part of a body that begins at a whole chunk.
pub(crate) fn chunk_pairs(id: BlobId, first: u32, body: &[u8]) -> Vec<Pair> {
    (first..).zip(body.chunks(CHUNK_BYTES)).map(|(number, chunk)| chunk_pair(id, number, chunk)).collect()
}

/// Stores chunks; nothing refers to them yet.
pub(crate) async fn write(store: &Store, pairs: Vec<Pair>) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for (key, value) in pairs {
        batch.push_system(Op::put(key, value));
    }
    store.commit(batch).await.map(|_| ())
}

/// The chunk with this number; `None` when there is none.
pub(crate) async fn read(store: &Store, id: BlobId, number: u32) -> Result<Option<Bytes>, StoreError> {
    let Some(value) = store.engine().get(&chunk_key(id, number)).await? else { return Ok(None) };
    let damaged = || StoreError::corrupt(format!("the blob {id}: chunk {number} is not what was written"));
    let checksum = *value.first_chunk().ok_or_else(damaged)?;
    let chunk = value.slice(CHECKSUM_BYTES..);
    if crc32fast::hash(&chunk) != u32::from_be_bytes(checksum) {
        return Err(damaged());
    }
    Ok(Some(chunk))
}

/// The greatest key that a chunk of the blob can have.
pub(crate) fn last_key(id: BlobId) -> Bytes {
    chunk_key(id, u32::MAX)
}

/// Reads all chunks. Answers the size of the body.
pub(crate) async fn check(store: &Store, id: BlobId) -> Result<u64, StoreError> {
    let (mut size_bytes, mut number) = (0, 0);
    while let Some(chunk) = read(store, id, number).await? {
        size_bytes += chunk.len() as u64;
        number += 1;
    }
    Ok(size_bytes)
}

/// Removes a blob's chunks, a page at a time.
pub(crate) async fn remove(store: &Store, id: BlobId) -> Result<(), StoreError> {
    loop {
        let page = store.engine().scan(&Range::prefix(prefix(id)), 64).await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for (key, _) in page {
            batch.push_system(Op::delete(key));
        }
        store.commit(batch).await?;
    }
}
