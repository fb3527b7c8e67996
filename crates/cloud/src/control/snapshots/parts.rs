//! What snapshots and forks are made of: records and disks of one moment.
//!
//! Invariant: what is on the disks has happened before the moment of the records; a directory is a fork's when its store has its name.

use super::super::answer::Answer;
use super::shelf::remove;
use crate::machines::FOLDER;
use crate::replace::Disks;
use crate::{Cloud, Location, kept};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use yakumo_net::engine::Ranges;
use yakumo_room::Ids;
use yakumo_store::{Store, StoreError};

/// Where a data directory keeps its store; `yakumo up` puts it there.
const STORE_FOLDER: &str = "store";
/// The records of a snapshot, in its folder.
const RECORDS: &str = "records";
/// The disks of instances, volumes and EBS snapshots, in its folder.
const DISKS: &str = "disks";
/// Where a fork is put together, in its directory.
pub(super) const FORK: &str = ".fork.part";

/// What a snapshot is made of. AWS has nothing like it; earlier versions kept the records alone, as a file.
pub(super) struct Parts {
    pub(super) records: PathBuf,
    disks: Option<PathBuf>,
    /// Whether it says anything of disks.
    knows_disks: bool,
}

impl Parts {
    pub(super) fn of(snapshot: &Path) -> Parts {
        if !snapshot.is_dir() {
            return Parts { records: snapshot.to_owned(), disks: None, knows_disks: false };
        }
        let disks = Some(snapshot.join(DISKS)).filter(|path| path.is_dir());
        Parts { records: snapshot.join(RECORDS), disks, knows_disks: true }
    }

    /// What becomes of the cloud's disks when it is loaded.
    pub(super) fn replaces(&self) -> Disks {
        match &self.disks {
            Some(path) => Disks::From(path.clone()),
            None if self.knows_disks => Disks::None,
            None => Disks::Stay,
        }
    }

    /// Refuses disks where no instance can run: they would be lost.
    pub(super) fn check(&self, cloud: &Cloud) -> Result<(), Answer> {
        match (&self.disks, cloud.sandboxes().unavailable()) {
            (Some(_), Some(why)) => Err(Answer::conflict(format!(
                "the snapshot has disks of instances, and none run here: {why}"
            ))),
            _ => Ok(()),
        }
    }
}

/// Writes a snapshot into a folder, which it makes: disks and records of one moment.
pub(super) async fn write(cloud: &Cloud, part: &Path) -> Result<(), Answer> {
    make(part)?;
    let sandboxes = cloud.sandboxes();
    let held = match (sandboxes.unavailable(), sandboxes.root().join("volumes").is_dir()) {
        (Some(why), true) => {
            return Err(Answer::conflict(format!("the disks of instances cannot be copied: {why}")));
        }
        (None, true) => {
            make(&part.join(DISKS))?;
            let held = sandboxes.hold(&part.join(DISKS)).await;
            Some(held.map_err(|error| Answer::failed(&error))?)
        }
        (_, false) => None,
    };
    // The disks stand still, so what is on them has happened before, and nothing of what comes is.
    let moment = cloud.store().snapshot().await.map_err(|error| Answer::failed(&error))?;
    let copied = async {
        match held {
            Some(held) => held.copy().await,
            None => Ok(()),
        }
    };
    let records = part.join(RECORDS);
    let (copied, saved) = tokio::join!(copied, cloud.store().save_as_of(&moment, &records));
    copied.map_err(|error| Answer::failed(&error))?;
    saved.map(drop).map_err(|error| Answer::failed(&error))
}

fn make(directory: &Path) -> Result<(), Answer> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| Answer::failed(&error))
}

/// Puts a fork together and gives its parts their names, the store last: without one, a directory is no cloud's.
pub(super) async fn fill(cloud: &Cloud, data_dir: &Path, parts: &Parts) -> Result<String, Answer> {
    let part = data_dir.join(FORK);
    make(&part)?;
    let (machine, store) = (part.join(FOLDER), part.join(STORE_FOLDER));
    let generation = Ids::new(None).hex(16);
    if let Some(disks) = &parts.disks {
        // The agent makes what is below as it makes everything there.
        make(&machine)?;
        let placed = cloud.sandboxes().found(&machine, disks.clone(), &generation).await;
        placed.map_err(|error| Answer::failed(&error))?;
    }
    let mut config = yakumo_store::Config::new(Location::Directory(store.clone()));
    // Beside those of this cloud: the keys begin with the cloud's id.
    config.bodies = cloud.store().bucket().cloned();
    let config = config.durability(cloud.config().durability);
    let filled = fill_store(config, &parts.records, &generation, cloud.network().ranges()).await;
    let made = filled.map_err(|error| Answer::failed(&error))?;
    let moved = match machine.is_dir() {
        true => fs::rename(&machine, data_dir.join(FOLDER)),
        false => Ok(()),
    };
    let moved = moved.and_then(|()| fs::rename(&store, data_dir.join(STORE_FOLDER)));
    moved.map_err(|error| Answer::failed(&error))?;
    Ok(made)
}

/// Opens a new store, loads the snapshot, closes it. Gives the new cloud's id.
async fn fill_store(
    config: yakumo_store::Config,
    records: &Path,
    generation: &str,
    ranges: Ranges,
) -> Result<String, StoreError> {
    let store = Store::open(config).await?;
    store.load_with(records, vec![kept::disks_pair(generation)]).await?;
    kept::forget_slice(&store, ranges).await?;
    let cloud = store.cloud().to_string();
    store.close().await?;
    Ok(cloud)
}

/// Makes the fork's directory, for its owner alone.
pub(super) fn claim(directory: &Path) -> Result<(), Answer> {
    if !directory.is_absolute() {
        return Err(Answer::bad_request("data_dir must be an absolute path"));
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    // A fork that was cut off has left nothing else.
    let made = made.and_then(|()| remove(&directory.join(FORK)));
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

#[cfg(test)]
mod tests {
    use super::{FORK, claim};

    #[test]
    fn a_fork_takes_no_directory_that_is_in_use() {
        let parent = tempfile::tempdir().unwrap();
        assert!(claim(&parent.path().join("new/fork")).is_ok());
        assert!(claim(parent.path()).is_err());
        // One that was cut off there before is no obstacle.
        std::fs::create_dir(parent.path().join("new/fork").join(FORK)).unwrap();
        assert!(claim(&parent.path().join("new/fork")).is_ok());
        assert!(claim(std::path::Path::new("relative")).is_err());
    }
}
