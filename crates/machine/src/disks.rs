//! The volumes of a machine: block files with ids, which sandboxes have as their disk or mount. They belong to no sandbox.
//!
//! Invariant: a volume's file has its name only when it is whole, and then what is on it changes through mounts alone.

use crate::Error;
use crate::block;
use crate::error::During;
use crate::keeper::{Help, private_mounts};
use crate::machine::Machine;
use crate::moment;
use crate::place::make_directory;
use crate::spec::check_id;
use crate::states::Process;
use crate::sys;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The directory of all volumes, below the machine's.
pub(crate) const DIRECTORY: &str = "volumes";
/// Where a helper mounts what it looks at, below the machine's directory.
const STAGE: &str = "stage";
/// How long copying or growing may take: a volume may be large, and the host slow.
const DONE_WITHIN: Duration = Duration::from_secs(3600);
/// What files begin with that are not whole yet.
const FRESH: &str = ".new-";
/// What the notes begin with that say which volume is frozen.
const FROZEN: &str = ".frozen-";

static FRESH_ONES: AtomicU64 = AtomicU64::new(0);

/// The file of a volume in the directory of all.
pub(crate) fn file(volumes: &Path, id: &str) -> PathBuf {
    volumes.join(format!("{id}.img"))
}

impl Machine {
    /// Makes an empty volume of `bytes` with an ext4 file system; one that is there stays as it is.
    ///
    /// # Errors
    /// When it is smaller than [`crate::DISK_BYTES_MIN`], or larger than the host's file system takes.
    pub fn make_volume(&self, id: &str, bytes: u64) -> Result<(), Error> {
        self.appear(id, |fresh| block::create(fresh, bytes))
    }

    /// Makes a volume that begins with what is on another one at one moment, while that is in use as well, and is at least as large.
    ///
    /// # Errors
    /// When the other one is not there, or the host's disk is full.
    pub fn copy_volume(&self, from: &str, to: &str, bytes: u64) -> Result<(), Error> {
        check_id(from)?;
        let source = self.file(from);
        self.appear(to, |fresh| {
            if !source.is_file() {
                return Err(Error::invalid(format!("there is no volume {from}")));
            }
            self.help(&Help::Copy { copies: vec![(source.clone(), fresh.to_owned())] }, DONE_WITHIN)?;
            let has = fresh.metadata().during(fresh.display())?.len();
            if bytes > has { block::grow(fresh, bytes) } else { Ok(()) }
        })
    }

    /// Makes volumes, of the size of those that they begin as: what is on these at one moment, the same for all. One that is there
    /// stays as it is.
    ///
    /// # Errors
    /// When one of the others is not there, or the host's disk is full; none is made then.
    pub fn copy_volumes(&self, copies: &[(String, String)]) -> Result<(), Error> {
        let mut wanted = Vec::new();
        for (from, to) in copies {
            check_id(from)?;
            check_id(to)?;
            if self.file(to).exists() {
                continue;
            }
            if !self.file(from).is_file() {
                return Err(Error::invalid(format!("there is no volume {from}")));
            }
            wanted.push((from, to, self.fresh(to)));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let copies = wanted.iter().map(|(from, _, fresh)| (self.file(from), fresh.clone())).collect();
        let mut made = self.help(&Help::Copy { copies }, DONE_WITHIN);
        for (_, to, fresh) in &wanted {
            made = made.and_then(|()| self.named(fresh, to));
            // After the rename there is nothing left to remove.
            std::fs::remove_file(fresh).ok();
        }
        made
    }

    /// Makes a volume and its file system larger, while it is mounted as well. Where the kernel does not allow the latter, the file
    /// system grows when it is mounted next.
    ///
    /// # Errors
    /// When it is not there, or would shrink.
    pub fn grow_volume(&self, id: &str, bytes: u64) -> Result<(), Error> {
        check_id(id)?;
        self.help(&Help::Grow { path: self.file(id), bytes }, DONE_WITHIN)
    }

    /// Removes a volume; what a sandbox still has mounted is given up with its last use. What is not there is fine.
    ///
    /// # Errors
    /// Of the host's file system.
    pub fn remove_volume(&self, id: &str) -> Result<(), Error> {
        check_id(id)?;
        match std::fs::remove_file(self.file(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::failed(format_args!("the volume {id}"), error))
            }
            _ => Ok(()),
        }
    }

