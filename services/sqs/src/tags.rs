//! Tags of queues.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>

use crate::changes::change_record;
use crate::{access, error};
use std::collections::BTreeMap;
use yakumo_api_sqs::{
    ListQueueTagsInput, ListQueueTagsOutput, TagQueueInput, TagQueueOutput, UntagQueueInput, UntagQueueOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

const TAGS_MAX: usize = 50;
const KEY_MAX_CHARS: usize = 128;
const VALUE_MAX_CHARS: usize = 256;

/// Checks tags that are given to a queue which will have `others` besides them.
pub fn check(queue: &str, tags: &BTreeMap<String, String>, others: usize) -> Result<()> {
    if tags.len() + others > TAGS_MAX {
        return Err(error::invalid_parameter_text(format!("Too many tags added for queue {queue}.")));
    }
    for (key, value) in tags {
        check_key(key)?;
        if value.chars().count() > VALUE_MAX_CHARS {
            return Err(error::invalid_parameter_text("Tag values may not be longer than 256 characters."));
        }
    }
    Ok(())
}

fn check_key(key: &str) -> Result<()> {
    if !(1..=KEY_MAX_CHARS).contains(&key.chars().count()) {
        return Err(error::invalid_parameter_text(
            "Tag keys must be between 1 and 128 characters in length.",
        ));
    }
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return Err(error::invalid_parameter_text("Tag keys may not start with the reserved prefix aws:."));
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html>
pub async fn tag_queue(ctx: Ctx, input: TagQueueInput) -> Result<TagQueueOutput> {
    if input.tags.is_empty() {
        return Err(error::missing_parameter("Tags"));
    }
    change_record(&ctx, &input.queue_url, |record| {
        let others = record.tags.keys().filter(|key| !input.tags.contains_key(*key)).count();
        check(&record.name, &input.tags, others)?;
        record.tags.extend(input.tags.clone());
        Ok(())
    })
    .await?;
    Ok(TagQueueOutput {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html>
pub async fn untag_queue(ctx: Ctx, input: UntagQueueInput) -> Result<UntagQueueOutput> {
    if input.tag_keys.is_empty() {
        return Err(error::missing_parameter("TagKeys"));
    }
    change_record(&ctx, &input.queue_url, |record| {
        record.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(UntagQueueOutput {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html>
pub async fn list_queue_tags(ctx: Ctx, input: ListQueueTagsInput) -> Result<ListQueueTagsOutput> {
    let queue = access::queue(&ctx, &input.queue_url).await?;
    let tags = queue.settings().record.tags.clone();
    Ok(ListQueueTagsOutput { tags: (!tags.is_empty()).then_some(tags) })
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::collections::BTreeMap;

    #[test]
    fn tags_have_limits() {
        let tags = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let (longest_key, longest_value) = ("k".repeat(128), "é".repeat(256));
        assert!(check("q", &tags(&longest_key, &longest_value), 49).is_ok());
        assert_eq!(check("q", &tags("k", ""), 50).unwrap_err().message, "Too many tags added for queue q.");
        for (key, value) in
            [("", ""), (&*"k".repeat(129), ""), ("aws:x", ""), ("AWS:x", ""), ("k", &*"v".repeat(257))]
        {
            assert_eq!(
                check("q", &tags(key, value), 0).unwrap_err().code,
                "InvalidParameterValue",
                "{key}={value}"
            );
        }
    }
}
