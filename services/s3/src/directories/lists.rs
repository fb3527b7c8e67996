//! What lists of directory buckets take and tell otherwise.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use crate::directories::unheard;
use crate::error;
use crate::lists::{Entry, Page};
use crate::state::{Bucket, Upload, scope};
use std::collections::BTreeSet;
use yakumo_aws::{Error, Result};
use yakumo_room::store::Range;
use yakumo_room::{Ctx, Record};

/// Checks the parameters of a list.
///
/// Seen: <https://github.com/awslabs/aws-s3-transfer-manager-rs/pull/112>
pub fn check(bucket: &Bucket, prefix: Option<&str>, delimiter: Option<&str>) -> Result<()> {
    if bucket.directory.is_none() {
        return Ok(());
    }
    if prefix.is_some_and(|prefix| !prefix.is_empty() && !prefix.ends_with('/')) {
        let text = "This bucket does not support a prefix that does not end in a delimiter. Specify a prefix path \
                    ending with a delimiter and try again.";
        return Err(error::invalid_request(text));
    }
    match delimiter {
        None | Some("" | "/") => Ok(()),
        Some(other) => {
            let text = "This bucket does not support a delimiter other than '/'.";
            Err(error::argument(text, "delimiter", other))
        }
    }
}

/// Checks what only lists of objects have.
pub fn check_start(bucket: &Bucket, start_after: Option<&str>) -> Result<()> {
    match start_after {
        Some(_) if bucket.directory.is_some() => Err(unheard("start-after")),
        _ => Ok(()),
    }
}

/// AWS: common prefixes in which there are only uploads that have begun are told too.
pub async fn with_uploads(
    ctx: &Ctx,
    bucket: &Bucket,
    page: &mut Page,
    prefix: &str,
    after: Option<&str>,
    most: usize,
) -> Result<()> {
    let mut found = BTreeSet::new();
    let rows = Range::prefix(scope().record_key(Upload::TABLE, &[&bucket.id]));
    for (_, bytes) in ctx.base().store.scan(rows, usize::MAX).await? {
        let upload = Upload::from_bytes(&bytes).map_err(Error::internal)?;
        let Some(rest) = upload.key.strip_prefix(prefix) else { continue };
        if let Some((folder, _)) = rest.split_once('/') {
            found.insert(format!("{prefix}{folder}/"));
        }
    }
    let last = page.entries.last().filter(|_| page.is_truncated).map(|entry| entry.name().to_owned());
    for name in found {
        let is_behind = after.is_none_or(|after| name.as_str() > after);
        let is_in_page = last.as_ref().is_none_or(|last| name <= *last);
        let at = page.entries.binary_search_by(|entry| entry.name().cmp(&name));
        if let (true, true, Err(at)) = (is_behind, is_in_page, at) {
            page.entries.insert(at, Entry::Prefix(name));
        }
    }
    if page.entries.len() > most {
        page.entries.truncate(most);
        page.is_truncated = true;
    }
    Ok(())
}
