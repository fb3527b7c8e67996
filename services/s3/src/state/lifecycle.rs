//! Lifecycle rules as stored, and when they act: at midnight (UTC) after the days have passed.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

use crate::state::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::Timestamp;

const DAY_S: i64 = 86_400;
/// AWS: smaller objects are not moved unless a rule speaks of sizes:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>.
const MOVED_BYTES_MIN: u64 = 128 * 1024;

/// What a bucket does with its objects as they grow old.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lifecycle {
    pub rules: Vec<Rule>,
    /// Whether small objects are moved to GLACIER and DEEP_ARCHIVE too: `varies_by_storage_class`.
    pub minimum_varies: bool,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub id: String,
    pub enabled: bool,
    /// The form before filters.
    pub prefix: Option<String>,
    pub filter: Option<Filter>,
    pub expiration: Option<Expiration>,
    pub noncurrent_expiration: Option<Noncurrent>,
    pub transitions: Vec<Move>,
    pub noncurrent_transitions: Vec<Move>,
    pub abort_days: Option<i32>,
}

/// Which objects a rule is about. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Whether it was given as `And`.
    pub and: bool,
    pub prefix: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub larger_than_bytes: Option<i64>,
    pub smaller_than_bytes: Option<i64>,
}

/// When objects end: one of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expiration {
    pub days: Option<i32>,
    pub date: Option<Timestamp>,
    /// Whether a delete marker without versions behind it goes.
    pub markers: Option<bool>,
}

/// When versions that are no longer the newest end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noncurrent {
    pub days: i32,
    /// How many of them stay whatever their age.
    pub kept: Option<i32>,
}

/// When a version moves to another storage class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Move {
    pub days: Option<i32>,
    pub date: Option<Timestamp>,
    pub kept: Option<i32>,
    pub class: String,
}

/// What becomes of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It ends: the newest version of a bucket with versions gets a delete marker, all others go.
    Ends,
    /// It moves to this storage class.
    Moves(String),
}

/// A version among the others of its key.
pub struct Place<'a> {
    pub version: &'a Version,
    /// When the next newer version came; `None` for the newest.
    pub replaced: Option<Timestamp>,
    /// How many versions are between it and the newest.
    pub newer_noncurrent: i32,
    /// Whether it is the key's only version.
    pub alone: bool,
    /// Whether its end is only a delete marker above it.
    pub is_kept: bool,
}

/// 9999-12-31T00:00:00Z: the last midnight that a date in a header can name.
const LAST_S: i64 = 253_402_214_400;

/// Midnight after so many days, however many.
pub fn after(start: Timestamp, days: i32) -> Timestamp {
    let end = start.as_secs().saturating_add(i64::from(days) * DAY_S);
    Timestamp::from_secs((end.saturating_add(DAY_S - 1).div_euclid(DAY_S) * DAY_S).min(LAST_S))
}

impl Rule {
    /// The prefix that it is about.
    pub fn prefix(&self) -> &str {
        let filter = self.filter.as_ref().and_then(|filter| filter.prefix.as_deref());
        filter.or(self.prefix.as_deref()).unwrap_or_default()
    }

    /// Whether it is about this version.
    pub fn is_about(&self, version: &Version) -> bool {
        if !self.enabled || !version.key.starts_with(self.prefix()) {
            return false;
        }
        let Some(filter) = &self.filter else { return true };
        let size = version.content.as_ref().and_then(|content| i64::try_from(content.size_bytes).ok());
        filter.tags.iter().all(|(key, value)| version.tags.get(key) == Some(value))
            && filter.larger_than_bytes.is_none_or(|least| size.is_some_and(|size| size > least))
            && filter.smaller_than_bytes.is_none_or(|most| size.is_some_and(|size| size < most))
    }

    /// When an object that it is about ends, if it is the newest version.
    pub fn end_of(&self, version: &Version) -> Option<Timestamp> {
        let expiration = self.expiration.as_ref().filter(|_| self.is_about(version))?;
        expiration.days.map(|days| after(version.modified, days)).or(expiration.date)
    }

    fn ends(&self, place: &Place<'_>, now: Timestamp) -> bool {
        if let Some(replaced) = place.replaced {
            return self.noncurrent_expiration.is_some_and(|noncurrent| {
                after(replaced, noncurrent.days) <= now
                    && noncurrent.kept.is_none_or(|kept| place.newer_noncurrent >= kept)
            });
        }
        let Some(expiration) = self.expiration else { return false };
        if place.version.content.is_none() {
            // AWS: a marker without versions behind it also goes when its own days have passed.
            let old = expiration.days.is_some_and(|days| after(place.version.modified, days) <= now);
            return place.alone && (expiration.markers == Some(true) || old);
        }
        self.end_of(place.version).is_some_and(|end| end <= now)
    }

    /// To which class a version moves, and since when it is due there.
    fn moves(&self, place: &Place<'_>, now: Timestamp, minimum_varies: bool) -> Option<(&str, Timestamp)> {
        let content = place.version.content.as_ref()?;
        let present = content.headers.storage_class.as_deref().unwrap_or("STANDARD");
        let speaks_of_sizes = self
            .filter
            .as_ref()
            .is_some_and(|filter| filter.larger_than_bytes.is_some() || filter.smaller_than_bytes.is_some());
        let from = place.replaced.unwrap_or(place.version.modified);
        let at = |step: &Move| step.days.map(|days| after(from, days)).or(step.date);
        let due = |step: &&Move| {
            at(step).is_some_and(|at| at <= now)
                && step.kept.is_none_or(|kept| place.newer_noncurrent >= kept)
        };
        let steps = if place.replaced.is_some() { &self.noncurrent_transitions } else { &self.transitions };
        let large = |step: &&Move| {
            content.size_bytes >= MOVED_BYTES_MIN
                || speaks_of_sizes
                || (minimum_varies && matches!(step.class.as_str(), "GLACIER" | "DEEP_ARCHIVE"))
        };
        let chosen = steps.iter().filter(due).filter(large).max_by_key(|step| warmth(&step.class))?;
        let is_down = warmth(&chosen.class) > warmth(present);
        at(chosen).filter(|_| is_down).map(|at| (chosen.class.as_str(), at))
    }
}

