//! Third-party crates: each is accounted for in `docs/dependencies.md`, and none is under the GPL alone.

use super::Findings;
use crate::workspace::{Workspace, cargo, output};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const PAGE: &str = "docs/dependencies.md";

/// Finds crates without a line, lines without a crate, and licences that we cannot have.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    let manifest = workspace.read("Cargo.toml")?;
    let (used, told) = (in_manifest(&manifest), in_page(&workspace.read(PAGE)?));
    let missing = used.difference(&told).map(|name| format!("{PAGE} does not say why there is {name}"));
    let gone = told
        .difference(&used)
        .map(|name| format!("{PAGE} speaks of {name}, which the root manifest does not name"));
    let mut found: Findings = missing.chain(gone).collect();
    found.extend(bad_licences(workspace)?);
    Ok(found)
}

/// The names in `[workspace.dependencies]` that are not ours.
fn in_manifest(manifest: &str) -> BTreeSet<String> {
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.trim().to_owned()).filter(|name| !name.starts_with("yakumo-")).collect()
}

/// The names at the beginning of the page's table rows.
fn in_page(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name.to_owned()).collect()
}

fn bad_licences(workspace: &Workspace) -> Result<Findings> {
    let mut command = cargo();
    // What other platforms need is not downloaded on this one.
    let host = host()?;
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host.as_str()];
    command.current_dir(&workspace.root).args(arguments);
    let metadata: Value =
        serde_json::from_str(&output(&mut command)?).context("cargo metadata speaks JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata has packages")?;
    let named =
        packages.iter().filter_map(|package| Some((package["name"].as_str()?, package["license"].as_str()?)));
    let bad = named.filter(|(_, licence)| !is_acceptable(licence));
    Ok(bad.map(|(name, licence)| format!("{name} is under {licence}")).collect())
}

/// The platform that the compiler runs on.
fn host() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names its host")
}

/// Whether one of the alternatives does without the GPL.
fn is_acceptable(licence: &str) -> bool {
    licence.replace('/', " OR ").split(" OR ").any(|alternative| !alternative.contains("GPL"))
}

#[cfg(test)]
mod tests {
    use super::{in_manifest, in_page, is_acceptable};

    #[test]
    fn names_are_read_from_manifest_and_page() {
        let manifest = "[workspace.dependencies]\nyakumo-a = { path = \"a\" }\n\n# why\nb = \"1\"\n\n[profile.dev]\nc = 1\n";
        assert_eq!(in_manifest(manifest).into_iter().collect::<Vec<_>>(), ["b"]);
        assert_eq!(in_page("| crate | why |\n| `b` | fast |\n`c`\n").into_iter().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn only_the_gpl_alone_is_refused() {
        for (licence, fine) in [
            ("MIT OR Apache-2.0", true),
            ("MIT/GPL-3.0", true),
            ("MIT OR Apache-2.0 OR LGPL-2.1-or-later", true),
            ("GPL-3.0-only", false),
            ("AGPL-3.0", false),
        ] {
            assert_eq!(is_acceptable(licence), fine, "{licence}");
        }
    }
}
