//! Percent-encoding and query strings.

use std::borrow::Cow;

/// Decodes `%XX`, and `+` as a blank when asked. What is no UTF-8 afterwards gets replacement characters.
pub(crate) fn decode_text(text: &str, plus: bool) -> Cow<'_, str> {
    if !plus || !text.contains('+') {
        return percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    }
    let text = text.replace('+', " ");
    Cow::Owned(percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

/// The pairs of a query string or form; a key without `=` has an empty value.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_text(key, true), decode_text(value, true))
    })
}

#[cfg(test)]
mod tests {
    use super::{decode_text, query_pairs};

    #[test]
    fn pairs_are_decoded() {
        let pairs: Vec<_> = query_pairs("a=1&b&&c=%2B+%zz&d%20=e=f").collect();
        let expected = [("a", "1"), ("b", ""), ("c", "+ %zz"), ("d ", "e=f")];
        assert_eq!(pairs, expected.map(|(key, value)| (key.into(), value.into())));
        assert_eq!(decode_text("a+b%2Fc", false), "a+b/c");
        assert_eq!(decode_text("%FF", false), "\u{fffd}");
    }
}
