//! A request as conditions and variables see it: the context's keys first, then the caller's.

use crate::context::Values;
use crate::evaluate::{Policies, Request};
use crate::pattern::Variables;
use std::borrow::Cow;

/// The values of a key in a request.
pub(crate) enum Found<'a> {
    Absent,
    One(&'a str),
    Many(&'a [Cow<'a, str>]),
}

impl Found<'_> {
    /// Whether there is nothing for a set operator to look at.
    ///
    /// AWS: "null data set, such as an empty string"
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>).
    pub(crate) fn is_null_set(&self) -> bool {
        match self {
            Found::Absent | Found::Many([]) => true,
            Found::One(value) => value.is_empty(),
            Found::Many([value]) => value.is_empty(),
            Found::Many(_) => false,
        }
    }

    /// AWS: a key that resolves to an empty set counts as absent.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Found::Absent | Found::Many([]))
    }

    /// Whether one of the values passes.
    pub(crate) fn any(&self, mut test: impl FnMut(&str) -> bool) -> bool {
        match self {
            Found::Absent => false,
            Found::One(value) => test(value),
            Found::Many(values) => values.iter().any(|value| test(value)),
        }
    }

    /// The values as texts, for explanations.
    pub(crate) fn to_vec(&self) -> Vec<String> {
        let mut values = Vec::new();
        self.any(|value| {
            values.push(value.to_owned());
            false
        });
        values
    }
}

/// The lookup side of a request.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) request: &'a Request<'a>,
    /// Whether the caller has a permissions boundary, which matters to `NotPrincipal`.
    pub(crate) bounded: bool,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(request: &'a Request<'a>, policies: &Policies<'_>) -> Subject<'a> {
        Subject { request, bounded: policies.boundary.is_some() }
    }

    /// The values of a condition key, which is given in lower case.
    pub(crate) fn lookup(&self, key: &str) -> Found<'a> {
        let Request { context, principal, .. } = self.request;
        match context.get(key).or_else(|| principal.keys.get(key)) {
            Some(Values::One(value)) => Found::One(value),
            Some(Values::Many(values)) => Found::Many(values),
            None => principal.derived(key).map_or(Found::Absent, Found::One),
        }
    }
}

impl Variables for Subject<'_> {
    fn variable(&self, key: &str) -> Option<&str> {
        match self.lookup(key) {
            Found::One(value) => Some(value),
            // AWS: a key with several values cannot be a variable.
            Found::Absent | Found::Many(_) => None,
        }
    }
}
