//! The keeper of a sandbox: this program, started by a machine with a directory and a task.
//!
//! Invariant: nothing is done before it, so that the process has one thread.

use std::process::ExitCode;

/// The argument that makes this program a keeper; the machine's configuration names it. It is no command.
pub const ARGUMENT: &str = "--machine-keeper";

/// Keeps a sandbox until its end, when that is what this process was started for.
pub fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let (first, root, task) = (arguments.next()?, arguments.next()?, arguments.next()?);
    (first == ARGUMENT).then(|| yakumo_machine::keeper_main(&root, &task))
}
