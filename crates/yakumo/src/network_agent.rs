//! The host agent: this program, started by `yakumo up` with a socket as its standard input.
//!
//! Invariant: it has no thread but its own and reads nothing but the socket.

use crate::terminal::Terminal;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use yakumo_net::agent::Bound;

/// The argument that makes this program an agent. It is no command: nobody but `yakumo up` has the other end.
pub const ARGUMENT: &str = "--network-agent";
/// Where agents leave their notes.
pub const RUN: &str = "/run/yakumo";

/// The argument after it that moves the agent to namespaces of its own first.
pub const APART: &str = "apart";

/// The argument after it that says for what alone: a cloud's id, the directory of notes, and whether networks outlive the cloud.
pub const BOUND: &str = "bound";
/// How it is said that something outlives the cloud; the other word is any.
pub const KEPT: &str = "kept";

/// Serves until the front is gone.
pub fn run() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(2).map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let bound = match *words.as_slice() {
        [] => None,
        [APART] => match apart() {
            Ok(()) => None,
            Err(error) => return ended(&error),
        },
        [BOUND, cloud, run, keeps] => {
            Some(Bound { cloud: cloud.to_owned(), run: run.into(), keeps: keeps == KEPT })
        }
        _ => return ended(&"it is not said for what it is bound"),
    };
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    match socket.and_then(|mut socket| yakumo_net::agent::serve(&mut socket, bound)) {
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
