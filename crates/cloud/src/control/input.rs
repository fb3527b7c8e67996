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

/// The numbers of a query such as `after=7&limit=10`, in the order of `names`.
pub(crate) fn numbers<const N: usize>(query: &str, names: [&str; N]) -> Result<[Option<u64>; N], Answer> {
    let mut numbers = [None; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = names.iter().position(|known| *known == name).and_then(|index| numbers.get_mut(index));
        let known = names.join(", ");
        let place = place
            .ok_or_else(|| Answer::bad_request(format!("`{name}` is unknown here; known are {known}")))?;
        let number = value
            .parse()
            .map_err(|_| Answer::bad_request(format!("{name}: `{value}` is no whole number")))?;
        *place = Some(number);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::{nothing, numbers};

    #[test]
    fn queries_hold_known_numbers_only() {
        assert_eq!(numbers("limit=10&after=7", ["after", "limit"]).unwrap(), [Some(7), Some(10)]);
        assert_eq!(numbers("", ["after"]).unwrap(), [None]);
        for bad in ["after", "after=", "after=-1", "after=x", "befor=1", "after=99999999999999999999"] {
            assert!(numbers(bad, ["after", "limit"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_body_means_no_body() {
        assert!(nothing(b"").is_ok() && nothing(b" {}\n").is_ok());
        assert!(nothing(b"{\"force\":true}").is_err() && nothing(b"[1]").is_err());
    }
}
