//! From the members of SendMessage to a message that is ready to be stored: every rule on bodies, attributes and ids.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html> and
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use crate::queue::body::{Attribute, AttributeValue, Body, encode_attributes};
use crate::queue::digest::{
    Md5Bytes, content_deduplication_id, deduplication_key, hex, md5_of_attributes, md5_of_body,
};
use crate::queue::sends::Letter;
use crate::queue::settings::{Settings, millis};
use crate::queue::text::{invalid_character, is_valid_token};
use crate::{error, message_attributes};
use std::collections::BTreeMap;
use yakumo_api_sqs::{MessageAttributeValue, MessageSystemAttributeValue, SendMessageInput};
use yakumo_api_sqs::{SendMessageBatchRequestEntry, message_system_attribute_name_for_sends as system};
use yakumo_aws::Result;
use yakumo_room::Ctx;

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
        let attributes = message_attributes::check(&self.attributes)?;
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

/// The text of an optional digest.
pub fn hex_of(md5: Option<Md5Bytes>) -> Option<String> {
    md5.map(|md5| hex(&md5))
}
