//! The host agent: this program, started by `yakumo up` with a socket as its standard input.
//!
//! Invariant: it has no thread but its own and reads nothing but the socket.

use crate::terminal::Terminal;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// The argument that makes this program an agent. It is no command: nobody but `yakumo up` has the other end.
pub const ARGUMENT: &str = "--network-agent";
/// Where agents leave their notes.
pub const RUN: &str = "/run/yakumo";

/// The argument after it that moves the agent to namespaces of its own first.
pub const APART: &str = "apart";

/// Serves until the front is gone.
pub fn run() -> ExitCode {
    if std::env::args_os().nth(2).is_some_and(|argument| argument == APART)
        && let Err(error) = apart()
    {
        return ended(&error);
    }
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    match socket.and_then(|mut socket| yakumo_net::agent::serve(&mut socket)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ended(&error),
    }
}

fn ended(error: &dyn std::fmt::Display) -> ExitCode {
    // A standard error that is gone leaves nobody to tell.
    let _ = Terminal::stderr().line(&format!("the network agent ends: {error}"));
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn apart() -> Result<(), yakumo_machine::Error> {
    yakumo_machine::apart::enter()
}

#[cfg(not(target_os = "linux"))]
fn apart() -> Result<(), io::Error> {
    Err(io::ErrorKind::Unsupported.into())
}
