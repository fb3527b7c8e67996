//! Short-lived helpers: what needs a process with one thread that moves between namespaces and goes away.
//!
//! Invariant: a helper looks at the sandbox's files only after it has moved into the sandbox's mounts, so that no link leads outside.

use crate::error::During;
use crate::place::{Place, make_directory};
use crate::root::{Owners, mounts, volumes};
use crate::spec::{Source, Volume};
use crate::states::State;
use crate::{Error, disks, moment, namespaces, sys};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use rustix::thread::LinkNameSpaceType;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What a helper is asked, as its third argument.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Help {
    /// Mount a volume into a running sandbox.
    Attach { id: String, volume: Volume },
    /// Unmount one; with `force` also when it is in use.
    Detach { id: String, path: String, force: bool },
    /// Copy block files, as they are at one moment: the files and their copies.
    Copy { copies: Vec<(PathBuf, PathBuf)> },
    /// Copy all volumes, as they are at one moment; who waits for it is at the other end of the input.
    Save { to: PathBuf },
    /// Make a block file larger, while it is mounted as well.
    Grow { path: PathBuf, bytes: u64 },
    /// Let a file system go on that somebody has left frozen.
    Thaw { path: PathBuf },
    /// Make a network namespace that the root of a sandbox in it will rule.
    Network(PathBuf),
}

/// Does it.
pub(super) fn help(root: &Path, help: &Help) -> Result<(), Error> {
    match help {
        Help::Attach { id, volume } => attach(&Place::of(root, id), volume),
        Help::Detach { id, path, force } => detach(&Place::of(root, id), path, *force),
        Help::Copy { copies } => disks::copy(root, copies),
        Help::Save { to } => moment::save(root, to),
        Help::Grow { path, bytes } => disks::grow(root, path, *bytes),
        Help::Thaw { path } => disks::thaw(root, path),
        Help::Network(path) => namespaces::make_network(path),
    }
}

fn attach(place: &Place, volume: &Volume) -> Result<(), Error> {
    let (state, init) = running(place)?;
    let open = |kind: &str| File::open(format!("/proc/{}/ns/{kind}", state.init.id)).during("the sandbox");
    let owners = Owners { namespace: OwnedFd::from(open("user")?), root: state.root_uid };
    let theirs = open("mnt")?;
    // Still the same process: these are its namespaces.
    drop(init);
    if state.init.open().is_none() {
        return Err(Error::failed("the sandbox", "it has ended"));
    }
    private_mounts()?;
    let stage = place.at("attach");
    make_directory(&stage)?;
    let tree = volumes::detached(volume, place, &stage, &owners)?;
    rustix::thread::move_into_link_name_space(theirs.as_fd(), Some(LinkNameSpaceType::Mount))
        .during("cannot enter the sandbox's mounts")?;
    let root = File::open("/").during("/")?;
    let target = mounts::make_directory(&root, &volume.path, owners.root)?;
    if matches!(volume.source, Source::Volume(_)) && is_mounted(&tree, &target)? {
        return Ok(());
    }
    mounts::attach(&tree, target.as_fd())
}

/// Mounts of a helper are its own, and go with it.
pub(crate) fn private_mounts() -> Result<(), Error> {
    sys::unshare(libc::CLONE_NEWNS).during("cannot make a mount namespace")?;
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .during("cannot make the mounts private")
}

/// Whether the same file system is there already: whoever asks twice does not know how the first time ended.
fn is_mounted(tree: &OwnedFd, target: &OwnedFd) -> Result<bool, Error> {
    let device = |of: &OwnedFd| rustix::fs::fstat(of).during("a volume").map(|stat| stat.st_dev);
    Ok(device(tree)? == device(target)?)
}

fn detach(place: &Place, path: &str, force: bool) -> Result<(), Error> {
    let (state, _init) = running(place)?;
    let theirs = File::open(format!("/proc/{}/ns/mnt", state.init.id)).during("the sandbox")?;
    rustix::thread::move_into_link_name_space(theirs.as_fd(), Some(LinkNameSpaceType::Mount))
        .during("cannot enter the sandbox's mounts")?;
    let root = File::open("/").during("/")?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let target = rustix::fs::openat2(&root, path, flags, Mode::empty(), resolve).during(path)?;
    is_volume(&target, path)?;
    rustix::process::fchdir(&target).during(path)?;
    let name = std::env::current_dir().during(path)?;
    let name = name.file_name().unwrap_or_default().to_owned();
    // From the directory above, by its last name: a name that something is mounted on cannot be changed inside, those above can.
    let above = rustix::fs::openat(&target, "..", flags, Mode::empty()).during(path)?;
    rustix::process::fchdir(&above).during(path)?;
    drop(target);
    let flags = if force { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    rustix::mount::unmount(&name, flags | UnmountFlags::NOFOLLOW).during(format_args!("cannot detach {path}"))
}

/// Refuses to unmount what the sandbox is made of, wherever its root has made the path lead: a volume is the root of an ext4 or of what
/// the host keeps directories on, never of the kernel's file systems.
fn is_volume(target: &OwnedFd, path: &str) -> Result<(), Error> {
    let statx = rustix::fs::statx(target, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).during(path)?;
    let is_root = statx.stx_attributes.contains(rustix::fs::StatxAttributes::MOUNT_ROOT);
    let kind = rustix::fs::fstatfs(target).during(path)?.f_type;
    let made = [0x9fa0, 0x6265_6572, 0x0102_1994, 0x1cd1, 0x1980_0202, 0x794c_7630];
    if is_root && !made.contains(&kind) {
        return Ok(());
    }
    Err(Error::invalid(format!("{path}: there is no volume")))
}

fn running(place: &Place) -> Result<(State, OwnedFd), Error> {
    let gone = || Error::not_running(&place.path().file_name().unwrap_or_default().to_string_lossy());
    let state = if place.is_live()? { place.read::<State>("state.json")? } else { None };
    let state = state.ok_or_else(gone)?;
    let init = state.init.open().ok_or_else(gone)?;
    Ok((state, init))
}
