//! Percent-encoding as signatures use it, and hexadecimal.
//!
//! Invariant: only `A-Z a-z 0-9 - . _ ~` stay as they are; everything else becomes `%XX` with upper-case digits.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

const fn unreserved() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
}

static UNRESERVED: [bool; 256] = unreserved();

fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[usize::from(byte)]
}

/// Appends one byte, encoded unless it is unreserved or equals `keep`.
fn push(out: &mut Vec<u8>, byte: u8, keep: Option<u8>) {
    if is_unreserved(byte) || Some(byte) == keep {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 15)]]);
    }
}

/// Appends `text` encoded; a byte equal to `keep` (the path's `/`) stays.
pub(super) fn encode(out: &mut Vec<u8>, text: &[u8], keep: Option<u8>) {
    for &byte in text {
        push(out, byte, keep);
    }
}

/// Appends `text` decoded and encoded again, so that different spellings of one value are equal.
/// A `%` without two hexadecimal digits behind it counts as itself.
pub(super) fn recode(out: &mut Vec<u8>, text: &[u8], keep: Option<u8>) {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        match escaped(byte, tail) {
            Some((value, tail)) => {
                // AWS: an escaped slash stays escaped, so that `a%2Fb` and `a/b` remain two keys.
                push(out, value, None);
                rest = tail;
            }
            None => {
                push(out, byte, keep);
                rest = tail;
            }
        }
    }
}

/// The text with its escapes resolved. `+` stays a plus sign: query strings of signed requests say `%20`.
pub(super) fn decode(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (value, tail) = escaped(byte, tail).unwrap_or((byte, tail));
        out.push(value);
        rest = tail;
    }
}

fn escaped(byte: u8, tail: &[u8]) -> Option<(u8, &[u8])> {
    match (byte, tail) {
        (b'%', [high, low, tail @ ..]) => Some((nibble(*high)? << 4 | nibble(*low)?, tail)),
        _ => None,
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends the lower-case hexadecimal form.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&[LOWER[usize::from(byte >> 4)], LOWER[usize::from(byte & 15)]]);
    }
}

/// The lower-case hexadecimal form.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    push_hex(&mut out, bytes);
    String::from_utf8(out).expect("hexadecimal digits are ASCII")
}

/// The bytes of an even number of hexadecimal digits of either case; `None` for anything else.
pub(super) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// The 32 bytes of 64 lower-case hexadecimal digits.
pub(super) fn unhex_32(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() || text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut out = [0; 32];
    for (slot, [high, low]) in out.iter_mut().zip(pairs) {
        *slot = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, hex, recode, unhex_32};

    fn check(write: impl Fn(&mut Vec<u8>), want: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn reserved_bytes_are_encoded_and_escapes_are_made_equal() {
        check(|out| encode(out, b"a b/c%2F", Some(b'/')), "a%20b/c%252F");
        check(|out| encode(out, b"a/b", None), "a%2Fb");
        check(|out| recode(out, b"%7e%41(+)%e1%88%b4", None), "~A%28%2B%29%E1%88%B4");
        check(|out| recode(out, b"/a%2fb%", Some(b'/')), "/a%2Fb%25");
        check(|out| decode(out, b"a%2Fb+%zz"), "a/b+%zz");
    }

    #[test]
    fn hashes_are_lower_case_only() {
        let hash = "00ff".repeat(16);
        assert_eq!(hex(&unhex_32(hash.as_bytes()).unwrap()), hash);
        for bad in [hash.to_uppercase(), "0".repeat(63), "g".repeat(64)] {
            assert!(unhex_32(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
