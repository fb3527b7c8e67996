//! A queue's attributes: their names, limits and defaults, and how they are read from requests and shown in answers.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.
//! Invariant: what is stored has passed every check that needs no other queue.

use crate::redrive::{RedriveAllowPolicy, RedrivePolicy};
use crate::{error, policies};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use yakumo_aws::Result;
use yakumo_room::Pins;

/// The largest message that any queue takes, in bytes.
pub const MESSAGE_MAX_BYTES: u32 = 1_048_576;
/// What can be set on a queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attributes {
    /// `DelaySeconds`.
    pub delay_s: u32,
    /// `MaximumMessageSize`.
    pub message_max_bytes: u32,
    /// `MessageRetentionPeriod`.
    pub retention_s: u32,
    /// `ReceiveMessageWaitTimeSeconds`.
    pub wait_s: u32,
    /// `VisibilityTimeout`.
    pub visibility_s: u32,
    /// `SqsManagedSseEnabled`.
    pub is_sse_managed: bool,
    /// `KmsDataKeyReusePeriodSeconds`, when it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_key_reuse_s: Option<u32>,
    /// `Policy`, as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The users and roles that the policy names, as they were when it was saved.
    #[serde(default, skip_serializing_if = "Pins::is_empty")]
    pub pins: Pins,
    /// `RedrivePolicy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<RedrivePolicy>,
    /// `RedriveAllowPolicy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_allow: Option<RedriveAllowPolicy>,
    /// Set in FIFO queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fifo: Option<Fifo>,
}

/// What only FIFO queues have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Fifo {
    /// `ContentBasedDeduplication`.
    pub is_content_based: bool,
    /// `DeduplicationScope` is `messageGroup`, not `queue`.
    pub is_scope_group: bool,
    /// `FifoThroughputLimit` is `perMessageGroupId`, not `perQueue`.
    pub is_limit_per_group: bool,
}

impl Attributes {
    /// A new queue's, before anything is set.
    pub fn new(is_fifo: bool) -> Attributes {
        Attributes {
            delay_s: 0,
            message_max_bytes: MESSAGE_MAX_BYTES,
            retention_s: 345_600,
            wait_s: 0,
            visibility_s: 30,
            is_sse_managed: true,
            data_key_reuse_s: None,
            policy: None,
            pins: Pins::default(),
            redrive: None,
            redrive_allow: None,
            fifo: is_fifo.then(Fifo::default),
        }
    }

