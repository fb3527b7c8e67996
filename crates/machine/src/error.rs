//! What can go wrong, in a form that the host agent can carry.
//!
//! Invariant: `kind` is what a program acts on, `message` is what a person reads; no message holds a secret.

use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What to act on.
    pub kind: Kind,
    /// What to read.
    pub message: String,
}

/// Kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// What was asked for makes no sense.
    Invalid,
    /// This host cannot do it: a privilege or a feature of its kernel is missing.
    Unsupported,
    /// There is no such sandbox, or it does not run.
    NotRunning,
    /// It runs already.
    Running,
    /// The program could not be started inside: not found, not executable, no such user or directory.
    NotStarted,
    /// Who does it has ended meanwhile: whether it was done is not known, and the next one can be asked again.
    Gone,
    /// The host failed.
    Failed,
}

impl Error {
    /// What was asked for makes no sense.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error { kind: Kind::Invalid, message: message.into() }
    }

    /// This host cannot do it.
    pub fn unsupported(message: impl Into<String>) -> Error {
        Error { kind: Kind::Unsupported, message: message.into() }
    }

    /// There is no such sandbox, or it does not run.
    pub fn not_running(id: &str) -> Error {
        Error { kind: Kind::NotRunning, message: format!("the sandbox {id} does not run") }
    }

    /// It runs already.
    pub fn running(id: &str) -> Error {
        Error { kind: Kind::Running, message: format!("the sandbox {id} runs") }
    }

    /// The program could not be started.
    pub fn not_started(message: impl Into<String>) -> Error {
        Error { kind: Kind::NotStarted, message: message.into() }
    }

    /// Who was asked has ended.
    pub fn gone(who: impl Display, why: impl Display) -> Error {
        Error { kind: Kind::Gone, message: format!("{who}: {why}") }
    }

    /// The host failed to do `what`.
    pub fn failed(what: impl Display, why: impl Display) -> Error {
        Error { kind: Kind::Failed, message: format!("{what}: {why}") }
    }
}

/// Says what was being done when a call failed.
pub(crate) trait During<T> {
    /// The value, or an error that begins with `what`.
    fn during(self, what: impl Display) -> Result<T, Error>;
}

impl<T, E: Display> During<T> for Result<T, E> {
    fn during(self, what: impl Display) -> Result<T, Error> {
        self.map_err(|why| Error::failed(what, why))
    }
}
