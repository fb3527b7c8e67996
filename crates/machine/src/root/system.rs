//! `/proc`, `/sys`, `/run` and, without a disk, `/tmp`.
//!
//! Invariant: nothing of the kernel can be set from inside but the sandbox's own network, if it may.

use crate::Error;
use crate::error::During;
use crate::place::Plan;
use crate::root::{Owners, mounts};
use crate::spec::Disk;
use rustix::mount::MountFlags;
use std::fs::File;
use std::os::fd::AsFd;

/// What of `/proc` and `/sys` tells about the host or the kernel more than a program needs.
const HIDDEN: &[&str] = &[
    "proc/acpi",
    "proc/asound",
    "proc/config.gz",
    "proc/kallsyms",
    "proc/kcore",
    "proc/key-users",
    "proc/keys",
    "proc/kmsg",
    "proc/latency_stats",
    "proc/modules",
    "proc/mtd",
    "proc/sched_debug",
    "proc/scsi",
    "proc/sysrq-trigger",
    "proc/timer_list",
    "proc/timer_stats",
    "sys/block",
    "sys/class/dmi",
    "sys/devices/virtual/dmi",
    "sys/devices/virtual/powercap",
    "sys/firmware",
    "sys/fs",
    "sys/hypervisor",
    "sys/kernel",
    "sys/module",
    "sys/power",
];

/// What of `/proc` is not for writing, beside the owners that it has.
const READ_ONLY: &[&str] = &["proc/bus", "proc/driver", "proc/fs", "proc/irq", "proc/sys"];

/// Mounts them.
pub(super) fn mount(root: &File, plan: &Plan, owners: &Owners) -> Result<(), Error> {
    let strict = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mounts::filesystem(mounts::directory(root, "proc")?.as_fd(), "proc", strict, "")?;
    let sys = mounts::directory(root, "sys")?;
    mounts::filesystem(sys.as_fd(), "sysfs", strict | MountFlags::RDONLY, "")?;
    let network = mounts::existing(root, "proc/sys/net")?.filter(|_| plan.spec.administers_network);
    let network =
        network.map(|found| mounts::clone_tree(&mounts::by_descriptor(found.as_fd()))).transpose()?;
    READ_ONLY.iter().try_for_each(|path| mounts::read_only(root, path))?;
    if let Some(network) = network {
        mounts::attach(&network, mounts::directory(root, "proc/sys/net")?.as_fd())?;
    }
    HIDDEN.iter().try_for_each(|path| mounts::hide(root, path))?;
    let owner = owners.root;
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    let run = format!("mode=755,uid={owner},gid={owner},size={}", plan.spec.limits.memory_bytes / 4);
    mounts::filesystem(mounts::directory(root, "run")?.as_fd(), "tmpfs", plain, &run)?;
    if plan.spec.disk == Disk::ReadOnly {
        let tmp = format!("mode=1777,uid={owner},gid={owner},size={}", plan.spec.limits.memory_bytes / 2);
        mounts::filesystem(mounts::directory(root, "tmp")?.as_fd(), "tmpfs", plain, &tmp)?;
    }
    rustix::system::sethostname(plan.spec.hostname.as_bytes()).during("cannot set the host name")
}