    /// Sets attributes as a request gives them; on an error some may be set already. Whom a policy names is not
    /// looked up here: see [`policies::pins`].
    pub fn set_all(&mut self, given: &BTreeMap<String, String>) -> Result<()> {
        for (name, value) in given {
            self.set(name, value)?;
        }
        // AWS: high-throughput-fifo.html: perMessageGroupId needs the scope messageGroup.
        match self.fifo {
            Some(fifo) if fifo.is_limit_per_group && !fifo.is_scope_group => {
                let reason = "The perMessageGroupId value is allowed only when the value for DeduplicationScope \
                              is messageGroup.";
                Err(error::invalid_attribute_value_because("FifoThroughputLimit", reason))
            }
            _ => Ok(()),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "DelaySeconds" => self.delay_s = number(name, value, 0..=900)?,
            "MaximumMessageSize" => self.message_max_bytes = number(name, value, 1_024..=MESSAGE_MAX_BYTES)?,
            "MessageRetentionPeriod" => self.retention_s = number(name, value, 60..=1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait_s = number(name, value, 0..=20)?,
            "VisibilityTimeout" => self.visibility_s = number(name, value, 0..=43_200)?,
            "SqsManagedSseEnabled" => self.is_sse_managed = boolean(name, value)?,
            "KmsDataKeyReusePeriodSeconds" => self.data_key_reuse_s = Some(number(name, value, 60..=86_400)?),
            "KmsMasterKeyId" => refuse_key(value)?,
            "Policy" => {
                self.policy = policies::check(value)?;
                self.pins = Pins::default();
            }
            "RedrivePolicy" => self.redrive = RedrivePolicy::parse(value)?,
            "RedriveAllowPolicy" => self.redrive_allow = RedriveAllowPolicy::parse(value)?,
            _ => self.set_fifo(name, value)?,
        }
        Ok(())
    }

    fn set_fifo(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(fifo) = &mut self.fifo else { return Err(error::unknown_attribute(name)) };
        match name {
            "FifoQueue" => {
                if !boolean(name, value)? {
                    let reason = "Modifying queue type is not supported.";
                    return Err(error::invalid_attribute_value_because(name, reason));
                }
            }
            "ContentBasedDeduplication" => fifo.is_content_based = boolean(name, value)?,
            "DeduplicationScope" => fifo.is_scope_group = one_of(name, value, "messageGroup", "queue")?,
            "FifoThroughputLimit" => {
                fifo.is_limit_per_group = one_of(name, value, "perMessageGroupId", "perQueue")?;
            }
            _ => return Err(error::unknown_attribute(name)),
        }
        Ok(())
    }

    /// What was set, with the defaults, under AWS's names.
    pub fn show(&self) -> BTreeMap<&'static str, String> {
        let mut shown = BTreeMap::from([
            ("DelaySeconds", self.delay_s.to_string()),
            ("MaximumMessageSize", self.message_max_bytes.to_string()),
            ("MessageRetentionPeriod", self.retention_s.to_string()),
            ("ReceiveMessageWaitTimeSeconds", self.wait_s.to_string()),
            ("VisibilityTimeout", self.visibility_s.to_string()),
            ("SqsManagedSseEnabled", self.is_sse_managed.to_string()),
        ]);
        let optional = [
            ("KmsDataKeyReusePeriodSeconds", self.data_key_reuse_s.map(|seconds| seconds.to_string())),
            ("Policy", self.policy.clone()),
            ("RedrivePolicy", self.redrive.as_ref().map(|redrive| redrive.text.clone())),
            ("RedriveAllowPolicy", self.redrive_allow.as_ref().map(|allow| allow.text.clone())),
        ];
        shown.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        if let Some(fifo) = self.fifo {
            let scope = if fifo.is_scope_group { "messageGroup" } else { "queue" };
            let limit = if fifo.is_limit_per_group { "perMessageGroupId" } else { "perQueue" };
            shown.extend([
                ("FifoQueue", "true".to_owned()),
                ("ContentBasedDeduplication", fifo.is_content_based.to_string()),
                ("DeduplicationScope", scope.to_owned()),
                ("FifoThroughputLimit", limit.to_owned()),
            ]);
        }
        shown
    }

    /// The first of the given attributes whose value differs from this queue's: CreateQueue with such a one fails.
    pub fn first_difference<'a>(
        &self,
        given: &'a BTreeMap<String, String>,
        wanted: &Attributes,
    ) -> Option<&'a str> {
        let (mine, wanted) = (self.show(), wanted.show());
        let differs = |name: &str| match (mine.get(name), wanted.get(name)) {
            (Some(mine), Some(wanted)) => !is_same(mine, wanted),
            (mine, wanted) => mine.is_some() != wanted.is_some(),
        };
        given.keys().map(String::as_str).find(|name| differs(name))
    }
}

/// JSON attributes are the same whatever their spelling.
fn is_same(one: &str, other: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    one == other || json(one).is_some_and(|one| json(other) == Some(one))
}

fn number(name: &str, value: &str, range: RangeInclusive<u32>) -> Result<u32> {
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| error::invalid_attribute_value(name))
}

fn boolean(name: &str, value: &str) -> Result<bool> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(error::invalid_attribute_value(name)),
    }
}

fn one_of(name: &str, value: &str, yes: &str, no: &str) -> Result<bool> {
    if value == yes {
        Ok(true)
    } else if value == no {
        Ok(false)
    } else {
        Err(error::invalid_attribute_value(name))
    }
}

/// DIFFERS: AWS encrypts with the key. There is no KMS room yet, and storing a key's name without using the key would
/// claim a protection that is not there. An empty name, which turns encryption with KMS off, is fine.
fn refuse_key(value: &str) -> Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    let reason =
        "This cloud has no KMS yet, so queues cannot be encrypted with its keys; use SqsManagedSseEnabled.";
    Err(error::invalid_attribute_value_because("KmsMasterKeyId", reason))
}

