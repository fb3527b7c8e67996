//! Large files are reported, not forbidden: each is a question to answer, by splitting or by a reason in its first lines.

use crate::workspace::Workspace;
use anyhow::Result;

const LINES_MAX: usize = 800;

/// One line for each large source file, and one for the whole.
pub fn report(workspace: &Workspace) -> Result<Vec<String>> {
    let mut sizes = Vec::new();
    for file in workspace.files()?.into_iter().filter(|file| file.ends_with(".rs") || file.ends_with(".py")) {
        sizes.push((workspace.read(&file)?.lines().count(), file));
    }
    sizes.sort_unstable();
    let at =
        |percent: usize| sizes.get(sizes.len().saturating_sub(1) * percent / 100).map_or(0, |size| size.0);
    let whole = format!("{} source files: median {} lines, p90 {}", sizes.len(), at(50), at(90));
    let large = sizes.iter().rev().take_while(|size| size.0 > LINES_MAX);
    let large = large.map(|(lines, file)| format!("{file} has {lines} lines"));
    Ok(std::iter::once(whole).chain(large).collect())
}
