//! A file of the host that has another text for one process and its children.
//!
//! Invariant: nothing of the host changes: the process gets mounts of its own first, and nothing is left when it ends.

use crate::error::During;
use crate::{Error, sys};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use std::fs;
use std::path::Path;

/// Where the text is kept while it is put in its place: a directory that every system has.
const DIRECTORY: &str = "/tmp";
/// How large the text may be.
const BYTES_MAX: usize = 64 * 1024;

/// Shows this process another text in a file that is there. For a process that is about to become another one, and may
/// make mounts.
///
/// # Errors
/// When the file is not there, the text is larger than 64 KiB, or the kernel refuses.
pub fn cover_file(path: &Path, text: &str) -> Result<(), Error> {
    if text.len() > BYTES_MAX {
        return Err(Error::invalid(format!("the text of {} is too large", path.display())));
    }
    // The file itself: a name may lead elsewhere, even to what is covered for a moment.
    let place = fs::canonicalize(path).during(path.display())?;
    sys::unshare(libc::CLONE_NEWNS).during("mounts of its own")?;
    let propagation = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", propagation).during("mounts of its own")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("tmpfs", DIRECTORY, "tmpfs", flags, Some(c"size=128k,mode=0755"))
        .during(DIRECTORY)?;
    let source = Path::new(DIRECTORY).join("covered");
    let covered = fs::write(&source, text)
        .during(source.display())
        .and_then(|()| rustix::mount::mount_bind(&source, &place).during(place.display()));
    rustix::mount::unmount(DIRECTORY, UnmountFlags::DETACH).during(DIRECTORY)?;
    covered
}
