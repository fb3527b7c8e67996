//! Where things lie: the directory of a machine, and of each sandbox in it.
//!
//! Invariant: everything of a sandbox that is in the host's file systems lies in its directory, which only root can enter.

use crate::Error;
use crate::error::During;
use crate::spec::Spec;
use crate::states::Process;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How often a lock is asked for that somebody may only be looking at.
const LOCK_ATTEMPTS: usize = 100;

/// The directory of one sandbox.
#[derive(Debug, Clone)]
pub struct Place {
    path: PathBuf,
    volumes: PathBuf,
}

/// What a keeper is told: the specification, and what the library has found out for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// As it was asked for.
    pub spec: Spec,
    /// The file systems that make the root, the root itself first.
    pub trees: Vec<Tree>,
    /// The name of its control groups, below `yakumo`.
    pub group: String,
}

/// One overlay of the root file system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tree {
    /// Where it is mounted, relative to the root: empty for the root.
    pub at: String,
    /// Its layers, the first on top.
    pub layers: Vec<PathBuf>,
}

impl Place {
    /// The directory of the sandbox `id` of the machine at `root`.
    pub fn of(root: &Path, id: &str) -> Place {
        Place { path: root.join("sandboxes").join(id), volumes: root.join(crate::disks::DIRECTORY) }
    }

    /// Makes the directory if it is not there.
    pub fn make(&self) -> Result<(), Error> {
        make_directory(&self.path)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or directory in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The file of a volume of the machine's.
    pub fn volume(&self, id: &str) -> PathBuf {
        crate::disks::file(&self.volumes, id)
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.path.is_dir()
    }

    /// Where the console's text goes.
    pub fn console(&self) -> PathBuf {
        self.at("console.log")
    }

    /// Reads a record; `None` when there is none.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.at(name);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).during(path.display()).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::failed(path.display(), error)),
        }
    }

    /// Writes a record so that a reader sees the old one or the new one whole.
    pub fn write<T: Serialize>(&self, name: &str, record: &T) -> Result<(), Error> {
        let (path, fresh) = (self.at(name), self.at(&format!("{name}.new")));
        let bytes = serde_json::to_vec(record).during(path.display())?;
        let open = || File::options().write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let mut file = open().during(fresh.display())?;
        file.write_all(&bytes).during(fresh.display())?;
        std::fs::rename(&fresh, &path).during(path.display())
    }

    /// Takes the lock that is held as long as anything of the sandbox lives; `None` when another process has it. Whoever asks whether
    /// it is free has it for a moment, so it is asked for a while.
    pub fn lock(&self) -> Result<Option<File>, Error> {
        for _ in 0..LOCK_ATTEMPTS {
            if let Some(lock) = self.try_lock()? {
                return Ok(Some(lock));
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        Ok(None)
    }

    /// Waits until no other process starts the sandbox; it may start it while the file is open.
    pub fn turn(&self) -> Result<File, Error> {
        let path = self.at("turn");
        let open = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = open.during(path.display())?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).during(path.display())?;
        Ok(file)
    }

    fn try_lock(&self) -> Result<Option<File>, Error> {
        let path = self.at("lock");
        let open = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        try_lock(open.during(path.display())?)
    }

    /// Whether anything of the sandbox lives.
    pub fn is_live(&self) -> Result<bool, Error> {
        Ok(self.is_there() && self.try_lock()?.is_none())
    }
}

/// Takes the lock of a file; `None` when another process has it. It is free when the file and all its copies are closed.
pub fn try_lock(file: File) -> Result<Option<File>, Error> {
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(Error::failed("cannot lock", error)),
    }
}

/// Makes a directory that only its owner can enter, and those above it.
pub fn make_directory(path: &Path) -> Result<(), Error> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).during(path.display())
}

/// Refuses a directory that somebody else has, or may write to: what lies in it is used with this process's rights.
///
/// # Errors
/// In words that name the directory.
pub fn check_own(path: &Path) -> Result<(), Error> {
    let found = std::fs::metadata(path).during(path.display())?;
    let (owner, here) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != here {
        let path = path.display();
        return Err(Error::invalid(format!(
            "{path}: it belongs to the user {owner}; remove it, or name another directory"
        )));
    }
    if found.mode() & 0o022 != 0 {
        let path = path.display();
        return Err(Error::invalid(format!("{path}: others may write to it; `chmod go-w` it")));
    }
    Ok(())
}

impl Process {
    /// The process of this id as it is now.
    pub fn of(id: i32) -> Option<Process> {
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name before it may hold anything, even `) `; the 22nd field is the 20th after the last parenthesis.
        let started = text.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()?;
        Some(Process { id, started })
    }

    /// A descriptor of exactly this process; `None` when it has gone.
    pub fn open(&self) -> Option<std::os::fd::OwnedFd> {
        let id = rustix::process::Pid::from_raw(self.id)?;
        let descriptor = rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty()).ok()?;
        // The descriptor holds on to whoever has the id now; if that is still ours, it stays ours.
        (Process::of(self.id)? == *self).then_some(descriptor)
    }
}

/// Removes a directory and all that is in it, however deep it is: subdirectories are moved up, not descended into, so that neither
/// the stack nor the descriptors of this process depend on what somebody inside has made. What is not there is fine.
pub fn remove_tree(path: &Path) -> Result<(), Error> {
    use rustix::fs::{AtFlags, Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(top) => top,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(Error::failed(path.display(), error)),
    };
    let mut moved = 0u64;
    loop {
        let mut is_empty = true;
        for name in names(&top).during(path.display())? {
            is_empty = false;
            if rustix::fs::unlinkat(&top, &name, AtFlags::empty()).is_ok() {
                continue;
            }
            let directory = rustix::fs::openat(&top, &name, flags, Mode::empty()).during(path.display())?;
            for inner in names(&directory).during(path.display())? {
                if rustix::fs::unlinkat(&directory, &inner, AtFlags::empty()).is_err() {
                    moved += 1;
                    rustix::fs::renameat(
                        &directory,
                        &inner,
                        &top,
                        format!(".moved-{moved}-{}", std::process::id()),
                    )
                    .during(path.display())?;
                }
            }
            rustix::fs::unlinkat(&top, &name, AtFlags::REMOVEDIR).during(path.display())?;
        }
        if is_empty {
            return std::fs::remove_dir(path).during(path.display());
        }
    }
}

fn names(directory: &impl std::os::fd::AsFd) -> rustix::io::Result<Vec<std::ffi::CString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::check_own;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_that_others_may_write_to_is_not_used() {
        let made = tempfile::tempdir().unwrap();
        let with = |mode| set_permissions(made.path(), Permissions::from_mode(mode)).unwrap();
        with(0o755);
        assert!(check_own(made.path()).is_ok());
        for mode in [0o777, 0o775, 0o1777] {
            with(mode);
            assert!(check_own(made.path()).unwrap_err().to_string().contains("others may write to it"));
        }
        assert!(check_own(&made.path().join("absent")).is_err());
        if rustix::process::geteuid().is_root() {
            with(0o700);
            std::os::unix::fs::chown(made.path(), Some(65_534), None).unwrap();
            assert!(check_own(made.path()).unwrap_err().to_string().contains("belongs to the user 65534"));
        }
    }
}
