//! All volumes of a machine at one moment: copied into a directory beside, and put in their place again.
//!
//! Invariant: volumes are replaced all at once, by the exchange of two directories of which one is whole; a mark in each says which it is.

use crate::Error;
use crate::block;
use crate::disks::{self, DIRECTORY, Frozen};
use crate::error::During;
use crate::keeper::{Help, private_mounts};
use crate::machine::Machine;
use crate::place::{make_directory, remove_tree};
use crate::program::wait_for;
use crate::spec::check_id;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long saving may take: volumes may be large, and the host slow.
const SAVED_WITHIN: Duration = Duration::from_secs(3600);
/// How long everything may stand still before anybody says that it may be copied.
const HEARD_WITHIN: Duration = Duration::from_secs(30);
/// What a copy leaves free on the host's disk, in bytes: what runs on it needs some.
const LEFT_BYTES: u64 = 128 << 20;
/// What directories begin with that are to take the place of the volumes.
pub(crate) const NEXT: &str = "next-";
/// The file in a directory of volumes that says which one it is.
const MARK: &str = ".generation";

impl Machine {
    /// Copies all volumes into a directory, as they are at one moment, while they are in use as well: their file systems stand still. A byte
    /// is written to `heard` when they do, and the copies begin when one is read from it.
    ///
    /// # Errors
    /// When there is no room for the copies; when `heard` is closed first.
    pub fn save_volumes(&self, to: &Path, heard: OwnedFd) -> Result<(), Error> {
        self.help_with(&Help::Save { to: to.to_owned() }, heard.into(), SAVED_WITHIN)
    }

    /// Fills a directory, which is made, with the volumes that lie in another one, or with none, and marks it.
    ///
    /// # Errors
    /// When there is no room for the copies.
    pub fn place_volumes(from: Option<&Path>, to: &Path, generation: &str) -> Result<(), Error> {
        check_id(generation)?;
        let placed = place(from, to, generation);
        if placed.is_err() {
            // What is half made is of no use; the first error is the one to tell.
            remove_tree(to).ok();
        }
        placed
    }

    /// Ends all sandboxes and removes them, and puts the volumes of this generation in the place of those that are there; once that is
    /// done, and where nothing waits to be put there, it only removes what was never used.
    ///
    /// # Errors
    /// When a sandbox does not end. It can be asked for again.
    pub fn settle(&self, generation: &str) -> Result<(), Error> {
        check_id(generation)?;
        let (next, volumes) = (self.root().join(format!("{NEXT}{generation}")), self.root().join(DIRECTORY));
        if mark(&next).as_deref() == Some(generation) {
            for (id, _) in self.list()? {
                self.remove(&id)?;
            }
            make_directory(&volumes)?;
            rustix::fs::renameat_with(CWD, &next, CWD, &volumes, RenameFlags::EXCHANGE)
                .map_err(|error| Error::failed("cannot put the volumes in their place", error))?;
        }
        for name in disks::names(self.root())?.iter().filter(|name| name.starts_with(NEXT)) {
            remove_tree(&self.root().join(name))?;
        }
        Ok(())
    }
}

fn mark(directory: &Path) -> Option<String> {
    std::fs::read_to_string(directory.join(MARK)).ok()
}

fn place(from: Option<&Path>, to: &Path, generation: &str) -> Result<(), Error> {
    remove_tree(to)?;
    make_directory(to)?;
    let mut sources = Vec::new();
    for id in from.map(ids).transpose()?.unwrap_or_default() {
        let path = disks::file(from.unwrap_or(to), &id);
        sources.push((id, copied(&path)?));
    }
    make_room(to, &sources)?;
    let copies = copy_all(&sources, to, || Ok(()))?;
    sync(&copies)?;
    // Last: a directory without it is not whole.
    let path = to.join(MARK);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(generation.as_bytes())?;
        file.sync_all()
    });
    written.during(path.display())?;
    File::open(to).and_then(|directory| directory.sync_all()).during(to.display())
}

/// A volume's file in a folder that was brought here: a link in it leads nowhere.
fn copied(path: &Path) -> Result<File, Error> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).during(path.display())?);
    match file.metadata().during(path.display())?.is_file() {
        true => Ok(file),
        false => Err(Error::invalid(format!("{}: it is no file", path.display()))),
    }
}

/// The ids of the volumes in a directory, sorted.
pub(crate) fn ids(directory: &Path) -> Result<Vec<String>, Error> {
    let names = disks::names(directory)?;
    let ids = names.iter().filter_map(|name| name.strip_suffix(".img"));
    let mut ids: Vec<String> = ids.filter(|id| check_id(id).is_ok()).map(str::to_owned).collect();
    ids.sort();
    Ok(ids)
}

