//! Volumes: the record, its states, and how it is registered.
//!
//! Invariant: a volume's file in the machine has the volume's id; it is made after the record, and without a record it is removed.
//! Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-lifecycle.html>

mod attachments;
mod attributes;
mod life;
pub(crate) mod mappings;
mod modify;
mod of_instances;
mod seen;
mod types;
mod work;

pub(crate) use life::new;
pub(crate) use of_instances::{ends_with, give, of_instance, rest, settle, shown_of_instance};
pub(crate) use types::{Plan, plan};
pub(crate) use work::{NAME as WORK, Sweep, copied_together, finish, finish_waiting, ready, reconciler};

use seen::attachment_shown;

use crate::images::Root;
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home};
use crate::tags::Tags;
use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;
use yakumo_room::Room;

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Volume {
    /// `vol-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// The zone's name.
    pub zone: String,
    /// The zone's id.
    pub zone_id: String,
    /// Type, size and speed.
    pub plan: Plan,
    /// The snapshot that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The volume or snapshot of the machine whose content its file begins with; it is kept until the file is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What stands behind the image whose disk this is; a volume of data has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Root>,
    /// When it was asked for.
    pub created: Timestamp,
    /// How far its file is.
    #[serde(default)]
    pub file: File,
    /// The instance that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<Attachment>,
    /// The last change of its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modification: Option<Modification>,
    /// Whether its input and output go on by themselves after an inconsistency.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_enable_io: bool,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// How far the file of a volume or snapshot is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum File {
    /// It is to be made.
    #[default]
    Wanted,
    /// It is there.
    There,
    /// This host makes none; nothing can have been written to it.
    Empty,
    /// It cannot be made, because of this.
    Failed(String),
}

/// That an instance has a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    /// The instance.
    pub instance: String,
    /// The device's name: `/dev/sdf`.
    pub device: String,
    /// Since when.
    pub since: Timestamp,
    /// How far it is.
    pub state: Progress,
    /// Whether the volume goes with the instance.
    pub deletes: bool,
    /// Whether it is taken away although it is in use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// How far an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// It is to be mounted.
    Attaching,
    /// It is.
    Attached,
    /// It is to be unmounted.
    Detaching,
    /// It is to be unmounted, and a program inside uses it.
    Busy,
}

impl Progress {
    /// AWS's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Progress::Attaching => "attaching",
            Progress::Attached => "attached",
            Progress::Detaching => "detaching",
            Progress::Busy => "busy",
        }
    }
}

/// A change of a volume's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Modification {
    /// The plan before.
    pub before: Plan,
    /// The plan that is wanted.
    pub after: Plan,
    /// Since when.
    pub since: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

noun!(
    Volume,
    table: "volumes",
    type: "AWS::EC2::Volume",
    kind: "volume",
    prefix: "vol-",
    not_found: "InvalidVolume.NotFound",
    malformed: "InvalidParameterValue",
    spoken: "volume",
    absent: |id| format!("The volume '{id}' does not exist."),
    keys: |volume| {
        let mut keys = vec![
            ("ec2:AvailabilityZone".to_owned(), vec![volume.zone.clone()]),
            ("ec2:AvailabilityZoneId".to_owned(), vec![volume.zone_id.clone()]),
            ("ec2:Encrypted".to_owned(), vec!["false".to_owned()]),
            ("ec2:VolumeID".to_owned(), vec![volume.id.clone()]),
        ];
        keys.extend(volume.plan.keys());
        keys.extend(volume.snapshot.iter().map(|id| {
            ("ec2:ParentSnapshot".to_owned(), vec![volume.home.arn("snapshot", id)])
        }));
        keys
    },
);

impl Volume {
    /// AWS's name of its state.
    pub(crate) fn state(&self) -> &'static str {
        match (&self.file, &self.attachment) {
            (File::Failed(_), None) => "error",
            (_, Some(_)) => "in-use",
            (File::Wanted, None) => "creating",
            _ => "available",
        }
    }

    /// Its size in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.plan.gib).unwrap_or(0) << 30
    }
}

/// Where a data volume is seen inside: `/dev/sdf` is `/mnt/sdf`.
/// DIFFERS: a sandbox has no block devices of its own; the file system that every volume has here is mounted instead.
pub(crate) fn place(device: &str) -> String {
    format!("/mnt/{}", device.strip_prefix("/dev/").unwrap_or(device))
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let rooms =
        [life::register, attachments::register, modify::register, attributes::register, seen::register];
    rooms.iter().fold(room, |room, register| register(room))
}
