//! Mounts at paths that were resolved safely.
//!
//! Invariant: a target is a descriptor, or a path that only the host's root could have made.

use crate::Error;
use crate::error::During;
use crate::root::Owners;
use crate::sys;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A detached copy of what is mounted at a path of the host, without what is mounted below it.
pub(super) fn clone_tree(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    rustix::mount::open_tree(rustix::fs::CWD, path, flags).during(path.display())
}

/// A detached mount of a directory of the host, its files with the owners that they have inside.
pub(super) fn mapped_tree(path: &Path, owners: &Owners, read_only: bool) -> Result<OwnedFd, Error> {
    let tree = clone_tree(path)?;
    sys::map_owners(&tree, &owners.namespace, read_only).map_err(|error| {
        Error::unsupported(format!("the file system of {} cannot map owners: {error}", path.display()))
    })?;
    Ok(tree)
}

/// Mounts a directory of the host at a target, its files with the owners that they have inside.
pub(super) fn mapped(
    path: &Path,
    target: BorrowedFd<'_>,
    owners: &Owners,
    read_only: bool,
) -> Result<(), Error> {
    attach(&mapped_tree(path, owners, read_only)?, target)
}

/// Puts a detached mount at a target.
pub(crate) fn attach(tree: &OwnedFd, target: BorrowedFd<'_>) -> Result<(), Error> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(tree, "", target, "", flags).during("cannot put a mount in place")
}

/// Mounts a file system at a target.
pub(super) fn filesystem(
    target: BorrowedFd<'_>,
    kind: &str,
    flags: MountFlags,
    options: &str,
) -> Result<(), Error> {
    let options = std::ffi::CString::new(options).during("options")?;
    rustix::mount::mount(kind, by_descriptor(target), kind, flags, Some(options.as_c_str()))
        .during(format_args!("cannot mount {kind}"))
}

/// Mounts a file system in memory on a directory of ours.
pub(super) fn memory(path: &Path, options: &str) -> Result<(), Error> {
    let options = std::ffi::CString::new(options).during("options")?;
    let flags = MountFlags::NODEV | MountFlags::NOSUID;
    rustix::mount::mount("tmpfs", path, "tmpfs", flags, Some(options.as_c_str())).during(path.display())
}

/// Makes what is mounted at a target read-only, by mounting a copy over it.
pub(super) fn read_only(root: impl AsFd, path: &str) -> Result<(), Error> {
    let Some(target) = existing(root, path)? else { return Ok(()) };
    let tree = clone_tree(&by_descriptor(target.as_fd()))?;
    sys::make_read_only(&tree).during(path)?;
    attach(&tree, target.as_fd())
}

/// A name of a descriptor that system calls with paths take. It works while the host's `/proc` is there.
pub(super) fn by_descriptor(descriptor: BorrowedFd<'_>) -> PathBuf {
    Path::new("/proc/self/fd").join(descriptor.as_raw_fd().to_string())
}

/// A file or directory inside without any link on the way; `None` when it is not there.
pub(super) fn existing(root: impl AsFd, path: &str) -> Result<Option<OwnedFd>, Error> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(Error::failed(format_args!("/{path} of the image"), error)),
    }
}

/// A directory inside that must be one itself: mounting on what a link names would put it elsewhere.
pub(super) fn directory(root: impl AsFd, path: &str) -> Result<OwnedFd, Error> {
    existing(root, path)?
        .ok_or_else(|| Error::failed(format_args!("/{path} of the image"), "it is not there"))
}

/// A directory inside, made if it is not there; links in the sandbox are followed within its root.
pub(crate) fn make_directory(root: impl AsFd, path: &str, owner: u32) -> Result<OwnedFd, Error> {
    let root = root.as_fd();
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut reached = String::new();
    let mut at = root.try_clone_to_owned().during("cannot copy a descriptor")?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let below = format!("{reached}/{part}");
        at = match rustix::fs::openat2(root, &below, flags, Mode::empty(), resolve) {
            Err(Errno::NOENT) => {
                sys::set_file_owner(owner);
                let made = rustix::fs::mkdirat(&at, part, Mode::from_raw_mode(0o755));
                sys::set_file_owner(0);
                made.during(format_args!("cannot make {below}"))?;
                rustix::fs::openat2(root, &below, flags, Mode::empty(), resolve)
            }
            other => other,
        }
        .during(format_args!("cannot open {below}"))?;
        reached = below;
    }
    Ok(at)
}

/// Hides a file or directory inside, if it is there.
pub(super) fn hide(root: impl AsFd, path: &str) -> Result<(), Error> {
    let Some(target) = existing(root, path)? else { return Ok(()) };
    let stat = rustix::fs::statat(&target, "", AtFlags::EMPTY_PATH).during(path)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
        let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        return filesystem(target.as_fd(), "tmpfs", flags, "mode=555,size=4k,nr_inodes=2");
    }
    attach(&clone_tree(Path::new("/dev/null"))?, target.as_fd())
}
