//! Gives up the rights of root for good, in a process that stays root's: what it may still do is listed.
//!
//! Invariant: there is no way back, neither for this process nor for what it starts; it is done before there is a second thread.

use crate::error::During;
use crate::{Error, seccomp, sys};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount_bind, mount_change, mount_remount};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is read of the system: programs' data, names, authorities, what the kernel tells.
const READ: &[&str] = &[
    "/bin",
    "/etc",
    "/lib",
    "/lib64",
    "/nix/store",
    "/opt",
    "/proc",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sys",
    "/usr",
];
/// Devices without a memory.
const DEVICES: &[&str] = &["/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero"];
/// Directories below `/` that are the system's. Beside them people keep what is theirs.
const SYSTEM: &[&str] = &[
    "bin",
    "boot",
    "dev",
    "efi",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "nix",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "snap",
    "sys",
    "usr",
    "var",
];

/// What a confined process may reach.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Directories in which it writes; those that are not there are left out.
    pub own: Vec<PathBuf>,
    /// Directories in it that it only reads: others work there with more rights than it has.
    pub sealed: Vec<PathBuf>,
    /// Whether it may connect to local sockets of other programs, as for a database: whoever listens there may take it for root.
    pub local_sockets: bool,
}

/// What is not as it should be, in words.
pub type Note = String;

/// Gives up all capabilities, also those that programs could give; then files outside of the bounds and what
/// `/dev`, `/proc/sys` and others would let root's user do; then system calls that a server does not need. What this host cannot hold back is told.
///
/// Where a directory of the bounds is somebody else's, the right to use it all the same is kept, and files of people are out of bounds.
///
/// # Errors
/// When the process has several threads or the kernel refuses.
pub fn confine(bounds: &Bounds) -> Result<Vec<Note>, Error> {
    if fs::read_dir("/proc/self/task").during("threads")?.count() != 1 {
        return Err(Error::invalid("a process with several threads cannot give up rights"));
    }
    let mut notes = Vec::new();
    let foreign = bounds.own.iter().find(|path| fs::metadata(path).is_ok_and(|found| found.uid() != 0));
    seal(&bounds.sealed)?;
    let files = rules(bounds, foreign.is_none())?;
    let kept = match (foreign, &files) {
        (None, _) => CapabilitySet::empty(),
        (Some(path), _) => {
            notes
                .push(format!("{} is not root's, so this process keeps the right to use it", path.display()));
            CapabilitySet::DAC_OVERRIDE.union(CapabilitySet::FOWNER)
        }
    };
    drop_capabilities(kept)?;
    rustix::thread::set_no_new_privs(true).during("no new privileges")?;
    match files {
        Some(files) => sys::landlock_restrict(&files).during("files")?,
        None => notes.push("files of root are within its reach: this kernel has no Landlock".to_owned()),
    }
    for filter in seccomp::server_filters(bounds.local_sockets)? {
        sys::set_filter(&filter).during("the filter of system calls")?;
    }
    Ok(notes)
}

/// Makes directories read-only for this process and what it starts.
fn seal(paths: &[PathBuf]) -> Result<(), Error> {
    if paths.is_empty() {
        return Ok(());
    }
    let what = "mounts of its own";
    sys::unshare(libc::CLONE_NEWNS).during(what)?;
    // What the host mounts later is seen, as everywhere.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC).during(what)?;
    for path in paths {
        mount_bind(path, path).during(path.display())?;
        mount_remount(path, MountFlags::BIND | MountFlags::RDONLY, "").during(path.display())?;
    }
    Ok(())
}

fn drop_capabilities(kept: CapabilitySet) -> Result<(), Error> {
    for bit in 0..64 {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if !kept.contains(one) && rustix::thread::capability_is_in_bounding_set(one).unwrap_or(false) {
            rustix::thread::remove_capability_from_bounding_set(one).during("a capability")?;
        }
    }
    rustix::thread::clear_ambient_capability_set().during("capabilities")?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).during("capabilities")
}

/// What may be read and written, as a set of rules that is not in force yet; `None` where the kernel has no such thing.
fn rules(bounds: &Bounds, with_people: bool) -> Result<Option<OwnedFd>, Error> {
    let Some(rules) = sys::landlock_rules().during("files")? else { return Ok(None) };
    let add = |path: &Path, writes: bool| -> Result<(), Error> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        // What is not there needs no rule.
        let Ok(opened) = rustix::fs::open(path, flags, Mode::empty()) else { return Ok(()) };
        sys::landlock_allow(&rules, &opened, path.is_dir(), writes).during(path.display())
    };
    READ.iter().try_for_each(|path| add(Path::new(path), false))?;
    DEVICES.iter().try_for_each(|path| add(Path::new(path), true))?;
    bounds.own.iter().try_for_each(|path| add(path, true))?;
    if with_people {
        for entry in fs::read_dir("/").during("/")?.flatten() {
            let is_system = SYSTEM.iter().any(|name| entry.file_name() == *name);
            if !is_system && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                add(&entry.path(), true)?;
            }
        }
    }
    Ok(Some(rules))
}
