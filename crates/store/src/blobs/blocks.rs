//! The form of a blob's bytes in a file or an object: the body, a checksum for each 64 KiB of it, then the end, which is
//! the size, the checksum of the checksums and the size, and eight bytes that say what this is.
//!
//! Invariant: whatever is changed, cut off or added, reading notices it.

use std::ops::Range;

use bytes::Bytes;

use super::BlobId;
use crate::StoreError;

/// So much of a body has a checksum of its own.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;
/// The size, the checksum of all that follows the body, the magic.
const TAIL_BYTES: usize = 8 + 4 + 8;
/// The end and the checksums of 64 MiB: what is read at once of bytes whose size nobody knows.
pub(crate) const END_BYTES: u64 = 4 * 1024 + TAIL_BYTES as u64;
const MAGIC: &[u8; 8] = b"ykblob\0\x01";

/// How many bytes a body of this size takes.
pub(crate) fn whole_bytes(size_bytes: u64) -> u64 {
    let checksums = size_bytes.div_ceil(BLOCK_BYTES as u64).saturating_mul(4);
    size_bytes.saturating_add(checksums).saturating_add(TAIL_BYTES as u64)
}

/// The size of the body that takes so many bytes; `None` when no body does.
pub(crate) fn body_bytes(whole: u64) -> Option<u64> {
    let rest = whole.checked_sub(TAIL_BYTES as u64)?;
    let size_bytes = rest.checked_sub(rest.div_ceil(BLOCK_BYTES as u64 + 4).saturating_mul(4))?;
    (whole_bytes(size_bytes) == whole).then_some(size_bytes)
}

/// The blocks that hold the beginning of a range of a body, at most so many bytes of them; `None` when the range has none.
pub(crate) fn blocks(size_bytes: u64, range: &Range<u64>, most_bytes: usize) -> Option<Range<u64>> {
    let block = BLOCK_BYTES as u64;
    let from = range.start / block * block;
    let to = range.end.min(size_bytes).min(from.saturating_add(most_bytes.max(BLOCK_BYTES) as u64));
    (range.start < to).then(|| from..to.div_ceil(block).saturating_mul(block).min(size_bytes))
}

/// The checksums of a body that is being written.
#[derive(Default)]
pub(crate) struct Checksums {
    done: Vec<u8>,
    block: crc32fast::Hasher,
    block_bytes: usize,
    size_bytes: u64,
}

impl Checksums {
    pub(crate) fn update(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(BLOCK_BYTES - self.block_bytes));
            self.block.update(part);
            self.block_bytes += part.len();
            if self.block_bytes == BLOCK_BYTES {
                self.end_block();
            }
            rest = after;
        }
        self.size_bytes += chunk.len() as u64;
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.done.extend_from_slice(&block.finalize().to_be_bytes());
        self.block_bytes = 0;
    }

    /// The size of the body, and what follows it.
    pub(crate) fn finish(mut self) -> (u64, Vec<u8>) {
        if self.block_bytes > 0 {
            self.end_block();
        }
        let mut end = self.done;
        end.extend_from_slice(&self.size_bytes.to_be_bytes());
        let checksum = crc32fast::hash(&end);
        end.extend_from_slice(&checksum.to_be_bytes());
        end.extend_from_slice(MAGIC);
        (self.size_bytes, end)
    }
}

/// What the end of a blob's bytes tells: the size of the body, and its checksums.
#[derive(Debug)]
pub(crate) struct Known {
    id: BlobId,
    size_bytes: u64,
    checksums: Vec<u8>,
}