/// AWS: objects only move down: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>.
fn warmth(class: &str) -> u8 {
    match class {
        "STANDARD_IA" => 1,
        "INTELLIGENT_TIERING" => 2,
        // Neither of the two leads to the other.
        "ONEZONE_IA" | "GLACIER_IR" => 3,
        "GLACIER" => 4,
        "DEEP_ARCHIVE" => 5,
        _ => 0,
    }
}

/// AWS: of the classes that rules name for one day it is the cheapest, but INTELLIGENT_TIERING "is favored over any storage
/// class, aside from" GLACIER and DEEP_ARCHIVE: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html>.
fn preference(class: &str) -> (bool, bool, u8) {
    (matches!(class, "GLACIER" | "DEEP_ARCHIVE"), class == "INTELLIGENT_TIERING", warmth(class))
}

impl Lifecycle {
    /// What becomes of a version now. An end outweighs a move.
    ///
    /// AWS: but what would only get a delete marker moves first, when both fall on one day, and gets its marker on the next:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html>.
    pub fn fate(&self, place: &Place<'_>, now: Timestamp) -> Option<Fate> {
        let rules = || self.rules.iter().filter(|rule| rule.is_about(place.version));
        let moves = rules().filter_map(|rule| rule.moves(place, now, self.minimum_varies));
        let moves = moves.max_by_key(|(class, _)| preference(class));
        let ends = rules().any(|rule| rule.ends(place, now));
        let end = self.end_of(place.version).map(|(end, _)| end).filter(|_| place.is_kept);
        match moves {
            Some((_, at)) if ends && end != Some(at) => Some(Fate::Ends),
            None if ends => Some(Fate::Ends),
            moves => moves.map(|(class, _)| Fate::Moves(class.to_owned())),
        }
    }

    /// The earliest end of an object and the rule that says so: the header `x-amz-expiration`.
    pub fn end_of(&self, version: &Version) -> Option<(Timestamp, &str)> {
        version.content.as_ref()?;
        let ends = self.rules.iter().filter_map(|rule| Some((rule.end_of(version)?, rule.id.as_str())));
        ends.min_by_key(|(end, _)| end.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::{Expiration, Fate, Filter, Lifecycle, Noncurrent, Place, Rule, after};
    use crate::state::{Content, Headers, Version};
    use yakumo_aws::Timestamp;

    const DAY: i64 = 86_400;

    fn version(key: &str, modified_s: i64, size: Option<u64>) -> Version {
        let content = size.map(|size_bytes| Content {
            size_bytes,
            etag: String::new(),
            pieces: Vec::new(),
            checksum: None,
            parts: Vec::new(),
            headers: Headers::default(),
            metadata: Default::default(),
            customer: None,
            upload: None,
        });
        let modified = Timestamp::from_secs(modified_s);
        Version {
            key: key.to_owned(),
            order: 1,
            id: None,
            modified,
            content,
            tags: Default::default(),
            acl: None,
            lock: Default::default(),
            restore: None,
            replication: None,
        }
    }

    #[test]
    fn days_end_at_midnight() {
        for (start, days, end) in [(0, 1, DAY), (1, 1, 2 * DAY), (DAY - 1, 3, 4 * DAY), (DAY, 1, 2 * DAY)] {
            assert_eq!(after(Timestamp::from_secs(start), days).as_secs(), end, "{start} + {days}");
        }
        let last = after(Timestamp::from_secs(0), i32::MAX);
        assert_eq!(
            yakumo_room::http_date(last),
            "Fri, 31 Dec 9999 00:00:00 GMT",
            "it can be told in a header"
        );
    }

    #[test]
    fn fates() {
        let rule = Rule {
            enabled: true,
            filter: Some(Filter { prefix: Some("a/".to_owned()), ..Filter::default() }),
            expiration: Some(Expiration { days: Some(2), ..Expiration::default() }),
            noncurrent_expiration: Some(Noncurrent { days: 1, kept: Some(1) }),
            ..Rule::default()
        };
        let off = Rule { enabled: false, ..rule.clone() };
        let check = |rule: &Rule, version: &Version, replaced: Option<i64>, newer, alone, now: i64| {
            let lifecycle = Lifecycle { rules: vec![rule.clone()], minimum_varies: false };
            let replaced = replaced.map(Timestamp::from_secs);
            let place = Place { version, replaced, newer_noncurrent: newer, alone, is_kept: false };
            lifecycle.fate(&place, Timestamp::from_secs(now)) == Some(Fate::Ends)
        };
        let object = version("a/k", 10, Some(1));
        assert!(!check(&rule, &object, None, 0, true, 3 * DAY - 1));
        assert!(check(&rule, &object, None, 0, true, 3 * DAY));
        assert!(!check(&off, &object, None, 0, true, 3 * DAY));
        assert!(!check(&rule, &version("b/k", 10, Some(1)), None, 0, true, 3 * DAY));
        assert!(!check(&rule, &object, Some(10), 0, false, 9 * DAY), "one noncurrent version is kept");
        assert!(check(&rule, &object, Some(10), 1, false, 2 * DAY));
        let marker = version("a/k", 10, None);
        assert!(!check(&rule, &marker, None, 0, false, 9 * DAY));
        assert!(check(&rule, &marker, None, 0, true, 9 * DAY));
    }
}
