//! Whether a bucket policy is public.
//! AWS: "The meaning of public",
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status>

use crate::state::AccessPoint;
use serde_json::Value;

/// Condition keys that tie a statement to somebody when their values are fixed.
const FIXING: [&str; 14] = [
    "aws:sourceip",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:sourceowner",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "aws:sourceorgid",
];

/// Whether any statement of a bucket policy that was accepted lets in everybody.
pub fn is_public(text: &str) -> bool {
    lets_in_everybody(text, true)
}

/// The same of an access point's policy. AWS: access points of a VPC never are public, and a set of access points is
/// fixed in a bucket's policy only.
pub fn is_public_point(point: &AccessPoint) -> bool {
    let policy = point.policy.as_ref().filter(|_| point.vpc.is_none());
    policy.is_some_and(|policy| lets_in_everybody(&policy.text, false))
}

fn lets_in_everybody(text: &str, of_bucket: bool) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(text) else { return false };
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    statements.iter().any(|statement| is_open(statement, of_bucket))
}

fn is_open(statement: &Value, of_bucket: bool) -> bool {
    let allows = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    let fixes = |condition| fixes(condition, of_bucket);
    allows && names_everybody(statement) && !statement.get("Condition").is_some_and(fixes)
}

fn names_everybody(statement: &Value) -> bool {
    let everybody = |value: &Value| texts(value).contains(&"*");
    match statement.get("Principal") {
        // NotPrincipal with Allow lets in all others.
        None => statement.get("NotPrincipal").is_some(),
        Some(Value::Object(kinds)) => kinds.get("AWS").is_some_and(everybody),
        Some(principal) => everybody(principal),
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

/// Whether a condition holds for fixed values only.
fn fixes(condition: &Value, of_bucket: bool) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators.filter(|(operator, _)| narrows(operator)).any(|(_, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.into_iter().any(|(key, values)| {
            let key = key.to_ascii_lowercase();
            let values = texts(values);
            FIXING.contains(&key.as_str())
                && !values.is_empty()
                && values.iter().all(|value| is_fixed(&key, value, of_bucket))
        })
    })
}

/// Operators by which a value must be one of a list.
fn narrows(operator: &str) -> bool {
    let operator = operator.to_ascii_lowercase();
    !operator.contains("not")
        && !operator.ends_with("ifexists")
        && operator != "null"
        && !operator.starts_with("forallvalues")
}

fn is_fixed(key: &str, value: &str, of_bucket: bool) -> bool {
    if key == "aws:sourceip" {
        // AWS: ranges wider than /8 (IPv4) or /32 (IPv6) are not fixed.
        let bits = value.split_once('/').and_then(|(_, bits)| bits.parse::<u8>().ok());
        let least = if value.contains(':') { 32 } else { 8 };
        return bits.is_none_or(|bits| bits >= least);
    }
    // AWS: in a bucket's policy the name of an access point may be any, when its account is fixed.
    let fixed = match value.split_once(":accesspoint/") {
        Some((owner, _)) if of_bucket && key == "s3:dataaccesspointarn" => owner,
        _ => value,
    };
    !fixed.contains(['*', '?']) && !value.contains("${")
}

#[cfg(test)]
mod tests {
    use super::{is_public, lets_in_everybody};

    #[test]
    fn the_meaning_of_public() {
        let policy =
            |rest: &str| format!(r#"{{"Statement":[{{"Action":"s3:GetObject","Resource":"*",{rest}}}]}}"#);
        for (rest, public) in [
            (r#""Effect":"Allow","Principal":"*""#, true),
            (r#""Effect":"Allow","Principal":{"AWS":["*"]}"#, true),
            (r#""Effect":"Deny","Principal":"*""#, false),
            (r#""Effect":"Allow","Principal":{"AWS":"111122223333"}"#, false),
            (
                r#""Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
                false,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Condition":{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#,
                true,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#,
                true,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
                false,
            ),
            (
                r#""Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#,
                true,
            ),
            (r#""Effect":"Allow","Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#, true),
        ] {
            assert_eq!(is_public(&policy(rest)), public, "{rest}");
            assert_eq!(lets_in_everybody(&policy(rest), false), public, "{rest}");
        }
        for (arn, bucket_is_public) in [
            ("arn:aws:s3:us-west-2:123456789012:accesspoint/*", false),
            ("arn:aws:s3:us-west-2:*:accesspoint/a", true),
        ] {
            let rest = format!(
                r#""Effect":"Allow","Principal":"*","Condition":{{"StringLike":{{"s3:DataAccessPointArn":"{arn}"}}}}"#
            );
            assert_eq!(is_public(&policy(&rest)), bucket_is_public, "{arn}");
            assert!(lets_in_everybody(&policy(&rest), false), "{arn}");
        }
    }
}
