//! Snapshots: the record, who may use one, and how it is registered.
//!
//! Invariant: what is in a snapshot never changes: its file is a copy that nobody mounts.
//! Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshots.html>

mod life;
mod seen;
mod sharing;
mod together;

pub(crate) use life::{New, copy, new, remove};
pub(crate) use sharing::{Permissions, Who, changes};

use crate::images::{self, Root};
use crate::noun_record::noun;
use crate::nouns::{Home, Keys, Noun, keys_of};
use crate::shared;
use crate::tags::Tags;
use crate::volumes::File;
use serde::{Deserialize, Serialize};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Room, Tx};

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// The volume that it is of.
    pub volume: String,
    /// That volume's size in GiB.
    pub gib: i32,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Timestamp>,
    /// How far its file is.
    #[serde(default)]
    pub file: File,
    /// The volume or snapshot of the machine that is copied; none when nothing was ever written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The instance that is to be stopped before it is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What stands behind the image whose disk this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Root>,
    /// Who else may make volumes of it.
    #[serde(default)]
    pub permissions: Permissions,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    Snapshot,
    table: "snapshots",
    type: "AWS::EC2::Snapshot",
    kind: "snapshot",
    prefix: "snap-",
    not_found: "InvalidSnapshot.NotFound",
    malformed: "InvalidParameterValue",
    spoken: "snapshot",
    absent: |id| format!("The snapshot '{id}' does not exist."),
    keys: |snapshot| vec![
        ("ec2:Encrypted".to_owned(), vec!["false".to_owned()]),
        ("ec2:Owner".to_owned(), vec![snapshot.home.account.to_string()]),
        ("ec2:ParentVolume".to_owned(), vec![snapshot.home.arn("volume", &snapshot.volume)]),
        ("ec2:SnapshotID".to_owned(), vec![snapshot.id.clone()]),
        ("ec2:SnapshotTime".to_owned(), vec![snapshot.started.to_date_time()]),
        ("ec2:VolumeSize".to_owned(), vec![snapshot.gib.to_string()]),
    ],
);

impl Snapshot {
    /// AWS's name of its state.
    pub(crate) fn state(&self) -> &'static str {
        match self.file {
            File::Wanted => "pending",
            File::There | File::Empty => "completed",
            File::Failed(_) => "error",
        }
    }

    /// The machine's name of what is in it; none when nothing is.
    pub(crate) fn content(&self) -> Option<String> {
        (self.file == File::There).then(|| self.id.clone())
    }

    /// Whether an account may make volumes of it.
    pub(crate) fn is_for(&self, home: Home) -> bool {
        self.home.account == home.account || self.permissions.has(home.account.as_str())
    }

    /// Refuses one that is not complete.
    pub(crate) fn complete(self) -> Result<Snapshot> {
        match self.file {
            File::There | File::Empty => Ok(self),
            _ => {
                let text = format!("Snapshot is in invalid state - {}", self.state());
                Err(Error::sender("IncorrectState", text))
            }
        }
    }
}

/// The snapshot of that id in a region, whoever owns it.
///
/// # Errors
/// Of the store.
pub(crate) async fn any(tx: &Tx, home: Home, id: &str) -> Result<Option<Snapshot>> {
    if let Some(known) = images::built_in_snapshot(home.region, id) {
        return Ok(Some(known));
    }
    match shared::home(tx, id).await? {
        Some(of) if of.region == home.region => tx.get(&of.scope(), &[id]).await,
        _ => Ok(None),
    }
}

/// The snapshot of that id, of which an account wants to make something.
///
/// # Errors
/// InvalidSnapshot.NotFound, also when it is not for that account; IncorrectState.
pub(crate) async fn usable(tx: &Tx, home: Home, id: &str) -> Result<Snapshot> {
    Snapshot::check_id(id)?;
    let found = any(tx, home, id).await?.filter(|found| found.is_for(home));
    found.ok_or_else(|| Snapshot::not_found(id))?.complete()
}

/// The condition keys of the snapshot of that id, whoever owns it; an account's tags are its own.
pub(crate) async fn keys_about(ctx: &Ctx, id: &str) -> Result<Option<Keys>> {
    if let Some(known) = images::built_in_snapshot(ctx.region(), id) {
        return Ok(Some(known.condition_keys()));
    }
    let Some(home) = shared::home_of(ctx, id).await? else { return Ok(None) };
    let found: Option<Snapshot> = ctx.get(&home.scope(), &[id]).await?;
    Ok(found.map(|snapshot| match home.account == ctx.account() {
        true => keys_of(&snapshot),
        false => snapshot.condition_keys(),
    }))
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    together::register(sharing::register(seen::register(life::register(room))))
}
