//! `cargo xtask TASK`: one file per task.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the person who runs them")]

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;
use xtask::{coverage, models, new_service, test, tidy, workspace::Workspace};

/// The project's own tasks.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Sets up what the tests need and runs them all: Rust, then the stories with real clients.
    Test(test::Options),
    /// Holds the rules that no compiler holds: dependency direction, room shape, papers that tell the truth.
    Tidy,
    /// Writes the tables of operations in the rooms' READMEs.
    Coverage(coverage::Options),
    /// Makes models/ again from the pinned botocore.
    Gen(models::Options),
    /// Makes a new room from its model: it compiles and has a failing test.
    NewService(new_service::Options),
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let task = Task::parse();
    let workspace = Workspace::open()?;
    match task {
        Task::Test(options) => test::run(&workspace, &options),
        Task::Tidy => tidy::run(&workspace),
        Task::Coverage(options) => coverage::run(&workspace, &options),
        Task::Gen(options) => models::run(&workspace, &options),
        Task::NewService(options) => new_service::run(&workspace, &options),
    }
}
