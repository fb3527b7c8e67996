//! The commands, one file each.

pub mod can;
pub mod clock;
pub mod completions;
pub mod decisions;
pub mod down;
pub mod env;
pub mod exec;
pub mod fsck;
pub mod logs;
pub mod map;
pub mod ps;
pub mod requests;
pub mod reset;
pub mod services;
pub mod snapshot;
pub mod ssh;
pub mod status;
pub mod trace;
pub mod unplug;
pub mod up;
pub mod why;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use clap::ArgMatches;
use std::future::Future;
use std::time::Instant;

/// Runs the command. `began` is when the process began, `matches` tell where values came from.
pub fn run(arguments: Arguments, matches: &ArgMatches, began: Instant) -> Result<(), Failure> {
    match arguments.command {
        Command::Up(options) => up::run(&options, matches.subcommand_matches("up"), began),
        Command::Down(options) => down::run(&options),
        Command::Trace(options) => wait(trace::run(options)),
        Command::Map(options) => wait(map::run(options)),
        Command::Exec(options) => exec::run(&options),
        Command::Unplug(options) => wait(unplug::run(options)),
        Command::Ps(options) => wait(ps::run(options)),
        Command::Logs(options) => wait(logs::run(options)),
        Command::Ssh(options) => ssh::run(&options),
        Command::Status(options) => wait(status::run(options)),
        Command::Env(options) => env::run(&options),
        Command::Reset(options) => wait(reset::run(options)),
        Command::Fsck(options) => wait(fsck::run(options)),
        Command::Snapshot(options) => wait(snapshot::run(options)),
        Command::Clock(options) => wait(clock::run(options)),
        Command::Requests(options) => wait(requests::run(options)),
        Command::Why(options) => wait(why::run(options)),
        Command::Can(options) => wait(can::run(options)),
        Command::Services(options) => wait(services::run(options)),
        Command::Completions(options) => completions::run(&options),
    }
}

/// What can stand in a path as an instance's id.
fn instance(id: &str) -> Result<&str, Failure> {
    match !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        true => Ok(id),
        false => Err(Failure::usage(format!("`{id}` is no instance")).advise("`yakumo ps` lists them: i-…")),
    }
}

/// What can stand in a path as a network interface's id.
fn interface(id: &str) -> Result<&str, Failure> {
    match !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        true => Ok(id),
        false => {
            Err(Failure::usage(format!("`{id}` is no network interface")).advise("they are called eni-…"))
        }
    }
}

/// Runs a client command on this thread.
fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work)
}
