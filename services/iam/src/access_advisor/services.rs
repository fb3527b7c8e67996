//! Which services a policy lets somebody use, read from its text.
//!
//! AWS: only permissions policies count, not boundaries, resource policies or those of an organization
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html>).

use serde_json::Value;
use std::collections::BTreeSet;
use yakumo_policy::Case;

/// The namespaces (`sqs`) of the services that the policies allow something of, without those that they deny whole.
pub(crate) fn accessible<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeSet<&'static str> {
    let documents: Vec<Value> = texts.filter_map(|text| serde_json::from_str(text).ok()).collect();
    let statements: Vec<&Value> = documents.iter().flat_map(statements).collect();
    let of = |effect: &str| {
        let effect = effect.to_owned();
        statements
            .iter()
            .copied()
            .filter(move |statement| statement.get("Effect").and_then(Value::as_str) == Some(effect.as_str()))
    };
    let names = yakumo_reference::names().map(|(namespace, _)| namespace);
    names
        .filter(|namespace| of("Allow").any(|statement| allows(statement, namespace)))
        .filter(|namespace| !of("Deny").any(|statement| denies_whole(statement, namespace)))
        .collect()
}

fn statements(document: &Value) -> &[Value] {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    }
}

fn texts<'v>(statement: &'v Value, element: &str) -> Option<Vec<&'v str>> {
    Some(match statement.get(element)? {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    })
}

/// Whether a statement is about some action of a service.
fn allows(statement: &Value, namespace: &str) -> bool {
    if let Some(patterns) = texts(statement, "Action") {
        return patterns.iter().any(|pattern| touches(pattern, namespace));
    }
    let Some(patterns) = texts(statement, "NotAction") else { return false };
    match yakumo_reference::service(namespace) {
        Some(service) => service.actions.iter().any(|action| {
            let name = format!("{namespace}:{}", action.name);
            !patterns.iter().any(|pattern| matches(pattern, &name))
        }),
        None => !patterns.iter().any(|pattern| is_whole(pattern, namespace)),
    }
}

/// AWS: a service counts as out of reach when it is denied on every resource and whatever the circumstances.
fn denies_whole(statement: &Value, namespace: &str) -> bool {
    let everywhere = texts(statement, "Resource").is_some_and(|resources| resources.contains(&"*"));
    let always = statement.get("Condition").is_none();
    let patterns = texts(statement, "Action").unwrap_or_default();
    everywhere && always && patterns.iter().any(|pattern| is_whole(pattern, namespace))
}

/// Whether a pattern of actions matches one of a service. The actions of some services are not known here; for those
/// the service's prefix decides.
fn touches(pattern: &str, namespace: &str) -> bool {
    let Some((prefix, _)) = pattern.split_once(':') else { return pattern.chars().all(|c| c == '*') };
    if !matches(prefix, namespace) {
        return false;
    }
    match yakumo_reference::service(namespace) {
        Some(service) => {
            service.actions.iter().any(|action| matches(pattern, &format!("{namespace}:{}", action.name)))
        }
        None => true,
    }
}

fn is_whole(pattern: &str, namespace: &str) -> bool {
    pattern == "*" || pattern.strip_suffix(":*").is_some_and(|prefix| matches(prefix, namespace))
}

/// Whether a pattern means the whole text, without regard to case.
fn matches(pattern: &str, text: &str) -> bool {
    yakumo_policy::matches(pattern, text, Case::Insensitive, None)
}

#[cfg(test)]
mod tests {
    use super::accessible;

    fn check(statements: &str, inside: &[&str], outside: &[&str]) {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let found = accessible([text.as_str()].into_iter());
        for namespace in inside {
            assert!(found.contains(namespace), "{namespace} in {statements}");
        }
        for namespace in outside {
            assert!(!found.contains(namespace), "{namespace} not in {statements}");
        }
    }

    #[test]
    fn what_policies_reach() {
        check(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, &["sqs", "iam", "a4b"], &[]);
        check(
            r#"{"Effect":"Allow","Action":["SQS:Send*","iam:Get*"],"Resource":"q"}"#,
            &["sqs", "iam"],
            &["s3"],
        );
        check(r#"{"Effect":"Allow","Action":"sqs:Fly","Resource":"*"}"#, &[], &["sqs"]);
        check(r#"{"Effect":"Allow","Action":"s*:List*","Resource":"*"}"#, &["sqs", "s3", "sns"], &["iam"]);
        check(
            r#"{"Effect":"Allow","NotAction":["iam:*","sqs:Send*"],"Resource":"*"}"#,
            &["sqs", "s3"],
            &["iam"],
        );
        let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let deny = |more: &str| format!(r#"{all},{{"Effect":"Deny","Action":"sqs:*",{more}}}"#);
        check(&deny(r#""Resource":"*""#), &["s3"], &["sqs"]);
        check(&deny(r#""Resource":"arn:aws:sqs:*:*:q""#), &["s3", "sqs"], &[]);
        check(&deny(r#""Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#), &["sqs"], &[]);
    }
}
