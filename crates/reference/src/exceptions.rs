//! Where access rules differ from the reference with a reason: `reference/exceptions.txt`, one a line.
//!
//! A test of `crates/cloud` fails when one of them no longer is an exception.

use std::sync::LazyLock;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub enum Exception {
    /// `operation MODEL OPERATION ACTION`: the operation is covered by an action of another name.
    Operation {
        /// The model's name.
        model: &'static str,
        /// The operation's name.
        operation: &'static str,
        /// The action that covers it.
        action: &'static str,
    },
    /// `action ACTION`: asked for although the reference does not know it.
    Action(&'static str),
    /// `resource ACTION ARN …`: the action is also about resources of these shapes.
    Resource {
        /// The action.
        action: &'static str,
        /// What their ARNs look like.
        arns: Vec<&'static str>,
    },
    /// `given MODEL OPERATION`: the resource is what the client wrote, which may be no ARN of the right kind.
    Given {
        /// The model's name.
        model: &'static str,
        /// The operation's name.
        operation: &'static str,
    },
    /// `key ACTION KEY …`: requests for the action have these condition keys.
    Key {
        /// The action.
        action: &'static str,
        /// The keys, which may hold variables.
        keys: Vec<&'static str>,
    },
}

static ALL: LazyLock<Vec<Exception>> = LazyLock::new(|| {
    let lines = include_str!("../../../reference/exceptions.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| read(line).expect("a test reads every exception")).collect()
});

/// All of them.
pub fn exceptions() -> &'static [Exception] {
    &ALL
}

fn read(line: &'static str) -> Option<Exception> {
    let (fact, reason) = line.split_once(" | ")?;
    if reason.trim().is_empty() {
        return None;
    }
    let words: Vec<&'static str> = fact.split_whitespace().collect();
    Some(match words[..] {
        ["operation", model, operation, action] => Exception::Operation { model, operation, action },
        ["action", action] => Exception::Action(action),
        ["resource", action, ref arns @ ..] if !arns.is_empty() => {
            Exception::Resource { action, arns: arns.to_vec() }
        }
        ["given", model, operation] => Exception::Given { model, operation },
        ["key", action, ref keys @ ..] if !keys.is_empty() => Exception::Key { action, keys: keys.to_vec() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Exception, exceptions, read};

    #[test]
    fn every_exception_has_a_reason() {
        assert!(!exceptions().is_empty());
        assert_eq!(read("action sqs:Sing | it is"), Some(Exception::Action("sqs:Sing")));
        for wrong in ["action sqs:Sing", "action sqs:Sing | ", "given | why", "x y | why"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
