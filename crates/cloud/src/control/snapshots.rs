//! `/_yakumo/snapshots`: the whole cloud under a name, its disks included, kept in `snapshots/` of its directory.
//!
//! Invariant: one thing at a time is done with them, and what does not come about leaves nothing.

mod parts;
mod shelf;

use super::answer::Answer;
use super::input;
use crate::Cloud;
use parts::{FORK, Parts};
use serde::{Deserialize, Serialize};
use shelf::{OLD, PART, Place};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

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
    /// What it takes on the disk; bytes that copies share count for each of them.
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

impl Shelf {
    /// The shelf of a cloud, without what an earlier process has left unfinished.
    pub(crate) fn new(cloud: &Cloud) -> Shelf {
        let place = match cloud.config().directory.as_deref() {
            Some(directory) => Place::Kept(directory.join("snapshots")),
            // Beside the disks, so that copies can share their bytes, and where the sandbox agent removes it after a kill.
            None => Place::Temporary { path: cloud.sandboxes().root().join("snapshots"), is_made: false },
        };
        if let Place::Kept(path) = &place {
            // The shelf works without that, too.
            let fork = shelf::remove(&path.with_file_name(FORK));
            let tidied = fork.and_then(|()| shelf::tidy(path));
            tidied.unwrap_or_else(|error| tracing::warn!(%error, "unfinished snapshots are left"));
        }
        Shelf(Mutex::new(place))
    }

    pub(crate) async fn list(&self) -> Result<Answer, Answer> {
        let place = self.0.lock().await;
        let snapshots = place
            .path()
            .map_or_else(|| Ok(Vec::new()), shelf::read)
            .map_err(|error| Answer::failed(&error))?;
        Ok(Answer::json(&SnapshotList { snapshots }))
    }

    pub(crate) async fn save(&self, cloud: &Cloud, name: &str, body: &[u8]) -> Result<Answer, Answer> {
        input::nothing(body)?;
        shelf::check(name)?;
        let mut place = self.0.lock().await;
        let folder = place.make().map_err(|error| Answer::failed(&error))?;
        let (whole, part) = (folder.join(name), folder.join(format!(".{name}{PART}")));
        shelf::remove(&part).map_err(|error| Answer::failed(&error))?;
        let saved = parts::write(cloud, &part).await;
        let saved = saved.and_then(|()| shelf::swap(&folder, name).map_err(|error| Answer::failed(&error)));
        if saved.is_err() {
            // What was begun is of no use to anybody; the first error is the one to tell.
            let _ = shelf::remove(&part);
        }
        saved?;
        shelf::line(name.to_owned(), &whole)
            .map(|line| Answer::json(&line))
            .map_err(|error| Answer::failed(&error))
    }

    pub(crate) async fn load(&self, cloud: &Cloud, name: &str, body: &[u8]) -> Result<Answer, Answer> {
        input::nothing(body)?;
        let place = self.0.lock().await;
        let parts = Parts::of(&place.find(name)?);
        parts.check(cloud)?;
        let loaded = cloud.load(&parts.records, parts.replaces()).await;
        loaded.map_err(|error| Answer::failed(&error))?;
        Ok(Answer::done())
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<Answer, Answer> {
        let place = self.0.lock().await;
        place.find(name)?;
        let folder = place.path().unwrap_or(Path::new(""));
        let old = folder.join(format!(".{name}{OLD}"));
        // At once: half of it is never seen under its name.
        let removed = shelf::remove(&old).and_then(|()| fs::rename(folder.join(name), &old));
        removed.and_then(|()| shelf::remove(&old)).map_err(|error| Answer::failed(&error))?;
        Ok(Answer::done())
    }

    /// Makes a new data directory, with a new cloud id, from a snapshot. Nothing is started on it.
    pub(crate) async fn fork(&self, cloud: &Cloud, name: &str, body: &[u8]) -> Result<Answer, Answer> {
        let Fork { data_dir } = input::json(body)?;
        let place = self.0.lock().await;
        let parts = Parts::of(&place.find(name)?);
        parts.check(cloud)?;
        parts::claim(&data_dir)?;
        let made = parts::fill(cloud, &data_dir, &parts).await;
        // What was begun is of no use to anybody; the first error is the one to tell.
        let _ = shelf::remove(&data_dir.join(FORK));
        Ok(Answer::json(&Forked { cloud: made?, data_dir }))
    }
}
