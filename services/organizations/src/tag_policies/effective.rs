//! How the tag policies on the way from the root to an account become the one that acts on it. Pure.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_inheritance_mgmt.html>

use crate::tag_policies::document::{Allowed, Block, Operators, SETTINGS, TagDocument};
use serde_json::{Map, Value};
use std::sync::Arc;
use yakumo_room::{TagPolicy, TagRule};

/// An effective tag policy.
#[derive(Debug, Default)]
pub(crate) struct Effective {
    tags: Vec<Tag>,
    children: Allowed,
}

#[derive(Debug)]
struct Tag {
    name: String,
    children: Allowed,
    /// In the order of [`SETTINGS`].
    settings: [Setting; 3],
}

#[derive(Debug, Default)]
struct Setting {
    values: Vec<String>,
    children: Allowed,
    /// Whether a policy of the present level has set it.
    is_set: bool,
}

impl Effective {
    /// Merges the policies of each level, from the root down to the account, in the order of their attachment.
    pub(crate) fn of(levels: &[Vec<Arc<TagDocument>>]) -> Effective {
        let mut effective = Effective::default();
        for level in levels {
            effective.descend(level);
        }
        effective
    }

    fn descend(&mut self, level: &[Arc<TagDocument>]) {
        for tag in &mut self.tags {
            tag.settings.iter_mut().for_each(|setting| setting.is_set = false);
        }
        let inherited = self.tags.len();
        // What is set is set before others add to it, and what is removed is removed from all of that.
        for apply in [Setting::assign, Setting::append, Setting::remove] {
            for block in level.iter().flat_map(|document| &document.blocks) {
                self.merge(block, apply, inherited);
            }
        }
        // AWS: within a level the operators that all policies allow are allowed further down; and what was taken away
        // further up is not given back.
        for document in level {
            self.children = self.children.and(document.children);
            for block in &document.blocks {
                self.restrict(block);
            }
        }
    }

    fn find(&mut self, name: &str) -> Option<usize> {
        self.tags.iter().position(|tag| tag.name.to_lowercase() == name.to_lowercase())
    }

    /// `inherited` is how many tags come from further up: their child control operators bind this level.
    fn merge(&mut self, block: &Block, apply: fn(&mut Setting, &Operators), inherited: usize) {
        let at = match self.find(&block.name) {
            Some(at) => at,
            None if self.children.none() => return,
            None => {
                let settings = std::array::from_fn(|_| Setting::default());
                self.tags.push(Tag { name: block.name.clone(), children: Allowed::default(), settings });
                self.tags.len() - 1
            }
        };
        let tag = &mut self.tags[at];
        for (setting, operators) in tag.settings.iter_mut().zip(&block.settings) {
            let Some(operators) = operators else { continue };
            // Nothing new comes into an element that is closed.
            let is_closed = at < inherited && tag.children.none() && setting.values.is_empty();
            if !is_closed {
                apply(setting, operators);
            }
        }
    }

    fn restrict(&mut self, block: &Block) {
        let Some(at) = self.find(&block.name) else { return };
        let tag = &mut self.tags[at];
        tag.children = tag.children.and(block.children);
        for (setting, operators) in tag.settings.iter_mut().zip(&block.settings) {
            if let Some(operators) = operators {
                setting.children = setting.children.and(operators.children);
            }
        }
    }

    /// The text that DescribeEffectivePolicy shows; nothing when no tag is left.
    pub(crate) fn content(&self) -> Option<String> {
        let mut tags = Map::new();
        for tag in &self.tags {
            let mut shown = Map::new();
            for (name, setting) in SETTINGS.iter().zip(&tag.settings) {
                let mut values = setting.values.iter().cloned().map(Value::String);
                let value = match *name {
                    "tag_key" => values.next(),
                    _ => (!setting.values.is_empty()).then(|| values.collect()),
                };
                shown.extend(value.map(|value| ((*name).to_owned(), value)));
            }
            if !shown.is_empty() {
                tags.insert(tag.name.clone(), Value::Object(shown));
            }
        }
        let content = Map::from_iter([("tags".to_owned(), Value::Object(tags.clone()))]);
        (!tags.is_empty()).then(|| Value::Object(content).to_string())
    }

    /// What of it is enforced; nothing when nothing is.
    pub(crate) fn enforced(&self) -> Option<TagPolicy> {
        let rule = |tag: &Tag| {
            let [key, values, enforced_for] = &tag.settings;
            // AWS: "If case treatment isn't defined, lowercase is the default case treatment for tag keys."
            let key = key.values.first().cloned().unwrap_or_else(|| tag.name.to_lowercase());
            let (values, enforced_for) = (values.values.clone(), enforced_for.values.clone());
            (!enforced_for.is_empty()).then_some(TagRule { key, values, enforced_for })
        };
        let rules: Vec<TagRule> = self.tags.iter().filter_map(rule).collect();
        (!rules.is_empty()).then_some(TagPolicy { rules })
    }
}

impl Setting {
    /// AWS: of two policies on one level that set the same, the first that was attached wins.
    fn assign(&mut self, operators: &Operators) {
        if let Some(values) = operators.assign.as_ref().filter(|_| self.children.assign && !self.is_set) {
            self.values.clone_from(values);
            self.is_set = true;
        }
    }

    fn append(&mut self, operators: &Operators) {
        if self.children.append {
            for value in &operators.append {
                if !self.values.contains(value) {
                    self.values.push(value.clone());
                }
            }
        }
    }

