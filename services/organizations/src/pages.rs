//! `NextToken` and `MaxResults`: one page of a list in the order of its keys.
//!
//! A token is the key of the last item that was given, so that a page never repeats nor skips what stays. A checksum in
//! it tells a token from whatever else is sent as one.

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
        let after = key_of(token).ok_or_else(error::invalid_next_token)?;
        items.retain(|item| key(item) > after.as_str());
    }
    let limit = max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(ITEMS_MAX).max(1);
    let more = items.len() > limit;
    items.truncate(limit);
    let token = items.last().filter(|_| more).map(|item| token_of(key(item)));
    Ok((items, token))
}

fn token_of(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}\n{key}", checksum(key)))
}

fn key_of(token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (sum, key) = text.split_once('\n')?;
    (sum == checksum(key)).then(|| key.to_owned())
}

/// FNV-1a of a key: against accidents, not against forgers, who would gain nothing.
fn checksum(key: &str) -> String {
    let sum =
        key.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{sum:08x}")
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
        // The second and third are Base64: of a key without its checksum, and of somebody else's token.
        for foreign in ["*", "Yg", "eyJvIjogMX0", ""] {
            assert!(page(all(), Some(foreign), None, |item| item).is_err(), "{foreign}");
        }
    }
}
