//! Cuts the torn end off a journal that fjall refuses to open.
//!
//! fjall 3.1 drops an unfinished batch at the end by itself, but refuses the whole database when a batch has its
//! end and not its middle. Power loss leaves just that: pages reach the disk in any order. Invariant: nothing is
//! cut that a sync has covered, and what is cut is kept beside the journal.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::StoreError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";

/// Cuts the newest journal in the folder after its last whole batch; false when there was nothing to cut.
///
/// When whole batches follow the damaged one it is not the end that is torn. With `durable` commits that is
/// refused: a sync has covered the damaged one. Without, power loss may have taken any page, and the commits
/// before it are a consistent state.
pub(crate) fn repair(folder: &Path, durable: bool) -> Result<bool, StoreError> {
    let Some(journal) = newest(folder)? else { return Ok(false) };
    let bytes = std::fs::read(&journal).map_err(|error| StoreError::io_at("reading", &journal, error))?;
    let mut whole = 0;
    while let Some(next) = batch_end(&bytes, whole) {
        whole = next;
    }
    let torn = bytes.get(whole..).unwrap_or_default();
    if torn.iter().all(|byte| *byte == 0) {
        return Ok(false);
    }
    if durable && whole_batch_in(torn) {
        let what = format!("{} is damaged at byte {whole}, before whole commits", journal.display());
        return Err(StoreError::Corrupt { what });
    }
    let kept = journal.with_extension("torn");
    tracing::warn!(journal = %journal.display(), whole, kept = %kept.display(), "cutting a torn journal");
    std::fs::write(&kept, torn).map_err(|error| StoreError::io_at("writing", &kept, error))?;
    let cut = std::fs::OpenOptions::new()
        .write(true)
        .open(&journal)
        .and_then(|file| file.set_len(whole as u64).and_then(|()| file.sync_all()));
    cut.map_err(|error| StoreError::io_at("cutting", &journal, error))?;
    Ok(true)
}

fn newest(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let failed = |error| StoreError::io_at("listing", folder, error);
    let mut newest = None;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number.filter(|_| is_journal) {
            newest = newest.max(Some((number, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Whether a whole batch begins right after some batch's end in these bytes.
fn whole_batch_in(bytes: &[u8]) -> bool {
    let mut ends = bytes.windows(TRAILER.len()).enumerate().filter(|(_, window)| *window == TRAILER);
    ends.any(|(at, _)| batch_end(bytes, at + TRAILER.len()).is_some())
}

/// Where the batch that begins here ends; `None` unless it is whole.
fn batch_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut rest = Bytes(bytes.get(at..)?);
    if rest.number::<1>()? != u64::from(START) {
        return None;
    }
    let count = rest.number::<4>()?;
    rest.skip(8)?;
    let items = rest.0;
    for _ in 0..count {
        match u8::try_from(rest.number::<1>()?).ok()? {
            ITEM => {
                // The kind of value, the compression, the keyspace; then the lengths.
                rest.skip(1 + 1 + 8)?;
                let key = rest.number::<2>()?;
                let _uncompressed = rest.number::<4>()?;
                let value = rest.number::<4>()?;
                rest.skip(usize::try_from(key + value).ok()?)?;
            }
            CLEAR => rest.skip(8)?,
            _ => return None,
        }
    }
    let items = items.get(..items.len() - rest.0.len())?;
    let ended = rest.number::<1>()? == u64::from(END) && rest.number::<8>()? == xxh3_64(items);
    (ended && rest.0.starts_with(TRAILER)).then(|| bytes.len() - rest.0.len() + TRAILER.len())
}

/// Little-endian numbers from the front of a slice.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn number<const N: usize>(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(number.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }
}
