//! Every operation that a room registers is exercised by at least one test.
//!
//! Exceptions stand in `xtask/untested.txt`, which may only shrink: a line there that is tested, or not registered, is
//! itself a finding, and so is a list that is longer than its first line allows.

use super::Findings;
use crate::rooms;
use crate::source::{has_word, snake, split_tests};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::collections::BTreeSet;

const EXCEPTIONS: &str = "xtask/untested.txt";
const LIMIT: &str = "# at most ";

/// Finds operations without a test, and exceptions that are none any more.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    let tests = test_texts(workspace)?;
    let (mut found, mut registered) = (Vec::new(), BTreeSet::new());
    let text = workspace.read(EXCEPTIONS)?;
    let excused = exceptions(&text);
    for room in rooms::all(workspace)? {
        for row in &room.rows {
            let name = format!("{}:{}", room.name, row.operation);
            let is_tested =
                tests.iter().any(|(file, text)| belongs(file, &room.name) && exercises(text, &row.operation));
            match (is_tested, excused.contains(name.as_str())) {
                (false, false) => found.push(format!("no test exercises {name}")),
                (true, true) => found.push(format!("{name} is tested: take it out of {EXCEPTIONS}")),
                _ => {}
            }
            registered.insert(name);
        }
    }
    let gone = excused.iter().filter(|name| !registered.contains(**name));
    found.extend(gone.map(|name| format!("{EXCEPTIONS} names {name}, which no room registers")));
    let limit = limit(&text).with_context(|| format!("{EXCEPTIONS} begins with `{LIMIT}N`"))?;
    if excused.len() > limit {
        found.push(format!("{EXCEPTIONS} has {} lines, at most {limit} are allowed", excused.len()));
    }
    Ok(found)
}

fn exceptions(text: &str) -> BTreeSet<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn limit(text: &str) -> Option<usize> {
    text.lines().next()?.strip_prefix(LIMIT)?.split_whitespace().next()?.parse().ok()
}

/// A room's own tests and the stories count; another room's tests do not.
fn belongs(file: &str, room: &str) -> bool {
    file.starts_with("stories/") || file.starts_with(&format!("services/{room}/"))
}

/// Whether a test calls the operation, in the spelling of boto3 and handlers, of the wire, or of the AWS CLI.
fn exercises(text: &str, operation: &str) -> bool {
    let snake = snake(operation);
    has_word(text, &snake) || has_word(text, operation) || has_word(text, &snake.replace('_', "-"))
}

/// The texts of all tests: test folders, test modules, stories.
fn test_texts(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for file in workspace.files()? {
        let in_room = file.starts_with("services/") && file.ends_with(".rs");
        let in_story = file.starts_with("stories/") && file.ends_with(".py");
        if in_story || (in_room && file.contains("/tests")) {
            let text = workspace.read(&file)?;
            texts.push((file, text));
        } else if in_room {
            let tests = split_tests(&workspace.read(&file)?).1.to_owned();
            texts.push((file, tests));
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::{belongs, exceptions, exercises, limit};

    #[test]
    fn every_spelling_counts_and_no_longer_name_does() {
        for text in ["sqs.send_message(QueueUrl=url)", "post(\"SendMessage\")", "aws sqs send-message"] {
            assert!(exercises(text, "SendMessage"), "{text}");
        }
        assert!(!exercises("sqs.send_message_batch(x)", "SendMessage"));
        assert!(!exercises("", "SendMessage"));
    }

    #[test]
    fn another_rooms_tests_do_not_count() {
        assert!(belongs("services/sqs/tests/it.rs", "sqs") && belongs("stories/test_sqs.py", "sqs"));
        assert!(!belongs("services/iam/tests/it.rs", "sqs"));
    }

    #[test]
    fn exceptions_have_a_limit() {
        let text = "# at most 1 lines\n\nsqs:SendMessage\n";
        assert_eq!(limit(text), Some(1));
        assert_eq!(exceptions(text).len(), 1);
        assert_eq!(limit("sqs:SendMessage"), None);
    }
}
