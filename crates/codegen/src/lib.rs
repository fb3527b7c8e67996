//! Turns compact API models into Rust and into packed models, for build scripts and tests.
//!
//! Invariant: what `rust` numbers (members of a structure, in the order of the text) and what `pack` numbers is the same.

mod api;
mod names;
mod overlay;
mod pack;
mod parse;
mod reach;
mod rust;

pub use api::{Api, Kind, Member, Operation, Shape};
pub use overlay::apply as apply_overlay;
pub use pack::pack;
pub use parse::{parse, parse_many};
pub use rust::{Listed, rust};

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Reads `<models>/<service>.api` and its overlay, when there is one.
pub fn load(models: &Path, service: &str) -> Result<Api> {
    let path = models.join(format!("{service}.api"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut api = parse(&text).with_context(|| path.display().to_string())?;
    let overlay = models.join("overlays").join(format!("{service}.toml"));
    if overlay.exists() {
        let text = std::fs::read_to_string(&overlay).with_context(|| overlay.display().to_string())?;
        apply_overlay(&mut api, &text).with_context(|| overlay.display().to_string())?;
    }
    Ok(api)
}

/// For the build script of `apis/<service>`: writes `$OUT_DIR/api.rs` for the operations in `operations.txt`
/// (one name a line; `#` begins a comment).
pub fn generate(service: &str) -> Result<()> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").context("run from a build script")?);
    let models = here.join("../../models");
    let list = here.join("operations.txt");
    for path in
        [&list, &models.join(format!("{service}.api")), &models.join(format!("overlays/{service}.toml"))]
    {
        rerun_if_changed(path);
    }
    let api = load(&models, service)?;
    let text = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let listed = Listed::parse(&text);
    let out = PathBuf::from(std::env::var("OUT_DIR").context("run from a build script")?);
    std::fs::write(out.join("api.rs"), rust(&api, &listed)?)?;
    Ok(())
}

/// Tells cargo that this file is an input of the build script.
#[allow(clippy::print_stdout, reason = "standard output is how a build script talks to cargo")]
pub fn rerun_if_changed(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
