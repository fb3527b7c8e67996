//! Volumes: directories and block files of the host, mounted where the specification says.
//!
//! Invariant: where a volume is seen is resolved within the sandbox's root, whatever links lie there.

use crate::Error;
use crate::block;
use crate::error::During;
use crate::place::{Place, Plan, make_directory};
use crate::root::{Owners, mounts};
use crate::spec::{Source, Volume};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Mounts them, in their order.
pub(super) fn mount(root: &File, plan: &Plan, place: &Place, owners: &Owners) -> Result<(), Error> {
    for (index, volume) in plan.spec.volumes.iter().enumerate() {
        let stage = PathBuf::from(format!("v{index}"));
        make_directory(&stage)?;
        let tree = detached(volume, place, &stage, owners)?;
        let target = mounts::make_directory(root, &volume.path, owners.root)?;
        mounts::attach(&tree, target.as_fd())?;
    }
    Ok(())
}

/// A volume as it is seen inside, not mounted yet. A block file is mounted on `stage`, in the mount namespace of this process.
pub(crate) fn detached(
    volume: &Volume,
    place: &Place,
    stage: &Path,
    owners: &Owners,
) -> Result<OwnedFd, Error> {
    let source = match &volume.source {
        Source::Directory(path) if path.is_dir() => path,
        Source::Directory(path) => {
            return Err(Error::invalid(format!("volumes: {} is no directory", path.display())));
        }
        Source::Block(path) => {
            block::mount(path, stage, volume.read_only).during("volumes")?;
            stage
        }
        Source::Volume(id) => {
            block::mount(&place.volume(id), stage, volume.read_only).during("volumes")?;
            stage
        }
    };
    mounts::mapped_tree(source, owners, volume.read_only)
}
