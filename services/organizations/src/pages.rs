//! `NextToken` and `MaxResults`: one page of a list in the order of its keys.
//!
//! A token is the key of the last item that was given, so that a page never repeats nor skips what stays.

use crate::error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use yakumo_aws::Result;

/// AWS: the most items of a page, and how many it has when the client does not say.
const ITEMS_MAX: usize = 20;

/// One page of `items`, and the token of the next one.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    next_token: Option<&str>,
    max_results: Option<i32>,
    key: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>)> {
    items.sort_by(|one, other| key(one).cmp(key(other)));
    if let Some(token) = next_token {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| error::invalid_next_token())?;
        let after = String::from_utf8(bytes).map_err(|_| error::invalid_next_token())?;
        items.retain(|item| key(item) > after.as_str());
    }
    let limit = max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(ITEMS_MAX).max(1);
    let more = items.len() > limit;
    items.truncate(limit);
    let token = items.last().filter(|_| more).map(|item| URL_SAFE_NO_PAD.encode(key(item)));
    Ok((items, token))
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn pages_follow_one_another() {
        let all = || vec!["c", "a", "b", "e", "d"];
        let (first, token) = page(all(), None, Some(2), |item| item).unwrap();
        assert_eq!(first, ["a", "b"]);
        let (rest, end) = page(all(), token.as_deref(), None, |item| item).unwrap();
        assert_eq!((rest, end), (vec!["c", "d", "e"], None));
        assert!(page(all(), Some("*"), None, |item| item).is_err());
    }
}