    /// The ids of all volumes, sorted.
    ///
    /// # Errors
    /// Of the host's file system.
    pub fn volumes(&self) -> Result<Vec<String>, Error> {
        moment::ids(&self.root().join(DIRECTORY))
    }

    /// Clears away what was being made when an earlier process ended, and lets go on what it has left frozen.
    pub(crate) fn sweep_volumes(&self) -> Result<(), Error> {
        let directory = self.root().join(DIRECTORY);
        for name in names(&directory)? {
            if name.starts_with(FRESH) {
                // Whoever still writes to it finds that it is gone.
                std::fs::remove_file(directory.join(&name)).ok();
            }
        }
        self.thaw_left()
    }

    /// Lets those file systems go on whose helper has ended without doing so.
    pub(crate) fn thaw_left(&self) -> Result<(), Error> {
        let directory = self.root().join(DIRECTORY);
        for name in names(&directory)? {
            let Some(id) = name.strip_prefix(FROZEN).filter(|id| check_id(id).is_ok()) else { continue };
            let helper = std::fs::read(directory.join(&name)).unwrap_or_default();
            let helper = serde_json::from_slice::<Process>(&helper).ok();
            if helper.is_none_or(|helper| helper.open().is_none()) {
                self.help(&Help::Thaw { path: self.file(id) }, DONE_WITHIN)?;
            }
        }
        Ok(())
    }

    fn file(&self, id: &str) -> PathBuf {
        file(&self.root().join(DIRECTORY), id)
    }

    fn appear(&self, id: &str, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        check_id(id)?;
        let (directory, whole) = (self.root().join(DIRECTORY), self.file(id));
        if whole.exists() {
            return Ok(());
        }
        make_directory(&directory)?;
        let fresh = self.fresh(id);
        let made = make(&fresh).and_then(|()| self.named(&fresh, id));
        // After the rename there is nothing left to remove.
        std::fs::remove_file(&fresh).ok();
        made
    }

    /// Where a volume is made.
    fn fresh(&self, id: &str) -> PathBuf {
        let number = FRESH_ONES.fetch_add(1, Ordering::Relaxed);
        self.root().join(DIRECTORY).join(format!("{FRESH}{id}-{}-{number}", std::process::id()))
    }

    /// Gives a whole volume its name.
    fn named(&self, fresh: &Path, id: &str) -> Result<(), Error> {
        match rustix::fs::renameat_with(CWD, fresh, CWD, self.file(id), RenameFlags::NOREPLACE) {
            // Somebody was faster, with the same.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(Error::failed(format_args!("the volume {id}"), error)),
        }
    }
}

/// The names in a directory; none where there is no directory.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, Error> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).during(directory.display())? {
        names.extend(entry.during(directory.display())?.file_name().into_string());
    }
    Ok(names)
}

/// In a helper: copies block files. Those that are mounted are frozen meanwhile, all of them, so that the copies are of one moment.
pub(crate) fn copy(root: &Path, copies: &[(PathBuf, PathBuf)]) -> Result<(), Error> {
    let mut sources: Vec<&Path> = copies.iter().map(|(from, _)| from.as_path()).collect();
    // Who takes several turns takes them in this order, as saving all volumes does.
    sources.sort();
    let turns = sources.iter().map(|from| block::turn(from)).collect::<Result<Vec<_>, _>>()?;
    let devices: Vec<_> = sources.iter().filter_map(|from| Some((from, block::attached(from)?))).collect();
    if !devices.is_empty() {
        private_mounts()?;
    }
    let mut frozen = Vec::new();
    for (from, (device, _open)) in &devices {
        frozen.push(Frozen::prepare(root, from, device)?);
    }
    frozen.iter_mut().try_for_each(Frozen::freeze)?;
    let copied = copies.iter().try_for_each(|(from, to)| block::copy(from, to));
    frozen.into_iter().try_for_each(Frozen::melt)?;
    drop(turns);
    copied
}

