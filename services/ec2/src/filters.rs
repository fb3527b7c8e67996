//! Filters of Describe operations: names, values with wildcards, tags.
//!
//! Invariant: a filter that a kind of resource does not have is refused, whether or not there are such resources.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>

use crate::error;
use crate::tags::Tags;
use yakumo_api_ec2::Filter;
use yakumo_aws::Result;
use yakumo_policy::Case;

const VALUES_MAX: usize = 200;

/// What can be filtered.
pub(crate) trait Filtered {
    /// The names of its filters besides `tag:…` and `tag-key`.
    const FILTERS: &'static [&'static str];
    /// Whether `tag:…` and `tag-key` are filters, too.
    const HAS_TAGS: bool = true;

    /// What it has under the filter of that name, which is one of [`Filtered::FILTERS`].
    fn facts(&self, filter: &str) -> Vec<String>;
    /// Its tags.
    fn tags(&self) -> Option<&Tags>;
}

/// The filters of one request, checked.
#[derive(Debug, Default)]
pub(crate) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Checks the filters of a request for things of type `T`.
    ///
    /// # Errors
    /// InvalidParameterValue for a filter that these do not have; FilterLimitExceeded.
    pub(crate) fn of<T: Filtered>(filters: Option<&Vec<Filter>>) -> Result<Filters> {
        let mut checked = Vec::new();
        for filter in filters.into_iter().flatten() {
            let name = filter.name.as_deref().unwrap_or("null");
            let is_tag = T::HAS_TAGS && (name == "tag-key" || name.starts_with("tag:"));
            if !is_tag && !T::FILTERS.contains(&name) {
                return Err(error::invalid_filter(name));
            }
            checked.push((name.to_owned(), filter.values.clone().unwrap_or_default()));
        }
        if checked.iter().map(|(_, values)| values.len()).sum::<usize>() > VALUES_MAX {
            return Err(error::too_many_filter_values());
        }
        Ok(Filters(checked))
    }

    /// Whether a thing passes: every filter, each by one of its values.
    pub(crate) fn pass<T: Filtered>(&self, thing: &T) -> bool {
        self.0.iter().all(|(name, patterns)| {
            let facts = facts(thing, name);
            facts.iter().any(|fact| patterns.iter().any(|pattern| matches(pattern, fact)))
        })
    }
}

fn facts<T: Filtered>(thing: &T, name: &str) -> Vec<String> {
    let tags = thing.tags();
    match name.strip_prefix("tag:") {
        Some(key) => tags.and_then(|tags| tags.get(key)).into_iter().cloned().collect(),
        None if name == "tag-key" => tags.map(|tags| tags.keys().cloned().collect()).unwrap_or_default(),
        None => thing.facts(name),
    }
}

/// Whether a text has the form of a pattern: `*` is any text, `?` any one character, `\` takes both their meaning.
/// Case counts.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    yakumo_policy::matches(pattern, text, Case::Sensitive, Some('\\'))
}

/// One fact, or none.
pub(crate) fn fact(value: impl Into<Option<String>>) -> Vec<String> {
    value.into().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "A", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\?", "a?", true),
            ("*ab", "aaab", true),
            ("**a", "bba", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
