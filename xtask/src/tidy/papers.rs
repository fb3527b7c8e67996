//! Papers that tell the truth: every path in a document exists, and ARCHITECTURE.md stays short.

use super::Findings;
use crate::workspace::Workspace;
use anyhow::Result;
use std::collections::BTreeSet;

const ARCHITECTURE_LINES_MAX: usize = 250;

/// Finds paths in documents that lead nowhere.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    let files = workspace.files()?;
    let tops: BTreeSet<&str> =
        files.iter().filter_map(|file| file.split_once('/').map(|(top, _)| top)).collect();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".md")) {
        let text = workspace.read(file)?;
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for span in code_spans(&text).into_iter().filter(|span| is_path(span, &tops)) {
            if !exists(workspace, folder, &span) {
                found.push(format!("{file}: `{span}` does not exist"));
            }
        }
        for link in links(&text) {
            let path = workspace.path(folder).join(link.split('#').next().unwrap_or_default());
            if !path.exists() {
                found.push(format!("{file}: the link to {link} leads nowhere"));
            }
        }
        if file == "ARCHITECTURE.md" && text.lines().count() > ARCHITECTURE_LINES_MAX {
            found.push(format!("{file} has more than {ARCHITECTURE_LINES_MAX} lines"));
        }
    }
    Ok(found)
}

/// The texts between single backticks, code blocks left out.
fn code_spans(text: &str) -> Vec<String> {
    prose(text)
        .iter()
        .flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The targets of `[text](target)` that lie in the repository.
fn links(text: &str) -> Vec<String> {
    let targets = prose(text).into_iter().flat_map(|line| {
        let parts =
            line.split("](").skip(1).map(|part| part.split(')').next().unwrap_or_default().to_owned());
        parts.collect::<Vec<_>>()
    });
    targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']) && !target.is_empty())
        .collect()
}

fn prose(text: &str) -> Vec<&str> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            lines.push(line);
        }
    }
    lines
}

/// Whether a code span speaks of a file of this repository: it begins with one of its folders, or with `src/`.
fn is_path(span: &str, tops: &BTreeSet<&str>) -> bool {
    let plain = span.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/*<>".contains(letter));
    let top = span.split_once('/').map(|(top, _)| top);
    // What cargo makes, and what only exists in a running cloud, is not in the repository.
    plain && top.is_some_and(|top| top == "src" || tops.contains(top))
}

/// Whether the path exists from the root or beside the document. What follows a placeholder (`*`, `<name>`, `NAME`) is
/// not looked at, but the folder before it must exist.
fn exists(workspace: &Workspace, folder: &str, span: &str) -> bool {
    let known: Vec<&str> = span.split('/').take_while(|part| !is_placeholder(part)).collect();
    let path = known.join("/");
    workspace.path(&path).exists() || workspace.path(folder).join(&path).exists()
}

fn is_placeholder(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default();
    let shouted = stem.len() > 1 && stem.chars().all(|letter| letter.is_ascii_uppercase());
    part.contains(['*', '<'])
        || ((shouted || stem.starts_with("NNNN")) && !matches!(stem, "README" | "SOURCE" | "FORMAT"))
}

#[cfg(test)]
mod tests {
    use super::{code_spans, is_path, is_placeholder, links};
    use std::collections::BTreeSet;

    #[test]
    fn spans_and_links_are_found_outside_of_blocks() {
        let text =
            "see `crates/aws` and [this](docs/guide.md#x), not [that](https://a.b)\n```\n`no/such`\n```\n";
        assert_eq!(code_spans(text), ["crates/aws"]);
        assert_eq!(links(text), ["docs/guide.md#x"]);
    }

    #[test]
    fn only_paths_of_ours_count() {
        let tops = BTreeSet::from(["crates", "services"]);
        for (span, ours) in [
            ("crates/aws", true),
            ("services/<name>/src", true),
            ("src/lib.rs", true),
            ("text/html", false),
            ("sqs:SendMessage", false),
            ("crates/aws is a leaf", false),
            ("Cargo.toml", false),
        ] {
            assert_eq!(is_path(span, &tops), ours, "{span}");
        }
    }

    #[test]
    fn placeholders() {
        for (part, is) in [
            ("NAME", true),
            ("NAME.api", true),
            ("*.api", true),
            ("<x>", true),
            ("README.md", false),
            ("sqs", false),
        ] {
            assert_eq!(is_placeholder(part), is, "{part}");
        }
    }
}
