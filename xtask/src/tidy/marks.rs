//! No marks of unfinished work and no paths of one machine in what is tracked.

use super::Findings;
use crate::source::has_word;
use crate::workspace::Workspace;
use anyhow::Result;

const KINDS: &[&str] = &[".rs", ".py", ".sh", ".toml", ".md", ".yml"];
/// Papers that speak about the marks.
const EXEMPT: &[&str] = &["STYLE.md", "CONTRIBUTING.md", "xtask/src/tidy/marks.rs"];
const WORDS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];
const CALLS: &[&str] = &["todo!(", "unimplemented!(", "dbg!("];

/// Finds marks and machine paths.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    let mut machine = vec![format!("{}/", workspace.root.display())];
    // A home of one letter more than the root would match everything.
    let homes = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    machine.extend(homes.map(|home| format!("{}/.", home.trim_end_matches('/'))));
    let mut found = Vec::new();
    for file in workspace.files()? {
        if EXEMPT.contains(&file.as_str()) || !KINDS.iter().any(|kind| file.ends_with(kind)) {
            continue;
        }
        let Ok(text) = workspace.read(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(what) = wrong(line, &machine) {
                found.push(format!("{file}:{}: {what}", number + 1));
            }
        }
    }
    Ok(found)
}

fn wrong(line: &str, machine: &[String]) -> Option<String> {
    let word = WORDS.iter().find(|word| has_word(line, word)).map(|word| format!("the mark {word}"));
    let call = || CALLS.iter().find(|call| line.contains(**call)).map(|call| format!("a call of {call}…)"));
    let path = || {
        machine.iter().find(|path| line.contains(path.as_str())).map(|_| "a path of one machine".to_owned())
    };
    word.or_else(call).or_else(path)
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn marks_and_machine_paths_are_found() {
        let machine = ["/srv/checkout/".to_owned()];
        for line in ["// TODO: later", "    todo!()", "see /srv/checkout/target", "dbg!(x)"] {
            assert!(wrong(line, &machine).is_some(), "{line}");
        }
        for line in ["AKIAXXXX", "/srv/elsewhere", "the method", "mastodon!()"] {
            assert!(wrong(line, &machine).is_none(), "{line}");
        }
    }
}
