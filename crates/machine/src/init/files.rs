//! Puts files in, as root inside. See `crate::files` for why nothing more is needed.

use crate::Error;
use crate::error::During;
use crate::files::File;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

/// Where systems keep the certificates that they trust in one file.
const BUNDLES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// The most bytes of a bundle that is added to.
const BUNDLE_BYTES_MAX: u64 = 4 << 20;
/// What stands before what was added.
const MARK: &str = "# Added by yakumo at each start; what follows is replaced.\n";

/// Adds certificates to the bundles that are there. The first one is there in the end: who is told of one is told of that.
pub(super) fn trust(authorities: &str) -> Result<(), Error> {
    if authorities.is_empty() {
        return Ok(());
    }
    let there: Vec<(&str, String)> = BUNDLES
        .iter()
        .filter_map(|path| Some((*path, super::users::read(path, BUNDLE_BYTES_MAX)?)))
        .collect();
    let first = BUNDLES.first().filter(|first| there.iter().all(|(path, _)| path != *first));
    let like = there.first().map(|(_, text)| text.clone()).unwrap_or_default();
    for (path, text) in there.iter().chain(first.map(|first| (*first, like)).iter()) {
        let own = text.split(MARK).next().unwrap_or_default();
        let content = format!("{own}{MARK}{authorities}\n").into_bytes();
        write(&File { content, ..File::new(*path, "") })?;
    }
    Ok(())
}

/// Puts in a file that was asked for.
pub(super) fn put(file: &File) -> Result<(), Error> {
    file.check()?;
    write(file)
}

/// Writes a file beside its place and moves it there, so that whoever reads sees the old one or the new one whole.
fn write(file: &File) -> Result<(), Error> {
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
