//! Volumes: directories and block files of the host, mounted where the specification says.
//!
//! Invariant: where a volume is seen is resolved within the sandbox's root, whatever links lie there.

use crate::Error;
use crate::block;
use crate::error::During;
use crate::place::{Plan, make_directory};
use crate::root::{Owners, mounts};
use crate::spec::Source;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Mounts them, in their order.
pub(super) fn mount(root: &File, plan: &Plan, owners: &Owners) -> Result<(), Error> {
    for (index, volume) in plan.spec.volumes.iter().enumerate() {
        let source = match &volume.source {
            Source::Directory(path) => path.clone(),
            Source::Block(path) => {
                let stage = PathBuf::from(format!("v{index}"));
                make_directory(&stage)?;
                block::mount(path, &stage, volume.read_only)?;
                stage
            }
        };
        let target = mounts::make_directory(root, &volume.path, owners.root)?;
        let is_directory =
            File::open(&source).and_then(|file| file.metadata()).during(source.display())?.is_dir();
        if !is_directory {
            return Err(Error::invalid(format!("volumes: {} is no directory", source.display())));
        }
        mounts::mapped(&source, target.as_fd(), owners, volume.read_only)?;
    }
    Ok(())
}