#[cfg(test)]
mod tests {
    use super::Attributes;
    use std::collections::BTreeMap;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Sets one attribute on a new queue: what it then shows, or the error's code and text.
    fn check(is_fifo: bool, name: &str, value: &str, expected: Result<Option<&str>, (&str, &str)>) {
        let mut attributes = Attributes::new(is_fifo);
        match (attributes.set_all(&given(&[(name, value)])), expected) {
            (Ok(()), Ok(shown)) => {
                assert_eq!(attributes.show().get(name).map(String::as_str), shown, "{name}")
            }
            (Err(error), Err((code, text))) => {
                assert_eq!((&*error.code, &*error.message), (code, text), "{name}={value}");
            }
            (got, expected) => panic!("{name}={value}: {got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn numbers_have_their_limits() {
        for (name, low, high) in [
            ("DelaySeconds", 0, 900),
            ("MaximumMessageSize", 1_024, 1_048_576),
            ("MessageRetentionPeriod", 60, 1_209_600),
            ("ReceiveMessageWaitTimeSeconds", 0, 20),
            ("VisibilityTimeout", 0, 43_200),
            ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
        ] {
            let text = format!("Invalid value for the parameter {name}.");
            for good in [low, high] {
                check(false, name, &good.to_string(), Ok(Some(&good.to_string())));
            }
            for bad in [(low - 1).to_string(), (high + 1).to_string(), "x".into(), String::new()] {
                check(false, name, &bad, Err(("InvalidAttributeValue", &text)));
            }
        }
    }

    #[test]
    fn names_that_cannot_be_set_are_unknown() {
        for name in ["QueueArn", "All", "CreatedTimestamp", "Foo", "FifoQueue", "ContentBasedDeduplication"] {
            check(false, name, "true", Err(("InvalidAttributeName", &format!("Unknown Attribute {name}."))));
        }
    }

    #[test]
    fn fifo_queues_have_more() {
        check(true, "FifoQueue", "true", Ok(Some("true")));
        let text =
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.";
        check(true, "FifoQueue", "false", Err(("InvalidAttributeValue", text)));
        check(true, "ContentBasedDeduplication", "true", Ok(Some("true")));
        check(true, "DeduplicationScope", "messageGroup", Ok(Some("messageGroup")));
        let text = "Invalid value for the parameter DeduplicationScope.";
        check(true, "DeduplicationScope", "group", Err(("InvalidAttributeValue", text)));
        let text = "Invalid value for the parameter FifoThroughputLimit. Reason: The perMessageGroupId value is \
                    allowed only when the value for DeduplicationScope is messageGroup.";
        check(true, "FifoThroughputLimit", "perMessageGroupId", Err(("InvalidAttributeValue", text)));
        let mut attributes = Attributes::new(true);
        let both = [("FifoThroughputLimit", "perMessageGroupId"), ("DeduplicationScope", "messageGroup")];
        attributes.set_all(&given(&both)).unwrap();
        assert!(attributes.set_all(&given(&[("DeduplicationScope", "queue")])).is_err());
    }

    #[test]
    fn keys_of_kms_are_refused_and_not_stored() {
        check(false, "KmsMasterKeyId", "", Ok(None));
        let text = "Invalid value for the parameter KmsMasterKeyId. Reason: This cloud has no KMS yet, so queues \
                    cannot be encrypted with its keys; use SqsManagedSseEnabled.";
        check(false, "KmsMasterKeyId", "alias/aws/sqs", Err(("InvalidAttributeValue", text)));
    }

    #[test]
    fn only_given_attributes_are_compared_with_an_existing_queue() {
        let mut mine = Attributes::new(false);
        mine.set_all(&given(&[("VisibilityTimeout", "10"), ("DelaySeconds", "5")])).unwrap();
        let difference = |pairs: &[(&str, &str)]| {
            let (asked, mut wanted) = (given(pairs), Attributes::new(false));
            wanted.set_all(&asked).unwrap();
            mine.first_difference(&asked, &wanted).map(str::to_owned)
        };
        assert_eq!(difference(&[]), None);
        assert_eq!(difference(&[("VisibilityTimeout", "10")]), None);
        assert_eq!(
            difference(&[("VisibilityTimeout", "11"), ("DelaySeconds", "5")]).as_deref(),
            Some("VisibilityTimeout")
        );
    }
}
