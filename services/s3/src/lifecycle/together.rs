//! What the parts of a lifecycle rule must be to each other.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
//!
//! Invariant: a rule that passes has an order of its actions that can be carried out.

use crate::error;
use crate::state::lifecycle::{Move, Rule};
use yakumo_aws::{Error, Result};

fn argument(text: String) -> Error {
    Error::sender("InvalidArgument", text)
}

/// Checks a rule as a whole.
///
/// # Errors
/// In AWS's words, as far as its users have seen them.
pub fn check(rule: &Rule) -> Result<()> {
    if rule.expiration.is_none()
        && rule.noncurrent_expiration.is_none()
        && rule.transitions.is_empty()
        && rule.noncurrent_transitions.is_empty()
        && rule.abort_days.is_none()
    {
        return Err(error::invalid_request("At least one action needs to be specified in a rule"));
    }
    check_filter(rule)?;
    check_classes(rule, &rule.transitions, "Transition")?;
    check_classes(rule, &rule.noncurrent_transitions, "NoncurrentVersionTransition")?;
    check_kinds(rule)?;
    check_distances(rule, &rule.transitions, "Days", "Transition")?;
    check_distances(rule, &rule.noncurrent_transitions, "NoncurrentDays", "NoncurrentVersionTransition")?;
    check_ends(rule)
}

/// What is no matter of single objects is not filtered by what they are.
fn check_filter(rule: &Rule) -> Result<()> {
    let filter = rule.filter.as_ref();
    let by_tags = filter.is_some_and(|filter| !filter.tags.is_empty());
    let by_sizes = filter
        .is_some_and(|filter| filter.larger_than_bytes.is_some() || filter.smaller_than_bytes.is_some());
    let markers = rule.expiration.is_some_and(|expiration| expiration.markers == Some(true));
    for (is_there, what) in [
        (rule.abort_days.is_some(), "AbortIncompleteMultipartUpload"),
        (markers, "ExpiredObjectDeleteMarker"),
    ] {
        if is_there && by_tags {
            return Err(error::invalid_request(&format!("{what} cannot be specified with Tags.")));
        }
        if is_there && by_sizes {
            return Err(error::invalid_request(&format!("{what} cannot be specified with Object Size.")));
        }
    }
    Ok(())
}

/// A rule's filter as errors show it. Seen: `(prefix=)`, and `()` where it says nothing.
fn filter(rule: &Rule) -> String {
    match rule.filter.as_ref().is_some_and(|filter| filter.prefix.is_none()) {
        true => "()".to_owned(),
        false => format!("(prefix={})", rule.prefix()),
    }
}

fn check_classes(rule: &Rule, steps: &[Move], action: &str) -> Result<()> {
    let is_twice = |(at, step): (usize, &Move)| steps.iter().take(at).any(|other| other.class == step.class);
    match steps.iter().enumerate().any(is_twice) {
        false => Ok(()),
        true => Err(error::invalid_request(&format!(
            "'StorageClass' must be different for '{action}' actions in same 'Rule' with filter '{}'",
            filter(rule)
        ))),
    }
}

/// One rule counts in days or names dates.
fn check_kinds(rule: &Rule) -> Result<()> {
    let by_days = rule.transitions.iter().any(|step| step.days.is_some());
    let by_dates = rule.transitions.iter().any(|step| step.date.is_some());
    let end = rule.expiration.unwrap_or_default();
    let mixed = match (by_days && by_dates, by_days && end.date.is_some() || by_dates && end.days.is_some()) {
        (true, _) => "Transition",
        (_, true) => "Expiration and Transition",
        _ => return Ok(()),
    };
    Err(error::invalid_request(&format!(
        "Found mixed 'Date' and 'Days' based {mixed} actions in lifecycle rule for filter '{}'",
        filter(rule)
    )))
}

/// For how many days an object stays in a class before it goes on to a colder one within one rule.
fn days_in(class: &str, next: &str) -> Option<i32> {
    let is_warm = |class: &str| matches!(class, "STANDARD_IA" | "ONEZONE_IA");
    match (class, next) {
        ("GLACIER", "DEEP_ARCHIVE") => Some(90),
        (class, "GLACIER_IR" | "GLACIER" | "DEEP_ARCHIVE") if is_warm(class) => Some(30),
        ("STANDARD_IA", "INTELLIGENT_TIERING" | "ONEZONE_IA") => Some(30),
        _ => None,
    }
}

fn check_distances(rule: &Rule, steps: &[Move], name: &str, action: &str) -> Result<()> {
    for (warm, cold) in steps.iter().flat_map(|warm| steps.iter().map(move |cold| (warm, cold))) {
        let (Some(from), Some(to)) = (warm.days, cold.days) else { continue };
        let Some(least) = days_in(&warm.class, &cold.class) else { continue };
        if to.saturating_sub(from) < least {
            let filter = filter(rule);
            return Err(argument(format!(
                "'{name}' in the '{action}' action for StorageClass '{}' for filter '{filter}' must be {least} days more \
                 than 'filter '{filter}'' in the '{action}' action for StorageClass '{}'",
                cold.class, warm.class
            )));
        }
    }
    Ok(())
}

/// What ends moves before.
fn check_ends(rule: &Rule) -> Result<()> {
    let end = rule.expiration.unwrap_or_default();
    let days = end.days.is_some_and(|end| rule.transitions.iter().any(|step| step.days >= Some(end)));
    let dates = end.date.is_some_and(|end| rule.transitions.iter().any(|step| step.date >= Some(end)));
    if let Some(name) = days.then_some("Days").or_else(|| dates.then_some("Date")) {
        return Err(argument(format!(
            "'{name}' in the Expiration action for filter '{}' must be greater than '{name}' in the Transition action",
            filter(rule)
        )));
    }
    let late = |end: i32| rule.noncurrent_transitions.iter().any(|step| step.days >= Some(end));
    match rule.noncurrent_expiration.is_some_and(|end| late(end.days)) {
        false => Ok(()),
        true => Err(argument(
            "'NoncurrentDays' in the NoncurrentVersionExpiration action must be greater than 'NoncurrentDays' in the \
             NoncurrentVersionTransition action"
                .to_owned(),
        )),
    }
}
