//! RedrivePolicy and RedriveAllowPolicy: which queue takes dead letters, and which queues it takes them from.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>

use crate::error;
use crate::state::QueueName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use yakumo_aws::{Error, Result};

/// How often a message may be received before it is a dead letter, at most.
const RECEIVES_MAX: u32 = 1_000;
const SOURCES_MAX: usize = 10;

/// Where dead letters go, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RedrivePolicy {
    /// As it was sent.
    pub text: String,
    /// The dead-letter queue's ARN.
    pub target_arn: String,
    /// A message that was received so often is a dead letter when it is asked for again.
    pub receives_max: u32,
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RedriveAllowPolicy {
    /// As it was sent.
    pub text: String,
    /// Who may.
    pub permission: RedrivePermission,
}

/// See [`RedriveAllowPolicy`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RedrivePermission {
    /// Every queue of the same account and region: also the default.
    AllowAll,
    /// None.
    DenyAll,
    /// Those with these ARNs.
    ByQueue(Vec<String>),
}

impl RedrivePolicy {
    /// Reads the attribute; the empty text removes it.
    pub fn parse(text: &str) -> Result<Option<RedrivePolicy>> {
        if text.is_empty() {
            return Ok(None);
        }
        let fail = |reason: &str| refuse("RedrivePolicy", text, reason);
        let map = object(text).ok_or_else(|| fail("Redrive policy is not a valid JSON map."))?;
        if map.keys().any(|key| !matches!(key.as_str(), "deadLetterTargetArn" | "maxReceiveCount")) {
            return Err(fail(
                "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].",
            ));
        }
        let missing =
            |name: &str| fail(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        let count = map.get("maxReceiveCount").ok_or_else(|| missing("maxReceiveCount"))?;
        let target = map.get("deadLetterTargetArn").ok_or_else(|| missing("deadLetterTargetArn"))?;
        let receives_max = receives_max(count).ok_or_else(|| {
            let shown = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            fail(&format!(
                "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
            ))
        })?;
        let target_arn = target.as_str().filter(|arn| QueueName::from_arn(arn).is_some());
        let target_arn = target_arn.ok_or_else(|| fail("Invalid value for deadLetterTargetArn."))?.to_owned();
        Ok(Some(RedrivePolicy { text: text.to_owned(), target_arn, receives_max }))
    }

    /// The error for a policy that another queue makes invalid.
    pub fn refuse(&self, reason: &str) -> Error {
        refuse("RedrivePolicy", &self.text, reason)
    }
}

impl RedriveAllowPolicy {
    /// Reads the attribute; the empty text removes it.
    pub fn parse(text: &str) -> Result<Option<RedriveAllowPolicy>> {
        if text.is_empty() {
            return Ok(None);
        }
        let fail = |reason: &str| refuse("RedriveAllowPolicy", text, reason);
        let map = object(text).ok_or_else(|| fail("Redrive allow policy is not a valid JSON map."))?;
        let sources = map.get("sourceQueueArns");
        let permission = match (map.get("redrivePermission").and_then(Value::as_str), sources) {
            (Some("allowAll"), None) => RedrivePermission::AllowAll,
            (Some("denyAll"), None) => RedrivePermission::DenyAll,
            (Some("byQueue"), Some(sources)) => RedrivePermission::ByQueue(
                queue_arns(sources)
                    .ok_or_else(|| fail("sourceQueueArns must be a list of 1 to 10 ARNs of queues."))?,
            ),
            (Some("byQueue"), None) => {
                return Err(fail("sourceQueueArns is needed for redrivePermission byQueue."));
            }
            (Some("allowAll" | "denyAll"), Some(_)) => {
                return Err(fail("sourceQueueArns can only be given for redrivePermission byQueue."));
            }
            _ => return Err(fail("redrivePermission must be one of allowAll, denyAll and byQueue.")),
        };
        Ok(Some(RedriveAllowPolicy { text: text.to_owned(), permission }))
    }

    /// Whether the queue with this ARN may send its dead letters here.
    pub fn allows(&self, source_arn: &str) -> bool {
        match &self.permission {
            RedrivePermission::AllowAll => true,
            RedrivePermission::DenyAll => false,
            RedrivePermission::ByQueue(arns) => arns.iter().any(|arn| arn == source_arn),
        }
    }
}

fn refuse(name: &str, text: &str, reason: &str) -> Error {
    error::invalid_parameter(text, name, reason)
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

/// A number, or a number in a string: both are in use.
fn receives_max(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    number.filter(|number| (1..=RECEIVES_MAX).contains(number))
}

fn queue_arns(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array().filter(|list| (1..=SOURCES_MAX).contains(&list.len()))?;
    let arn =
        |value: &Value| value.as_str().filter(|arn| QueueName::from_arn(arn).is_some()).map(str::to_owned);
    list.iter().map(arn).collect()
}

#[cfg(test)]
mod tests {
    use super::{RedriveAllowPolicy, RedrivePolicy};

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

    fn check(text: &str, reason: &str) {
        let error = RedrivePolicy::parse(text).unwrap_err();
        let expected = format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}");
        assert_eq!((&*error.code, error.message), ("InvalidParameterValue", expected));
    }

    #[test]
    fn redrive_policies() {
        for count in ["3", "\"3\""] {
            let text = format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":{count}}}"#);
            let policy = RedrivePolicy::parse(&text).unwrap().unwrap();
            assert_eq!((policy.target_arn.as_str(), policy.receives_max), (ARN, 3));
        }
        assert_eq!(RedrivePolicy::parse("").unwrap(), None);
        check("x", "Redrive policy is not a valid JSON map.");
        check("{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
        check(
            r#"{"maxReceiveCount":1}"#,
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        );
        for bad in ["0", "1001", "\"x\"", "-1"] {
            let text = format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":{bad}}}"#);
            let shown = bad.trim_matches('"');
            check(
                &text,
                &format!(
                    "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
                ),
            );
        }
        check(
            r#"{"deadLetterTargetArn":"dead","maxReceiveCount":1}"#,
            "Invalid value for deadLetterTargetArn.",
        );
    }

    #[test]
    fn redrive_allow_policies() {
        let allows = |text: &str| RedriveAllowPolicy::parse(text).unwrap().unwrap().allows(ARN);
        assert!(allows(r#"{"redrivePermission":"allowAll"}"#));
        assert!(!allows(r#"{"redrivePermission":"denyAll"}"#));
        let by_queue =
            |arn: &str| format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{arn}"]}}"#);
        assert!(allows(&by_queue(ARN)));
        assert!(!allows(&by_queue("arn:aws:sqs:us-east-1:000000000000:other")));
        for bad in [
            "[]",
            "{}",
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"byQueue"}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":[]}"#,
            r#"{"redrivePermission":"denyAll","sourceQueueArns":["a"]}"#,
            &by_queue("other"),
        ] {
            assert_eq!(RedriveAllowPolicy::parse(bad).unwrap_err().code, "InvalidParameterValue", "{bad}");
        }
    }
}
