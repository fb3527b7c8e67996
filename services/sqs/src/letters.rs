//! From the members of SendMessage to a message that is ready to be stored: every rule on bodies, attributes and ids.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html> and
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use crate::error;
use crate::queue::digest::{
    Md5Bytes, content_deduplication_id, deduplication_key, hex, md5_of_attributes, md5_of_body,
};
use crate::queue::record::{Attribute, AttributeValue, Body, encode_attributes};
use crate::queue::sends::Letter;
use crate::queue::settings::{Settings, millis};
use crate::queue::text::{invalid_character, is_valid_token};
use std::collections::BTreeMap;
use yakumo_api_sqs::{MessageAttributeValue, MessageSystemAttributeValue, SendMessageInput};
use yakumo_api_sqs::{SendMessageBatchRequestEntry, message_system_attribute_name_for_sends as system};
use yakumo_aws::Result;
use yakumo_room::Ctx;

const ATTRIBUTES_MAX: usize = 10;
const NAME_MAX_BYTES: usize = 256;
const DELAY_MAX_S: i32 = 900;

/// The members that SendMessage and an entry of SendMessageBatch share.
pub struct Draft {
    text: String,
    delay_s: Option<i32>,
    attributes: BTreeMap<String, MessageAttributeValue>,
    system_attributes: BTreeMap<String, MessageSystemAttributeValue>,
    deduplication_id: Option<String>,
    group: Option<String>,
}

impl From<SendMessageInput> for Draft {
    fn from(input: SendMessageInput) -> Draft {
        Draft {
            text: input.message_body,
            delay_s: input.delay_seconds,
            attributes: input.message_attributes.unwrap_or_default(),
            system_attributes: input.message_system_attributes.unwrap_or_default(),
            deduplication_id: input.message_deduplication_id,
            group: input.message_group_id,
        }
    }
}

impl From<SendMessageBatchRequestEntry> for Draft {
    fn from(entry: SendMessageBatchRequestEntry) -> Draft {
        Draft {
            text: entry.message_body,
            delay_s: entry.delay_seconds,
            attributes: entry.message_attributes.unwrap_or_default(),
            system_attributes: entry.message_system_attributes.unwrap_or_default(),
            deduplication_id: entry.message_deduplication_id,
            group: entry.message_group_id,
        }
    }
}

/// The digests that the answer to a send shows.
pub struct Digests {
    /// Of the body.
    pub body: Md5Bytes,
    /// Of the attributes, when there are some.
    pub attributes: Option<Md5Bytes>,
    /// Of the system attributes, when there are some.
    pub system_attributes: Option<Md5Bytes>,
}

impl Draft {
    /// Its size as SQS counts it: the body, and name, type and value of each attribute. System attributes are free.
    pub fn size_bytes(&self) -> usize {
        let attribute = |(name, value): (&String, &MessageAttributeValue)| {
            let text = value.string_value.as_ref().map_or(0, String::len);
            let binary = value.binary_value.as_ref().map_or(0, |bytes| bytes.len());
            name.len() + value.data_type.len() + text + binary
        };
        self.text.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }

    /// Checks everything and makes the message that is stored.
    pub fn seal(&self, ctx: &Ctx, settings: &Settings) -> Result<(Letter, Digests)> {
        self.check_body(settings)?;
        let attributes = attributes(&self.attributes)?;
        let trace_header = self.trace_header()?;
        let delay_millis = self.delay_millis(settings)?;
        let deduplication_id = self.deduplication_id(settings)?;
        let digests = Digests {
            body: md5_of_body(&self.text),
            attributes: (!attributes.is_empty()).then(|| md5_of_attributes(attributes.iter().copied())),
            system_attributes: trace_header.map(|header| {
                let value = AttributeValue::Text(header);
                md5_of_attributes([Attribute { name: system::AWS_TRACE_HEADER, data_type: "String", value }])
            }),
        };
        let encoded = digests.attributes.map(|md5| (md5, encode_attributes(attributes.into_iter())));
        let mut message_id = [0; 16];
        ctx.base().ids.fill(&mut message_id);
        let body = Body {
            message_id,
            sender: &ctx.caller().principal.user_id,
            md5: digests.body,
            attributes: encoded.as_ref().map(|(md5, bytes)| (*md5, &**bytes)),
            trace_header,
            group: self.group.as_deref(),
            deduplication_id: deduplication_id.as_deref(),
            dead_letter: None,
            text: &self.text,
        };
        let letter = Letter {
            message_id,
            body: body.encode().into(),
            delay_millis,
            group: self.group.clone().filter(|_| settings.is_fifo()),
            deduplication_key: deduplication_id.map(|id| deduplication_key(self.scope(settings), &id)),
        };
        Ok((letter, digests))
    }

