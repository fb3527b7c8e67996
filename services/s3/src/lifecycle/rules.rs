//! Lifecycle rules between what clients write and what is stored.
//!
//! Invariant: what is stored has passed every check, so that the background work need not doubt it.

use crate::error;
use crate::lifecycle::together;
use crate::state::lifecycle::{Expiration, Filter, Move, Noncurrent, Rule};
use std::collections::{BTreeMap, HashSet};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::Base;

const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;
const KEPT_MAX: i32 = 100;
const DAY_S: i64 = 86_400;

fn argument(text: impl Into<String>) -> Error {
    Error::sender("InvalidArgument", text.into())
}

/// The rules of a request, checked; those without an id are given one.
pub fn read(base: &Base, given: Vec<api::LifecycleRule>) -> Result<Vec<Rule>> {
    if given.is_empty() {
        return Err(error::malformed_xml());
    }
    if given.len() > RULES_MAX {
        let text = "The number of lifecycle rules must not exceed the allowed limit of 1000 rules";
        return Err(error::invalid_request(text));
    }
    let mut ids = HashSet::new();
    let mut rules = Vec::with_capacity(given.len());
    for one in given {
        let rule = rule(base, one)?;
        if !ids.insert(rule.id.clone()) {
            return Err(argument("Rule ID must be unique. Found same ID for more than one rule"));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(base: &Base, given: api::LifecycleRule) -> Result<Rule> {
    let enabled = match given.status.as_str() {
        "Enabled" => true,
        "Disabled" => false,
        _ => return Err(error::malformed_xml()),
    };
    let id = given.id.filter(|id| !id.is_empty()).unwrap_or_else(|| base.ids.uuid());
    if id.chars().count() > ID_CHARS_MAX {
        return Err(argument("ID length should not exceed allowed limit of 255"));
    }
    if given.prefix.is_some() == given.filter.is_some() {
        return Err(error::malformed_xml());
    }
    let rule = Rule {
        id,
        enabled,
        prefix: given.prefix,
        filter: given.filter.map(filter).transpose()?,
        expiration: given.expiration.map(|given| expiration(&given)).transpose()?,
        noncurrent_expiration: given
            .noncurrent_version_expiration
            .map(|given| noncurrent(&given))
            .transpose()?,
        transitions: given.transitions.unwrap_or_default().into_iter().map(step).collect::<Result<_>>()?,
        noncurrent_transitions: given
            .noncurrent_version_transitions
            .unwrap_or_default()
            .into_iter()
            .map(noncurrent_step)
            .collect::<Result<_>>()?,
        abort_days: given.abort_incomplete_multipart_upload.map(|given| abort(&given)).transpose()?,
    };
    together::check(&rule)?;
    Ok(rule)
}

/// AWS: rules of directory buckets end objects after days and abort uploads, and look at prefixes and sizes:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-lifecycle.html>
pub fn check_directory(rules: &[Rule]) -> Result<()> {
    let good = |rule: &Rule| {
        let by_tags = rule.filter.as_ref().is_some_and(|filter| !filter.tags.is_empty());
        let by_days = rule.expiration.is_none_or(|expiration| expiration.days.is_some());
        by_days
            && !by_tags
            && rule.transitions.is_empty()
            && rule.noncurrent_transitions.is_empty()
            && rule.noncurrent_expiration.is_none()
    };
    match rules.iter().all(good) {
        true => Ok(()),
        false => Err(error::invalid_request(
            "This lifecycle configuration contains actions or filters that are not supported for directory buckets.",
        )),
    }
}

fn filter(given: api::LifecycleRuleFilter) -> Result<Filter> {
    let alone = [
        given.prefix.is_some(),
        given.tag.is_some(),
        given.object_size_greater_than.is_some(),
        given.object_size_less_than.is_some(),
        given.and.is_some(),
    ];
    if alone.into_iter().filter(|given| *given).count() > 1 {
        return Err(error::malformed_xml());
    }
    let filter = match given.and {
        None => Filter {
            and: false,
            prefix: given.prefix,
            tags: tags(given.tag.into_iter().collect())?,
            larger_than_bytes: given.object_size_greater_than,
            smaller_than_bytes: given.object_size_less_than,
        },
        Some(and) => Filter {
            and: true,
            prefix: and.prefix,
            tags: tags(and.tags.unwrap_or_default())?,
            larger_than_bytes: and.object_size_greater_than,
            smaller_than_bytes: and.object_size_less_than,
        },
    };
    let count = filter.tags.len()
        + usize::from(filter.prefix.is_some())
        + usize::from(filter.larger_than_bytes.is_some())
        + usize::from(filter.smaller_than_bytes.is_some());
    if filter.and && count < 2 {
        return Err(error::malformed_xml());
    }
    if let (Some(least), Some(most)) = (filter.larger_than_bytes, filter.smaller_than_bytes)
        && least >= most
    {
        let text = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'";
        return Err(error::invalid_request(text));
    }
    Ok(filter)
}

fn tags(given: Vec<api::Tag>) -> Result<BTreeMap<String, String>> {
    let count = given.len();
    let tags: BTreeMap<_, _> = given.into_iter().map(|tag| (tag.key, tag.value)).collect();
    match tags.len() == count {
        true => Ok(tags),
        false => Err(error::invalid_request("Duplicate Tag Keys are not allowed.")),
    }
}

fn positive(days: i32, name: &str, action: &str) -> Result<i32> {
    match days > 0 {
        true => Ok(days),
        false => Err(argument(format!("'{name}' for {action} action must be a positive integer"))),
    }
}

fn midnight(date: Timestamp) -> Result<Timestamp> {
    match date.as_millis().rem_euclid(DAY_S * 1000) {
        0 => Ok(date),
        _ => Err(argument("'Date' must be at midnight GMT")),
    }
}

fn expiration(given: &api::LifecycleExpiration) -> Result<Expiration> {
    let kinds = [given.days.is_some(), given.date.is_some(), given.expired_object_delete_marker.is_some()];
    if kinds.into_iter().filter(|given| *given).count() != 1 {
        return Err(error::malformed_xml());
    }
    Ok(Expiration {
        days: given.days.map(|days| positive(days, "Days", "Expiration")).transpose()?,
        date: given.date.map(midnight).transpose()?,
        markers: given.expired_object_delete_marker,
    })
}

fn kept(given: Option<i32>, action: &str) -> Result<Option<i32>> {
    let kept = given.map(|kept| positive(kept, "NewerNoncurrentVersions", action)).transpose()?;
    match kept.is_some_and(|kept| kept > KEPT_MAX) {
        true => Err(argument(format!(
            "'NewerNoncurrentVersions' for {action} action must be less than or equal to 100"
        ))),
        false => Ok(kept),
    }
}

fn noncurrent(given: &api::NoncurrentVersionExpiration) -> Result<Noncurrent> {
    let action = "NoncurrentVersionExpiration";
    let days = given.noncurrent_days.ok_or_else(error::malformed_xml)?;
    Ok(Noncurrent {
        days: positive(days, "NoncurrentDays", action)?,
        kept: kept(given.newer_noncurrent_versions, action)?,
    })
}

fn abort(given: &api::AbortIncompleteMultipartUpload) -> Result<i32> {
    let days = given.days_after_initiation.ok_or_else(error::malformed_xml)?;
    positive(days, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
}

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
const IA_DAYS_MIN: i32 = 30;

fn class(given: Option<String>) -> Result<String> {
    let class = given.ok_or_else(error::malformed_xml)?;
    match class.as_str() {
        "STANDARD_IA" | "ONEZONE_IA" | "INTELLIGENT_TIERING" | "GLACIER_IR" | "GLACIER" | "DEEP_ARCHIVE" => {
            Ok(class)
        }
        _ => Err(error::malformed_xml()),
    }
}

fn check_age(days: i32, class: &str, name: &str, action: &str) -> Result<()> {
    if days < 0 {
        return Err(argument(format!("'{name}' in {action} action must be nonnegative")));
    }
    match class.ends_with("_IA") && days < IA_DAYS_MIN {
        true => Err(argument(format!(
            "'{name}' in {action} action must be greater than or equal to 30 for storageClass '{class}'"
        ))),
        false => Ok(()),
    }
}

fn step(given: api::Transition) -> Result<Move> {
    if given.days.is_some() == given.date.is_some() {
        return Err(error::malformed_xml());
    }
    let class = class(given.storage_class)?;
    if let Some(days) = given.days {
        check_age(days, &class, "Days", "Transition")?;
    }
    Ok(Move { days: given.days, date: given.date.map(midnight).transpose()?, kept: None, class })
}

fn noncurrent_step(given: api::NoncurrentVersionTransition) -> Result<Move> {
    let action = "NoncurrentVersionTransition";
    let class = class(given.storage_class)?;
    let days = given.noncurrent_days.ok_or_else(error::malformed_xml)?;
    check_age(days, &class, "NoncurrentDays", action)?;
    Ok(Move { days: Some(days), date: None, kept: kept(given.newer_noncurrent_versions, action)?, class })
}

/// A rule as clients see it.
pub fn shown(rule: &Rule) -> api::LifecycleRule {
    let some = |list: Vec<api::Transition>| (!list.is_empty()).then_some(list);
    let noncurrent: Vec<_> = rule.noncurrent_transitions.iter().map(shown_noncurrent).collect();
    let transition = |step: &Move| api::Transition {
        date: step.date,
        days: step.days,
        storage_class: Some(step.class.clone()),
    };
    api::LifecycleRule {
        id: Some(rule.id.clone()),
        status: if rule.enabled { "Enabled" } else { "Disabled" }.to_owned(),
        prefix: rule.prefix.clone(),
        filter: rule.filter.as_ref().map(shown_filter),
        expiration: rule.expiration.map(|expiration| api::LifecycleExpiration {
            date: expiration.date,
            days: expiration.days,
            expired_object_delete_marker: expiration.markers,
        }),
        transitions: some(rule.transitions.iter().map(transition).collect()),
        noncurrent_version_transitions: (!noncurrent.is_empty()).then_some(noncurrent),
        noncurrent_version_expiration: rule.noncurrent_expiration.map(|noncurrent| {
            api::NoncurrentVersionExpiration {
                noncurrent_days: Some(noncurrent.days),
                newer_noncurrent_versions: noncurrent.kept,
            }
        }),
        abort_incomplete_multipart_upload: rule
            .abort_days
            .map(|days| api::AbortIncompleteMultipartUpload { days_after_initiation: Some(days) }),
    }
}

fn shown_noncurrent(step: &Move) -> api::NoncurrentVersionTransition {
    api::NoncurrentVersionTransition {
        noncurrent_days: step.days,
        storage_class: Some(step.class.clone()),
        newer_noncurrent_versions: step.kept,
    }
}

fn shown_filter(filter: &Filter) -> api::LifecycleRuleFilter {
    let mut tags = filter.tags.iter().map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() });
    let (prefix, least, most) = (filter.prefix.clone(), filter.larger_than_bytes, filter.smaller_than_bytes);
    match filter.and {
        false => api::LifecycleRuleFilter {
            prefix,
            tag: tags.next(),
            object_size_greater_than: least,
            object_size_less_than: most,
            and: None,
        },
        true => {
            let tags: Vec<_> = tags.collect();
            let and = api::LifecycleRuleAndOperator {
                prefix,
                tags: (!tags.is_empty()).then_some(tags),
                object_size_greater_than: least,
                object_size_less_than: most,
            };
            api::LifecycleRuleFilter { and: Some(and), ..Default::default() }
        }
    }
}
