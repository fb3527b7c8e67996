//! Blobs as files, each in the form of `blocks`.
//!
//! Invariant: a file is complete when it has its final name. All of this blocks; callers are off the async workers, except where a
//! function says that it does not wait.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use super::BlobId;
use super::blocks::{BLOCK_BYTES, Checksums, END_BYTES, Known};
use crate::StoreError;

/// So much is read at a time when a whole file is checked.
const CHECK_BYTES: usize = 16 * BLOCK_BYTES;

/// Makes the folders of an upload and of its final place; new ones are synced into those that hold them.
fn make_folders(upload: &Path, target: &Path, durable: bool) -> std::io::Result<()> {
    let Some((uploads, shelf)) = upload.parent().zip(target.parent()) else { return Ok(()) };
    let new = !shelf.exists();
    std::fs::create_dir_all(uploads)?;
    std::fs::create_dir_all(shelf)?;
    if new && durable {
        for folder in shelf.ancestors().skip(1).take(2) {
            File::open(folder)?.sync_all()?;
        }
    }
    Ok(())
}

/// Where a blob lies under the folder of its generation.
fn place(folder: &Path, id: BlobId) -> PathBuf {
    let name = id.to_string();
    let (shelf, _) = name.split_at(2);
    folder.join("blobs").join(shelf).join(&name)
}

/// Removes a blob's file, finished or not; it need not be there.
pub(crate) fn remove(folder: &Path, id: BlobId) -> Result<(), StoreError> {
    for path in [place(folder, id), upload_place(folder, id)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(StoreError::io_at("removing", &path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn upload_place(folder: &Path, id: BlobId) -> PathBuf {
    folder.join("uploads").join(id.to_string())
}

/// Whether this is where a blob's file belongs.
pub(crate) fn is_place(folder: &Path, id: BlobId, path: &Path) -> bool {
    place(folder, id) == path
}

/// Whether a blob has a file, finished or not.
pub(crate) fn exists(folder: &Path, id: BlobId) -> bool {
    place(folder, id).exists() || upload_place(folder, id).exists()
}

/// Reads a file to its end and checks every block. Answers the size of the body.
pub(crate) fn check(folder: &Path, id: BlobId) -> Result<u64, StoreError> {
    let reader = FileReader::open(folder, id)?;
    let (size_bytes, mut at) = (reader.size_bytes(), 0);
    while at < size_bytes {
        at += reader.read(at..size_bytes, CHECK_BYTES)?.len() as u64;
    }
    Ok(size_bytes)
}

/// A file that is being written.
pub(crate) struct FileWriter {
    file: File,
    path: PathBuf,
    target: PathBuf,
    checksums: Checksums,
    durable: bool,
}

impl FileWriter {
    pub(crate) fn create(folder: &Path, id: BlobId, durable: bool) -> Result<FileWriter, StoreError> {
        let (path, target) = (upload_place(folder, id), place(folder, id));
        let made = make_folders(&path, &target, durable);
        let file = made.and_then(|()| File::create_new(&path));
        Ok(FileWriter {
            file: file.map_err(|error| StoreError::io_at("creating", &path, error))?,
            path,
            target,
            checksums: Checksums::default(),
            durable,
        })
    }

    pub(crate) fn write(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        self.checksums.update(chunk);
        self.file.write_all(chunk).map_err(|error| StoreError::io_at("writing", &self.path, error))
    }

    /// Writes the checksums and gives the file its final name. Answers the size of the body.
    pub(crate) fn finish(mut self) -> Result<u64, StoreError> {
        let (size_bytes, end) = self.checksums.finish();
        let done = self
            .file
            .write_all(&end)
            .and_then(|()| if self.durable { self.file.sync_all() } else { Ok(()) })
            .and_then(|()| std::fs::rename(&self.path, &self.target))
            .and_then(|()| match self.target.parent() {
                Some(shelf) if self.durable => File::open(shelf)?.sync_all(),
                _ => Ok(()),
            });
        done.map_err(|error| StoreError::io_at("finishing", &self.path, error))?;
        Ok(size_bytes)
    }
}

/// A file that is being read.
pub(crate) struct FileReader {
    file: File,
    id: BlobId,
    known: Known,
}

impl FileReader {
    pub(crate) fn open(folder: &Path, id: BlobId) -> Result<FileReader, StoreError> {
        let path = place(folder, id);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::NoBlob { id: id.to_string() });
            }
            other => other.map_err(|error| StoreError::io_at("opening", &path, error))?,
        };
        FileReader::of(file, id)
    }

    /// Opens a blob if that needs no wait for the disk. It may be called on an async worker.
    pub(crate) fn open_in_memory(folder: &Path, id: BlobId) -> Result<Option<FileReader>, StoreError> {
        let Some(file) = memory::open(&place(folder, id)) else { return Ok(None) };
        let len = file.metadata().map_or(0, |meta| meta.len());
        if !memory::has(&file, len.saturating_sub(END_BYTES)..len) {
            return Ok(None);
        }
        FileReader::of(file, id).map(Some)
    }

    fn of(file: File, id: BlobId) -> Result<FileReader, StoreError> {
        let whole = file.metadata().map_err(|error| io(id, error))?.len();
        // One read brings the checksums of most files, too.
        let end_at = whole.saturating_sub(END_BYTES);
        let end = read_at(&file, id, end_at..whole)?;
        let known = Known::read(id, whole, &end, |range| read_at(&file, id, range))?;
        Ok(FileReader { file, id, known })
    }

    /// Whether [`FileReader::read`] needs no wait for the disk. It may then be called on an async worker.
    pub(crate) fn is_in_memory(&self, range: &Range<u64>, most_bytes: usize) -> bool {
        self.known.blocks(range, most_bytes).is_some_and(|blocks| memory::has(&self.file, blocks))
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.known.size_bytes()
    }

    /// Reads a range, rounded out to whole blocks of at most `most_bytes`, and cuts it back. Every block is checked.
    pub(crate) fn read(&self, range: Range<u64>, most_bytes: usize) -> Result<Bytes, StoreError> {
        let Some(blocks) = self.known.blocks(&range, most_bytes) else { return Ok(Bytes::new()) };
        let bytes = read_at(&self.file, self.id, blocks.clone())?;
        self.known.check(blocks, bytes.into(), &range)
    }
}

fn read_at(file: &File, id: BlobId, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
    let len = (range.end - range.start) as usize;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let from = range.start + bytes.len() as u64;
        match pread(file, spare_capacity(&mut bytes), from) {
            Ok(0) => return Err(io(id, ErrorKind::UnexpectedEof.into())),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(io(id, error.into())),
        }
    }
    // The allocator may have given room for more than was asked for.
    bytes.truncate(len);
    Ok(bytes)
}

