//! The overlays: image below, what the sandbox writes on top.
//!
//! Invariant: the options hold short names on the stage and numbers of descriptors, so that what is read inside (`/proc/mounts`) tells no
//! path of the host, and nothing that a sandbox has put on its disk is resolved as a name.

use crate::Error;
use crate::error::During;
use crate::place::{Plan, Tree};
use crate::root::{Owners, mounts};
use crate::sys;
use rustix::mount::MountFlags;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;

/// Mounts all trees of the plan below `root` on the stage, which is the current directory.
pub(super) fn mount(plan: &Plan, disk: Option<&File>, owners: &Owners) -> Result<(), Error> {
    std::fs::create_dir("root").during("root")?;
    for (index, tree) in plan.trees.iter().enumerate() {
        let layers = layers(index, tree, owners)?;
        let mut options = format!("lowerdir={layers}");
        // Open until they are mounted.
        let mut parts = Vec::new();
        for (disk, part) in disk.into_iter().flat_map(|disk| [(disk, "upper"), (disk, "work")]) {
            let found = mounts::directory(disk, &format!("{index}/{part}"))?;
            options.push_str(&format!(",{part}dir={}", mounts::by_descriptor(found.as_fd()).display()));
            parts.push(found);
        }
        let root = File::open("root").during("root")?;
        let target = if tree.at.is_empty() {
            root.as_fd().try_clone_to_owned().during("root")?
        } else {
            mounts::directory(&root, &tree.at)?
        };
        one(target.as_fd(), &options, owners)?;
    }
    Ok(())
}

fn layers(index: usize, tree: &Tree, owners: &Owners) -> Result<String, Error> {
    let mut names = Vec::new();
    for (number, layer) in tree.layers.iter().enumerate() {
        let name = format!("{index}.{number}");
        std::fs::create_dir(&name).during(&name)?;
        let target = File::open(&name).during(&name)?;
        mounts::mapped(layer, target.as_fd(), owners, true)?;
        names.push(name);
    }
    Ok(names.join(":"))
}

/// The overlay remembers who mounts it and works on its layers as that one: as root inside, with the host's rights.
fn one(target: std::os::fd::BorrowedFd<'_>, options: &str, owners: &Owners) -> Result<(), Error> {
    let options = CString::new(options).during("options")?;
    sys::set_file_owner(owners.root);
    let path = mounts::by_descriptor(target);
    let mounted =
        rustix::mount::mount("overlay", path, "overlay", MountFlags::NODEV, Some(options.as_c_str()));
    sys::set_file_owner(0);
    mounted.during("cannot mount the overlay")
}
