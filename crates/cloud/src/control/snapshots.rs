//! `/_yakumo/snapshots`: the whole cloud under a name, kept in `snapshots/` of its directory.
//!
//! Invariant: a snapshot appears under its name when it is complete, and a name never leads out of the shelf.

use super::answer::Answer;
use super::{input, moment};
use crate::{Cloud, Location};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tokio::sync::Mutex;
use yakumo_aws::Timestamp;
use yakumo_store::{Store, StoreError};

/// The longest name.
const NAME_LENGTH_MAX: usize = 64;
/// Where a data directory keeps its store; `yakumo up` puts it there.
const STORE_FOLDER: &str = "store";

/// All snapshots.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotList {
    /// In the order of names.
    pub snapshots: Vec<SnapshotLine>,
}

/// One snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotLine {
    /// Its name.
    pub name: String,
    /// When it was saved, by the host's clock, RFC 3339.
    pub saved: String,
    /// What it takes on the disk.
    pub size_bytes: u64,
}

/// What a fork is asked with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// The new data directory: absolute, absent or empty.
    pub data_dir: PathBuf,
}

/// A fork that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Forked {
    /// The new cloud's id.
    pub cloud: String,
    /// Its data directory.
    pub data_dir: PathBuf,
}

/// Where snapshots are kept. One thing at a time is done with it.
pub(crate) struct Shelf(Mutex<Place>);

enum Place {
    Folder(PathBuf),
    /// For a cloud that is kept nowhere: made with the first snapshot, gone with the process.
    Temporary(Option<tempfile::TempDir>),
}

impl Shelf {
    /// The shelf of a cloud with this directory.
    pub(crate) fn new(directory: Option<&Path>) -> Shelf {
        Shelf(Mutex::new(match directory {
            Some(directory) => Place::Folder(directory.join("snapshots")),
            None => Place::Temporary(None),
        }))
    }

    pub(crate) async fn list(&self) -> Result<Answer, Answer> {
        let place = self.0.lock().await;
        let snapshots =
            place.path().map_or_else(|| Ok(Vec::new()), read).map_err(|error| Answer::failed(&error))?;
        Ok(Answer::json(&SnapshotList { snapshots }))
    }

    pub(crate) async fn save(&self, cloud: &Cloud, name: &str, body: &[u8]) -> Result<Answer, Answer> {
        input::nothing(body)?;
        check(name)?;
        let mut place = self.0.lock().await;
        let shelf = place.make().map_err(|error| Answer::failed(&error))?;
        let (whole, part) = (shelf.join(name), shelf.join(format!(".{name}.part")));
        remove(&part).map_err(|error| Answer::failed(&error))?;
        cloud.store().save(&part).await.map_err(|error| Answer::failed(&error))?;
        swap(&part, &whole).map_err(|error| Answer::failed(&error))?;
        line(name.to_owned(), &whole).map(|line| Answer::json(&line)).map_err(|error| Answer::failed(&error))
    }