    fn check_body(&self, settings: &Settings) -> Result<()> {
        if self.text.is_empty() {
            return Err(error::missing_parameter("MessageBody"));
        }
        if let Some(character) = invalid_character(&self.text) {
            return Err(error::invalid_message_contents(character, "message body"));
        }
        let max_bytes = settings.record.attributes.message_max_bytes;
        if self.size_bytes() > max_bytes as usize {
            return Err(error::message_too_long(max_bytes));
        }
        Ok(())
    }

    fn delay_millis(&self, settings: &Settings) -> Result<i64> {
        let queue_delay = millis(settings.record.attributes.delay_s);
        let Some(delay_s) = self.delay_s else { return Ok(queue_delay) };
        if !(0..=DELAY_MAX_S).contains(&delay_s) {
            let reason = "DelaySeconds must be >= 0 and <= 900.";
            return Err(error::invalid_parameter(delay_s, "DelaySeconds", reason));
        }
        if settings.is_fifo() && delay_s > 0 {
            return Err(error::wrong_queue_type(delay_s, "DelaySeconds"));
        }
        Ok(if settings.is_fifo() { queue_delay } else { i64::from(delay_s) * 1_000 })
    }

    /// Checks group and deduplication id; gives what a FIFO queue deduplicates by.
    fn deduplication_id(&self, settings: &Settings) -> Result<Option<String>> {
        let tokens = [("MessageGroupId", &self.group), ("MessageDeduplicationId", &self.deduplication_id)];
        for (name, token) in tokens {
            if let Some(token) = token.as_ref().filter(|token| !is_valid_token(token)) {
                return Err(error::invalid_token(token, name));
            }
        }
        let Some(fifo) = settings.record.attributes.fifo else {
            // AWS: since July 2025 standard queues take a group, for fair queues: sqs-fair-queues.html.
            return match &self.deduplication_id {
                Some(id) => Err(error::wrong_queue_type(id, "MessageDeduplicationId")),
                None => Ok(None),
            };
        };
        if self.group.is_none() {
            return Err(error::missing_parameter("MessageGroupId"));
        }
        match &self.deduplication_id {
            Some(id) => Ok(Some(id.clone())),
            None if fifo.is_content_based => Ok(Some(content_deduplication_id(&self.text))),
            None => Err(error::deduplication_id_needed()),
        }
    }

    /// The group when ids count in each group for itself, else nothing.
    fn scope(&self, settings: &Settings) -> &str {
        let is_group = settings.record.attributes.fifo.is_some_and(|fifo| fifo.is_scope_group);
        self.group.as_deref().filter(|_| is_group).unwrap_or_default()
    }

    fn trace_header(&self) -> Result<Option<&str>> {
        let mut header = None;
        for (name, value) in &self.system_attributes {
            if name != system::AWS_TRACE_HEADER {
                let text = format!(
                    "Message system attribute name '{name}' is invalid. You must use only the following supported \
                     message system attribute names: AWSTraceHeader."
                );
                return Err(error::invalid_parameter_text(text));
            }
            let text = value.string_value.as_deref().filter(|text| !text.is_empty());
            if value.data_type != "String" || text.is_none() {
                let text = format!(
                    "The message system attribute '{name}' must have a non-empty value of type 'String'."
                );
                return Err(error::invalid_parameter_text(text));
            }
            header = text;
        }
        match header.and_then(invalid_character) {
            Some(character) => Err(error::invalid_message_contents(character, "message system attribute")),
            None => Ok(header),
        }
    }
}

fn attributes(given: &BTreeMap<String, MessageAttributeValue>) -> Result<Vec<Attribute<'_>>> {
    if given.len() > ATTRIBUTES_MAX {
        let count = given.len();
        return Err(error::invalid_parameter_text(format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )));
    }
    given.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute<'a>(name: &'a str, given: &'a MessageAttributeValue) -> Result<Attribute<'a>> {
    check_name(name)?;
    let data_type = &*given.data_type;
    let has_lists = |list: Option<usize>| list.is_some_and(|length| length > 0);
    if has_lists(given.string_list_values.as_ref().map(Vec::len))
        || has_lists(given.binary_list_values.as_ref().map(Vec::len))
    {
        // AWS: API_MessageAttributeValue.html: "Not implemented. Reserved for future use."
        let text = "Message attribute list values in SendMessage operation are not supported.";
        return Err(error::unsupported_operation(text));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    if !matches!(base, "String" | "Number" | "Binary") || data_type.len() > NAME_MAX_BYTES {
        return Err(error::invalid_parameter_text(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
             type prefixes: Binary, Number, String."
        )));
    }
    let empty = || {
        let text =
            format!("Message (user) attribute '{name}' must contain a non-empty value of type '{base}'.");
        error::invalid_parameter_text(text)
    };
    let value = if base == "Binary" {
        AttributeValue::Binary(
            given.binary_value.as_deref().filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?,
        )
    } else {
        let text = given.string_value.as_deref().filter(|text| !text.is_empty()).ok_or_else(empty)?;
        if let Some(character) = invalid_character(text) {
            return Err(error::invalid_message_contents(character, &format!("message attribute '{name}'")));
        }
        if base == "Number" && !is_number(text) {
            let text = format!("Can't cast the value of message (user) attribute '{name}' to a number.");
            return Err(error::invalid_parameter_text(text));
        }
        AttributeValue::Text(text)
    };
    Ok(Attribute { name, data_type, value })
}

