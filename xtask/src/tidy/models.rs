//! Generated models are fresh: `models/extract.py --check`, when this machine can run it.

use crate::workspace::Workspace;
use anyhow::Result;
use std::fmt;
use std::process::Command;

/// What came out.
#[derive(Debug)]
pub enum Freshness {
    /// Nothing would change.
    Fresh,
    /// A committed file differs; what the script said.
    Stale(String),
    /// It could not be checked, and why.
    Skipped(String),
}

impl Freshness {
    /// Whether somebody has to act.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Freshness::Stale(_))
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Freshness::Fresh => write!(f, "ok     models are fresh"),
            Freshness::Stale(said) => write!(f, "WRONG  models are fresh\n         {said}"),
            Freshness::Skipped(why) => write!(f, "skip   models are fresh: {why}"),
        }
    }
}

/// Asks the script. Without Python or a package index nothing can be said.
pub fn check(workspace: &Workspace) -> Result<Freshness> {
    if !workspace.path("models/extract.py").exists() {
        return Ok(Freshness::Skipped("there is no models/extract.py".to_owned()));
    }
    let mut extract = Command::new("python3");
    extract.current_dir(&workspace.root).args(["models/extract.py", "--check"]);
    let Ok(result) = extract.output() else {
        return Ok(Freshness::Skipped("there is no python3".to_owned()));
    };
    if result.status.success() {
        return Ok(Freshness::Fresh);
    }
    let said =
        format!("{}{}", String::from_utf8_lossy(&result.stdout), String::from_utf8_lossy(&result.stderr));
    let last = said.trim().lines().last().unwrap_or_default().to_owned();
    // The script could not even begin: no pip, no index, an older Python.
    let cannot = ["CalledProcessError", "ModuleNotFoundError", "No module named", "ConnectionError"];
    if cannot.iter().any(|word| said.contains(word)) {
        return Ok(Freshness::Skipped(format!("the pinned botocore cannot be fetched here ({last})")));
    }
    Ok(Freshness::Stale(last))
}
