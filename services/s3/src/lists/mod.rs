//! Lists of objects and versions: one walk over the rows of a bucket, with prefixes, delimiters and pages.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ListingKeysUsingAPIs.html>

pub mod objects;
pub mod versions;

use crate::error;
use crate::index;
use crate::state::version::{rows_of, rows_under};
use crate::state::{Bucket, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::store::Range;
use yakumo_room::{Ctx, Record};

/// AWS: the most that one page holds.
const PAGE_MAX: i32 = 1000;
/// How many rows are read at a time.
const ROWS: usize = 1000;
/// Sorts behind every character of a key and every number of a version.
const BEHIND: [u8; 9] = [0xff; 9];

/// What is asked of a walk.
pub struct Walk<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// Only what comes behind this key or common prefix.
    pub after: Option<&'a str>,
    /// Only what comes behind this version of the key `after`.
    pub after_order: Option<u64>,
    pub max_keys: usize,
    /// All versions and delete markers, or only the newest versions that are objects.
    pub versions: bool,
}

/// One line of a list.
pub enum Entry {
    /// A version, and whether it is the newest of its key.
    Version(Box<Version>, bool),
    Prefix(String),
}

impl Entry {
    /// The key or common prefix: the next page begins behind it.
    pub fn name(&self) -> &str {
        match self {
            Entry::Version(version, _) => &version.key,
            Entry::Prefix(prefix) => prefix,
        }
    }
}

/// A page of a list.
pub struct Page {
    pub entries: Vec<Entry>,
    pub is_truncated: bool,
}

impl Walk<'_> {
    /// Walks a bucket.
    pub async fn go(&self, ctx: &Ctx, bucket: &Bucket) -> Result<Page> {
        let mut page = Page { entries: Vec::new(), is_truncated: false };
        if self.max_keys == 0 {
            return Ok(page);
        }
        let whole = Range::prefix(rows_under(&bucket.id, self.prefix));
        let mut range = match (self.after, self.after_order) {
            (Some(after), Some(order)) => {
                whole.clone().after(crate::state::version::row(&bucket.id, after, order))
            }
            (Some(after), None) => whole.clone().starting_at(behind(rows_of(&bucket.id, after))),
            (None, _) => whole.clone(),
        };
        // The key whose versions were begun: further rows of it are older ones, unless the newer ones are gone.
        let mut last_key = self.begun(ctx, bucket).await?;
        'pages: loop {
            let rows = ctx.base().store.scan(range.clone(), ROWS.min(self.max_keys + 1)).await?;
            let full = rows.len() == ROWS.min(self.max_keys + 1);
            let last_row = rows.last().map(|(key, _)| key.clone());
            for (_, bytes) in rows {
                let version = Version::from_bytes(&bytes).map_err(Error::internal)?;
                let is_newest = last_key.as_deref() != Some(&version.key);
                if is_newest {
                    last_key = Some(version.key.clone());
                }
                if !self.versions && (!is_newest || version.content.is_none()) {
                    continue;
                }
                let common = self.common_prefix(&version.key).map(str::to_owned);
                if page.entries.len() == self.max_keys {
                    // What was cut off is only more of the last common prefix if it is in it, and that was skipped.
                    if common.is_none() || common.as_deref() != self.after {
                        page.is_truncated = true;
                        return Ok(page);
                    }
                }
                match common {
                    None => page.entries.push(Entry::Version(Box::new(version), is_newest)),
                    Some(prefix) => {
                        range = whole.clone().starting_at(behind(rows_under(&bucket.id, &prefix)));
                        if self.after != Some(&prefix) {
                            page.entries.push(Entry::Prefix(prefix));
                        }
                        continue 'pages;
                    }
                }
            }
            match (last_row, &last_key) {
                // The older versions of a key say nothing to a list of objects.
                (Some(_), Some(key)) if full && !self.versions => {
                    range = whole.clone().starting_at(behind(rows_of(&bucket.id, key)));
                }
                (Some(last), _) if full => range = range.after(last),
                _ => return Ok(page),
            }
        }
    }

    /// The key behind one of whose versions the walk begins, if that version or a newer one is still there.
    async fn begun(&self, ctx: &Ctx, bucket: &Bucket) -> Result<Option<String>> {
        let (Some(key), Some(order)) = (self.after, self.after_order) else { return Ok(None) };
        let newest = index::newest(ctx, bucket, key).await?;
        Ok(newest.filter(|newest| newest.order >= order).map(|newest| newest.key))
    }

    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.get(self.prefix.len()..)?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }
}

fn behind(key: Bytes) -> Bytes {
    [&key[..], &BEHIND].concat().into()
}

/// The number of entries of a page as asked; AWS answers 1,000 at most and echoes what was asked up to that.
pub fn max_keys(asked: Option<i32>) -> Result<(usize, i32)> {
    let asked = asked.unwrap_or(PAGE_MAX);
    let most = usize::try_from(asked).map_err(|_| {
        error::argument(
            "Argument maxKeys must be an integer between 0 and 2147483647",
            "maxKeys",
            &asked.to_string(),
        )
    })?;
    Ok((most.min(PAGE_MAX as usize), asked.min(PAGE_MAX)))
}

/// How names are written: plainly, or URL-encoded as `EncodingType` asks.
#[derive(Clone, Copy)]
pub struct Encoding(bool);

impl Encoding {
    /// Reads the parameter `encoding-type`.
    pub fn parse(text: Option<&str>) -> Result<Encoding> {
        match text {
            None => Ok(Encoding(false)),
            Some(text) if text.eq_ignore_ascii_case("url") => Ok(Encoding(true)),
            Some(other) => {
                Err(error::argument("Invalid Encoding Method specified in Request", "encoding-type", other))
            }
        }
    }

    /// A name as it is answered.
    pub fn write(self, text: impl Into<String>) -> String {
        const PLAIN: &AsciiSet =
            &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');
        match self.0 {
            true => utf8_percent_encode(&text.into(), PLAIN).to_string().replace(' ', "+"),
            false => text.into(),
        }
    }

    /// The same of what may be absent.
    pub fn option(self, text: Option<String>) -> Option<String> {
        text.map(|text| self.write(text))
    }
}

/// Whether a list is asked for `RestoreStatus`, the only attribute that can be asked for.
pub fn wants_restores(asked: Option<&[String]>) -> Result<bool> {
    let asked = asked.unwrap_or_default();
    match asked.iter().find(|name| *name != "RestoreStatus") {
        None => Ok(!asked.is_empty()),
        Some(other) => Err(error::argument(
            "Invalid attribute name specified.",
            "x-amz-optional-object-attributes",
            other,
        )),
    }
}

/// Common prefixes as they are answered; `None` for none.
pub fn common_prefixes(entries: &[Entry], encoding: Encoding) -> Option<Vec<api::CommonPrefix>> {
    let list: Vec<api::CommonPrefix> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Prefix(prefix) => {
                Some(api::CommonPrefix { prefix: Some(encoding.write(prefix.as_str())) })
            }
            Entry::Version(..) => None,
        })
        .collect();
    (!list.is_empty()).then_some(list)
}

/// An opaque token for the name behind which the next page begins.
pub fn token(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("1:{name}"))
}

/// Reads a token.
pub fn read_token(token: &str) -> Result<String> {
    let wrong = || error::unfit("The continuation token provided is incorrect", "continuation-token");
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref().and_then(|text| text.strip_prefix("1:")).map(str::to_owned).ok_or_else(wrong)
}
