//! The request's condition keys and their values.
//!
//! Keys are compared without case, as AWS does; a context may stand on a parent, whose keys it can hide.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use std::borrow::Cow;

/// Whether two condition keys (or tag keys) are the same: letters have no case, beyond ASCII neither.
///
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
pub(crate) fn same_key(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || (!(a.is_ascii() || b.is_ascii())
            && a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase)))
}

/// The values of one condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values<'a> {
    /// A key with one value, such as `aws:SourceIp`.
    One(Cow<'a, str>),
    /// A key with any number of values, such as `aws:TagKeys`. An empty list counts as an absent key.
    Many(Vec<Cow<'a, str>>),
}

impl Values<'_> {
    /// The values as a slice, in the order they were put.
    pub fn as_slice(&self) -> &[Cow<'_, str>] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        }
    }
}

/// Condition keys with their values. Lookups are linear: a request has some twenty keys.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    parent: Option<&'a Context<'a>>,
    entries: Vec<(Cow<'a, str>, Values<'a>)>,
}

impl<'a> Context<'a> {
    /// No keys at all.
    pub fn new() -> Context<'a> {
        Context::default()
    }

    /// No keys yet, with room for so many.
    pub fn with_capacity(keys: usize) -> Context<'a> {
        Context { parent: None, entries: Vec::with_capacity(keys) }
    }

    /// No keys of its own yet; what it does not have is looked up in `parent`. For the keys of one resource on top of
    /// those of the request.
    pub fn within(parent: &'a Context<'a>) -> Context<'a> {
        Context { parent: Some(parent), entries: Vec::new() }
    }

    /// Sets a key with one value, replacing what this context (not its parent) had.
    pub fn put(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> &mut Context<'a> {
        self.set(key.into(), Values::One(value.into()))
    }

    /// Sets a key with several values, replacing what this context (not its parent) had.
    pub fn put_many<V: Into<Cow<'a, str>>>(
        &mut self,
        key: impl Into<Cow<'a, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Context<'a> {
        self.set(key.into(), Values::Many(values.into_iter().map(Into::into).collect()))
    }

    fn set(&mut self, key: Cow<'a, str>, values: Values<'a>) -> &mut Context<'a> {
        match self.entries.iter_mut().find(|(known, _)| same_key(known, &key)) {
            Some((_, old)) => *old = values,
            None => self.entries.push((key, values)),
        }
        self
    }

    /// The values of a key, whatever its case.
    pub fn get(&self, key: &str) -> Option<&Values<'a>> {
        let own = self.entries.iter().find(|(known, _)| same_key(known, key));
        match (own, self.parent) {
            (Some((_, values)), _) => Some(values),
            (None, Some(parent)) => parent.get(key),
            (None, None) => None,
        }
    }

    /// Every key with its values, its own first, then those of the parents that it does not hide.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Values<'a>)> {
        let mut all: Vec<(&str, &Values<'a>)> = Vec::new();
        let mut level = Some(self);
        while let Some(context) = level {
            for (key, values) in &context.entries {
                if !all.iter().any(|(known, _)| same_key(known, key)) {
                    all.push((key, values));
                }
            }
            level = context.parent;
        }
        all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn keys_have_no_case_and_children_hide_parents() {
        let mut request = Context::new();
        request.put("aws:SourceIp", "10.0.0.1").put("aws:SecureTransport", "true");
        let mut resource = Context::within(&request);
        resource.put_many("aws:TagKeys", ["a", "b"]).put("AWS:SecureTransport", "false");
        resource.put("aws:RequestTag/Équipe", "bleue");
        let value = |key: &str| resource.get(key).map(|values| values.as_slice().join(","));
        assert_eq!(value("AWS:sourceip").as_deref(), Some("10.0.0.1"));
        assert_eq!(value("aws:tagkeys").as_deref(), Some("a,b"));
        assert_eq!(value("aws:securetransport").as_deref(), Some("false"));
        assert_eq!(value("aws:other"), None);
        assert_eq!(value("aws:requesttag/équipe").as_deref(), Some("bleue"));
        assert_eq!(value("aws:requesttag/equipe"), None);
        assert_eq!(resource.iter().count(), 4);
    }
}
