//! Headers that stand among the parameters of a presigned URL, where signers put what the holder need not send.
//!
//! Invariant: only what the signature covers becomes a header, and never over one that was sent.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// What belongs to the signature itself.
const SIGNATURE: [&str; 10] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-region-set",
    "x-amz-content-sha256",
    "x-amz-s3session-token",
];

/// The head with the headers among its parameters; `None` when there are none.
pub fn head(head: &Parts) -> Option<Parts> {
    let mut hoisted: Option<Parts> = None;
    for pair in head.uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = name.to_ascii_lowercase();
        let is_header = name.starts_with("x-amz-") && !SIGNATURE.contains(&name.as_str())
            || matches!(name.as_str(), "content-type" | "content-md5");
        if !is_header || head.headers.contains_key(&name) {
            continue;
        }
        let value = percent_decode_str(value).collect::<Vec<u8>>();
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
            hoisted.get_or_insert_with(|| head.clone()).headers.insert(name, value);
        }
    }
    hoisted
}

#[cfg(test)]
mod tests {
    use super::head;
    use http::Request;

    #[test]
    fn parameters_stand_for_headers_that_were_not_sent() {
        let check = |uri: &str, name: &str, expected: Option<&str>| {
            let request = Request::put(uri).header("x-amz-sent", "header").body(()).unwrap();
            let (parts, ()) = request.into_parts();
            let hoisted = head(&parts).unwrap_or(parts);
            assert_eq!(hoisted.headers.get(name).map(|value| value.to_str().unwrap()), expected, "{uri}");
        };
        check("/b/k?X-Amz-Acl=private", "x-amz-acl", Some("private"));
        check("/b/k?x-amz-meta-a=b%20c", "x-amz-meta-a", Some("b c"));
        check("/b/k?x-amz-sent=parameter", "x-amz-sent", Some("header"));
        check("/b/k?X-Amz-Date=20260101T000000Z", "x-amz-date", None);
        check("/b/k?authorization=x", "authorization", None);
        check("/b/k?x-amz-bad=a%0Ab", "x-amz-bad", None);
    }
}
