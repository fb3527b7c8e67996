//! What AWS publishes as facts: the actions, resource types and condition keys of its services (the Service
//! Authorization Reference), and its managed policies. `reference/README.md` says where they come from.
//!
//! Invariant: nothing is unpacked before it is asked for, and nothing here decides anything.

mod check;
mod exceptions;
mod packed;
mod parse;
mod pattern;
pub mod policies;
mod service;

pub use check::{Asked, Wrong, check};
pub use exceptions::{Exception, exceptions};
pub use service::{AccessLevel, Action, ActionResource, ConditionKey, ResourceType, Service};

use packed::SERVICES;

/// Every service that has actions, as prefix and name (`sqs`, `Amazon SQS`), by prefix. Far more than those whose
/// actions are known here.
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../../../reference/names.txt").lines().filter_map(|line| line.split_once(' '))
}

/// The name of the service with that prefix: `Amazon SQS` for `sqs`.
pub fn name(prefix: &str) -> Option<&'static str> {
    names().find(|(known, _)| known.eq_ignore_ascii_case(prefix)).map(|(_, name)| name)
}

/// The prefixes of all services whose actions are known here, sorted: those that have a model in `models/`.
pub fn prefixes() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.prefix)
}

/// The service whose actions begin with that prefix (`sqs`, in any case), unpacked on first use.
pub fn service(prefix: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.prefix.eq_ignore_ascii_case(prefix)).map(|known| known.service())
}

/// The service of a model in `models/`: `elasticloadbalancing` for `elbv2`.
pub fn of_model(model: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.models.contains(&model)).map(|known| known.service())
}

/// An action by its whole name, such as `sqs:SendMessage`, in any case.
pub fn action(name: &str) -> Option<(&'static Service, &'static Action)> {
    let (prefix, name) = name.split_once(':')?;
    let service = service(prefix)?;
    Some((service, service.action(name)?))
}

/// Whether AWS documents a condition key for an action on that resource: of the action, or of the resource's type.
pub fn has_key(name: &str, resource: &str, key: &str) -> bool {
    let Some((service, action)) = action(name) else { return false };
    let mut types = service.types_of(action, resource);
    action.has_key(key) || types.any(|(of_action, kind)| of_action.has_key(key) || kind.has_key(key))
}

#[cfg(test)]
mod tests {
    use super::{AccessLevel, action, has_key, name, names, of_model, prefixes, service};

    #[test]
    fn every_service_is_read_and_its_parts_fit_together() {
        assert!(prefixes().count() > 50 && names().count() > 400);
        for prefix in prefixes() {
            let service = service(prefix).unwrap();
            assert_eq!((service.prefix, Some(service.name)), (prefix, name(prefix)));
            assert!(!service.actions.is_empty(), "{prefix}");
            for action in &service.actions {
                for resource in &action.resources {
                    assert!(service.resource_type(resource.name).is_some(), "{prefix}:{}", action.name);
                }
                assert_eq!(service.action(&action.name.to_ascii_lowercase()).unwrap().name, action.name);
            }
        }
    }

    #[test]
    fn facts_are_found_in_any_case() {
        let (service, send) = action("SQS:sendmessage").unwrap();
        assert_eq!((service.prefix, send.name, send.level), ("sqs", "SendMessage", AccessLevel::Write));
        assert_eq!((send.resources[0].name, send.resources[0].is_required), ("queue", true));
        let (iam, pass) = action("iam:PassRole").unwrap();
        assert!(pass.keys.contains(&"iam:PassedToService"));
        assert_eq!(iam.condition_key("iam:resourcetag/Team").unwrap().kind, "String");
        assert_eq!(of_model("elbv2").unwrap().prefix, "elasticloadbalancing");
        let (role, policy) = ("arn:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:policy/p");
        assert!(has_key("iam:TagRole", role, "iam:ResourceTag/Team"));
        assert!(has_key("iam:TagPolicy", policy, "aws:ResourceTag/Team"));
        assert!(!has_key("iam:TagPolicy", policy, "iam:ResourceTag/Team"));
        for absent in ["sqs:NoSuchAction", "nosuch:Action", "sqs", ""] {
            assert!(action(absent).is_none(), "{absent}");
        }
    }
}
