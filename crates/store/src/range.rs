//! Which keys a scan covers and in which direction. Keys of the store's own space are never covered.

use std::ops::Bound;

use bytes::Bytes;

use crate::key::SYSTEM;

/// A range of keys, walked forward or in reverse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    pub(crate) start: Bound<Bytes>,
    pub(crate) end: Bound<Bytes>,
    pub(crate) reverse: bool,
}

impl Range {
    /// All keys, the store's own included.
    pub(crate) fn whole() -> Range {
        Range { start: Bound::Unbounded, end: Bound::Unbounded, reverse: false }
    }

    /// All keys.
    pub fn all() -> Range {
        Range { start: Bound::Unbounded, end: Bound::Excluded(Bytes::from_static(&[SYSTEM])), reverse: false }
    }

    /// The keys that begin with these bytes.
    pub fn prefix(prefix: impl Into<Bytes>) -> Range {
        let prefix = prefix.into();
        let end = match successor(&prefix) {
            Some(end) => Bound::Excluded(end),
            None => Bound::Unbounded,
        };
        Range { start: Bound::Included(prefix), end, reverse: false }
    }

    /// From `start` (included) to `end` (excluded).
    pub fn between(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Range {
        Range { start: Bound::Included(start.into()), end: Bound::Excluded(end.into()), reverse: false }
    }

    /// Only what comes after this key in the range's direction: the next page begins after the last key of
    /// this one. In reverse that is what lies before the key.
    pub fn after(mut self, key: impl Into<Bytes>) -> Range {
        let key = Bound::Excluded(key.into());
        if self.reverse {
            self.end = lower_end(self.end, key);
        } else {
            self.start = higher_start(self.start, key);
        }
        self
    }

    /// Only what begins at this key (included) in the range's direction.
    pub fn starting_at(mut self, key: impl Into<Bytes>) -> Range {
        let key = Bound::Included(key.into());
        if self.reverse {
            self.end = lower_end(self.end, key);
        } else {
            self.start = higher_start(self.start, key);
        }
        self
    }

    /// The same keys from the last to the first.
    pub fn reverse(mut self) -> Range {
        self.reverse = !self.reverse;
        self
    }

    /// The bounds, unless no key can lie between them (which ordered maps answer with a panic).
    pub(crate) fn bounds(&self) -> Option<(Bound<Bytes>, Bound<Bytes>)> {
        let possible = match (&self.start, &self.end) {
            (Bound::Included(a), Bound::Included(b)) => a <= b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a < b,
            _ => true,
        };
        possible.then(|| (self.start.clone(), self.end.clone()))
    }

    /// The part of this range that a scan has seen which ended at `last` because its limit was reached.
    pub(crate) fn up_to(&self, last: &Bytes) -> Range {
        let mut seen = self.clone();
        if self.reverse {
            seen.start = Bound::Included(last.clone());
        } else {
            seen.end = Bound::Included(last.clone());
        }
        seen
    }

    /// Whether the range lies outside the store's own space; ranges given by callers are cut to that.
    pub(crate) fn cut(mut self) -> Range {
        self.end = lower_end(self.end, Bound::Excluded(Bytes::from_static(&[SYSTEM])));
        self
    }
}

/// The first key that does not begin with the prefix; `None` when there is none.
fn successor(prefix: &[u8]) -> Option<Bytes> {
    let keep = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=keep)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end.into())
}

fn lower_end(one: Bound<Bytes>, other: Bound<Bytes>) -> Bound<Bytes> {
    match (&one, &other) {
        (Bound::Unbounded, _) => other,
        (Bound::Included(a), Bound::Excluded(b)) if a >= b => other,
        (Bound::Excluded(a) | Bound::Included(a), Bound::Included(b) | Bound::Excluded(b)) if a > b => other,
        _ => one,
    }
}

fn higher_start(one: Bound<Bytes>, other: Bound<Bytes>) -> Bound<Bytes> {
    match (&one, &other) {
        (Bound::Unbounded, _) => other,
        (Bound::Included(a), Bound::Excluded(b)) if a <= b => other,
        (Bound::Excluded(a) | Bound::Included(a), Bound::Included(b) | Bound::Excluded(b)) if a < b => other,
        _ => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &Range, key: &'static str) -> bool {
        use std::ops::RangeBounds;
        range.bounds().is_some_and(|bounds| bounds.contains(&Bytes::from_static(key.as_bytes())))
    }

    #[test]
    fn pages_narrow_in_the_direction_of_the_walk() {
        let range = Range::prefix("b").after("bb");
        assert!(!holds(&range, "bb") && holds(&range, "bba") && holds(&range, "bc") && !holds(&range, "c"));
        let range = Range::prefix("b").reverse().after("bb");
        assert!(!holds(&range, "bb") && holds(&range, "ba") && holds(&range, "b") && !holds(&range, "bba"));
        let range = Range::prefix("b").after("a");
        assert!(holds(&range, "b") && !holds(&range, "a"));
        let range = Range::prefix("b").starting_at("bb");
        assert!(holds(&range, "bb") && !holds(&range, "ba"));
    }

    #[test]
    fn impossible_ranges_have_no_bounds() {
        assert!(Range::between("b", "a").bounds().is_none());
        assert!(Range::between("a", "a").bounds().is_none());
        assert!(Range::prefix("a").after("b").bounds().is_none());
    }

    #[test]
    fn the_end_of_a_prefix_carries() {
        assert_eq!(successor(b"a"), Some(Bytes::from_static(b"b")));
        assert_eq!(successor(b"a\xff\xff"), Some(Bytes::from_static(b"b")));
        assert_eq!(successor(b"\xff"), None);
        assert_eq!(successor(b""), None);
    }

    #[test]
    fn callers_never_reach_the_own_space() {
        use std::ops::RangeBounds;
        for range in [Range::all(), Range::prefix(""), Range::prefix(&b"\xff"[..])] {
            let seen = range.cut().bounds().is_some_and(|b| b.contains(&Bytes::from_static(b"\xffx")));
            assert!(!seen);
        }
    }
}
