//! The places that name every room: the root manifest, and cloud's manifest and list of services.

use crate::workspace::Workspace;
use anyhow::{Context, Result};

const ROOT: &str = "Cargo.toml";
const CLOUD: &str = "crates/cloud/Cargo.toml";
const LIST: &str = "crates/cloud/src/services.rs";

/// Adds a room to all of them, or to none when one is not as expected.
pub fn announce(workspace: &Workspace, name: &str) -> Result<()> {
    let root = workspace.read(ROOT)?;
    let root = after_last(&root, "yakumo-api-", &format!("yakumo-api-{name} = {{ path = \"apis/{name}\" }}"))
        .and_then(|text| after_last_path(&text, &format!("yakumo-{name} = {{ path = \"services/{name}\" }}")))
        .with_context(|| format!("{ROOT} lists no rooms"))?;
    let cloud = workspace.read(CLOUD)?;
    let cloud = after_last(&cloud, "yakumo-", &format!("yakumo-{name}.workspace = true"))
        .with_context(|| format!("{CLOUD} uses no rooms"))?;
    let list = workspace.read(LIST)?;
    let room = format!("yakumo_{}::room(&base)", name.replace('-', "_"));
    let list = into_vec(&list, &room).with_context(|| format!("{LIST} has no `vec![` of rooms"))?;
    for (file, text) in [(ROOT, root), (CLOUD, cloud), (LIST, list)] {
        std::fs::write(workspace.path(file), text).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

/// The text with `line` behind the last line that begins with `prefix`.
fn after_last(text: &str, prefix: &str, line: &str) -> Option<String> {
    insert_after(text, line, |candidate| candidate.starts_with(prefix))
}

fn after_last_path(text: &str, line: &str) -> Option<String> {
    insert_after(text, line, |candidate| candidate.contains("path = \"services/"))
}

fn insert_after(text: &str, line: &str, is_place: impl Fn(&str) -> bool) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|candidate| is_place(candidate))?;
    lines.insert(last + 1, line);
    Some(lines.join("\n") + "\n")
}

/// The text with one more element at the end of its first `vec![…]`.
fn into_vec(text: &str, element: &str) -> Option<String> {
    let begin = text.find("vec![")? + "vec![".len();
    let length = text.get(begin..)?.find(']')?;
    let (before, after) = (text.get(..begin + length)?, text.get(begin + length..)?);
    let kept = before.trim_end().trim_end_matches(',');
    let comma = if kept.ends_with('[') { "" } else { ", " };
    Some(format!("{kept}{comma}{element}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{after_last, into_vec};

    #[test]
    fn a_line_goes_behind_its_like() {
        let text = "a\nyakumo-x = 1\nyakumo-y = 2\nb\n";
        assert_eq!(
            after_last(text, "yakumo-", "new").as_deref(),
            Some("a\nyakumo-x = 1\nyakumo-y = 2\nnew\nb\n")
        );
        assert_eq!(after_last("a\n", "yakumo-", "new"), None);
    }

    #[test]
    fn the_list_of_rooms_grows() {
        assert_eq!(into_vec("vec![]", "sns").as_deref(), Some("vec![sns]"));
        assert_eq!(into_vec("vec![iam, sts];", "sns").as_deref(), Some("vec![iam, sts, sns];"));
        assert_eq!(
            into_vec("vec![\n    iam,\n    sts,\n];", "sns").as_deref(),
            Some("vec![\n    iam,\n    sts, sns];")
        );
    }
}
