//! `/dev`: memory, with six devices of the host's, terminals of its own, shared memory and message queues.
//!
//! Invariant: no device that stores, maps or controls anything of the host is there, and none can be made: every other mount of
//! the sandbox is `nodev`, and root inside has not the right to make device files.

use crate::Error;
use crate::error::During;
use crate::place::Plan;
use crate::root::{Owners, mounts};
use crate::sys;
use rustix::fs::{Mode, OFlags};
use rustix::mount::MountFlags;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The devices that everybody may use.
const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];
/// Links, and where they lead. The console is the first terminal, which init opens before anybody else can.
const LINKS: &[(&str, &str)] = &[
    ("console", "pts/0"),
    ("fd", "/proc/self/fd"),
    ("ptmx", "pts/ptmx"),
    ("stderr", "/proc/self/fd/2"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
];
/// The group that terminals belong to.
const TERMINAL_GROUP: u32 = 5;

/// Mounts it.
pub(super) fn mount(root: &File, plan: &Plan, owners: &Owners) -> Result<(), Error> {
    let owner = owners.root;
    let target = mounts::directory(root, "dev")?;
    let options = format!("mode=755,uid={owner},gid={owner},size=1m,nr_inodes=1k");
    mounts::filesystem(target.as_fd(), "tmpfs", MountFlags::NOSUID | MountFlags::NOEXEC, &options)?;
    let dev = mounts::directory(root, "dev")?;
    sys::set_file_owner(owner);
    let made = fill(&dev);
    sys::set_file_owner(0);
    made?;
    for name in DEVICES {
        let device = mounts::clone_tree(&Path::new("/dev").join(name))?;
        mounts::attach(&device, mounts::directory(&dev, name)?.as_fd())?;
    }
    let strict = MountFlags::NOSUID | MountFlags::NOEXEC;
    // Owner and group are the host's numbers of those inside.
    let terminals = format!("newinstance,mode=620,ptmxmode=666,gid={}", owner + TERMINAL_GROUP);
    mounts::filesystem(mounts::directory(&dev, "pts")?.as_fd(), "devpts", strict, &terminals)?;
    let shared = format!("mode=1777,uid={owner},gid={owner},size={}", plan.spec.limits.memory_bytes / 2);
    let plain = strict | MountFlags::NODEV;
    mounts::filesystem(mounts::directory(&dev, "shm")?.as_fd(), "tmpfs", plain, &shared)?;
    mounts::filesystem(mounts::directory(&dev, "mqueue")?.as_fd(), "mqueue", plain, "")
}

fn fill(dev: &OwnedFd) -> Result<(), Error> {
    for name in ["pts", "shm", "mqueue"] {
        rustix::fs::mkdirat(dev, name, Mode::from_raw_mode(0o755)).during(name)?;
    }
    for name in DEVICES {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::openat(dev, *name, flags, Mode::from_raw_mode(0o644)).during(name)?;
    }
    LINKS.iter().try_for_each(|(name, to)| rustix::fs::symlinkat(*to, dev, *name).during(name))
}
