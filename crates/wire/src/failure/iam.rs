//! IAM's own texts for names, paths and documents with characters that it does not take.
//!
//! AWS: lengths and the like are judged first, in Coral's words; one that a rule here is for is only named when nothing
//! else is wrong, and alone.

use crate::walk::Violation;

const PATTERN: &str = "Member must satisfy regular expression pattern: ";
const NAME: &str = r"[\w+=,.@-]+";
const ID: &str = r"[\w]+";
const DOCUMENT: &str = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
const DESCRIPTION: &str = r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*";
/// Paths of most things, of policies, and what lists are cut down by.
const PATHS: [&str; 3] =
    [r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", r"\u002F[\u0021-\u007F]*"];

/// All of it: `coral` words what IAM has no text of its own for.
pub(super) fn text(violations: Vec<Violation>, coral: impl Fn(&[Violation]) -> String) -> String {
    let (own, mut others): (Vec<_>, Vec<_>) =
        violations.into_iter().partition(|violation| rule(violation).is_some());
    if let (Some(first), true) = (own.first(), others.is_empty()) {
        let parameter = &first.path;
        return format!(
            "The specified value for {parameter} is invalid. {}",
            rule(first).unwrap_or_default()
        );
    }
    for violation in &mut others {
        // AWS: "Value at 'description' failed to …": <https://github.com/ministackorg/ministack/issues/1411>
        violation.sensitive |= violation.constraint.strip_prefix(PATTERN) == Some(DESCRIPTION);
    }
    coral(&others)
}

/// What is asked of a value.
/// Sources: <https://github.com/shashankprasanna/torchserve-examples/issues/7>,
/// <https://github.com/aws-cloudformation/cfn-lint/issues/722>.
fn rule(violation: &Violation) -> Option<&'static str> {
    let parameter = violation.path.to_ascii_lowercase();
    match violation.constraint.strip_prefix(PATTERN)? {
        NAME => Some("It must contain only alphanumeric characters and/or the following: +=,.@_-"),
        ID if parameter.ends_with("accesskeyid") => Some("It must contain only alphanumeric characters."),
        DOCUMENT if parameter.ends_with("policydocument") => {
            Some("It must contain only printable ASCII characters.")
        }
        pattern if PATHS.contains(&pattern) && parameter.ends_with("pathprefix") => Some(
            "It must begin with the / character and contain only alphanumeric characters and/or / characters.",
        ),
        pattern if PATHS.contains(&pattern) => {
            Some("It must begin and end with / and contain only alphanumeric characters and/or / characters.")
        }
        _ => None,
    }
}