/// In a helper, whose input is the other end: does what [`Machine::save_volumes`] says.
pub(crate) fn save(root: &Path, to: &Path) -> Result<(), Error> {
    let volumes = root.join(DIRECTORY);
    allow_files()?;
    let mut sources = Vec::new();
    for id in ids(&volumes)? {
        let path = disks::file(&volumes, &id);
        match File::open(&path) {
            // Nobody mounts or copies it from now on; one that is removed stays readable here.
            Ok(_) => sources.push((id, block::turn(&path)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::failed(path.display(), error)),
        }
    }
    make_room(to, &sources)?;
    private_mounts()?;
    let mut frozen = Vec::new();
    for (id, _) in &sources {
        let path = disks::file(&volumes, id);
        if let Some((device, _open)) = block::attached(&path) {
            frozen.push(Frozen::prepare(root, &path, &device)?);
        }
    }
    frozen.iter_mut().try_for_each(Frozen::freeze)?;
    let front = std::io::stdin();
    rustix::io::write(front.as_fd(), b"h").during("the front")?;
    hear(&front)?;
    let copies = copy_all(&sources, to, || is_there(&front))?;
    frozen.into_iter().try_for_each(Frozen::melt)?;
    drop(sources);
    sync(&copies)?;
    File::open(to).and_then(|directory| directory.sync_all()).during(to.display())
}

/// Waits until the front says that copying may begin.
fn hear(front: &std::io::Stdin) -> Result<(), Error> {
    let heard = wait_for(front, HEARD_WITHIN)? && matches!(front.lock().read(&mut [0; 1]), Ok(1..));
    if heard { Ok(()) } else { Err(Error::failed("saving the volumes", "nobody waits for it any more")) }
}

/// Whether the front still waits: a copy for nobody is not made.
fn is_there(front: &std::io::Stdin) -> Result<(), Error> {
    match wait_for(front, Duration::ZERO)? {
        false => Ok(()),
        // It says nothing more, so what can be read is its end.
        true => Err(Error::failed("saving the volumes", "nobody waits for it any more")),
    }
}

fn copy_all(
    sources: &[(String, File)],
    to: &Path,
    may_go_on: impl Fn() -> Result<(), Error>,
) -> Result<Vec<PathBuf>, Error> {
    let mut copies = Vec::new();
    for (id, source) in sources {
        may_go_on()?;
        let path = disks::file(to, id);
        block::copy_open(source, &path)?;
        copies.push(path);
    }
    Ok(copies)
}

fn sync(copies: &[PathBuf]) -> Result<(), Error> {
    copies
        .iter()
        .try_for_each(|path| File::open(path).and_then(|file| file.sync_all()).during(path.display()))
}

/// Refuses copies for which the disk has no room, before anything stands still for them: what shares its bytes needs none.
fn make_room(to: &Path, sources: &[(String, File)]) -> Result<(), Error> {
    let Some((_, first)) = sources.first() else { return Ok(()) };
    if block::shares(first, &to.join(".share"))? {
        return Ok(());
    }
    let mut needed = 0u64;
    for (_, source) in sources {
        needed = needed.saturating_add(source.metadata().during("a volume")?.blocks().saturating_mul(512));
    }
    let space = rustix::fs::statvfs(to).during(to.display())?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if needed.saturating_add(LEFT_BYTES) <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let text = format!(
        "there is no room for copies of the disks: they take {} MiB, and {} of {} free MiB on {} are left to others",
        mib(needed),
        mib(LEFT_BYTES),
        mib(free),
        to.display()
    );
    Err(Error { kind: crate::Kind::Failed, message: text })
}

/// Every volume is open at once.
fn allow_files() -> Result<(), Error> {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match rustix::process::setrlimit(Resource::Nofile, most) {
        Ok(()) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(Error::failed("cannot open many files", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{MARK, Machine, ids, mark};

    #[test]
    fn a_directory_is_marked_when_it_is_whole() {
        let top = tempfile::tempdir().unwrap();
        let (from, to) = (top.path().join("from"), top.path().join("to"));
        std::fs::create_dir(&from).unwrap();
        for name in ["vol-2.img", "vol-1.img", ".new-vol-3", "UPPER.img", "notes"] {
            std::fs::write(from.join(name), name).unwrap();
        }
        std::fs::create_dir(&to).unwrap();
        std::fs::write(to.join("vol-9.img"), "of an attempt before").unwrap();
        Machine::place_volumes(Some(&from), &to, "g1").unwrap();
        assert_eq!(ids(&to).unwrap(), ["vol-1", "vol-2"]);
        assert_eq!(std::fs::read_to_string(to.join("vol-2.img")).unwrap(), "vol-2.img");
        assert_eq!(mark(&to).as_deref(), Some("g1"));
        Machine::place_volumes(None, &to, "g2").unwrap();
        assert_eq!((ids(&to).unwrap().len(), mark(&to).as_deref()), (0, Some("g2")));
        // What does not come about leaves nothing that looks whole.
        std::fs::create_dir(from.join("vol-4.img")).unwrap();
        assert!(Machine::place_volumes(Some(&from), &to, "g3").is_err());
        assert!(!to.join(MARK).exists());
        assert!(Machine::place_volumes(None, &to, "../g").is_err());
    }
}
