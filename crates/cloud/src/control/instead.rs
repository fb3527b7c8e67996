//! With which condition keys a denied request would have been allowed: guessed from the conditions that stood in the way.
//!
//! Invariant: what is told was tried: the same policies allow the same request with these keys.

use std::collections::BTreeMap;
use yakumo_policy::{Change, MetCondition, Miss, Remedy, Step};
use yakumo_room::Decided;

/// How many combinations of keys are tried for one way out.
const TRIES_MAX: usize = 256;
/// How many are told.
const TOLD_MAX: usize = 3;

type Keys = BTreeMap<String, Vec<String>>;
/// A key with values that may help.
type Guess = (String, Vec<Vec<String>>);

/// Sets of condition keys that would have made the difference, none of them more than once.
pub(crate) fn find(decided: &Decided, remedies: &[Remedy]) -> Vec<Keys> {
    let mut found: Vec<Keys> = Vec::new();
    for remedy in remedies {
        let Some(ways) = ways(&remedy.steps) else { continue };
        for guesses in ways {
            if let Some(keys) = attempt(decided, &guesses)
                && !found.contains(&keys)
            {
                found.push(keys);
            }
        }
    }
    found.truncate(TOLD_MAX);
    found
}

/// For each way of meeting all steps by the request alone: the keys that it would need, with guesses. `None` when a
/// step needs another policy.
fn ways(steps: &[Step]) -> Option<Vec<Vec<Guess>>> {
    let mut ways: Vec<Vec<Guess>> = vec![Vec::new()];
    for step in steps {
        let choices: Vec<Vec<Guess>> = match &step.change {
            // One condition that is not met any more is enough.
            Change::LiftDeny { met, .. } => met.iter().map(|met| vec![lifted(met)]).collect(),
            Change::AddAllow { near, .. } => {
                near.iter().map(|reason| reason.misses.iter().filter_map(granted).collect()).collect()
            }
        };
        if choices.is_empty() || ways.len() * choices.len() > TRIES_MAX {
            return None;
        }
        let with =
            |way: &Vec<Guess>| choices.iter().map(|choice| [way.clone(), choice.clone()].concat()).collect();
        ways = ways.iter().flat_map::<Vec<_>, _>(with).collect();
    }
    Some(ways)
}

/// Tries the guesses in all combinations; the first that helps is the answer.
fn attempt(decided: &Decided, guesses: &[Guess]) -> Option<Keys> {
    let combinations =
        guesses.iter().try_fold(1_usize, |count, (_, values)| count.checked_mul(values.len()))?;
    for number in 0..combinations.min(TRIES_MAX) {
        let mut rest = number;
        let mut keys = Vec::new();
        for (key, values) in guesses {
            let value = values.get(rest % values.len())?;
            rest /= values.len();
            keys.push((key.clone(), value.clone()));
        }
        if decided.would_allow(&keys) {
            return Some(keys.into_iter().collect());
        }
    }
    None
}

/// Values with which an Allow's condition would be met.
fn granted(miss: &Miss) -> Option<Guess> {
    let Miss::Condition { operator, key, wanted, .. } = miss else { return None };
    let (operator, mut guesses) = (base(operator), Vec::new());
    match operator {
        "Null" => guesses.push(if wanted.iter().any(|value| value == "true") { vec![] } else { one("0") }),
        operator if operator.contains("Not") => guesses.push(vec![]),
        operator => guesses.extend(wanted.iter().filter_map(|value| meets(operator, value)).map(one)),
    }
    // ForAllValues is met by an empty set.
    guesses.push(vec![]);
    Some((key.clone(), guesses))
}

/// Values with which a Deny's condition would not be met.
fn lifted(met: &MetCondition) -> Guess {
    let (operator, wanted) = (base(&met.operator), &met.wanted);
    let mut guesses = Vec::new();
    match operator {
        "Null" => guesses.push(if wanted.iter().any(|value| value == "true") { one("0") } else { vec![] }),
        "Bool" => {
            guesses.extend(wanted.iter().map(|value| one(if value == "true" { "false" } else { "true" })))
        }
        operator if operator.contains("Not") => {
            let opposite = operator.replace("Not", "");
            guesses.extend(wanted.iter().filter_map(|value| meets(&opposite, value)).map(one));
        }
        operator => guesses.extend(wanted.iter().filter_map(|value| misses(operator, value)).map(one)),
    }
    guesses.push(vec![]);
    (met.key.clone(), guesses)
}

/// The operator without its set prefix and without `IfExists`.
fn base(operator: &str) -> &str {
    let name = operator.rsplit(':').next().unwrap_or(operator);
    name.strip_suffix("IfExists").unwrap_or(name)
}

fn one(value: impl Into<String>) -> Vec<String> {
    vec![value.into()]
}

/// A value that meets a condition of this operator.
fn meets(operator: &str, wanted: &str) -> Option<String> {
    if wanted.contains("${") {
        return None;
    }
    match operator {
        "IpAddress" => wanted.split('/').next().map(str::to_owned),
        "StringLike" | "ArnLike" | "ArnEquals" => Some(wanted.replace(['*', '?'], "x")),
        "NumericLessThan" => shifted(wanted, -1),
        "NumericGreaterThan" => shifted(wanted, 1),
        operator if operator.starts_with("Date") && !operator.ends_with("Equals") => None,
        _ => Some(wanted.to_owned()),
    }
}

/// A value that does not meet a condition of this operator, where one follows from what it wants.
fn misses(operator: &str, wanted: &str) -> Option<String> {
    match operator {
        "NumericLessThan" | "NumericGreaterThan" => Some(wanted.to_owned()),
        "NumericLessThanEquals" => shifted(wanted, 1),
        "NumericGreaterThanEquals" => shifted(wanted, -1),
        _ => None,
    }
}

fn shifted(number: &str, by: i64) -> Option<String> {
    Some(number.parse::<i64>().ok()?.checked_add(by)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::{base, meets, misses};

    #[test]
    fn guesses_follow_the_operator() {
        assert_eq!(base("ForAnyValue:StringEqualsIfExists"), "StringEquals");
        for (operator, wanted, expected) in [
            ("Bool", "true", Some("true")),
            ("IpAddress", "10.0.0.0/8", Some("10.0.0.0")),
            ("StringLike", "team-*", Some("team-x")),
            ("NumericLessThan", "3600", Some("3599")),
            ("NumericGreaterThan", "9223372036854775807", None),
            ("DateLessThan", "2020-01-01T00:00:00Z", None),
            ("StringEquals", "${aws:username}", None),
        ] {
            assert_eq!(meets(operator, wanted).as_deref(), expected, "{operator} {wanted}");
        }
        assert_eq!(misses("NumericLessThanEquals", "5").as_deref(), Some("6"));
        assert_eq!(misses("StringEquals", "a"), None);
    }
}
