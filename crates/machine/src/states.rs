//! What is told about sandboxes: plain values, on every system.
//!
//! Invariant: they are kept in files and carried between versions of this program: members are added, never changed.

use crate::protocol::Exit;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A process that cannot be mistaken for another one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id on the host.
    pub id: i32,
    /// When it was started, in clock ticks since the host's boot.
    pub started: u64,
}

/// What a keeper writes when its sandbox runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The keeper.
    pub keeper: Process,
    /// The init, as the host sees it.
    pub init: Process,
    /// The host's user that is root inside.
    pub root_uid: u32,
    /// The directories of its control groups.
    pub groups: Vec<PathBuf>,
    /// Seconds since 1970, host time.
    pub started_at: u64,
}

/// What a keeper writes when its sandbox has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How the init ended: by a signal when it was killed.
    pub init: Exit,
    /// How the first command ended, if it did before.
    pub command: Option<Exit>,
    /// How many processes the memory limit has killed.
    pub out_of_memory_kills: u64,
}

/// A place in a console's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The file.
    pub file: u64,
    /// The byte in it.
    pub at: u64,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}-{}", self.file, self.at)
    }
}

impl std::str::FromStr for Cursor {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Cursor, crate::Error> {
        let numbers =
            text.split_once('-').and_then(|(file, at)| Some((file.parse().ok()?, at.parse().ok()?)));
        let (file, at) = numbers.ok_or_else(|| crate::Error::invalid("it is no place in a console"))?;
        Ok(Cursor { file, at })
    }
}

/// What a sandbox has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Memory now.
    pub memory_bytes: u64,
    /// Processor time since it was started, in microseconds.
    pub cpu_us: u64,
    /// Processes and threads now.
    pub processes: u64,
    /// How many processes the memory limit has killed.
    pub out_of_memory_kills: u64,
    /// In how many tenths of a second its ceiling of processor time has held it back.
    pub held_back: u64,
}

/// How a sandbox is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Status {
    /// It runs.
    Running(State),
    /// It is being started, or its keeper cleans up behind it.
    Changing,
    /// It has ended.
    Ended(End),
    /// It has ended without a word: the host was switched off, or its keeper was killed.
    Lost,
}
