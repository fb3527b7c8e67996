//! Checks the newest journal before fjall opens it, and cuts off a torn end.
//!
//! fjall 3.1 drops an unfinished batch at the end by itself, but refuses the whole database when a batch has its end
//! and not its middle (power loss leaves that: pages reach the disk in any order), and it takes any byte that begins
//! no entry for the end, so that damage in the middle would silently lose what follows. Invariant: nothing is cut
//! that a sync has covered, and what is cut is kept beside the journal if there is room.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{SeekFrom, seek};
use xxhash_rust::xxh3::Xxh3;

use crate::StoreError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8; 4] = b"FJL\x03";
const BUFFER_BYTES: usize = 256 * 1024;

/// Cuts the newest journal in the folder after its last whole batch, if something else than zeroes follows.
///
/// When whole batches follow it is not the end that is torn. With `durable` commits that is refused: a sync has
/// covered the damaged one. Without, power loss may have taken any page, and the commits before it are a consistent
/// state.
pub(crate) fn repair(folder: &Path, durable: bool) -> Result<(), StoreError> {
    let Some(journal) = newest(folder)? else { return Ok(()) };
    let failed = |error| StoreError::io_at("checking", &journal, error);
    let file = File::open(&journal).map_err(failed)?;
    let whole = whole_bytes(&file).map_err(failed)?;
    if only_zeroes_from(&file, whole).map_err(failed)? {
        return Ok(());
    }
    let mut torn = Vec::new();
    seek(&file, SeekFrom::Start(whole)).map_err(|error| failed(error.into()))?;
    (&file).read_to_end(&mut torn).map_err(failed)?;
    if durable && whole_batch_in(&torn) {
        let what = format!("{} is damaged at byte {whole}, before whole commits", journal.display());
        return Err(StoreError::Corrupt { what });
    }
    let kept = journal.with_extension("torn");
    tracing::warn!(journal = %journal.display(), whole, kept = %kept.display(), "cutting a torn journal");
    let end = torn.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    torn.truncate(end);
    if let Err(error) = std::fs::write(&kept, torn) {
        // On a full disk there is no room for it; opening matters more.
        tracing::warn!(%error, "the torn end could not be kept");
    }
    let cut = File::options().write(true).open(&journal);
    let cut = cut.and_then(|file| file.set_len(whole).and_then(|()| file.sync_all()));
    cut.map_err(|error| StoreError::io_at("cutting", &journal, error))
}

/// How many bytes from the beginning are whole batches.
fn whole_bytes(file: &File) -> std::io::Result<u64> {
    let mut reader = Batches { bytes: BufReader::with_capacity(BUFFER_BYTES, file), at: 0 };
    let mut whole = 0;
    while reader.next()?.is_some() {
        whole = reader.at;
    }
    Ok(whole)
}

/// Whether the rest of a file is zeroes, which is what reserved space reads as; holes are not read.
fn only_zeroes_from(file: &File, from: u64) -> std::io::Result<bool> {
    let mut at = from;
    loop {
        match seek(file, SeekFrom::Data(at)) {
            Ok(data) => at = data,
            Err(rustix::io::Errno::NXIO) => return Ok(true),
            // Without knowledge of holes all is read.
            Err(_) => drop(seek(file, SeekFrom::Start(at))?),
        }
        let mut part = vec![0; BUFFER_BYTES];
        let read = { file }.read(&mut part)?;
        if read == 0 {
            return Ok(true);
        }
        if part.iter().take(read).any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += read as u64;
    }
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
    let mut ends = bytes.windows(TRAILER.len()).enumerate().filter(|(_, window)| window == TRAILER);
    ends.any(|(at, _)| {
        let rest = bytes.get(at + TRAILER.len()..).unwrap_or_default();
        matches!(Batches { bytes: rest, at: 0 }.next(), Ok(Some(())))
    })
}

/// Reads batch after batch, as fjall 3 writes them.
struct Batches<R> {
    bytes: R,
    at: u64,
}

impl<R: BufRead> Batches<R> {
    /// Passes a whole batch; `None` when there is no whole one here.
    fn next(&mut self) -> std::io::Result<Option<()>> {
        match self.batch() {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            other => other,
        }
    }

    fn batch(&mut self) -> std::io::Result<Option<()>> {
        let mut unchecked = Xxh3::new();
        if self.array(&mut unchecked)? != [START] {
            return Ok(None);
        }
        let count = u32::from_le_bytes(self.array(&mut unchecked)?);
        let _number: [u8; 8] = self.array(&mut unchecked)?;
        let mut items = Xxh3::new();
        for _ in 0..count {
            match self.array(&mut items)? {
                [ITEM] => {
                    let _kind_compression_keyspace: [u8; 10] = self.array(&mut items)?;
                    let key_bytes = u16::from_le_bytes(self.array(&mut items)?);
                    let _uncompressed: [u8; 4] = self.array(&mut items)?;
                    let value_bytes = u32::from_le_bytes(self.array(&mut items)?);
                    self.pass(u64::from(key_bytes) + u64::from(value_bytes), &mut items)?;
                }
                [CLEAR] => self.pass(8, &mut items)?,
                _ => return Ok(None),
            }
        }
        let ended = self.array(&mut unchecked)? == [END]
            && u64::from_le_bytes(self.array(&mut unchecked)?) == items.digest()
            && self.array(&mut unchecked)? == *TRAILER;
        Ok(ended.then_some(()))
    }

    fn array<const N: usize>(&mut self, hash: &mut Xxh3) -> std::io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.bytes.read_exact(&mut bytes)?;
        hash.update(&bytes);
        self.at += N as u64;
        Ok(bytes)
    }

    fn pass(&mut self, count: u64, hash: &mut Xxh3) -> std::io::Result<()> {
        let mut left = count;
        while left > 0 {
            let part = self.bytes.fill_buf()?;
            if part.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let taken = part.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            hash.update(part.get(..taken).unwrap_or_default());
            self.bytes.consume(taken);
            left -= taken as u64;
        }
        self.at += count;
        Ok(())
    }
}
