//! The data directory: its lock, its format version, and which generation of the content is the current one.
//!
//! Invariant: `FORMAT` is replaced as a whole and names one complete generation. A load or a reset builds the next
//! generation beside it and then switches; whatever `FORMAT` does not name is removed at the next open.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::{CloudId, StoreError};

/// The newest layout of a data directory that this code reads, and the one that it writes.
pub(crate) const FORMAT_VERSION: u32 = 1;

const FORMAT: &str = "FORMAT";
const FORMAT_NEW: &str = "FORMAT.new";
const LOCK: &str = "LOCK";
const GENERATION: &str = "generation-";

/// An open data directory; the lock is held while it lives.
pub(crate) struct Directory {
    path: PathBuf,
    cloud: CloudId,
    generation: u64,
    lock: Option<File>,
}

impl Directory {
    /// Locks the directory and reads what it holds, or makes a new one for `cloud` (or for a new cloud).
    pub(crate) fn open(path: &Path, cloud: Option<CloudId>) -> Result<Directory, StoreError> {
        std::fs::create_dir_all(path).map_err(|error| StoreError::io_at("creating", path, error))?;
        let lock = lock(path)?;
        let known = match std::fs::read_to_string(path.join(FORMAT)) {
            Ok(text) => Some(parse(path, &text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io_at("reading", &path.join(FORMAT), error)),
        };
        let (found, generation) = match known {
            Some(known) => known,
            None => (cloud.map_or_else(CloudId::random, Ok)?, 0),
        };
        if let Some(wanted) = cloud.filter(|wanted| *wanted != found) {
            let what = format!("{} holds the cloud {found}, not {wanted}", path.display());
            return Err(StoreError::io(what, ErrorKind::NotFound.into()));
        }
        let directory = Directory { path: path.to_path_buf(), cloud: found, generation, lock: Some(lock) };
        directory.remove_leftovers()?;
        Ok(directory)
    }

    /// Lets go of the lock; the directory is then another's.
    pub(crate) fn unlock(&mut self) {
        self.lock = None;
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn cloud(&self) -> CloudId {
        self.cloud
    }

    /// Whether nothing has been stored here yet.
    pub(crate) fn is_new(&self) -> bool {
        self.generation == 0
    }

    /// The folder of the current content.
    pub(crate) fn content(&self) -> PathBuf {
        self.folder(self.generation)
    }

    /// The folder where the next generation is built.
    pub(crate) fn next_content(&self) -> PathBuf {
        self.folder(self.generation + 1)
    }

    fn folder(&self, generation: u64) -> PathBuf {
        self.path.join(format!("{GENERATION}{generation}"))
    }

    /// Makes the next generation the current one, as a whole; when `durable`, power loss does not undo it.
    /// Answers the old folder, which may now be removed.
    pub(crate) fn switch(&mut self, durable: bool) -> Result<PathBuf, StoreError> {
        let old = self.content();
        let text = format!(
            "yakumo store\nformat {FORMAT_VERSION}\ncloud {}\ngeneration {}\n",
            self.cloud,
            self.generation + 1
        );
        let new = self.path.join(FORMAT_NEW);
        if durable {
            let next = self.next_content();
            let synced = File::open(&next).and_then(|folder| folder.sync_all());
            synced.map_err(|error| StoreError::io_at("syncing", &next, error))?;
        }
        let sync = |file: File| if durable { file.sync_all() } else { Ok(()) };
        let written = File::create(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()).map(|()| file))
            .and_then(sync)
            .and_then(|()| std::fs::rename(&new, self.path.join(FORMAT)))
            .and_then(|()| sync(File::open(&self.path)?));
        written.map_err(|error| StoreError::io_at("writing", &new, error))?;
        self.generation += 1;
        Ok(old)
    }

    /// Removes what an interrupted load, reset or first start has left.
    fn remove_leftovers(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::io_at("cleaning", &self.path, error);
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let is_generation = name.to_str().is_some_and(|name| name.starts_with(GENERATION));
            if is_generation && entry.path() != self.content() {
                std::fs::remove_dir_all(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Tries for a fifth of a second: a process that is being started holds copies of our files until its `exec`, and a
/// store that was dropped a moment ago may still be closing.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..20 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(10)),
            other => return other,
        }
    }
    file.try_lock()
}

/// Takes the lock and leaves the process id in it, for whoever finds it taken.
fn lock(path: &Path) -> Result<File, StoreError> {
    let name = path.join(LOCK);
    let failed = |error| StoreError::io_at("locking", &name, error);
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&name).map_err(failed)?;
    match try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok());
            let holder = pid.map(|pid| format!("process {pid}"));
            return Err(StoreError::Locked { place: path.display().to_string(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
    // The id is a courtesy: on a full disk the lock holds without it.
    match written {
        Err(error) if error.kind() != ErrorKind::StorageFull => Err(failed(error)),
        _ => Ok(file),
    }
}

/// The cloud and the generation that `FORMAT` names.
fn parse(path: &Path, text: &str) -> Result<(CloudId, u64), StoreError> {
    let damaged = || StoreError::corrupt(format!("{} is not a store's", path.join(FORMAT).display()));
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    if text.lines().next() != Some("yakumo store") {
        return Err(damaged());
    }
    let found: u32 = field("format").and_then(|v| v.parse().ok()).ok_or_else(damaged)?;
    if found > FORMAT_VERSION {
        return Err(StoreError::NewerFormat {
            what: path.display().to_string(),
            found,
            supported: FORMAT_VERSION,
        });
    }
    let cloud = field("cloud").and_then(CloudId::parse).ok_or_else(damaged)?;
    let generation = field("generation").and_then(|v| v.parse().ok()).ok_or_else(damaged)?;
    Ok((cloud, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_seen_at_the_next_open_and_leftovers_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = Directory::open(dir.path(), None).unwrap();
        assert!(one.is_new());
        std::fs::create_dir(one.next_content()).unwrap();
        one.switch(true).unwrap();
        std::fs::create_dir(one.next_content()).unwrap();
        let (cloud, current, unfinished) = (one.cloud(), one.content(), one.next_content());
        drop(one);
        let again = Directory::open(dir.path(), None).unwrap();
        assert_eq!((again.cloud(), again.content(), again.is_new()), (cloud, current, false));
        assert!(!unfinished.exists());
    }

    #[test]
    fn the_second_opener_hears_who_is_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = Directory::open(dir.path(), None).unwrap();
        let error = Directory::open(dir.path(), None).err().unwrap();
        let pid = format!("process {}", std::process::id());
        assert!(
            matches!(&error, StoreError::Locked { holder: Some(holder), .. } if *holder == pid),
            "{error}"
        );
        drop(first);
        assert!(Directory::open(dir.path(), None).is_ok());
    }

    fn check(text: &str) -> StoreError {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FORMAT), text).unwrap();
        Directory::open(dir.path(), None).err().unwrap()
    }

    #[test]
    fn newer_and_damaged_directories_are_refused() {
        let newer = check("yakumo store\nformat 2\nwhatever");
        assert!(matches!(newer, StoreError::NewerFormat { found: 2, supported: 1, .. }), "{newer}");
        assert!(matches!(check(""), StoreError::Corrupt { .. }));
        assert!(matches!(check("yakumo store\nformat 1\n"), StoreError::Corrupt { .. }));
    }

    #[test]
    fn another_cloud_is_not_opened_by_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = Directory::open(dir.path(), None).unwrap();
        one.switch(false).unwrap();
        let cloud = one.cloud();
        drop(one);
        assert!(Directory::open(dir.path(), CloudId::parse("abcdefgh")).is_err());
        assert!(Directory::open(dir.path(), Some(cloud)).is_ok());
    }
}
