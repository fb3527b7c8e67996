//! Where a sandbox writes, mounted as `disk` on the stage with the owners of the host, and as `w` with those inside.
//!
//! Invariant: on the disk root is 0, whatever user of the host it is while the sandbox runs: a disk can move to another sandbox.

use crate::Error;
use crate::block;
use crate::error::During;
use crate::place::{Place, Plan, make_directory};
use crate::root::{Owners, mounts};
use crate::spec::Disk;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

/// Mounts it; whether there is one.
pub(super) fn mount(plan: &Plan, place: &Place, owners: &Owners) -> Result<bool, Error> {
    let disk = Path::new("disk");
    make_directory(disk)?;
    let source = match &plan.spec.disk {
        Disk::ReadOnly => return Ok(false),
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
    for index in 0..plan.trees.len() {
        for part in ["upper", "work"] {
            let path = source.join(format!("{index}")).join(part);
            let is_new = !path.is_dir();
            std::fs::create_dir_all(&path).during(path.display())?;
            if is_new {
                std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                    .during(path.display())?;
            }
        }
    }
    std::fs::create_dir("w").during("w")?;
    let target = File::open("w").during("w")?;
    mounts::mapped(&source, target.as_fd(), owners, false)?;
    Ok(true)
}