    pub(crate) async fn load(&self, cloud: &Cloud, name: &str, body: &[u8]) -> Result<Answer, Answer> {
        input::nothing(body)?;
        let place = self.0.lock().await;
        let path = place.find(name)?;
        let work = async { cloud.store().load(&path).await.map(drop) };
        cloud.replace(work).await.map_err(|error| Answer::failed(&error))?;
        Ok(Answer::done())
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<Answer, Answer> {
        let place = self.0.lock().await;
        let path = place.find(name)?;
        remove(&path).map_err(|error| Answer::failed(&error))?;
        Ok(Answer::done())
    }

    /// Makes a new data directory, with a new cloud id, from a snapshot. Nothing is started on it.
    pub(crate) async fn fork(&self, cloud: &Cloud, name: &str, body: &[u8]) -> Result<Answer, Answer> {
        let Fork { data_dir } = input::json(body)?;
        let place = self.0.lock().await;
        let path = place.find(name)?;
        claim(&data_dir)?;
        let config = yakumo_store::Config::new(Location::Directory(data_dir.join(STORE_FOLDER)));
        match fill(config.durability(cloud.config().durability), &path).await {
            Ok(cloud) => Ok(Answer::json(&Forked { cloud, data_dir })),
            Err(error) => {
                // What was begun is of no use to anybody; the first error is the one to tell.
                let _ = remove(&data_dir.join(STORE_FOLDER));
                Err(Answer::failed(&error))
            }
        }
    }
}

/// Opens a new store, loads the snapshot, closes it. Gives the new cloud's id.
async fn fill(config: yakumo_store::Config, snapshot: &Path) -> Result<String, StoreError> {
    let store = Store::open(config).await?;
    store.load(snapshot).await?;
    let cloud = store.cloud().to_string();
    store.close().await?;
    Ok(cloud)
}

/// Makes the fork's directory, for its owner alone.
fn claim(directory: &Path) -> Result<(), Answer> {
    if !directory.is_absolute() {
        return Err(Answer::bad_request("data_dir must be an absolute path"));
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let empty = made.and_then(|()| Ok(fs::read_dir(directory)?.next().is_none()));
    match empty {
        Ok(true) => Ok(()),
        Ok(false) => Err(Answer::conflict(format!(
            "{} is not empty; a fork needs a directory of its own",
            directory.display()
        ))),
        Err(error) => {
            Err(Answer::bad_request(format!("{} cannot be a data directory: {error}", directory.display())))
        }
    }
}

impl Place {
    fn path(&self) -> Option<&Path> {
        match self {
            Place::Folder(path) => Some(path),
            Place::Temporary(directory) => directory.as_ref().map(tempfile::TempDir::path),
        }
    }

    fn make(&mut self) -> io::Result<PathBuf> {
        match self {
            Place::Folder(path) => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&*path)?;
                Ok(path.clone())
            }
            Place::Temporary(Some(directory)) => Ok(directory.path().to_owned()),
            Place::Temporary(none) => {
                let made = tempfile::Builder::new().prefix("yakumo-snapshots-").tempdir()?;
                let path = made.path().to_owned();
                *none = Some(made);
                Ok(path)
            }
        }
    }

    fn find(&self, name: &str) -> Result<PathBuf, Answer> {
        check(name)?;
        let path = self.path().map(|shelf| shelf.join(name)).filter(|path| path.exists());
        path.ok_or_else(|| Answer::not_found(format!("there is no snapshot {name}")))
    }
}

fn check(name: &str) -> Result<(), Answer> {
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

fn read(shelf: &Path) -> io::Result<Vec<SnapshotLine>> {
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

fn line(name: String, path: &Path) -> io::Result<SnapshotLine> {
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
            total += found.len();
        }
    }
    Ok(total)
}

fn remove(path: &Path) -> io::Result<()> {
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

/// Puts the complete snapshot under its name; one that was there before is replaced.
fn swap(part: &Path, whole: &Path) -> io::Result<()> {
    remove(whole)?;
    fs::rename(part, whole)
}

#[cfg(test)]
mod tests {
    use super::{check, claim, read, swap};

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
            swap(&shelf.path().join(".a.part"), &shelf.path().join("a")).unwrap();
        }
        std::fs::write(shelf.path().join(".b.part"), "half").unwrap();
        let lines = read(shelf.path()).unwrap();
        assert_eq!(
            lines.iter().map(|line| (line.name.as_str(), line.size_bytes)).collect::<Vec<_>>(),
            [("a", 5)]
        );
    }

    #[test]
    fn a_fork_takes_no_directory_that_is_in_use() {
        let parent = tempfile::tempdir().unwrap();
        assert!(claim(&parent.path().join("new/fork")).is_ok());
        assert!(claim(parent.path()).is_err());
        assert!(claim(std::path::Path::new("relative")).is_err());
    }
}
