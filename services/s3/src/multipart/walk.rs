//! One page of the uploads of a bucket, in the order of their keys and, for one key, of their beginnings.
//!
//! Invariant: no more rows are held than a page has, however many uploads there are.

use crate::state::{Upload, scope};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// How many rows are read at a time.
const ROWS: usize = 1000;
/// Sorts behind every id of an upload, and behind all that begins with a prefix.
const BEHIND: &str = "\u{10ffff}";

/// What is asked for.
pub struct Walk<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// Only what comes behind this key or common prefix; empty for all.
    pub key_marker: &'a str,
    /// Of the key marker only what comes behind this upload; none of it when empty.
    pub id_marker: &'a str,
    pub max_uploads: usize,
}

/// A page of a list.
#[derive(Default)]
pub struct Page {
    pub uploads: Vec<Upload>,
    pub prefixes: Vec<String>,
    pub is_truncated: bool,
}

impl Walk<'_> {
    /// Walks the uploads of a bucket.
    pub async fn go(&self, ctx: &Ctx, bucket_id: &str) -> Result<Page> {
        let mut page = Page::default();
        let mut behind = match self.key_marker < self.prefix {
            true => (self.prefix.to_owned(), String::new()),
            false if self.id_marker.is_empty() && self.key_marker.is_empty() => Default::default(),
            false if self.id_marker.is_empty() => (self.key_marker.to_owned(), BEHIND.to_owned()),
            false => (self.key_marker.to_owned(), self.id_marker.to_owned()),
        };
        'rows: loop {
            let after = [bucket_id, &behind.0, &behind.1];
            let rows = ctx.list::<Upload>(&scope(), &[bucket_id], Some(&after), ROWS).await?;
            let Some(last) = rows.last() else { return Ok(page) };
            behind = (last.key.clone(), last.id.clone());
            let is_end = rows.len() < ROWS;
            for upload in rows {
                let Some(rest) = upload.key.strip_prefix(self.prefix) else { return Ok(page) };
                let common = self.common_prefix(rest);
                if common
                    .as_ref()
                    .is_some_and(|one| page.prefixes.last() == Some(one) || one == self.key_marker)
                {
                    continue;
                }
                if page.uploads.len() + page.prefixes.len() == self.max_uploads {
                    page.is_truncated = self.max_uploads > 0;
                    return Ok(page);
                }
                match common {
                    None => page.uploads.push(upload),
                    Some(common) => {
                        // What has this prefix is said with it.
                        behind = (format!("{common}{BEHIND}"), String::new());
                        page.prefixes.push(common);
                        continue 'rows;
                    }
                }
            }
            if is_end {
                return Ok(page);
            }
        }
    }

    fn common_prefix(&self, rest: &str) -> Option<String> {
        let delimiter = self.delimiter?;
        let end = rest.find(delimiter)? + delimiter.len();
        Some(format!("{}{}", self.prefix, rest.get(..end)?))
    }
}
