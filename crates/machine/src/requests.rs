//! What a machine can be asked, as values that a host agent can carry.
//!
//! Invariant: each is one function of [`crate::Machine`], with the same meaning; `Machine::perform` is the table.

use crate::states::{Cursor, End, State, Status, Usage};
use crate::{Command, File, Size, Spec, Volume};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a machine is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Start a sandbox.
    Start(Box<Spec>),
    /// Start a program in one. Three descriptors come along when it gets no terminal: its input, output and errors.
    Run {
        /// The sandbox.
        id: String,
        /// The program.
        command: Command,
        /// The size of its terminal, when it gets one.
        terminal: Option<Size>,
        /// Whether it goes on when the conversation ends.
        stays: bool,
    },
    /// Put a file in.
    Put {
        /// The sandbox.
        id: String,
        /// The file.
        file: File,
    },
    /// Send a signal to the first command's process group.
    Signal {
        /// The sandbox.
        id: String,
        /// The signal's number.
        number: i32,
    },
    /// Ask all processes to end; kill those that have not.
    Stop {
        /// The sandbox.
        id: String,
        /// How long they may take, in milliseconds.
        patience_ms: u64,
    },
    /// Kill all processes.
    Kill {
        /// The sandbox.
        id: String,
    },
    /// Wait for the end.
    Wait {
        /// The sandbox.
        id: String,
        /// At most so long, in milliseconds.
        within_ms: u64,
    },
    /// How it is.
    Status {
        /// The sandbox.
        id: String,
    },
    /// How all are.
    List,
    /// How those of them are that do not run.
    NotRunning {
        /// The sandboxes, at most 5,000.
        ids: Vec<String>,
    },
    /// What it has used.
    Usage {
        /// The sandbox.
        id: String,
    },
    /// The last of its console.
    Console {
        /// The sandbox.
        id: String,
        /// How much at most.
        bytes: usize,
    },
    /// What its console says after a place; the last of it without one.
    ConsoleAfter {
        /// The sandbox.
        id: String,
        /// The place.
        after: Option<Cursor>,
        /// How much at most.
        bytes: usize,
    },
    /// Mount a volume into it.
    Attach {
        /// The sandbox.
        id: String,
        /// The volume.
        volume: Volume,
    },
    /// Unmount a volume.
    Detach {
        /// The sandbox.
        id: String,
        /// Where it is seen.
        path: String,
        /// Also when it is in use.
        force: bool,
    },
    /// Make an empty volume; one that is there stays as it is.
    MakeVolume {
        /// Its id.
        id: String,
        /// Its size.
        bytes: u64,
    },
    /// Make a volume that begins with what is on another one; one that is there stays as it is.
    CopyVolume {
        /// The one that is copied, as it is at one moment.
        from: String,
        /// The new one's id.
        to: String,
        /// Its size; at least that of the other one is used.
        bytes: u64,
    },
    /// Make volumes that begin with what is on others at one moment, the same for all; one that is there stays as it is.
    CopyVolumes {
        /// The ones that are copied, and the new ones' ids.
        copies: Vec<(String, String)>,
    },
    /// Make a volume and its file system larger.
    GrowVolume {
        /// Its id.
        id: String,
        /// Its new size.
        bytes: u64,
    },
    /// Remove a volume. What is not there is fine.
    RemoveVolume {
        /// Its id.
        id: String,
    },
    /// The ids of all volumes.
    ListVolumes,
    /// Copy all volumes as they are at one moment. A descriptor comes along: see [`crate::Machine::save_volumes`].
    SaveVolumes {
        /// The directory that the copies come into; it is there and empty.
        to: PathBuf,
    },
    /// Fill a directory with volumes that lie in another one.
    PlaceVolumes {
        /// Where they lie; none are placed without it.
        from: Option<PathBuf>,
        /// The directory; it is made.
        to: PathBuf,
        /// What it is marked with.
        generation: String,
    },
    /// Remove all sandboxes and put the volumes of a generation in the place of those that are there.
    Settle {
        /// The generation.
        generation: String,
    },
    /// Make a network namespace for a sandbox that administers its network.
    MakeNetwork {
        /// Where it is shown.
        path: PathBuf,
    },
    /// Kill it and remove its disk.
    Remove {
        /// The sandbox.
        id: String,
    },
}

/// What it answers; what was not done is an [`crate::Error`] instead.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    /// Done.
    Done,
    /// The sandbox runs.
    Started(State),
    /// The program runs, with this process id inside. The conversation's descriptor comes along, and the terminal's when it has one;
    /// [`crate::Program::from_descriptors`] takes them.
    Runs(i32),
    /// How it ended, if that is known.
    Ended(Option<End>),
    /// Whether it has ended in time.
    IsOver(bool),
    /// How it is; none when there is none.
    Status(Option<Status>),
    /// How all are.
    List(Vec<(String, Status)>),
    /// How those are that do not run; none when there is none.
    NotRunning(Vec<(String, Option<Status>)>),
    /// What it has used.
    Usage(Usage),
    /// The ids of all volumes.
    Volumes(Vec<String>),
    /// Text of its console.
    Console(Vec<u8>),
    /// Text of its console, and the place after it.
    ConsoleAfter(Vec<u8>, Cursor),
}
