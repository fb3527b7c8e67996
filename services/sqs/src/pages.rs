//! Pages of lists: MaxResults, NextToken, and the scan of queue names underneath.

use crate::error;
use crate::state::QueueRecord;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use yakumo_aws::{Error, Result};
use yakumo_room::store::{KeyBuilder, Range};
use yakumo_room::{Ctx, Record};

/// The most entries of one answer.
const LIMIT: usize = 1_000;

/// One page of a list of queue names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The name that the page begins behind.
    pub after: Option<String>,
    /// How many names it has at most.
    pub limit: usize,
    gives_token: bool,
}

impl Page {
    /// AWS: without MaxResults there are up to 1,000 results and never a token.
    pub fn new(max_results: Option<i32>, token: Option<&str>) -> Result<Page> {
        let limit = match max_results {
            None => LIMIT,
            Some(wanted) => usize::try_from(wanted)
                .ok()
                .filter(|wanted| (1..=LIMIT).contains(wanted))
                .ok_or_else(|| {
                    error::invalid_parameter(
                        wanted,
                        "MaxResults",
                        "MaxResults must be an integer between 1 and 1000.",
                    )
                })?,
        };
        let after = match token {
            None => None,
            Some(token) => {
                let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                Some(text.ok_or_else(|| error::invalid_parameter_text("Invalid or expired next token."))?)
            }
        };
        Ok(Page { after, limit, gives_token: max_results.is_some() })
    }

    /// Cuts a list that may have one entry more than the page; gives the token for the rest.
    pub fn cut(&self, mut names: Vec<String>) -> (Vec<String>, Option<String>) {
        let has_more = names.len() > self.limit;
        names.truncate(self.limit);
        let token =
            names.last().filter(|_| has_more && self.gives_token).map(|name| URL_SAFE_NO_PAD.encode(name));
        (names, token)
    }
}

/// At most `limit` names of the caller's queues that begin with `prefix`, in order, behind `after`.
pub async fn queue_names(ctx: &Ctx, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
    let key = || ctx.scope().key(QueueRecord::TABLE);
    let mut range = Range::prefix(key().text_prefix(prefix).build());
    if let Some(after) = after {
        range = range.after(KeyBuilder::build(key().text(after)));
    }
    let rows = ctx.base().store.scan(range, limit).await?;
    let record = |bytes| QueueRecord::from_bytes(bytes).map_err(Error::internal);
    rows.iter().map(|(_, bytes)| record(bytes).map(|record| record.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::Page;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("q{n}")).collect()
    }

    #[test]
    fn a_token_comes_only_with_max_results_and_when_there_is_more() {
        let page = Page::new(Some(2), None).unwrap();
        let (first, token) = page.cut(names(3));
        assert_eq!(first, ["q0", "q1"]);
        assert_eq!(Page::new(Some(2), token.as_deref()).unwrap().after.as_deref(), Some("q1"));
        assert_eq!(page.cut(names(2)).1, None);
        assert_eq!(Page::new(None, None).unwrap().cut(names(1_001)), (names(1_000), None));
    }

    #[test]
    fn limits_and_tokens_are_checked() {
        for bad in [0, -1, 1_001] {
            assert_eq!(Page::new(Some(bad), None).unwrap_err().code, "InvalidParameterValue", "{bad}");
        }
        assert_eq!(Page::new(None, Some("*")).unwrap_err().code, "InvalidParameterValue");
    }
}
