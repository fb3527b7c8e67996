//! Where a sandbox writes, mounted as `disk` on the stage with the owners of the host, and as `w` with those inside.
//!
//! Invariant: on the disk root is 0, whatever user of the host it is while the sandbox runs: a disk can move to another sandbox.
//! Another sandbox may also have written to it as it liked: no link on it is followed.

use crate::Error;
use crate::block;
use crate::error::During;
use crate::place::{Place, Plan, make_directory};
use crate::root::{Owners, mounts};
use crate::spec::Disk;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Mounts it; what is mounted as `w`, if there is a disk.
pub(super) fn mount(plan: &Plan, place: &Place, owners: &Owners) -> Result<Option<File>, Error> {
    let disk = Path::new("disk");
    make_directory(disk)?;
    let source = match &plan.spec.disk {
        Disk::ReadOnly => return Ok(None),
        Disk::Directory => place.at("layer"),
        Disk::Memory(bytes) => {
            mounts::memory(disk, &format!("mode=755,size={bytes}"))?;
            disk.to_owned()
        }
        Disk::Bytes(_) => {
            block::mount(&place.at("disk.img"), disk, false)?;
            disk.to_owned()
        }
        Disk::Volume(id) => {
            block::mount(&place.volume(id), disk, false)?;
            disk.to_owned()
        }
    };
    let above = File::open(&source).during("the disk")?;
    for index in 0..plan.trees.len() {
        let tree = directory(&above, &index.to_string())?;
        for part in ["upper", "work"] {
            directory(&tree, part)?;
        }
    }
    std::fs::create_dir("w").during("w")?;
    let target = File::open("w").during("w")?;
    mounts::mapped(&source, target.as_fd(), owners, false)?;
    File::open("w").during("w").map(Some)
}

/// A directory on the disk, made if it is not there; a link is none.
fn directory(above: impl AsFd, name: &str) -> Result<OwnedFd, Error> {
    let mode = Mode::from_raw_mode(0o755);
    let is_new = match rustix::fs::mkdirat(&above, name, mode) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(Error::failed(format_args!("{name} of the disk"), error)),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found =
        rustix::fs::openat(above, name, flags, Mode::empty()).during(format_args!("{name} of the disk"))?;
    if is_new {
        // Whatever this process masks.
        rustix::fs::fchmod(&found, mode).during(format_args!("{name} of the disk"))?;
    }
    Ok(found)
}
