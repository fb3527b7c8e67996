//! Where snapshots lie: their names, what is complete, what a kill has left, what they take.
//!
//! Invariant: a snapshot appears under its name when it is complete, and a name never leads out of the shelf.

use super::super::answer::Answer;
use super::super::moment;
use super::SnapshotLine;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use yakumo_aws::Timestamp;

/// The longest name.
const NAME_LENGTH_MAX: usize = 64;
/// What is added to the name of a snapshot that is not complete, and of one that is about to go; a dot stands in front of both.
pub(super) const PART: &str = ".part";
pub(super) const OLD: &str = ".old";
/// Where a shelf is.
pub(super) enum Place {
    Kept(PathBuf),
    /// For a cloud that is kept nowhere: made with the first snapshot, gone with the process.
    Temporary {
        path: PathBuf,
        is_made: bool,
    },
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Temporary { path, is_made: true } = self {
            // The sandbox agent may have removed it; what is left beside it keeps the directory.
            let _ = fs::remove_dir_all(&*path);
            let _ = path.parent().map(fs::remove_dir);
        }
    }
}

impl Place {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Place::Kept(path) => Some(path),
            Place::Temporary { path, is_made } => is_made.then_some(path),
        }
    }

    pub(super) fn make(&mut self) -> io::Result<PathBuf> {
        let (Place::Kept(path) | Place::Temporary { path, .. }) = &*self;
        let path = path.clone();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        if let Place::Temporary { is_made, .. } = self {
            *is_made = true;
        }
        Ok(path)
    }

    pub(super) fn find(&self, name: &str) -> Result<PathBuf, Answer> {
        check(name)?;
        let path = self.path().map(|shelf| shelf.join(name)).filter(|path| path.exists());
        path.ok_or_else(|| Answer::not_found(format!("there is no snapshot {name}")))
    }
}

/// Removes what is unfinished, and gives a snapshot its name back that another one was about to replace.
pub(super) fn tidy(shelf: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(shelf) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    // In order: what was about to be replaced is looked at before what was to replace it.
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = file.strip_prefix('.') else { continue };
        if let Some(name) = name.strip_suffix(OLD)
            && !shelf.join(name).exists()
            && shelf.join(format!(".{name}{PART}")).exists()
        {
            fs::rename(&path, shelf.join(name))?;
        } else if name.ends_with(PART) || name.ends_with(OLD) {
            remove(&path)?;
        }
    }
    Ok(())
}

pub(super) fn check(name: &str) -> Result<(), Answer> {
    let length = (1..=NAME_LENGTH_MAX).contains(&name.len());
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    // A leading dot marks what is incomplete, and keeps `.` and `..` out.
    if length && letters && !name.starts_with('.') {
        return Ok(());
    }
    Err(Answer::bad_request(
        "a snapshot's name has 1 to 64 letters, digits, dots, hyphens or underscores, and no dot in front",
    ))
}

pub(super) fn read(shelf: &Path) -> io::Result<Vec<SnapshotLine>> {
    let entries = match fs::read_dir(shelf) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut lines = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if check(&name).is_ok() {
            lines.push(line(name, &entry.path())?);
        }
    }
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(lines)
}

pub(super) fn line(name: String, path: &Path) -> io::Result<SnapshotLine> {
    let saved = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let saved = Timestamp::from_millis(i64::try_from(saved.as_millis()).unwrap_or(i64::MAX));
    Ok(SnapshotLine { name, saved: moment::write(saved), size_bytes: size(path)? })
}

/// The bytes of a file, or of all files below a folder. Links are not followed.
fn size(path: &Path) -> io::Result<u64> {
    let mut total = 0;
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let found = fs::symlink_metadata(&path)?;
        if found.is_dir() {
            for entry in fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else {
            // Disks have holes, and where files share bytes each of them counts them.
            let is_disk = path.extension().is_some_and(|kind| kind == "img");
            total += if is_disk { found.blocks() * 512 } else { found.len() };
        }
    }
    Ok(total)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Puts the complete snapshot under its name; one that was there before is replaced. Whenever that is cut off, [`tidy`] finds one of them.
pub(super) fn swap(shelf: &Path, name: &str) -> io::Result<()> {
    let (whole, part) = (shelf.join(name), shelf.join(format!(".{name}{PART}")));
    let old = shelf.join(format!(".{name}{OLD}"));
    remove(&old)?;
    match fs::rename(&whole, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(&part, &whole)?;
    remove(&old)
}

#[cfg(test)]
mod tests {
    use super::{check, read, swap, tidy};

    #[test]
    fn a_name_cannot_leave_the_shelf() {
        for good in ["a", "before-attack", "v1.2_3", &"x".repeat(64)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "../a", "a%2Fb", "a b", "é", "a\0", &"x".repeat(65)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_complete_snapshots_are_listed_and_a_new_one_replaces_the_old() {
        let shelf = tempfile::tempdir().unwrap();
        assert_eq!(read(&shelf.path().join("absent")).unwrap(), []);
        for content in ["old", "newer"] {
            std::fs::create_dir(shelf.path().join(".a.part")).unwrap();
            std::fs::write(shelf.path().join(".a.part/data"), content).unwrap();
            swap(shelf.path(), "a").unwrap();
        }
        std::fs::write(shelf.path().join(".b.part"), "half").unwrap();
        let lines = read(shelf.path()).unwrap();
        assert_eq!(
            lines.iter().map(|line| (line.name.as_str(), line.size_bytes)).collect::<Vec<_>>(),
            [("a", 5)]
        );
    }

    #[test]
    fn what_a_kill_has_left_is_tidied() {
        let shelf = tempfile::tempdir().unwrap();
        let names = || {
            let entries = std::fs::read_dir(shelf.path()).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        // Unfinished; replaced but not removed; about to be replaced; about to be deleted; and what is whole.
        for folder in [".a.part", "b", ".b.old", ".c.old", ".c.part", ".d.old", "e"] {
            std::fs::create_dir(shelf.path().join(folder)).unwrap();
            std::fs::write(shelf.path().join(folder).join("records"), folder).unwrap();
        }
        tidy(shelf.path()).unwrap();
        tidy(shelf.path()).unwrap();
        assert_eq!(names(), ["b", "c", "e"]);
        assert_eq!(std::fs::read_to_string(shelf.path().join("c/records")).unwrap(), ".c.old");
        assert!(tidy(&shelf.path().join("absent")).is_ok());
    }
}
