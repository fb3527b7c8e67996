//! The grammar of tag policies: what may be written, and what of it nothing here would act on.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_example-tag-policies.html>

use crate::error;
use serde_json::{Map, Value};
use yakumo_aws::Result;
use yakumo_room::World;

/// AWS: the most characters of a tag policy
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>).
const CHARS_MAX: usize = 10_000;
/// AWS: the longest key and the longest value of a tag.
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;
const CHILD_CONTROL: &str = "@@operators_allowed_for_child_policies";

/// The setting that asks for reports.
const REPORT: &str = "report_required_tag_for";

/// The operators that policies further down may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub assign: bool,
    pub append: bool,
    pub remove: bool,
}

/// What a policy says of one setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operators {
    pub assign: Option<Vec<String>>,
    pub append: Vec<String>,
    pub remove: Vec<String>,
    pub children: Allowed,
}

/// The settings of a tag.
pub(crate) const SETTINGS: [&str; 3] = ["tag_key", "tag_value", "enforced_for"];

/// What a policy says of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The policy key, as written.
    pub name: String,
    /// In the order of [`SETTINGS`].
    pub settings: [Option<Operators>; 3],
    pub children: Allowed,
}

/// A tag policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagDocument {
    pub blocks: Vec<Block>,
    pub children: Allowed,
}

impl Default for Allowed {
    fn default() -> Allowed {
        Allowed { assign: true, append: true, remove: true }
    }
}

impl Allowed {
    pub(crate) fn none(self) -> bool {
        !(self.assign || self.append || self.remove)
    }

    /// What both allow.
    pub(crate) fn and(self, other: Allowed) -> Allowed {
        Allowed {
            assign: self.assign && other.assign,
            append: self.append && other.append,
            remove: self.remove && other.remove,
        }
    }
}

/// Reads a tag policy and refuses what is none, what is too long, and what would be kept without acting in this world.
pub(crate) fn check(world: &World, content: &str) -> Result<()> {
    if content.chars().count() > CHARS_MAX {
        return Err(error::policy_too_large());
    }
    let document = TagDocument::parse(content)
        .ok_or_else(|| if reports(content) { error::not_implemented(REPORT) } else { error::wrong_type() })?;
    let settings = document.blocks.iter().filter_map(|block| block.settings[2].as_ref());
    for operators in settings {
        let named = operators.assign.iter().flatten().chain(&operators.append);
        for resource_type in named {
            if !acts(world, resource_type) {
                return Err(error::not_implemented(&format!("enforced_for {resource_type}")));
            }
        }
    }
    Ok(())
}

/// Whether a text asks for reports of what lacks a tag: AWS has them, nothing here makes them.
fn reports(content: &str) -> bool {
    let document: Value = serde_json::from_str(content).unwrap_or_default();
    let tags = document.get("tags").and_then(Value::as_object);
    tags.is_some_and(|tags| tags.values().any(|block| block.get(REPORT).is_some()))
}

/// Whether enforcement on this type is real: a room of this cloud enforces it, or there is no such service, so that
/// nothing of its types can be tagged.
fn acts(world: &World, resource_type: &str) -> bool {
    let Some((service, kind)) = resource_type.split_once(':') else { return false };
    let Some(room) = world.room(service) else { return true };
    let types = room.tagged().types;
    types.contains(&kind) || (!types.is_empty() && matches!(kind, "*" | "ALL_SUPPORTED"))
}

impl TagDocument {
    /// The policy in a text; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<TagDocument> {
        let Ok(Value::Object(mut top)) = serde_json::from_str(text) else { return None };
        let Some(Value::Object(mut tags)) = top.remove("tags") else { return None };
        let children = children(&mut tags)?;
        let blocks = tags.into_iter().map(|(name, block)| Block::parse(name, block));
        let blocks = blocks.collect::<Option<Vec<_>>>()?;
        // Two spellings of one key would be two statements about one tag.
        let mut names: Vec<String> = blocks.iter().map(|block| block.name.to_lowercase()).collect();
        names.sort();
        let is_unique = names.windows(2).all(|pair| pair[0] != pair[1]);
        (top.is_empty() && is_unique).then_some(TagDocument { blocks, children })
    }
}

impl Block {
    fn parse(name: String, block: Value) -> Option<Block> {
        let Value::Object(mut block) = block else { return None };
        let children = children(&mut block)?;
        let mut settings = [None, None, None];
        for (setting, slot) in SETTINGS.iter().zip(&mut settings) {
            if let Some(value) = block.remove(*setting) {
                *slot = Some(Operators::parse(setting, value)?);
            }
        }
        let is_name = !name.is_empty() && name.chars().count() <= KEY_CHARS_MAX && !name.starts_with("@@");
        // AWS: "The value for the tag key must match the value for the policy key", but for its case.
        let key = settings[0].as_ref().and_then(|key: &Operators| key.assign.as_ref()?.first());
        let is_key = key.is_none_or(|key| key.to_lowercase() == name.to_lowercase());
        (block.is_empty() && is_name && is_key).then_some(Block { name, settings, children })
    }
}

