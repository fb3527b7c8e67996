//! The root file system of a sandbox, made by the host's root in a mount namespace of its own.
//!
//! Invariant: paths below the new root are resolved as if it were the root already, and never through links that end elsewhere.

mod devices;
mod disk;
pub(crate) mod mounts;
mod overlay;
mod system;
pub(crate) mod volumes;

use crate::Error;
use crate::error::During;
use crate::place::{Place, Plan};
use crate::sys;
use rustix::mount::{MountPropagationFlags, UnmountFlags};
use rustix::thread::CapabilitiesSecureBits;
use std::fs::File;
use std::os::fd::OwnedFd;

/// What the owners of files are inside.
pub(crate) struct Owners {
    /// The user namespace of the sandbox.
    pub namespace: OwnedFd,
    /// The host's user that is root in it.
    pub root: u32,
}

/// Makes the root file system and moves into it. Nothing of the host's remains to be seen.
pub(crate) fn enter(plan: &Plan, place: &Place, owners: &Owners) -> Result<(), Error> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .during("cannot make the mounts private")?;
    // Files are made as root inside while the rights of the host's root stay.
    rustix::thread::set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)
        .during("cannot keep the capabilities")?;
    let stage = place.at("stage");
    mounts::memory(&stage, "mode=700,size=1m,nr_inodes=2k")?;
    std::env::set_current_dir(&stage).during("cannot enter the stage")?;
    let disk = disk::mount(plan, place, owners)?;
    overlay::mount(plan, disk.as_ref(), owners)?;
    drop(disk);
    let root = File::open("root").during("cannot open the new root")?;
    system::mount(&root, plan, owners)?;
    devices::mount(&root, plan, owners)?;
    volumes::mount(&root, plan, place, owners)?;
    drop(root);
    std::env::set_current_dir("root").during("cannot enter the new root")?;
    rustix::process::pivot_root(".", ".").during("cannot make it the root")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).during("cannot leave the old root")?;
    std::env::set_current_dir("/").during("cannot enter /")?;
    sys::set_file_owner(0);
    Ok(())
}
