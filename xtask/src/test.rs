//! `test`: THE test command. Sets up what the tests need, runs them, and says loudly what did not run, and why.
//!
//! Invariant: what cannot run here is in the closing table with its reason; nothing is left out in silence.

use crate::debian;
use crate::python;
use crate::summary::{Part, table};
use crate::workspace::{Workspace, cargo};
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Starts a throw-away PostgreSQL and runs a command with its address.
const WITH_POSTGRES: &str = "crates/store/tests/with-postgres.sh";
const STORIES: &str = "stories/run.py";
/// The policy engine against an independent simulator.
const DIFFERENTIAL: &str = "crates/policy/differential/run.sh";

/// How `test` is called.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only the Rust tests.
    #[arg(long, conflicts_with = "stories")]
    pub rust: bool,
    /// Only the stories: real clients against the development binary.
    #[arg(long)]
    pub stories: bool,
    /// Only tests whose name has this in it.
    #[arg(short = 'k', value_name = "WORD")]
    pub word: Option<String>,
}

/// Runs what was asked for; `false` when a test failed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut parts = Vec::new();
    let python = environment(workspace);
    if !options.stories {
        parts.push(rust(workspace, options, python.as_ref().ok())?);
    }
    if !options.rust && !options.stories && options.word.is_none() {
        parts.push(differential(workspace)?);
    }
    if !options.rust {
        parts.push(stories(workspace, options, python)?);
    }
    print!("{}", table(&parts));
    Ok(parts.iter().all(|part| part.failed == 0))
}

/// Makes the Python environment with the pinned clients and returns the `PATH` on which it comes first.
fn environment(workspace: &Workspace) -> Result<OsString> {
    heading("Python environment");
    let mut command = Command::new(python::ensure()?);
    let made = command.current_dir(&workspace.root).args([STORIES, "--version"]).status();
    ensure!(
        made.context("cannot run Python")?.success(),
        "{STORIES} could not install stories/requirements.txt"
    );
    let folder = workspace.target()?.join("stories-venv").join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)))?)
}

fn rust(workspace: &Workspace, options: &Options, path: Option<&OsString>) -> Result<Part> {
    let mut part = Part::new("rust");
    let postgres = has_postgres(workspace);
    if let Err(why) = &postgres {
        part.skipped.push(format!("the store on PostgreSQL: {why}"));
    }
    let mut command = cargo();
    if postgres.is_ok() {
        command = Command::new("bash");
        command.arg(WITH_POSTGRES).arg(cargo().get_program());
    }
    command.args(["test", "--workspace", "--no-fail-fast"]);
    if let Some(word) = &options.word {
        command.arg(word);
    }
    // A test that finds that it cannot run here says so in what it prints.
    command.args(["--", "--show-output"]);
    // Some tests ask botocore for a second opinion.
    if let Some(path) = path {
        command.env("PATH", path);
    }
    heading("Rust tests");
    follow(workspace, &mut command, &mut part, Part::cargo_line)?;
    Ok(part)
}

/// Whether a PostgreSQL can be started here; why not, when it cannot.
fn has_postgres(workspace: &Workspace) -> Result<(), String> {
    heading("PostgreSQL for the store's tests");
    start_postgres(workspace).or_else(|why| {
        println!("{why}");
        if debian::install("postgresql") { start_postgres(workspace) } else { Err(why) }
    })
}

fn start_postgres(workspace: &Workspace) -> Result<(), String> {
    let tried = Command::new("bash").current_dir(&workspace.root).args([WITH_POSTGRES, "true"]).output();
    match tried {
        Ok(result) if result.status.success() => Ok(()),
        Ok(result) => {
            let said = String::from_utf8_lossy(&result.stderr);
            Err(said.trim().lines().last().unwrap_or("it did not start and did not say why").to_owned())
        }
        Err(error) => Err(format!("bash cannot be run: {error}")),
    }
}

/// One test as far as the count goes: thousands of cases, all decided as is committed.
fn differential(workspace: &Workspace) -> Result<Part> {
    let mut part = Part::new("policies");
    heading("Policy decisions beside an independent simulator's");
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{DIFFERENTIAL} 2>&1")]);
    follow(workspace, &mut command, &mut part, Part::script_line)?;
    Ok(part)
}

fn stories(workspace: &Workspace, options: &Options, environment: Result<OsString>) -> Result<Part> {
    let mut part = Part::new("stories");
    if !cfg!(unix) {
        part.skipped.push("all stories: they are run on Linux and macOS".to_owned());
        return Ok(part);
    }
    if let Err(error) = environment {
        println!("{error:#}");
        part.skipped.push(format!("all stories: {error:#}"));
        part.failed += 1;
        return Ok(part);
    }
    heading("Development binary");
    // The Rust tests have built it already; asked for alone it would be compiled again, with other features.
    let arguments: &[&str] = if options.stories {
        &["build", "--package", "yakumo"]
    } else {
        &["test", "--workspace", "--no-run", "--quiet"]
    };
    let built = cargo().current_dir(&workspace.root).args(arguments).status();
    if !built.context("cannot run cargo")?.success() {
        part.failed += 1;
        return Ok(part);
    }
    heading("Stories");
    let mut command = Command::new(python::ensure()?);
    command.arg(STORIES).env("YAKUMO_BIN", binary(&workspace.target()?));
    match &options.word {
        Some(word) => command.args(["-k", word]),
        // Every file has a cloud of its own, so files run beside each other.
        None => command.args(["-n", "auto", "--dist", "loadfile"]),
    };
    follow(workspace, &mut command, &mut part, Part::pytest_line)?;
    Ok(part)
}

fn binary(target: &Path) -> std::path::PathBuf {
    target.join("debug").join(format!("yakumo{}", std::env::consts::EXE_SUFFIX))
}

/// Runs a test runner, shows what it prints, and counts along.
fn follow(
    workspace: &Workspace,
    command: &mut Command,
    part: &mut Part,
    line_seen: fn(&mut Part, &str),
) -> Result<()> {
    let began = Instant::now();
    let mut child =
        command.current_dir(&workspace.root).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("its standard output is piped")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        line_seen(part, line.trim_end());
    }
    let status = child.wait()?;
    // A runner that could not even begin (it did not compile, say) counts as one failure.
    if !status.success() && part.failed == 0 {
        part.failed = 1;
    }
    part.took = began.elapsed();
    Ok(())
}

fn heading(title: &str) {
    println!("\n== {title} ==");
}