fn check_name(name: &str) -> Result<()> {
    let refuse = |reason: &str| {
        Err(error::invalid_parameter_text(format!(
            "Message (user) attribute name '{name}' is invalid. {reason}"
        )))
    };
    let has_prefix =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if name.is_empty() {
        return Err(error::invalid_parameter_text(
            "The request must contain non-empty message attribute names.",
        ));
    }
    if name.len() > NAME_MAX_BYTES {
        return refuse("It can be up to 256 characters long.");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) {
        return refuse(
            "It can contain alphanumeric characters and the underscore (_), hyphen (-), and period (.).",
        );
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refuse("It must not start or end with a period (.), or have periods in succession (..).");
    }
    if has_prefix("AWS.") || has_prefix("Amazon.") {
        return refuse("It must not start with the reserved prefixes AWS. or Amazon.");
    }
    Ok(())
}

/// Up to 38 digits, with a sign, a fraction and an exponent: between -10^128 and 10^126.
fn is_number(text: &str) -> bool {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = digits.bytes().filter(u8::is_ascii_digit).count();
    is_plain && digits <= 38 && text.parse::<f64>().is_ok_and(|number| (-1e128..=1e126).contains(&number))
}

/// The text of an optional digest.
pub fn hex_of(md5: Option<Md5Bytes>) -> Option<String> {
    md5.map(|md5| hex(&md5))
}

#[cfg(test)]
mod tests {
    use super::{attributes, is_number};
    use std::collections::BTreeMap;
    use yakumo_api_sqs::MessageAttributeValue;

    fn check(name: &str, data_type: &str, value: &str, refused: Option<&str>) {
        let mut given = MessageAttributeValue { data_type: data_type.into(), ..Default::default() };
        if data_type.starts_with("Binary") {
            given.binary_value = Some(value.to_owned().into());
        } else {
            given.string_value = Some(value.to_owned());
        }
        let map = BTreeMap::from([(name.to_owned(), given)]);
        let outcome = attributes(&map).map(|_| ()).map_err(|error| error.message);
        assert_eq!(outcome.err().as_deref(), refused, "{name} {data_type} {value}");
    }

    #[test]
    fn attributes_follow_the_rules() {
        check("a", "String", "x", None);
        check("a.b-c_9", "String.own", "x", None);
        check("a", "Number.int", "-12.50", None);
        check("a", "Binary.png", "\0", None);
        check(
            "a",
            "String",
            "",
            Some("Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
        );
        check(
            "a",
            "Binary",
            "",
            Some("Message (user) attribute 'a' must contain a non-empty value of type 'Binary'."),
        );
        let text = "The type of message (user) attribute 'a' is invalid. You must use only the following supported \
                    type prefixes: Binary, Number, String.";
        for bad in ["string", "Set", "", "Strings"] {
            check("a", bad, "x", Some(text));
        }
        check(
            "a",
            "Number",
            "ten",
            Some("Can't cast the value of message (user) attribute 'a' to a number."),
        );
        let bad = |name: &str| check_refused(name);
        for name in ["", ".a", "a.", "a..b", "aws.x", "AMAZON.x", "a b", "ä", &"x".repeat(257)] {
            bad(name);
        }
    }

    fn check_refused(name: &str) {
        let value = MessageAttributeValue {
            data_type: "String".into(),
            string_value: Some("x".into()),
            ..Default::default()
        };
        let map = BTreeMap::from([(name.to_owned(), value)]);
        assert_eq!(attributes(&map).unwrap_err().code, "InvalidParameterValue", "{name}");
    }

    #[test]
    fn numbers() {
        for good in ["0", "-1", "+1.5", "1e3", ".5", &"9".repeat(38)] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "x", "inf", "NaN", "1e127", "-1e129", "0x1", "1 ", &"9".repeat(39)] {
            assert!(!is_number(bad), "{bad}");
        }
    }
}
