//! Puts files in, as root inside. See `crate::files` for why nothing more is needed.

use crate::Error;
use crate::error::During;
use crate::files::File;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

/// Writes a file beside its place and moves it there, so that whoever reads sees the old one or the new one whole.
pub(super) fn put(file: &File) -> Result<(), Error> {
    file.check()?;
    let path = Path::new(&file.path);
    let what = || format!("cannot write {}", file.path);
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o755).create(parent).during(what())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = parent.join(format!(".{name}.{}", std::process::id()));
    // What an earlier attempt left is of no use.
    fs::remove_file(&fresh).ok();
    // Never through a link, never into a pipe: only a file that is new.
    let mut target =
        fs::File::options().write(true).create_new(true).mode(0o600).open(&fresh).during(what())?;
    target.write_all(&file.content).during(what())?;
    target.set_permissions(fs::Permissions::from_mode(file.mode)).during(what())?;
    if file.owner != 0 {
        chown(&fresh, Some(file.owner), Some(file.owner)).during(what())?;
    }
    drop(target);
    fs::rename(&fresh, path).during(what())
}
