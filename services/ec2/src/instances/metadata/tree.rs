//! The tree of metadata: names and texts, directories as lists of names. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Texts by their paths; what stands in front of a slash of a path is a directory.
#[derive(Default)]
pub(super) struct Tree {
    texts: BTreeMap<String, String>,
    /// Directories that do not list what is in them by name.
    lists: BTreeMap<String, String>,
}

impl Tree {
    pub(super) fn put(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.texts.insert(path.into(), text.into());
    }

    /// The same unless there is none, or an empty one.
    pub(super) fn put_some(&mut self, path: impl Into<String>, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.put(path, text);
        }
    }

    /// The same for a list, one entry a line.
    pub(super) fn put_all(&mut self, path: impl Into<String>, texts: impl IntoIterator<Item = String>) {
        self.put_some(path, Some(texts.into_iter().collect::<Vec<_>>().join("\n")));
    }

    /// What a directory lists in place of its names.
    pub(super) fn list(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.lists.insert(path.into(), text.into());
    }

    /// The text at a path, or what the directory lists.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let path = path.trim_end_matches('/');
        if let Some(text) = self.lists.get(path).or_else(|| self.texts.get(path)) {
            return Some(text.clone());
        }
        let inside = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = self.texts.range(inside.clone()..).take_while(|(path, _)| path.starts_with(&inside));
        let names: BTreeSet<String> = below
            .filter_map(|(path, _)| path.get(inside.len()..))
            .map(|rest| match rest.split_once('/') {
                Some((directory, _)) => format!("{directory}/"),
                None => rest.to_owned(),
            })
            .collect();
        // AWS: what is directly below a version is listed without slashes.
        let shown = |name: String| if path.is_empty() { name.trim_end_matches('/').to_owned() } else { name };
        (!names.is_empty()).then(|| names.into_iter().map(shown).collect::<Vec<_>>().join("\n"))
    }
}

/// A document as AWS writes it: an object of texts in their order; `None` is null.
pub(super) fn document(members: &[(&str, Option<&str>)]) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let member = |(name, text): &(&str, Option<&str>)| match text {
        Some(text) => format!("  \"{name}\" : \"{}\"", escaped(text)),
        None => format!("  \"{name}\" : null"),
    };
    format!("{{\n{}\n}}", members.iter().map(member).collect::<Vec<_>>().join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::{Tree, document};

    #[test]
    fn directories_list_what_is_in_them() {
        let mut tree = Tree::default();
        tree.put("meta-data/ami-id", "ami-1");
        tree.put("meta-data/iam/info", "{}");
        tree.put("meta-data/iam-not/x", "1");
        tree.put_some("meta-data/public-ipv4", None);
        tree.put_all("meta-data/none", Vec::new());
        tree.put("user-data", "#!");
        for (path, text) in [
            ("", Some("meta-data\nuser-data")),
            ("meta-data", Some("ami-id\niam-not/\niam/")),
            ("meta-data/", Some("ami-id\niam-not/\niam/")),
            ("meta-data/iam", Some("info")),
            ("meta-data/ami-id", Some("ami-1")),
            ("meta-data/public-ipv4", None),
            ("meta", None),
            ("meta-data/ami-id/x", None),
        ] {
            assert_eq!(tree.read(path).as_deref(), text, "{path}");
        }
    }

    #[test]
    fn a_document_is_json() {
        let text = document(&[("a", Some("x\"y")), ("b", None)]);
        assert_eq!(text, "{\n  \"a\" : \"x\\\"y\",\n  \"b\" : null\n}");
    }
}
