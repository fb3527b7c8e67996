//! What a user, group or role carries: inline policies, attached policies, a boundary.

use crate::state::{Usage, home};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use yakumo_aws::AccountId;
use yakumo_room::{Resource, Scope};

/// Policies of one identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grants {
    /// Inline policies: name → document as given.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
    /// ARN of the permissions boundary; groups have none.
    pub boundary: Option<String>,
}

impl Grants {
    /// Characters of all inline policies together; white space does not count.
    pub(crate) fn inline_chars(&self) -> usize {
        self.inline.values().map(|text| policy_chars(text)).sum()
    }
}

/// The size of a policy as IAM's quotas count it: characters that are not white space.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(crate) fn policy_chars(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A user, a group or a role: what carries policies.
pub(crate) trait Identity: Resource {
    /// `user`, `group` or `role`: in ARNs and in AWS's messages.
    const KIND: &'static str;
    /// The kind as messages begin a sentence with it, and as quotas spell it: `User`.
    const TITLE: &'static str;
    /// The most that all inline policies together may hold, in characters without white space.
    const INLINE_CHARS_MAX: usize;

    /// The name as it was given.
    fn name(&self) -> &str;
    /// The path, which begins and ends with `/`.
    fn path(&self) -> &str;
    /// `AIDA…`, `AGPA…` or `AROA…`.
    fn unique_id(&self) -> &str;
    /// The account that it lives in.
    fn account(&self) -> AccountId;
    /// Its policies.
    fn grants(&self) -> &Grants;
    /// Its policies, to be changed.
    fn grants_mut(&mut self) -> &mut Grants;

    /// Where it is stored.
    fn scope(&self) -> Scope {
        home(self.account())
    }

    /// The key of the row that says that it uses a policy.
    fn attachment_key<'a>(&'a self, policy_arn: &'a str, usage: Usage) -> [&'a str; 4] {
        let folded = self.id().first().copied().unwrap_or_default();
        [policy_arn, usage.as_str(), Self::KIND, folded]
    }
}

/// Makes a record an [`Identity`]: its kind, its title and the most characters of its inline policies. The record has
/// fields of these names; they stay fields of its own, so that its stored form is its own, too.
macro_rules! identity {
    ($record:ty, $kind:literal, $title:literal, $inline_chars_max:literal) => {
        impl $crate::state::Identity for $record {
            const KIND: &'static str = $kind;
            const TITLE: &'static str = $title;
            const INLINE_CHARS_MAX: usize = $inline_chars_max;

            fn name(&self) -> &str {
                &self.name
            }

            fn path(&self) -> &str {
                &self.path
            }

            fn unique_id(&self) -> &str {
                &self.unique_id
            }

            fn account(&self) -> yakumo_aws::AccountId {
                self.account
            }

            fn grants(&self) -> &Grants {
                &self.grants
            }

            fn grants_mut(&mut self) -> &mut Grants {
                &mut self.grants
            }
        }
    };
}
pub(super) use identity;

#[cfg(test)]
mod tests {
    use super::policy_chars;

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(policy_chars("{ \"a\" :\n\t1 }"), 7);
    }
}
