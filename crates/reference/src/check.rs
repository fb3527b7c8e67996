//! Holds what an access rule asks for against the reference: the action, the resource's shape, the condition keys.

use crate::exceptions::{Exception, exceptions};
use crate::pattern::Pattern;
use crate::service::{Action, Service};
use std::fmt;

/// What an access rule asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The model of the operation whose rule it is: `sqs`.
    pub model: &'a str,
    /// Its name: `SendMessageBatch`.
    pub operation: &'a str,
    /// `sqs:SendMessage`, in any case.
    pub action: &'a str,
    /// The resource's ARN, or `*`.
    pub resource: &'a str,
}

/// How a rule contradicts what AWS publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such action.
    Action(String),
    /// The resource is none that the action is about.
    Resource(String, String),
    /// Neither the action nor the resource has the condition key.
    Key(String, String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Action(action) => write!(f, "AWS knows no action {action}"),
            Wrong::Resource(action, resource) => write!(f, "{action} is not about {resource}"),
            Wrong::Key(action, key) => write!(f, "{action} has no condition key {key}"),
        }
    }
}

/// Keys that only some actions or resources have although their prefix is that of all services.
const TAG_KEYS: [&str; 3] = ["aws:resourcetag/", "aws:requesttag/", "aws:tagkeys"];

/// Checks one need and the condition keys that it brings. Global keys (`aws:…`) other than those of tags are not in the
/// reference and always fine.
///
/// # Errors
/// What AWS does not publish and `reference/exceptions.txt` does not name.
pub fn check<'a>(asked: Asked<'a>, keys: impl Iterator<Item = &'a str>) -> Result<(), Wrong> {
    let name = asked.action;
    let Some((service, action)) = crate::action(name) else {
        let is_excepted =
            |except: &Exception| matches!(except, Exception::Action(known) if same(known, name));
        return match exceptions().iter().any(is_excepted) {
            true => Ok(()),
            false => Err(Wrong::Action(name.to_owned())),
        };
    };
    if !fits(service, action, asked) {
        return Err(Wrong::Resource(name.to_owned(), asked.resource.to_owned()));
    }
    for key in keys {
        if !has_key(asked, key) {
            return Err(Wrong::Key(name.to_owned(), key.to_owned()));
        }
    }
    Ok(())
}

fn fits(service: &Service, action: &Action, asked: Asked<'_>) -> bool {
    let is_any = asked.resource == "*" && !action.needs_resource();
    is_any
        || service.types_of(action, asked.resource).next().is_some()
        || exceptions().iter().any(|except| match except {
            Exception::Resource { action, arns } => {
                same(action, asked.action) && arns.iter().any(|arn| Pattern(arn).covers_arn(asked.resource))
            }
            Exception::Given { model, operation } => (*model, *operation) == (asked.model, asked.operation),
            _ => false,
        })
}

fn has_key(asked: Asked<'_>, key: &str) -> bool {
    let folded = key.to_ascii_lowercase();
    let is_global = folded.starts_with("aws:") && !TAG_KEYS.iter().any(|tag| folded.starts_with(tag));
    is_global
        || crate::has_key(asked.action, asked.resource, key)
        || exceptions().iter().any(|except| match except {
            Exception::Key { action, keys } => {
                same(action, asked.action) && keys.iter().any(|known| Pattern(known).covers_key(key))
            }
            _ => false,
        })
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::{Asked, check};

    const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:orders";

    fn said(action: &str, resource: &str, keys: &[&str]) -> Result<(), String> {
        check(Asked { model: "sqs", operation: "SendMessage", action, resource }, keys.iter().copied())
            .map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn what_aws_publishes_is_fine() {
        for (action, resource, keys) in [
            ("sqs:SendMessage", QUEUE, &["aws:ResourceTag/Team", "aws:SourceVpc"][..]),
            ("sqs:tagqueue", QUEUE, &["aws:RequestTag/a", "aws:TagKeys", "aws:ResourceTag/b"]),
            ("sqs:ListQueues", "*", &[]),
            ("iam:PassRole", "arn:aws:iam::111122223333:role/a/b", &["iam:PassedToService"]),
            ("sts:GetAccessKeyInfo", "*", &[]),
        ] {
            assert_eq!(said(action, resource, keys), Ok(()), "{action}");
        }
    }

    #[test]
    fn what_it_does_not_is_named() {
        for (action, resource, keys, text) in [
            ("sqs:SendMessages", QUEUE, &[][..], "AWS knows no action sqs:SendMessages"),
            ("sqs:SendMessage", "*", &[], "sqs:SendMessage is not about *"),
            (
                "sqs:SendMessage",
                "arn:aws:iam::111122223333:role/a",
                &[],
                "sqs:SendMessage is not about arn:aws:iam",
            ),
            ("sqs:SendMessage", QUEUE, &["aws:TagKeys"], "sqs:SendMessage has no condition key aws:TagKeys"),
            ("sqs:SendMessage", QUEUE, &["sqs:Colour"], "sqs:SendMessage has no condition key sqs:Colour"),
        ] {
            let said = said(action, resource, keys).unwrap_err();
            assert!(said.starts_with(text), "{said}");
        }
    }
}