fn io(id: BlobId, error: std::io::Error) -> StoreError {
    StoreError::io(format!("reading the blob {id}"), error)
}

/// What the kernel has of files in memory: such reads are a copy, and handing them to another thread costs more than they do.
#[cfg(target_os = "linux")]
mod memory {
    use super::{File, Path, Range};
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::{ReadWriteFlags, preadv2};
    use std::io::IoSliceMut;

    /// Opens a file whose whole path is in memory (`RESOLVE_CACHED`, openat2(2)).
    pub(super) fn open(path: &Path) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
    }

    /// Whether the first and the last byte of a range can be read without a wait (`RWF_NOWAIT`, preadv2(2)). What lies between
    /// nearly always can, then; when it cannot, the read waits, and that is all.
    pub(super) fn has(file: &File, range: Range<u64>) -> bool {
        let at_hand = |at: u64| {
            let mut byte = [0];
            preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT) == Ok(1)
        };
        !range.is_empty() && at_hand(range.end - 1) && at_hand(range.start)
    }
}

#[cfg(not(target_os = "linux"))]
mod memory {
    use super::{File, Path, Range};

    pub(super) fn open(_: &Path) -> Option<File> {
        None
    }

    pub(super) fn has(_: &File, _: Range<u64>) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path, body: &[u8], chunk: usize) -> BlobId {
        let id = BlobId::random().unwrap();
        let mut writer = FileWriter::create(dir, id, true).unwrap();
        body.chunks(chunk).for_each(|chunk| writer.write(chunk).unwrap());
        assert_eq!(writer.finish().unwrap(), body.len() as u64);
        id
    }

    #[test]
    fn ranges_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let body: Vec<u8> = (0..200_000_u32).map(|n| (n / 7) as u8).collect();
        for (len, chunk) in [(0, 1), (1, 1), (65_536, 999), (65_537, 65_536), (200_000, 70_000)] {
            let id = written(dir.path(), &body[..len], chunk);
            let reader = FileReader::open(dir.path(), id).unwrap();
            for range in [0..len, 0..1, 65_535..65_537, 1..len, 150_000..150_001, len..len + 5] {
                let expected = body[..len].get(range.start..range.end.min(len)).unwrap_or_default();
                let got = reader.read(range.start as u64..range.end as u64, 1 << 20).unwrap();
                assert!(got == expected, "{len} {range:?}");
            }
        }
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let body = vec![5; 150_000];
        let id = written(dir.path(), &body, 10_000);
        let path = place(dir.path(), id);
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(4_999).chain([149_999, 150_000, whole.len() - 1, whole.len() - 9])
        {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            let all = FileReader::open(dir.path(), id).and_then(|reader| reader.read(0..150_000, 1 << 20));
            assert!(matches!(all, Err(StoreError::Corrupt { .. })), "{at}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(FileReader::open(dir.path(), id).is_err());
    }
}
