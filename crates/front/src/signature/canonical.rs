//! The canonical request, byte for byte as AWS describes it.
//!
//! Invariant: appends to a buffer that the caller reuses; allocates only to sort a query string.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use super::Head;
use super::encode::{encode, recode};
use super::verify::PathRule;
use http::header::HOST;
use memchr::memchr2;
use yakumo_wire::router::normalised;

/// Appends the canonical request. `signed_headers` is taken as the client wrote it, in lower case.
pub(super) fn write(out: &mut Vec<u8>, head: Head<'_>, rule: PathRule, signed_headers: &str, payload: &[u8]) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b'\n');
    path(out, head.uri.path(), rule);
    out.push(b'\n');
    query(out, head.uri.query().unwrap_or_default());
    out.push(b'\n');
    for name in signed_headers.split(';') {
        header(out, head, name);
    }
    out.push(b'\n');
    out.extend(signed_headers.bytes().map(|byte| byte.to_ascii_lowercase()));
    out.push(b'\n');
    out.extend_from_slice(payload);
}

fn path(out: &mut Vec<u8>, path: &str, rule: PathRule) {
    let path = if path.is_empty() { "/" } else { path };
    match rule {
        PathRule::Plain => recode(out, path.as_bytes(), Some(b'/')),
        // The router takes the same path apart, so that what is signed is what is done.
        PathRule::Normalised => encode(out, normalised(path).as_bytes(), Some(b'/')),
    }
}

/// Every parameter except the signature itself, sorted by encoded name, then by encoded value.
fn query(out: &mut Vec<u8>, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "X-Amz-Signature" {
            continue;
        }
        pairs.push((recoded(name), recoded(value)));
    }
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

fn recoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    recode(&mut out, text.as_bytes(), None);
    out
}

/// `name:value,value` with surrounding blanks removed and runs of blanks made one.
fn header(out: &mut Vec<u8>, head: Head<'_>, name: &str) {
    out.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
    out.push(b':');
    let mut first = true;
    for value in head.headers.get_all(name) {
        if !first {
            out.push(b',');
        }
        first = false;
        collapsed(out, value.as_bytes());
    }
    if first && name.eq_ignore_ascii_case(HOST.as_str()) {
        // HTTP/2 carries the host as `:authority`.
        let authority = head.uri.authority().map(|authority| authority.as_str());
        out.extend_from_slice(authority.unwrap_or_default().as_bytes());
    }
    out.push(b'\n');
}

fn collapsed(out: &mut Vec<u8>, value: &[u8]) {
    let mut rest = value.trim_ascii();
    while let Some(at) = memchr2(b' ', b'\t', rest) {
        let (word, tail) = rest.split_at(at);
        out.extend_from_slice(word);
        out.push(b' ');
        rest = tail.trim_ascii_start();
    }
    out.extend_from_slice(rest);
}