impl Known {
    /// Reads `end`, the last of `whole` bytes. What of the checksums is not in it, `more` reads.
    pub(crate) fn read(
        id: BlobId,
        whole: u64,
        end: &[u8],
        more: impl FnOnce(Range<u64>) -> Result<Vec<u8>, StoreError>,
    ) -> Result<Known, StoreError> {
        let short = || damaged(id, "it is too short");
        let tail_at = whole.checked_sub(TAIL_BYTES as u64).ok_or_else(short)?;
        let (before_tail, tail) = end.split_last_chunk::<TAIL_BYTES>().ok_or_else(short)?;
        let (size, rest) = tail.split_first_chunk::<8>().ok_or_else(short)?;
        let (checksum, magic) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        if magic != MAGIC {
            return Err(damaged(id, "it has no end"));
        }
        let size_bytes = u64::from_be_bytes(*size);
        let blocks_bytes = size_bytes.div_ceil(BLOCK_BYTES as u64).saturating_mul(4);
        if size_bytes.checked_add(blocks_bytes) != Some(tail_at) {
            return Err(damaged(id, "its size is wrong"));
        }
        let checksums = match before_tail.len().checked_sub(blocks_bytes as usize) {
            Some(from) => before_tail.get(from..).unwrap_or_default().to_vec(),
            None => more(size_bytes..tail_at)?,
        };
        let mut all = crc32fast::Hasher::new();
        all.update(&checksums);
        all.update(size);
        if all.finalize() != u32::from_be_bytes(*checksum) {
            return Err(damaged(id, "its checksums are wrong"));
        }
        Ok(Known { id, size_bytes, checksums })
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// As [`blocks`] of this body.
    pub(crate) fn blocks(&self, range: &Range<u64>, most_bytes: usize) -> Option<Range<u64>> {
        blocks(self.size_bytes, range, most_bytes)
    }

    /// Checks blocks that were read, and cuts them back to what of the range is in them.
    pub(crate) fn check(
        &self,
        blocks: Range<u64>,
        bytes: Bytes,
        range: &Range<u64>,
    ) -> Result<Bytes, StoreError> {
        if bytes.len() as u64 != blocks.end - blocks.start {
            return Err(damaged(self.id, "it is too short"));
        }
        let first = (blocks.start / BLOCK_BYTES as u64) as usize;
        let known = self.checksums.chunks_exact(4).skip(first);
        for (number, (data, checksum)) in bytes.chunks(BLOCK_BYTES).zip(known).enumerate() {
            if crc32fast::hash(data).to_be_bytes() != checksum {
                return Err(damaged(self.id, &format!("block {} is not what was written", first + number)));
            }
        }
        let (from, to) = (range.start.max(blocks.start), range.end.min(blocks.end));
        Ok(bytes.slice((from - blocks.start) as usize..(to - blocks.start) as usize))
    }
}

/// The error of a blob whose bytes are not what was written.
pub(crate) fn damaged(id: BlobId, why: &str) -> StoreError {
    StoreError::corrupt(format!("the blob {id}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(size: usize) {
        let body: Vec<u8> = (0..size).map(|n| (n / 7) as u8).collect();
        let mut sums = Checksums::default();
        body.chunks(10_007).for_each(|chunk| sums.update(chunk));
        let (size_bytes, end) = sums.finish();
        let whole = size_bytes + end.len() as u64;
        assert_eq!((whole_bytes(size_bytes), body_bytes(whole)), (whole, Some(size_bytes)));
        let id = BlobId::from_bytes([1; 16]);
        let known = Known::read(id, whole, &end, |_| panic!("all is there")).unwrap();
        let range = (size / 3) as u64..(size / 2) as u64;
        let Some(blocks) = known.blocks(&range, 1 << 20) else { return assert!(range.is_empty()) };
        let mut bytes = body[blocks.start as usize..blocks.end as usize].to_vec();
        let read = known.check(blocks.clone(), bytes.clone().into(), &range).unwrap();
        assert!(read == body[range.start as usize..range.end as usize]);
        bytes[0] ^= 1;
        assert!(known.check(blocks, bytes.into(), &range).is_err());
    }

    #[test]
    fn sizes_and_blocks_fit_whatever_the_body() {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 500_000] {
            check(size);
        }
        assert_eq!((body_bytes(0), body_bytes(21), body_bytes(24)), (None, None, None));
    }
}
