//! The errors of SQS, with AWS's texts. One function for each; nothing else in the room makes an error for a client.
//!
//! Codes are the model's shape names, or AWS's common codes where the model has no shape (`InvalidParameterValue`).
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and the pages of
//! the operations; the texts are those that AWS answers.

use std::fmt::Display;
use yakumo_aws::Error;

/// No queue of that name in that account and region.
pub fn queue_does_not_exist() -> Error {
    Error::sender("QueueDoesNotExist", "The specified queue does not exist.")
}

/// The queue URL is none, or belongs to another region.
pub fn invalid_address(url: &str) -> Error {
    let text = format!("The address {url} is not valid for this endpoint.");
    Error::sender("InvalidAddress", text).with_status(404)
}

/// CreateQueue with other values than the queue of that name has.
pub fn queue_name_exists(attribute: &str) -> Error {
    let text =
        format!("A queue already exists with the same name and a different value for attribute {attribute}");
    Error::sender("QueueNameExists", text)
}

/// CreateQueue with the same name but other tags.
pub fn queue_name_exists_with_other_tags() -> Error {
    Error::sender("QueueNameExists", "A queue already exists with the same name and different tags")
}

/// CreateQueue less than 60 seconds after DeleteQueue.
pub fn queue_deleted_recently() -> Error {
    let text =
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
    Error::sender("QueueDeletedRecently", text)
}

/// A second PurgeQueue within 60 seconds.
pub fn purge_queue_in_progress(queue: &str) -> Error {
    let text = format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds.");
    Error::sender("PurgeQueueInProgress", text).with_status(403)
}

/// A name that is no queue attribute, or none that can be set, or none of this kind of queue.
pub fn unknown_attribute(name: &str) -> Error {
    Error::sender("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

/// A value that the attribute cannot have.
pub fn invalid_attribute_value(name: &str) -> Error {
    Error::sender("InvalidAttributeValue", format!("Invalid value for the parameter {name}."))
}

/// A value that the attribute cannot have, with the reason.
pub fn invalid_attribute_value_because(name: &str, reason: &str) -> Error {
    Error::sender(
        "InvalidAttributeValue",
        format!("Invalid value for the parameter {name}. Reason: {reason}"),
    )
}

/// A parameter with a value that it cannot have.
pub fn invalid_parameter(value: impl Display, name: &str, reason: &str) -> Error {
    invalid_parameter_text(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
}

/// A parameter with a value that it cannot have, in other words.
pub fn invalid_parameter_text(text: impl Into<String>) -> Error {
    Error::sender("InvalidParameterValue", text)
}

/// A queue's name that breaks the rules for standard queues.
pub fn invalid_queue_name() -> Error {
    invalid_parameter_text(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    )
}

/// A queue's name that breaks the rules for FIFO queues.
pub fn invalid_fifo_queue_name() -> Error {
    invalid_parameter_text(
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, \
         must end with .fifo suffix and be 1 to 80 in length.",
    )
}

/// A required parameter that is absent or empty.
pub fn missing_parameter(name: &str) -> Error {
    Error::sender("MissingParameter", format!("The request must contain the parameter {name}."))
}

/// A message body or string attribute with characters outside XML's; `place` says where.
pub fn invalid_message_contents(character: char, place: &str) -> Error {
    let text = format!(
        "Invalid binary character '#x{:X}' was found in the {place}, the set of allowed characters is \
         #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        u32::from(character)
    );
    Error::sender("InvalidMessageContents", text)
}

/// A message above the queue's MaximumMessageSize.
pub fn message_too_long(max_bytes: u32) -> Error {
    invalid_parameter_text(format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {max_bytes} bytes."
    ))
}

/// A send without a deduplication id where one is needed.
pub fn deduplication_id_needed() -> Error {
    invalid_parameter_text(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    )
}

/// A parameter that only the other kind of queue has.
pub fn wrong_queue_type(value: impl Display, name: &str) -> Error {
    invalid_parameter(value, name, "The request include parameter that is not valid for this queue type.")
}

/// A deduplication id or group id that breaks the rules.
pub fn invalid_token(value: &str, name: &str) -> Error {
    let reason =
        format!("{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    invalid_parameter(value, name, &reason)
}

/// A text that is no receipt handle of the queue.
pub fn receipt_handle_is_invalid(handle: &str) -> Error {
    let text = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    Error::sender("ReceiptHandleIsInvalid", text).with_status(404)
}

/// DeleteMessage in a FIFO queue after the visibility timeout.
pub fn receipt_handle_expired(handle: &str) -> Error {
    invalid_parameter(handle, "ReceiptHandle", "The receipt handle has expired.")
}

/// ChangeMessageVisibility for a message that is gone.
pub fn no_message_for_visibility(handle: &str) -> Error {
    let reason = "Message does not exist or is not available for visibility timeout change.";
    invalid_parameter(handle, "ReceiptHandle", reason)
}

/// ChangeMessageVisibility for a message that is not in flight.
pub fn message_not_in_flight() -> Error {
    Error::sender("MessageNotInflight", "The specified message isn't in flight.")
}

/// ChangeMessageVisibility past twelve hours from the receive.
pub fn visibility_beyond_limit(value: i32) -> Error {
    let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].";
    invalid_parameter(value, "VisibilityTimeout", reason)
}

/// Too many messages in flight.
pub fn too_many_in_flight() -> Error {
    over_limit(
        "Too many messages in flight: a queue holds at most 120000 that are received and not yet deleted.",
    )
}

/// A quota other than a message's.
pub fn over_limit(text: impl Into<String>) -> Error {
    Error::sender("OverLimit", text).with_status(403)
}

/// A batch without entries; `entry` names the shape of one.
pub fn empty_batch(entry: &str) -> Error {
    Error::sender("EmptyBatchRequest", format!("There should be at least one {entry} in the request."))
}

/// A batch of more than ten entries.
pub fn too_many_entries(count: usize) -> Error {
    let text = format!("Maximum number of entries per request are 10. You have sent {count}.");
    Error::sender("TooManyEntriesInBatchRequest", text)
}

/// Two entries of a batch with the same id.
pub fn batch_ids_not_distinct(id: &str) -> Error {
    Error::sender("BatchEntryIdsNotDistinct", format!("Id {id} repeated."))
}

/// An entry's id that breaks the rules.
pub fn invalid_batch_entry_id() -> Error {
    let text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
                It can be at most 80 letters long.";
    Error::sender("InvalidBatchEntryId", text)
}

/// A batch whose messages are too long together.
pub fn batch_too_long(bytes: usize, max_bytes: usize) -> Error {
    let text =
        format!("Batch requests cannot be longer than {max_bytes} bytes. You have sent {bytes} bytes.");
    Error::sender("BatchRequestTooLong", text)
}

/// What SQS never does.
pub fn unsupported_operation(text: impl Into<String>) -> Error {
    Error::sender("UnsupportedOperation", text)
}

/// A queue or task that a move task names and that is not there.
pub fn resource_not_found(text: impl Into<String>) -> Error {
    Error::sender("ResourceNotFoundException", text).with_status(404)
}
