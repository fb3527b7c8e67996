//! Conditional requests: RFC 9110, section 13, as S3 applies it.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use crate::access::{Keys, need};
use crate::error;
use crate::registry::Open;
use crate::state::Version;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Need};

/// The conditions of a read.
#[derive(Default)]
pub struct ReadIf<'a> {
    pub matches: Option<&'a str>,
    pub none_match: Option<&'a str>,
    pub modified_since: Option<Timestamp>,
    pub unmodified_since: Option<Timestamp>,
}

fn names(list: &str, etag: &str) -> bool {
    let bare = |text: &str| text.trim().trim_start_matches("W/").trim_matches('"') == etag;
    list.trim() == "*" || list.split(',').any(bare)
}

impl ReadIf<'_> {
    /// What is wrong with reading this version, if anything. A copy answers 412 where a read answers 304.
    pub fn check(&self, etag: &str, modified: Timestamp, copies: bool) -> Result<()> {
        let not_modified = |condition| match copies {
            true => Err(error::precondition_failed(condition)),
            false => Err(error::not_modified()),
        };
        // AWS: If-Match that holds outweighs If-Unmodified-Since that does not; If-None-Match that does not hold
        // outweighs If-Modified-Since that does.
        match self.matches {
            Some(list) if !names(list, etag) => return Err(error::precondition_failed("If-Match")),
            Some(_) => {}
            None if self.unmodified_since.is_some_and(|since| modified.as_secs() > since.as_secs()) => {
                return Err(error::precondition_failed("If-Unmodified-Since"));
            }
            None => {}
        }
        match self.none_match {
            Some(list) if names(list, etag) => not_modified("If-None-Match"),
            Some(_) => Ok(()),
            None if self.modified_since.is_some_and(|since| modified.as_secs() <= since.as_secs()) => {
                not_modified("If-Modified-Since")
            }
            None => Ok(()),
        }
    }
}

/// What a policy is told of a write: on which conditions it is made, and whether it makes an object or only a part of one.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
pub fn write_keys(matches: Option<&str>, none_match: Option<&str>, creates: bool) -> Keys {
    let given = [("s3:if-match", matches), ("s3:if-none-match", none_match)];
    let given =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), vec![value?.to_owned()])));
    let creates = ("s3:ObjectCreationOperation".to_owned(), vec![creates.to_string()]);
    given.chain([creates]).collect()
}

/// AWS: who compares the ETag of an object must be allowed to read it:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html#conditional-write-etags>
pub fn need_to_compare(ctx: &Ctx, open: &Open, key: &str, matches: Option<&str>) -> Option<Need> {
    let compares = open.record.directory.is_none() && matches.is_some_and(|etag| etag != "*");
    compares.then(|| need(ctx, open, "s3:GetObject", Some(key), Keys::new()))
}

/// The conditions of a write, held against the newest version in the transaction that writes.
#[derive(Clone, Default)]
pub struct WriteIf {
    pub matches: Option<String>,
    pub none_match: Option<String>,
}

impl WriteIf {
    /// Checks the form: `If-None-Match` of a write can only be `*`.
    pub fn new(matches: Option<String>, none_match: Option<String>) -> Result<WriteIf> {
        if none_match.as_deref().is_some_and(|list| list != "*") {
            let what = "A header you provided implies functionality that is not implemented";
            let error = yakumo_aws::Error::sender("NotImplemented", what).with_status(501);
            return Err(error.with_field("Header", "If-None-Match"));
        }
        Ok(WriteIf { matches, none_match })
    }

    /// What is wrong with writing over this version, if anything.
    pub fn check(&self, key: &str, newest: Option<&Version>) -> Result<()> {
        let content = newest.and_then(|version| version.content.as_ref());
        if self.none_match.is_some() && content.is_some() {
            return Err(error::precondition_failed("If-None-Match"));
        }
        match (&self.matches, content) {
            (Some(_), None) => Err(error::no_such_key(key)),
            (Some(list), Some(content)) if !names(list, &content.etag) => {
                Err(error::precondition_failed("If-Match"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ReadIf;
    use yakumo_aws::Timestamp;

    fn check(read_if: ReadIf<'_>, copies: bool) -> u16 {
        read_if.check("abc", Timestamp::from_secs(1000), copies).map_or_else(|error| error.status, |()| 200)
    }

    #[test]
    fn conditions_of_reads() {
        let at = |secs| Some(Timestamp::from_secs(secs));
        for (matches, none_match, modified_since, unmodified_since, status) in [
            (None, None, None, None, 200),
            (Some("\"abc\""), None, None, at(10), 200),
            (Some("*"), None, None, None, 200),
            (Some("\"x\", \"abc\""), None, None, None, 200),
            (Some("\"x\""), None, None, at(2000), 412),
            (None, Some("\"abc\""), None, None, 304),
            (None, Some("\"x\""), at(2000), None, 200),
            (None, None, at(1000), None, 304),
            (None, None, at(999), None, 200),
            (None, None, None, at(999), 412),
            (None, None, None, at(1000), 200),
        ] {
            let read_if = || ReadIf { matches, none_match, modified_since, unmodified_since };
            assert_eq!(check(read_if(), false), status, "{matches:?} {none_match:?}");
            assert_eq!(check(read_if(), true), if status == 304 { 412 } else { status });
        }
    }
}
