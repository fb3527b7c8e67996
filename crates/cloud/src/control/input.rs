//! Reads what control requests say: a JSON body, a query. Unknown names are errors, not decoration.

use super::answer::Answer;
use serde::de::DeserializeOwned;

/// A JSON body.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body)
        .map_err(|error| Answer::bad_request(format!("the body is not what is asked for: {error}")))
}

/// No body, or an empty object: for requests that need none.
pub(crate) fn nothing(body: &[u8]) -> Result<(), Answer> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    json::<Nothing>(body).map(|_| ())
}

/// The values of a query such as `after=7&limit=10`, decoded, in the order of `names`.
pub(crate) fn texts<const N: usize>(query: &str, names: [&str; N]) -> Result<[Option<String>; N], Answer> {
    let mut texts = [const { None }; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = names.iter().position(|known| *known == name).and_then(|index| texts.get_mut(index));
        let known = names.join(", ");
        let place = place
            .ok_or_else(|| Answer::bad_request(format!("`{name}` is unknown here; known are {known}")))?;
        *place = Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
    }
    Ok(texts)
}

/// A value that must be a whole number.
pub(crate) fn number(name: &str, value: Option<&str>) -> Result<Option<u64>, Answer> {
    let wrong = |value: &str| Answer::bad_request(format!("{name}: `{value}` is no whole number"));
    value.map(|value| value.parse().map_err(|_| wrong(value))).transpose()
}

#[cfg(test)]
mod tests {
    use super::{nothing, number, texts};

    #[test]
    fn queries_hold_known_names_only() {
        let found = texts("limit=10&who=user%2Famy", ["who", "limit"]).unwrap();
        assert_eq!(found, [Some("user/amy".to_owned()), Some("10".to_owned())]);
        assert_eq!(texts("", ["after"]).unwrap(), [None]);
        assert!(texts("befor=1", ["after"]).is_err());
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(number("after", Some("7")).unwrap(), Some(7));
        assert_eq!(number("after", None).unwrap(), None);
        for bad in ["", "-1", "x", "1.5", "99999999999999999999"] {
            assert!(number("after", Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_body_means_no_body() {
        assert!(nothing(b"").is_ok() && nothing(b" {}\n").is_ok());
        assert!(nothing(b"{\"force\":true}").is_err() && nothing(b"[1]").is_err());
    }
}
