//! What the library, the keeper and the init say to each other.
//!
//! Invariant: a sandbox outlives the program that started it, so a later version of yakumo speaks to it: members and messages are
//! added, never changed. What comes from an init is not believed, only shown.

use crate::error::Error;
use crate::files::File;
use crate::spec::Command;
use serde::{Deserialize, Serialize};

/// What an init returns that was asked for a reboot, by SIGINT from inside: whoever keeps the sandbox starts it again.
pub const REBOOT: i32 = 85;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// It returned this.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// What a shell would say: the code, or 128 and the signal.
    pub fn code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }

    /// From what `waitpid` tells.
    #[cfg(target_os = "linux")]
    pub(crate) fn from_status(status: i32) -> Exit {
        if libc::WIFSIGNALED(status) {
            Exit::Signal(libc::WTERMSIG(status))
        } else {
            Exit::Code(libc::WEXITSTATUS(status))
        }
    }
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// What the library asks of an init. One connection is one conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Start a program. Three descriptors come along, its input, output and errors; none when it gets a terminal.
    Run {
        command: Command,
        #[serde(default)]
        terminal: Option<Size>,
        /// Whether it goes on when the conversation ends; else it is hung up.
        #[serde(default)]
        stays: bool,
    },
    /// Send a signal to the process group of what this conversation started; of the first command when it started nothing.
    Signal(i32),
    /// Put a file in.
    Put(File),
    /// Shut down: every process is asked to end, then the init does.
    ShutDown,
}

/// What an init answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The program runs, with this process id inside; the terminal's descriptor comes along when it has one.
    Started(i32),
    /// The program ended.
    Ended(Exit),
    /// Done.
    Done,
    /// Not done.
    Refused(Error),
}

/// What an init tells its keeper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Tell {
    /// All is set up and the first command runs; the console's descriptor comes along.
    Ready,
    /// It could not be set up.
    Failed(Error),
    /// The first command ended.
    Ended(Exit),
}
