//! What of the host's `/usr` is hidden: what is not in the list, and what not every user of the host may read.
//!
//! Invariant: a layer above `/usr` holds a whiteout for each, and its directories have the permissions of those below. Root inside
//! would be allowed to read the rest as root outside is: it is the owner there.

use crate::Error;
use crate::error::During;
use rustix::fs::{FileType, Mode};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Paths to hide, relative to the directory that was looked at, and the directories on the way with owner, group and mode.
#[derive(Debug, Default, Hash)]
pub(super) struct Masks {
    hidden: Vec<PathBuf>,
    above: Vec<(PathBuf, u32, u32, u32)>,
}

impl Masks {
    /// Looks through a directory, of which only the named parts are shown.
    pub fn look(root: &Path, shown: &[&str]) -> Result<Masks, Error> {
        let mut masks = Masks::default();
        for entry in fs::read_dir(root).during(root.display())? {
            let name = entry.during(root.display())?.file_name();
            if !shown.iter().any(|shown| name == *shown) {
                masks.hidden.push(name.into());
            }
        }
        // Not by recursion: how deep it is, is not ours.
        let mut open: Vec<PathBuf> =
            shown.iter().map(PathBuf::from).filter(|path| is_directory(&root.join(path))).collect();
        while let Some(directory) = open.pop() {
            masks.look_into(root, &directory, &mut open)?;
        }
        masks.hidden.sort();
        masks.add_above(root)?;
        Ok(masks)
    }

    fn look_into(&mut self, root: &Path, directory: &Path, open: &mut Vec<PathBuf>) -> Result<(), Error> {
        let Ok(entries) = fs::read_dir(root.join(directory)) else {
            // It has gone meanwhile, or root itself may not (a network's file system).
            self.hidden.push(directory.to_owned());
            return Ok(());
        };
        for entry in entries {
            let entry = entry.during(directory.display())?;
            let path = directory.join(entry.file_name());
            let Ok(metadata) = entry.metadata() else { continue };
            let (kind, mode) = (metadata.file_type(), metadata.permissions().mode());
            if kind.is_dir() && mode & 0o5 == 0o5 {
                open.push(path);
            } else if !(kind.is_symlink() || kind.is_file() && mode & 0o4 != 0) {
                self.hidden.push(path);
            }
        }
        Ok(())
    }

    fn add_above(&mut self, root: &Path) -> Result<(), Error> {
        let mut above: Vec<&Path> = self.hidden.iter().flat_map(|path| path.ancestors().skip(1)).collect();
        above.sort();
        above.dedup();
        for path in above {
            let metadata = fs::metadata(root.join(path)).during(path.display())?;
            let mode = metadata.permissions().mode() & 0o7777;
            self.above.push((path.to_owned(), metadata.uid(), metadata.gid(), mode));
        }
        Ok(())
    }

    /// Writes the layer.
    pub fn build(&self, layer: &Path) -> Result<(), Error> {
        for (path, uid, gid, mode) in &self.above {
            let path = layer.join(path);
            fs::create_dir_all(&path).during(path.display())?;
            super::set_mode(&path, *mode)?;
            chown(&path, Some(*uid), Some(*gid)).during(path.display())?;
        }
        for path in &self.hidden {
            let path = layer.join(path);
            // An overlay takes a character device 0:0 for "there is nothing".
            rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::CharacterDevice, Mode::empty(), 0)
                .during(path.display())?;
        }
        Ok(())
    }
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.permissions().mode() & 0o5 == 0o5)
}

#[cfg(test)]
mod tests {
    use super::Masks;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    #[test]
    fn what_is_not_for_everybody_is_hidden() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, mode| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        make("bin/tool", 0o755);
        make("bin/secret", 0o640);
        make("bin/closed/file", 0o644);
        make("src/code", 0o644);
        fs::set_permissions(root.path().join("bin/closed"), fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink("/etc/shadow", root.path().join("bin/link")).unwrap();
        let masks = Masks::look(root.path(), &["bin"]).unwrap();
        let hidden = ["bin/closed", "bin/secret", "src"].map(PathBuf::from);
        assert_eq!(masks.hidden, hidden);
    }
}
