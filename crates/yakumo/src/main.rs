//! The `yakumo` command: arguments → one command → an exit code.
//!
//! Invariant: nothing is done here before the arguments are understood; `up` must be ready within 60 ms.

mod arguments;
mod client;
mod commands;
mod detached;
mod directories;
mod failure;
mod hooks;
mod machine_agent;
#[cfg(target_os = "linux")]
mod machine_keeper;
mod moment;
mod network_agent;
mod ready_line;
#[cfg(target_os = "linux")]
mod rights;
mod serve;
mod settings;
mod state_file;
mod table;
mod terminal;

use arguments::Arguments;
use std::process::ExitCode;
use std::time::Instant;
use terminal::Terminal;

// Measured against glibc's on SQS with 40,000 signed requests a phase: 10 to 25% less CPU time per request, as much
// memory after the load, 1 MB more when idle. Without `no_thp` it asks for huge pages and takes 10 MB more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let began = Instant::now();
    if std::env::args_os().nth(1).is_some_and(|argument| argument == network_agent::ARGUMENT) {
        return network_agent::run();
    }
    if std::env::args_os().nth(1).is_some_and(|argument| argument == machine_agent::ARGUMENT) {
        return machine_agent::run();
    }
    #[cfg(target_os = "linux")]
    if std::env::args_os().nth(1).is_some_and(|argument| argument == rights::ARGUMENT) {
        return rights::run();
    }
    #[cfg(target_os = "linux")]
    if let Some(code) = machine_keeper::run() {
        return code;
    }
    let (arguments, matches) = Arguments::from_command_line();
    match commands::run(arguments, &matches, began) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Terminal::stderr().failure(&failure);
            failure.exit.into()
        }
    }
}
