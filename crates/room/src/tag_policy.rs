//! Tag policies at work: a request that sets a tag which an enforced tag policy forbids is refused.
//!
//! Invariant: whatever asks for permission with `aws:RequestTag/…` keys or names tags in its need is judged here, so a room does nothing for it
//! beyond its access rules.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_tag-policies-enforcement.html>

use crate::{Need, Room};
use yakumo_aws::Error;

/// The prefix of the condition keys that hold the tags of a request.
const REQUEST_TAG: &str = "aws:RequestTag/";

/// The effective tag policy of an account, as far as it is enforced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPolicy {
    /// One rule for each tag key.
    pub rules: Vec<TagRule>,
}

/// What one tag may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    /// The key, in the only spelling that complies; others that differ in case do not.
    pub key: String,
    /// The values that comply, each with one `*` at most; none stand for all.
    pub values: Vec<String>,
    /// Where it is enforced: `sqs:queue`, `sqs:*` or `sqs:ALL_SUPPORTED`.
    pub enforced_for: Vec<String>,
}

/// How a room takes part in tag policies; see [`Room::tag_policies`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Tagged {
    /// The resource types on which tag policies can be enforced, such as `queue`.
    pub types: &'static [&'static str],
    /// The error's code.
    pub code: &'static str,
}

impl TagPolicy {
    /// The key of the first tag that must not be set on a resource of this type (`sqs:queue`).
    pub fn forbidden<'t>(
        &self,
        resource_type: &str,
        mut tags: impl Iterator<Item = (&'t str, &'t str)>,
    ) -> Option<&'t str> {
        let forbids = |key: &str, value: &str| {
            self.rules.iter().any(|rule| rule.is_enforced_for(resource_type) && rule.forbids(key, value))
        };
        tags.find(|(key, value)| forbids(key, value)).map(|(key, _)| key)
    }
}

impl TagRule {
    fn is_enforced_for(&self, resource_type: &str) -> bool {
        let service = resource_type.split(':').next().unwrap_or_default();
        self.enforced_for.iter().any(|named| {
            let all = named.strip_suffix(":*").or_else(|| named.strip_suffix(":ALL_SUPPORTED"));
            all == Some(service) || named == resource_type
        })
    }

    fn forbids(&self, key: &str, value: &str) -> bool {
        if !self.key.to_lowercase().eq(&key.to_lowercase()) {
            return false;
        }
        let complies = |pattern: &String| match pattern.split_once('*') {
            Some((head, tail)) => {
                value.len() >= head.len() + tail.len() && value.starts_with(head) && value.ends_with(tail)
            }
            None => pattern == value,
        };
        self.key != key || !(self.values.is_empty() || self.values.iter().any(complies))
    }
}

/// Refuses what an enforced tag policy of the resource's account forbids. `room` is the room of the action's service.
pub(crate) fn check(policy: &TagPolicy, room: Option<&Room>, need: &Need) -> Result<(), Error> {
    let Some(tagged) = room.map(Room::tagged) else { return Ok(()) };
    // What takes tags away names them, and sets none.
    let name = need.action.rsplit(':').next().unwrap_or_default();
    if name == "DeleteTags" || name.starts_with("Untag") {
        return Ok(());
    }
    let Some(resource_type) = type_of(need, tagged) else { return Ok(()) };
    let tags = need.keys.iter().filter_map(|(key, mut values)| {
        let key = key.strip_prefix(REQUEST_TAG)?;
        Some((key, values.next().unwrap_or_default()))
    });
    let others = need.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    match policy.forbidden(&resource_type, tags.chain(others)) {
        Some(key) => {
            let text = format!(
                "The tag policy does not allow the specified value for the following tag key: '{key}'."
            );
            Err(Error::sender(tagged.code, text))
        }
        None => Ok(()),
    }
}

/// `service:type` of the resource that is asked for, when tag policies are enforced on its type. A resource of another
/// service than the action's is not tagged by it: session tags are about a role, but no tags of the role.
fn type_of(need: &Need, tagged: Tagged) -> Option<String> {
    let service = need.action.split(':').next()?;
    let mut parts = need.resource.splitn(6, ':').skip(2);
    let (named, _region, _account, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let kind = rest.split(['/', ':']).next().filter(|kind| tagged.types.contains(kind));
    // The ARN of a queue has no type in it: where a room has one type alone, that is what is meant. An access point of S3
    // is of another type than its buckets.
    let kind = kind.or(match tagged.types {
        [only] if !rest.contains('/') => Some(*only),
        _ => None,
    })?;
    named.eq_ignore_ascii_case(service).then(|| format!("{named}:{kind}"))
}

#[cfg(test)]
mod tests {
    use super::{TagPolicy, TagRule, Tagged, check};
    use crate::{Need, Room};
    use yakumo_aws::AccountId;

    fn policy() -> TagPolicy {
        let rule = TagRule {
            key: "CostCenter".into(),
            values: vec!["100".into(), "3*0".into()],
            enforced_for: vec!["sqs:queue".into(), "iam:ALL_SUPPORTED".into()],
        };
        TagPolicy { rules: vec![rule] }
    }

    #[test]
    fn spelling_and_value_must_comply_where_it_is_enforced() {
        for (kind, key, value, is_forbidden) in [
            ("sqs:queue", "CostCenter", "100", false),
            ("sqs:queue", "CostCenter", "300", false),
            ("sqs:queue", "CostCenter", "3000", false),
            ("sqs:queue", "CostCenter", "3", true),
            ("sqs:queue", "CostCenter", "", true),
            ("sqs:queue", "CostCenter", "200", true),
            ("sqs:queue", "costcenter", "100", true),
            ("sqs:queue", "Owner", "200", false),
            ("iam:policy", "CostCenter", "200", true),
            ("s3:bucket", "CostCenter", "200", false),
        ] {
            let found = policy().forbidden(kind, std::iter::once((key, value)));
            assert_eq!(found, is_forbidden.then_some(key), "{kind} {key}={value}");
        }
    }

    #[test]
    fn any_value_complies_where_none_is_named() {
        let rule = TagRule { values: Vec::new(), ..policy().rules.remove(0) };
        let policy = TagPolicy { rules: vec![rule] };
        assert_eq!(policy.forbidden("sqs:queue", std::iter::once(("CostCenter", "x"))), None);
        assert_eq!(policy.forbidden("sqs:queue", std::iter::once(("COSTCENTER", "x"))), Some("COSTCENTER"));
    }

    #[test]
    fn session_tags_are_no_tags_of_the_role() {
        let iam = Room::new("iam").tag_policies(Tagged { types: &["policy", "mfa"], code: "Refused" });
        let tagged = |action: &'static str, resource: &str| {
            let need = Need::new(action, resource, AccountId::DEFAULT);
            check(&policy(), Some(&iam), &need.with_key("aws:RequestTag/CostCenter", vec!["x".into()]))
        };
        tagged("sts:AssumeRole", "arn:aws:iam::111122223333:policy/p").unwrap();
        tagged("iam:CreateUser", "arn:aws:iam::111122223333:user/policy").unwrap();
        let error = tagged("iam:CreatePolicy", "arn:aws:iam::111122223333:policy/p").unwrap_err();
        assert_eq!(error.code, "Refused");
    }
}
