//! What went wrong, what to do about it, and the exit code. `docs/cli.md` documents the codes: they never change.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit codes of the `yakumo` command. 2 is also what clap uses for arguments that it cannot understand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Something failed that has no code of its own.
    Failed = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Another program listens on the port, or the address is not one of this machine.
    Address = 3,
    /// Another process has the data directory open.
    Locked = 4,
    /// The data directory cannot be read or written.
    Data = 5,
    /// A newer yakumo wrote the data directory.
    Newer = 6,
    /// No yakumo answers at the endpoint.
    Absent = 7,
    /// The cloud answered and refused: an unknown snapshot or request, a clock that would go back.
    Refused = 8,
    /// A signal came a second time and ended the process at once.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One sentence: what went wrong. Empty when there is nothing to say (a closed pipe).
    pub message: String,
    /// One sentence: what to do about it.
    pub advice: Option<String>,
}

impl Failure {
    /// A failure with a code of its own.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), advice: None }
    }

    /// Arguments that make no sense.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// The same failure with what to do about it.
    pub fn advise(mut self, advice: impl Into<String>) -> Failure {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// For writes to stdout: a reader that went away (`yakumo requests | head`) is no failure to talk about.
    fn from(error: io::Error) -> Failure {
        let message = match error.kind() {
            io::ErrorKind::BrokenPipe => String::new(),
            _ => error.to_string(),
        };
        Failure::new(Exit::Failed, message)
    }
}
