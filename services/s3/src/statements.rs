//! What S3 demands of the statements of a bucket's policy beyond the grammar: actions that it has, which apply to one of
//! the statement's resources, and condition keys that it knows.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html>

use crate::policies::malformed;
use serde_json::Value;
use yakumo_aws::Result;
use yakumo_policy::{Case, matches};
use yakumo_reference::{Action, Service};

/// Checks the statements of a policy whose grammar is right; `service` is the prefix of its actions.
///
/// # Errors
/// MalformedPolicy in S3's words.
pub fn check(text: &str, service: &str) -> Result<()> {
    let Some(service) = yakumo_reference::service(service) else { return Ok(()) };
    let policy = serde_json::from_str::<Value>(text).unwrap_or_default();
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    statements.iter().try_for_each(|statement| check_one(statement, service))
}

fn check_one(statement: &Value, service: &Service) -> Result<()> {
    let resources = texts(statement.get("Resource"));
    for action in texts(statement.get("Action")).into_iter().filter(|action| *action != "*") {
        let mut meant = meant(action, service).peekable();
        if meant.peek().is_none() {
            return Err(malformed("Policy has invalid action"));
        }
        let applies = |action: &Action| {
            resources.iter().any(|arn| *arn == "*" || service.types_of(action, arn).next().is_some())
        };
        if !resources.is_empty() && !meant.any(applies) {
            return Err(malformed("Action does not apply to any resource(s) in statement"));
        }
    }
    let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    let mut keys = operators.filter_map(|(_, keys)| keys.as_object()).flat_map(|keys| keys.keys());
    let own = |key: &str| {
        let prefix = key.split_once(':').map(|(prefix, _)| prefix);
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(service.prefix))
    };
    match keys.any(|key| own(key) && service.condition_key(key).is_none()) {
        true => Err(malformed("Policy has an invalid condition key")),
        false => Ok(()),
    }
}

/// The actions that a pattern such as `s3:Get*` means.
fn meant<'a>(pattern: &'a str, service: &'a Service) -> impl Iterator<Item = &'a Action> {
    let name = match pattern.split_once(':') {
        Some((prefix, name)) if covers(prefix, service.prefix) => name,
        _ => "",
    };
    service.actions.iter().filter(move |action| covers(name, action.name))
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        value => value.and_then(Value::as_str).into_iter().collect(),
    }
}

/// Whether a pattern means a name, in any case.
fn covers(pattern: &str, name: &str) -> bool {
    matches(pattern, name, Case::Insensitive, None)
}

#[cfg(test)]
mod tests {
    use super::check;

    const BUCKET: &str = "arn:aws:s3:::b";
    const OBJECTS: &str = "arn:aws:s3:::b/*";

    fn said(action: &str, resources: &[&str], condition: &str) -> String {
        let resources: Vec<String> = resources.iter().map(|arn| format!("\"{arn}\"")).collect();
        let text = format!(
            "{{\"Statement\":[{{\"Action\":[\"{action}\"],\"Resource\":[{}],\"Condition\":{{{condition}}}}}]}}",
            resources.join(",")
        );
        check(&text, "s3").err().map(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn statements() {
        let (action, resource) =
            ("Policy has invalid action", "Action does not apply to any resource(s) in statement");
        for (given, resources, expected) in [
            ("s3:GetObject", &[OBJECTS][..], ""),
            ("s3:getobject", &[BUCKET, OBJECTS], ""),
            ("s3:GetObject", &[BUCKET], resource),
            ("s3:ListBucket", &[OBJECTS], resource),
            ("s3:ListBucket", &[BUCKET], ""),
            ("s3:ListAllMyBuckets", &[BUCKET, OBJECTS], resource),
            ("s3:Get*", &[OBJECTS], ""),
            ("s3:Get*", &[BUCKET], ""),
            ("s3:*", &[BUCKET], ""),
            ("*", &[BUCKET], ""),
            ("s3:GetObjects", &[OBJECTS], action),
            ("s3:Fetch*", &[OBJECTS], action),
            ("sqs:SendMessage", &[OBJECTS], action),
        ] {
            assert_eq!(said(given, resources, ""), expected, "{given} {resources:?}");
        }
        for (condition, expected) in [
            ("\"Bool\":{\"aws:SecureTransport\":\"false\"}", ""),
            ("\"StringEquals\":{\"s3:X-Amz-Acl\":\"private\"}", ""),
            ("\"StringEquals\":{\"s3:ExistingObjectTag/team\":\"a\"}", ""),
            ("\"StringEquals\":{\"s3:nonsense\":\"a\"}", "Policy has an invalid condition key"),
        ] {
            assert_eq!(said("s3:PutObjectAcl", &[OBJECTS], condition), expected, "{condition}");
        }
    }
}