    fn remove(&mut self, operators: &Operators) {
        if self.children.remove {
            self.values.retain(|value| !operators.remove.contains(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Effective;
    use crate::tag_policies::document::TagDocument;
    use serde_json::{Value, json};
    use std::sync::Arc;

    const A: &str = r#"{"tags":{"costcenter":{"tag_key":{"@@assign":"CostCenter"},
        "tag_value":{"@@assign":["Development","Support"]}}}}"#;
    const C: &str = r#"{"tags":{"costcenter":{"tag_key":{"@@assign":"CostCenter"},
        "tag_value":{"@@append":["Marketing"]},"enforced_for":{"@@append":["redshift:*","dynamodb:table"]}}}}"#;
    const E: &str = r#"{"tags":{"project":{
        "tag_key":{"@@operators_allowed_for_child_policies":["@@none"],"@@assign":"Project"},
        "tag_value":{"@@operators_allowed_for_child_policies":["@@append"],"@@assign":["Maintenance","Escalations"]}}}}"#;
    const G: &str = r#"{"tags":{"project":{"tag_value":{"@@operators_allowed_for_child_policies":["@@append"],
        "@@assign":["Maintenance"]}}}}"#;
    const H: &str = r#"{"tags":{"project":{"tag_value":{
        "@@operators_allowed_for_child_policies":["@@append","@@remove"]}}}}"#;

    fn judge(levels: &[&[&str]], wanted: Value) {
        let parse = |text: &&str| Arc::new(TagDocument::parse(text).unwrap_or_else(|| panic!("{text}")));
        let levels: Vec<Vec<_>> = levels.iter().map(|level| level.iter().map(parse).collect()).collect();
        let content = Effective::of(&levels).content();
        let content = content.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        assert_eq!(content, wanted, "{levels:?}");
    }

    /// The examples of AWS's page, by their letters.
    #[test]
    fn awss_examples() {
        let b = r#"{"tags":{"costcenter":{"tag_key":{"@@assign":"CostCenter"},"tag_value":{"@@assign":["Sandbox"]},
            "enforced_for":{"@@assign":["redshift:*","dynamodb:table"]}}}}"#;
        let enforced = json!(["redshift:*", "dynamodb:table"]);
        judge(
            &[&[A], &[b]],
            json!({ "tags": { "costcenter": {
                "tag_key": "CostCenter", "tag_value": ["Sandbox"], "enforced_for": enforced } } }),
        );
        judge(
            &[&[A], &[C]],
            json!({ "tags": { "costcenter": { "tag_key": "CostCenter",
                "tag_value": ["Development", "Support", "Marketing"], "enforced_for": enforced } } }),
        );
        let d = r#"{"tags":{"costcenter":{"tag_value":{"@@remove":["Development","Marketing"]},
            "enforced_for":{"@@remove":["redshift:*","dynamodb:table"]}}}}"#;
        judge(
            &[&[A], &[C], &[d]],
            json!({ "tags": { "costcenter": { "tag_key": "CostCenter", "tag_value": ["Support"] } } }),
        );
        let f = r#"{"tags":{"project":{"tag_key":{"@@assign":"PROJECT"},
            "tag_value":{"@@append":["Escalations - research"]}}}}"#;
        judge(
            &[&[E], &[f]],
            json!({ "tags": { "project": { "tag_key": "Project",
                "tag_value": ["Maintenance", "Escalations", "Escalations - research"] } } }),
        );
        let child = r#"{"tags":{"project":{"tag_value":{"@@append":["More"],"@@remove":["Maintenance"]}}}}"#;
        judge(
            &[&[G, H], &[child]],
            json!({ "tags": { "project": { "tag_value": ["Maintenance", "More"] } } }),
        );
        let j = r#"{"tags":{"project":{"tag_key":{"@@assign":"PROJECT"},"tag_value":{"@@append":["Maintenance"]}}}}"#;
        let k = r#"{"tags":{"project":{"tag_key":{"@@assign":"project"}}}}"#;
        judge(
            &[&[j, k]],
            json!({ "tags": { "project": { "tag_key": "PROJECT", "tag_value": ["Maintenance"] } } }),
        );
    }

    #[test]
    fn what_a_parent_takes_away_no_child_gives_back() {
        let gives =
            r#"{"tags":{"project":{"tag_value":{"@@operators_allowed_for_child_policies":["@@all"]}}}}"#;
        let sets = r#"{"tags":{"Project":{"tag_value":{"@@assign":["Other"]}}}}"#;
        judge(&[&[G], &[gives], &[sets]], json!({ "tags": { "project": { "tag_value": ["Maintenance"] } } }));
        judge(&[&[], &[gives], &[sets]], json!({ "tags": { "project": { "tag_value": ["Other"] } } }));
    }

    #[test]
    fn closed_elements_take_nothing_new_in() {
        let tags = r#"{"tags":{"@@operators_allowed_for_child_policies":["@@none"],"a":{"tag_key":{"@@assign":"A"},
            "@@operators_allowed_for_child_policies":["@@none"]}}}"#;
        let child = r#"{"tags":{"a":{"tag_key":{"@@assign":"a"},"tag_value":{"@@assign":["x"]}},
            "b":{"tag_key":{"@@assign":"b"}}}}"#;
        judge(&[&[tags], &[child]], json!({ "tags": { "a": { "tag_key": "a" } } }));
        judge(
            &[&[], &[child]],
            json!({ "tags": { "a": { "tag_key": "a", "tag_value": ["x"] }, "b": { "tag_key": "b" } } }),
        );
        judge(&[&[], &[]], Value::Null);
    }
}