/// In a helper: a mounted file system that stands still, until this is dropped. A note beside the volume says so to others.
pub(crate) struct Frozen {
    mounted: File,
    note: PathBuf,
    is_still: bool,
}

impl Frozen {
    /// Gets hold of it; the mounts of this process are its own already. A file system that stands still cannot be mounted, so all of
    /// several come before the first is frozen.
    pub(crate) fn prepare(root: &Path, path: &Path, device: &str) -> Result<Frozen, Error> {
        Ok(Frozen { mounted: looked_at(root, device)?, note: note(path), is_still: false })
    }

    /// Lets it write out all that it has and wait.
    pub(crate) fn freeze(&mut self) -> Result<(), Error> {
        let helper = i32::try_from(std::process::id()).ok().and_then(Process::of);
        let helper = serde_json::to_vec(&helper).during("a note")?;
        std::fs::write(&self.note, helper).during(self.note.display())?;
        self.is_still = true;
        match sys::freeze(&self.mounted, true) {
            Ok(()) => Ok(()),
            // Somebody who was killed has left it so.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
            Err(error) => Err(Error::failed("cannot freeze the file system", error)),
        }
    }

    /// Lets it go on.
    pub(crate) fn melt(mut self) -> Result<(), Error> {
        self.is_still = false;
        melt(&self.mounted, &self.note)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if self.is_still {
            // What does not melt here has its note, and is looked at again.
            melt(&self.mounted, &self.note).ok();
        }
    }
}

/// In a helper: lets a file system go on.
pub(crate) fn thaw(root: &Path, path: &Path) -> Result<(), Error> {
    let note = note(path);
    if let Some((device, _open)) = block::attached(path) {
        private_mounts()?;
        return melt(&looked_at(root, &device)?, &note);
    }
    std::fs::remove_file(&note).during(note.display())
}

/// In a helper: makes a block file and its file system larger.
pub(crate) fn grow(root: &Path, path: &Path, bytes: u64) -> Result<(), Error> {
    let _turn = block::turn(path)?;
    let file = File::options().write(true).open(path).during(path.display())?;
    let now = file.metadata().during(path.display())?.len();
    if bytes < now {
        return Err(Error::invalid(format!("{} cannot shrink from {now} to {bytes} bytes", path.display())));
    }
    file.set_len(bytes).during(path.display())?;
    // Also when the file has the size already: who was killed may not have come to the file system.
    let Some((name, device)) = block::attached(path) else { return block::fit(path) };
    sys::resize_loop(&device).during("cannot resize the device")?;
    private_mounts()?;
    let _mounted = looked_at(root, &name)?;
    match block::run("resize2fs", [OsStr::new(&name)], &[0]) {
        // Inside another container the kernel may not let even root do so: it grows when it is mounted next.
        Err(error) if error.message.contains("Permission denied") => Ok(()),
        grown => grown,
    }
}

/// Mounts a device in the mounts of this process, which are its own, and opens its root: the file system is the one that the sandbox uses.
fn looked_at(root: &Path, device: &str) -> Result<File, Error> {
    let stage = root.join(STAGE);
    make_directory(&stage)?;
    block::mount_device(device, &stage, false)?;
    File::open(&stage).during(stage.display())
}

fn melt(frozen: &File, note: &Path) -> Result<(), Error> {
    match sys::freeze(frozen, false) {
        Ok(()) => {}
        // It was not frozen.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
        Err(error) => return Err(Error::failed("cannot let the file system go on", error)),
    }
    std::fs::remove_file(note).during(note.display())
}

fn note(path: &Path) -> PathBuf {
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{FROZEN}{id}"))
}
