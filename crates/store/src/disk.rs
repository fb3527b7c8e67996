//! The watch on free disk space and the file set aside for bad times.
//!
//! Invariant: looking is rate-limited; while there is room, a commit costs one atomic read here.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::StoreError;

const RESERVE: &str = "reserve";
const MOST_SET_ASIDE_BYTES: u64 = 16 * 1024 * 1024;
/// With less than this free, whatever the reserve, failures of the engine are put down to the disk: a table that
/// it could not write was about as large.
const LOW_BYTES: u64 = 32 * 1024 * 1024;
/// While the disk is full, at most one look in so many milliseconds.
const MS_PER_LOOK_WHEN_FULL: u64 = 100;

/// Free space under a data directory.
pub(crate) struct Disk {
    directory: PathBuf,
    reserve_bytes: u64,
    full: AtomicBool,
    available_bytes: AtomicU64,
    looked_ms: AtomicU64,
    opened: Instant,
}

impl Disk {
    pub(crate) fn new(directory: &Path, reserve_bytes: u64) -> Disk {
        let disk = Disk {
            directory: directory.to_path_buf(),
            reserve_bytes,
            full: AtomicBool::new(false),
            available_bytes: AtomicU64::new(u64::MAX),
            looked_ms: AtomicU64::new(0),
            opened: Instant::now(),
        };
        disk.look();
        disk
    }

    /// Refuses writes while the disk is full. What only frees space passes.
    pub(crate) fn admit(&self, only_frees: bool) -> Result<(), StoreError> {
        if !self.full.load(Relaxed) {
            return Ok(());
        }
        let now_ms = self.opened.elapsed().as_millis() as u64;
        if now_ms.saturating_sub(self.looked_ms.load(Relaxed)) >= MS_PER_LOOK_WHEN_FULL {
            self.looked_ms.store(now_ms, Relaxed);
            self.look();
        }
        if only_frees || !self.full.load(Relaxed) { Ok(()) } else { Err(self.error()) }
    }

    /// Whether there is so little room that a failure is likely due to that.
    pub(crate) fn is_low(&self) -> bool {
        let space = statvfs(&self.directory);
        space.is_ok_and(|space| {
            space.f_bavail.saturating_mul(space.f_frsize) < self.reserve_bytes.max(LOW_BYTES)
        })
    }

    /// After the disk refused a write: gives up the file set aside, so that recovery and deletes have room.
    pub(crate) fn filled_up(&self) -> StoreError {
        let _ = std::fs::remove_file(self.directory.join(RESERVE));
        self.full.store(true, Relaxed);
        self.looked_ms.store(self.opened.elapsed().as_millis() as u64, Relaxed);
        self.error()
    }

    fn error(&self) -> StoreError {
        StoreError::Full {
            place: self.directory.display().to_string(),
            available_bytes: self.available_bytes.load(Relaxed),
            reserve_bytes: self.reserve_bytes,
        }
    }

    /// Asks how much is free; called for every megabyte or so written.
    pub(crate) fn look(&self) {
        // Where free space cannot be asked for, writes find out by themselves.
        let Ok(space) = statvfs(&self.directory) else { return };
        let available = space.f_bavail.saturating_mul(space.f_frsize);
        self.available_bytes.store(available, Relaxed);
        let full = available < self.reserve_bytes;
        if self.full.swap(full, Relaxed) != full {
            tracing::warn!(available, reserve = self.reserve_bytes, full, "free disk space");
        }
        let set_aside = (self.reserve_bytes / 4).min(MOST_SET_ASIDE_BYTES);
        if available >= self.reserve_bytes.saturating_add(set_aside) {
            self.set_aside(set_aside);
        }
    }

    /// Keeps the file as large as it should be; without success there is just no such file.
    fn set_aside(&self, bytes: u64) {
        let path = self.directory.join(RESERVE);
        if bytes == 0 || std::fs::metadata(&path).is_ok_and(|file| file.len() == bytes) {
            return;
        }
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path);
        let done = file.is_ok_and(|file| fallocate(&file, FallocateFlags::empty(), 0, bytes).is_ok());
        if !done {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Whether the operating system said that there is no room.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_reserve_only_deletes_pass() {
        let dir = tempfile::tempdir().unwrap();
        let roomy = Disk::new(dir.path(), 4096);
        assert!(roomy.admit(false).is_ok());
        assert_eq!(std::fs::metadata(dir.path().join(RESERVE)).unwrap().len(), 1024);
        let full = Disk::new(dir.path(), u64::MAX);
        assert!(full.admit(true).is_ok());
        assert!(matches!(full.admit(false), Err(StoreError::Full { .. })));
    }

    #[test]
    fn a_refused_write_gives_up_the_file_until_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path(), 4096);
        disk.filled_up();
        assert!(!dir.path().join(RESERVE).exists());
        assert!(disk.admit(false).is_err());
        disk.look();
        assert!(disk.admit(false).is_ok());
        assert!(dir.path().join(RESERVE).exists());
    }
}
