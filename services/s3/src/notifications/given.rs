//! Notification configurations between what clients write and what is stored.
//!
//! Invariant: no two configurations of a bucket are about the same event of the same key.

use crate::error;
use crate::state::Bucket;
use crate::state::notification::{QueueConfiguration, covers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashSet;
use yakumo_api_s3 as api;
use yakumo_api_s3::event;
use yakumo_aws::{Arn, Error, Result};
use yakumo_room::Ctx;

/// AWS: <https://docs.aws.amazon.com/general/latest/gr/s3.html>
const CONFIGURATIONS_MAX: usize = 100;
const ID_CHARS_MAX: usize = 255;
const VALUE_BYTES_MAX: usize = 1024;

/// What can happen here.
const KNOWN: [&str; 21] = [
    // Nothing is ever lost here, which is all that there is to say of it.
    event::S3_REDUCED_REDUNDANCY_LOST_OBJECT,
    event::S3_OBJECT_CREATED,
    event::S3_OBJECT_CREATED_PUT,
    event::S3_OBJECT_CREATED_POST,
    event::S3_OBJECT_CREATED_COPY,
    event::S3_OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD,
    event::S3_OBJECT_REMOVED,
    event::S3_OBJECT_REMOVED_DELETE,
    event::S3_OBJECT_REMOVED_DELETE_MARKER_CREATED,
    event::S3_LIFECYCLE_TRANSITION,
    event::S3_LIFECYCLE_EXPIRATION,
    event::S3_LIFECYCLE_EXPIRATION_DELETE,
    event::S3_LIFECYCLE_EXPIRATION_DELETE_MARKER_CREATED,
    event::S3_OBJECT_ACL_PUT,
    event::S3_OBJECT_TAGGING,
    event::S3_OBJECT_TAGGING_PUT,
    event::S3_OBJECT_TAGGING_DELETE,
    event::S3_OBJECT_RESTORE,
    event::S3_OBJECT_RESTORE_POST,
    event::S3_OBJECT_RESTORE_COMPLETED,
    event::S3_OBJECT_RESTORE_DELETE,
];

/// What is an event of AWS, and cannot happen here.
const ABSENT: [&str; 5] = [
    "s3:Replication:",
    "s3:IntelligentTiering",
    "s3:ObjectAnnotation:",
    "s3:ObjectRetention:",
    "s3:ObjectLegalHold:",
];

fn argument(text: &str) -> Error {
    Error::sender("InvalidArgument", text)
}

/// The configurations of a request, checked; those without an id are given one.
pub fn read(
    ctx: &Ctx,
    bucket: &Bucket,
    given: api::NotificationConfiguration,
) -> Result<Vec<QueueConfiguration>> {
    let is_some = |count: Option<usize>| count.is_some_and(|count| count > 0);
    if is_some(given.topic_configurations.map(|list| list.len())) {
        return Err(error::not_implemented("notifications to SNS topics"));
    }
    if is_some(given.lambda_function_configurations.map(|list| list.len())) {
        return Err(error::not_implemented("notifications to Lambda functions"));
    }
    if given.event_bridge_configuration.is_some() {
        return Err(error::not_implemented("notifications to EventBridge"));
    }
    let given = given.queue_configurations.unwrap_or_default();
    if given.len() > CONFIGURATIONS_MAX {
        return Err(argument("The number of notification configurations must not exceed 100"));
    }
    let mut ids = HashSet::new();
    let mut read: Vec<QueueConfiguration> = Vec::with_capacity(given.len());
    for one in given {
        let one = configuration(ctx, bucket, one)?;
        if !ids.insert(one.id.clone()) {
            return Err(argument("Same ID used for multiple configurations. IDs must be unique"));
        }
        if let Some(other) = read.iter().find(|other| overlap(other, &one)) {
            return Err(overlapping(other, &one));
        }
        read.push(one);
    }
    Ok(read)
}

fn configuration(ctx: &Ctx, bucket: &Bucket, given: api::QueueConfiguration) -> Result<QueueConfiguration> {
    if given.events.is_empty() {
        return Err(error::malformed_xml());
    }
    for event in &given.events {
        check_event(event)?;
    }
    let id = given.id.filter(|id| !id.is_empty());
    let id = id.unwrap_or_else(|| STANDARD.encode(ctx.base().ids.uuid()));
    if id.chars().count() > ID_CHARS_MAX {
        return Err(argument("ID length should not exceed allowed limit of 255"));
    }
    check_queue(bucket, &given.queue_arn)?;
    let rules = given.filter.and_then(|filter| filter.key?.filter_rules).unwrap_or_default();
    let (mut prefix, mut suffix) = (None, None);
    for rule in rules {
        let name = rule.name.ok_or_else(error::malformed_xml)?;
        let value = rule.value.unwrap_or_default();
        let (place, what) = match name.to_ascii_lowercase().as_str() {
            "prefix" => (&mut prefix, "prefix"),
            "suffix" => (&mut suffix, "suffix"),
            _ => {
                let text = "filter rule name must be either prefix or suffix";
                return Err(error::argument(text, "FilterRule.Name", &name));
            }
        };
        if value.len() > VALUE_BYTES_MAX {
            let text = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation";
            return Err(error::argument(text, "FilterRule.Value", &value));
        }
        if place.replace(value).is_some() {
            return Err(argument(&format!("Cannot specify more than one {what} rule in a filter.")));
        }
    }
    Ok(QueueConfiguration { id, queue: given.queue_arn, events: given.events, prefix, suffix })
}

fn check_event(event: &str) -> Result<()> {
    if KNOWN.contains(&event) {
        return Ok(());
    }
    match ABSENT.iter().any(|absent| event.starts_with(absent)) {
        true => Err(error::not_implemented(&format!("the event {event}"))),
        false => {
            Err(error::argument("A specified event is not supported for notifications.", "Event", event))
        }
    }
}

fn check_queue(bucket: &Bucket, text: &str) -> Result<()> {
    let arn = Arn::parse(text).ok().filter(|arn| arn.service() == "sqs" && !arn.resource().is_empty());
    let arn = arn.ok_or_else(|| error::argument("The ARN is not well formed", "QueueArn", text))?;
    if arn.region() != bucket.region.as_str() {
        let words =
            "The notification destination service region is not valid for the bucket location constraint";
        return Err(error::argument(words, "QueueArn", text));
    }
    // AWS: "SQS FIFO queues aren't supported as an Amazon S3 event notification destination":
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html>
    match arn.resource().ends_with(".fifo") {
        true => Err(error::argument("FIFO SQS queues are not supported", "QueueArn", text)),
        false => Ok(()),
    }
}

fn share_events(one: &QueueConfiguration, other: &QueueConfiguration) -> bool {
    let mut events = one.events.iter();
    events.any(|one| other.events.iter().any(|other| covers(one, other) || covers(other, one)))
}

/// Whether two configurations would both be about some event of some key.
fn overlap(one: &QueueConfiguration, other: &QueueConfiguration) -> bool {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let (prefix, other_prefix) = (text(&one.prefix), text(&other.prefix));
    let (suffix, other_suffix) = (text(&one.suffix), text(&other.suffix));
    share_events(one, other)
        && (prefix.starts_with(&other_prefix) || other_prefix.starts_with(&prefix))
        && (suffix.ends_with(&other_suffix) || other_suffix.ends_with(&suffix))
}

fn overlapping(one: &QueueConfiguration, other: &QueueConfiguration) -> Error {
    let is_plain = [one, other]
        .iter()
        .all(|configuration| configuration.prefix.is_none() && configuration.suffix.is_none());
    match is_plain {
        true => argument(
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        )
        .with_field("ArgumentName", "Event")
        .with_field("ArgumentValue", [one.events.join(", "), other.events.join(", ")].join(", ")),
        false => argument(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are \
             overlapping for the same event type.",
        ),
    }
}

/// A configuration as clients see it.
pub fn shown(configuration: &QueueConfiguration) -> api::QueueConfiguration {
    let rule = |name: &str, value: &Option<String>| {
        let value = value.clone()?;
        Some(api::FilterRule { name: Some(name.to_owned()), value: Some(value) })
    };
    let rules = [rule("Prefix", &configuration.prefix), rule("Suffix", &configuration.suffix)];
    let rules: Vec<_> = rules.into_iter().flatten().collect();
    let filter = (!rules.is_empty()).then_some(api::NotificationConfigurationFilter {
        key: Some(api::S3KeyFilter { filter_rules: Some(rules) }),
    });
    api::QueueConfiguration {
        id: Some(configuration.id.clone()),
        queue_arn: configuration.queue.clone(),
        events: configuration.events.clone(),
        filter,
    }
}

#[cfg(test)]
mod tests {
    use super::{check_event, overlap};
    use crate::state::QueueConfiguration;

    fn about(event: &str, prefix: &str, suffix: &str) -> QueueConfiguration {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        QueueConfiguration {
            id: String::new(),
            queue: String::new(),
            events: vec![event.to_owned()],
            prefix: text(prefix),
            suffix: text(suffix),
        }
    }

    /// The examples of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html>.
    #[test]
    fn which_configurations_overlap() {
        let created = "s3:ObjectCreated:*";
        for (one, other, do_overlap) in [
            (about(created, "images", ""), about(created, "logs/", ""), false),
            (about(created, "", ".jpg"), about(created, "", ".png"), false),
            (about(created, "images", ".jpg"), about(created, "images", ".png"), false),
            (
                about("s3:ObjectCreated:Put", "images", ""),
                about("s3:ObjectCreated:Post", "images", ""),
                false,
            ),
            (about(created, "images", ""), about(created, "", ""), true),
            (about(created, "images", ""), about(created, "", "jpg"), true),
            (about(created, "", "jpg"), about(created, "", "pg"), true),
            (about(created, "images", "jpg"), about(created, "images", "jpg"), true),
            (about(created, "", ""), about("s3:ObjectCreated:Put", "", ""), true),
        ] {
            assert_eq!(overlap(&one, &other), do_overlap, "{one:?} {other:?}");
            assert_eq!(overlap(&other, &one), do_overlap, "{other:?} {one:?}");
        }
    }

    #[test]
    fn events() {
        assert!(check_event("s3:ObjectCreated:*").is_ok());
        assert_eq!(check_event("s3:IntelligentTiering").unwrap_err().status, 501);
        for wrong in ["s3:ObjectCreated", "ObjectCreated:Put", "s3:TestEvent", "s3:*", ""] {
            assert_eq!(check_event(wrong).unwrap_err().code, "InvalidArgument", "{wrong}");
        }
    }
}