impl Operators {
    fn parse(setting: &str, value: Value) -> Option<Operators> {
        let Value::Object(mut operators) = value else { return None };
        let children = children(&mut operators)?;
        let is_value: fn(&str) -> bool = match setting {
            "tag_key" => |_| true,
            "tag_value" => |text| text.chars().count() <= VALUE_CHARS_MAX && text.matches('*').count() <= 1,
            _ => is_resource_type,
        };
        let mut take = |operator: &str| match operators.remove(operator) {
            // The key is one text, the others are lists.
            Some(Value::String(text)) if setting == "tag_key" => Some(Some(vec![text])),
            Some(Value::Array(texts)) if setting != "tag_key" => {
                let texts = texts.into_iter().map(|text| match text {
                    Value::String(text) if is_value(&text) => Some(text),
                    _ => None,
                });
                Some(Some(texts.collect::<Option<Vec<_>>>()?))
            }
            Some(_) => None,
            None => Some(None),
        };
        let assign = take("@@assign")?;
        // AWS: a key has one value, so nothing can be added to it or taken from it.
        let (append, remove) = match setting {
            "tag_key" => (None, None),
            _ => (take("@@append")?, take("@@remove")?),
        };
        let (append, remove) = (append.unwrap_or_default(), remove.unwrap_or_default());
        operators.is_empty().then_some(Operators { assign, append, remove, children })
    }
}

/// `service:type`; neither stands for all services.
fn is_resource_type(text: &str) -> bool {
    let Some((service, kind)) = text.split_once(':') else { return false };
    let is_word = |text: &str, more: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || more.contains(&c))
    };
    is_word(service, &[]) && (kind == "*" || is_word(kind, &['/', '_', ':']))
}

/// What an element says of the policies further down; `None` when that is malformed.
fn children(element: &mut Map<String, Value>) -> Option<Allowed> {
    let Some(control) = element.remove(CHILD_CONTROL) else { return Some(Allowed::default()) };
    let Value::Array(names) = control else { return None };
    let names = names.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    match names.as_slice() {
        ["@@all"] => Some(Allowed::default()),
        ["@@none"] => Some(Allowed { assign: false, append: false, remove: false }),
        [] => None,
        names => {
            let is_known = |name: &&str| matches!(*name, "@@assign" | "@@append" | "@@remove");
            let has = |name: &str| names.contains(&name);
            let allowed =
                Allowed { assign: has("@@assign"), append: has("@@append"), remove: has("@@remove") };
            names.iter().all(is_known).then_some(allowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TagDocument;

    #[test]
    fn only_the_grammar_of_tag_policies_is_read() {
        for (text, is_policy) in [
            (r#"{"tags":{}}"#, true),
            (r#"{"tags":{"a":{}}}"#, true),
            (r#"{"tags":{"costcenter":{"tag_key":{"@@assign":"CostCenter"}}}}"#, true),
            (r#"{"tags":{"a":{"tag_value":{"@@append":["x","*@y"],"@@remove":["z"]}}}}"#, true),
            (
                r#"{"tags":{"a":{"enforced_for":{"@@assign":["ec2:instance","sqs:*","s3:ALL_SUPPORTED"]}}}}"#,
                true,
            ),
            (r#"{"tags":{"a":{"tag_key":{"@@operators_allowed_for_child_policies":["@@none"]}}}}"#, true),
            (r#"{"tags":{"@@operators_allowed_for_child_policies":["@@assign","@@append"]}}"#, true),
            ("", false),
            ("[]", false),
            ("{}", false),
            (r#"{"Tags":{}}"#, false),
            (r#"{"tags":{},"more":{}}"#, false),
            (r#"{"tags":{"a":{"tag_key":{"@@assign":"b"}}}}"#, false),
            (r#"{"tags":{"a":{"tag_key":{"@@append":"a"}}}}"#, false),
            (r#"{"tags":{"a":{"tag_key":{"@@assign":["a"]}}}}"#, false),
            (r#"{"tags":{"a":{"tag_key":"a"}}}"#, false),
            (r#"{"tags":{"a":{"tag_value":{"@@assign":"x"}}}}"#, false),
            (r#"{"tags":{"a":{"tag_value":{"@@assign":["*@*"]}}}}"#, false),
            (r#"{"tags":{"a":{"tag_value":{"@@set":["x"]}}}}"#, false),
            (r#"{"tags":{"a":{"enforced_for":{"@@assign":["*:*"]}}}}"#, false),
            (r#"{"tags":{"a":{"enforced_for":{"@@assign":["sqs"]}}}}"#, false),
            (r#"{"tags":{"a":{},"A":{}}}"#, false),
            (
                r#"{"tags":{"a":{"tag_key":{"@@operators_allowed_for_child_policies":["@@none","@@all"]}}}}"#,
                false,
            ),
            (r#"{"tags":{"a":{"report_required_tag_for":{"@@assign":["sqs:queue"]}}}}"#, false),
        ] {
            assert_eq!(TagDocument::parse(text).is_some(), is_policy, "{text}");
        }
    }
}
