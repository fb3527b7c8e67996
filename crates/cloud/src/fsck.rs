//! `yakumo fsck`: whether records and blobs agree, asked of every room that refers to blobs.
//!
//! Invariant: a repair removes only what no record refers to, and only while nothing else has the store open.

use crate::{Config, services};
use serde::{Deserialize, Serialize};
use yakumo_aws::Error;
use yakumo_room::{Audit, Audited, Base, Clock, Ids, Remedy, World};
use yakumo_store::{Batch, Location, Store, StoreError};

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Checked {
    /// Whether nothing is wrong.
    pub whole: bool,
    /// How many records were read.
    pub records: u64,
    /// How many blobs were read to their end and are referred to.
    pub blobs: u64,
    /// What is wrong, one line each.
    pub findings: Vec<FindingLine>,
    /// What was wrong and was removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<String>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindingLine {
    /// One line for people.
    pub what: String,
    /// Whether `--repair` on a stopped cloud removes it, losing nothing.
    pub repairable: bool,
}

/// Checks a store that nobody has open. With `repair`, what belongs to nothing is removed, and what is said of the
/// store is true of it afterwards.
///
/// # Errors
/// [`StoreError::Locked`] when a cloud runs on it; when it is not there or cannot be read.
pub async fn fsck(config: &Config, repair: bool) -> Result<Checked, StoreError> {
    if let Location::Directory(path) = &config.location
        && !path.join("FORMAT").exists()
    {
        let absent = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(StoreError::Io {
            what: format!("no cloud is kept in {}", path.display()),
            error: absent.into(),
        });
    }
    let mut wanted = yakumo_store::Config::new(config.location.clone()).durability(config.durability);
    wanted.bodies = config.bodies.clone();
    wanted.removes_leftovers = false;
    let store = Store::open(wanted).await?;
    let checked = check_and_repair(&store, repair).await;
    let closed = store.close().await;
    let checked = checked?;
    closed.map(|()| checked)
}

async fn check_and_repair(store: &Store, repair: bool) -> Result<Checked, StoreError> {
    let base = Base::new(store.clone(), Clock::default(), Ids::new(None));
    let world = services::world(base).await?;
    let audited = audit(&world).await?;
    if !repair {
        return Ok(Checked::of(audited, Vec::new()));
    }
    let mut repaired = Vec::new();
    for finding in audited.findings {
        if let Some(remedy) = finding.remedy {
            carry_out(store, remedy).await?;
            repaired.push(finding.what);
        }
    }
    Ok(Checked::of(audit(&world).await?, repaired))
}

async fn carry_out(store: &Store, remedy: Remedy) -> Result<(), StoreError> {
    match remedy {
        Remedy::Blob(id) => store.blobs().remove_unreferenced(id).await,
        Remedy::Stray(id) => store.blobs().remove_stray(id).await,
        Remedy::Upload(id, upload) => store.blobs().end_upload(id, &upload).await,
        Remedy::Row(key) => {
            let mut batch = Batch::new();
            batch.delete(key);
            store.commit(batch).await.map(|_| ())
        }
    }
}

/// Checks what is now, without a change to it. A world may work meanwhile.
pub(crate) async fn check(world: &World) -> Result<Checked, StoreError> {
    Ok(Checked::of(audit(world).await?, Vec::new()))
}

async fn audit(world: &World) -> Result<Audited, StoreError> {
    let mut audit = Audit::new(world.base.store.blobs().audit().await?);
    let mut rooms: Vec<_> = world.rooms().collect();
    rooms.sort_by_key(|room| room.name());
    for walk in rooms.into_iter().filter_map(|room| room.walk()) {
        walk(&mut audit).await.map_err(unreadable)?;
    }
    Ok(audit.end())
}

fn unreadable(error: Error) -> StoreError {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    StoreError::Corrupt { what: cause.unwrap_or_else(|| error.to_string()) }
}

impl Checked {
    fn of(audited: Audited, repaired: Vec<String>) -> Checked {
        let line = |finding: yakumo_room::Finding| FindingLine {
            what: finding.what,
            repairable: finding.remedy.is_some(),
        };
        Checked {
            whole: audited.findings.is_empty(),
            records: audited.records,
            blobs: audited.blobs as u64,
            findings: audited.findings.into_iter().map(line).collect(),
            repaired,
        }
    }
}
