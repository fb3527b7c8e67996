//! `gen`: makes `models/` again from the pinned botocore, or checks that nothing would change.

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::Command;

/// How `gen` is called.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Write nothing; fail when a committed file differs.
    #[arg(long)]
    pub check: bool,
}

/// Runs `models/extract.py`, which fetches the pinned archives from PyPI with pip.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut extract = Command::new("python3");
    extract.current_dir(&workspace.root).arg("models/extract.py");
    if options.check {
        extract.arg("--check");
    }
    Ok(extract.status().context("gen needs python3")?.success())
}
