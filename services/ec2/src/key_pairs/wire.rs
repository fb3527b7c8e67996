//! The two binary forms that keys are written in: SSH's (RFC 4251, 5) and a little of DER. Pure.
//!
//! Invariant: what is read comes from outside; no length in it is trusted.

/// Adds a text as SSH does: its length, then its bytes.
pub(super) fn put_text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(bytes);
}

/// Adds a positive number of many bytes as SSH does: with a zero before a first bit that is set.
pub(super) fn put_number(out: &mut Vec<u8>, bytes: &[u8]) {
    put_text(out, &positive(bytes));
}

/// A positive number in the two's complement that both SSH and DER have.
fn positive(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let (_, plain) = bytes.split_at(first);
    let is_negative = plain.first().is_some_and(|byte| byte & 0x80 != 0);
    let zero: &[u8] = if is_negative || plain.is_empty() { &[0] } else { &[] };
    [zero, plain].concat()
}

/// Takes one text of SSH's from the front.
pub(super) fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some(text)
}

/// One value of DER.
pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1);
    let (_, length) = length.split_at(significant);
    if content.len() >= 0x80 {
        out.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
    }
    out.extend(length);
    out.extend(content);
    out
}

/// A positive number of DER.
pub(super) fn der_number(bytes: &[u8]) -> Vec<u8> {
    der(0x02, &positive(bytes))
}

/// Takes one value of DER with this tag from the front: its content.
pub(super) fn take_der<'a>(from: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let ([found, first], rest) = from.split_first_chunk::<2>()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some(content)
}

/// Base64 in lines of a width, between two marks.
pub(super) fn pem(label: &str, bytes: &[u8], width: usize) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % width == 0 {
            out.push('\n');
        }
        out.push(character);
    }
    out + &format!("\n-----END {label}-----")
}

/// Bytes in hexadecimal with colons.
pub(super) fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::{der, der_number, put_number, take_der, take_text};

    #[test]
    fn lengths_that_lie_are_no_values() {
        for bytes in [&b"\0\0\0\x05abcd"[..], b"\xff\xff\xff\xffx", b"\0\0", b""] {
            assert_eq!(take_text(&mut &*bytes), None);
        }
        for bytes in [&b"\x30\x05abcd"[..], b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\x30", b"\x31\x00"] {
            assert_eq!(take_der(&mut &*bytes, 0x30), None);
        }
        let long = der(0x30, &[7; 300]);
        assert_eq!(take_der(&mut &*long, 0x30), Some(&[7; 300][..]));
    }

    #[test]
    fn numbers_are_positive() {
        let ssh = |bytes: &[u8]| {
            let mut out = Vec::new();
            put_number(&mut out, bytes);
            out
        };
        assert_eq!(ssh(&[0x80]), [0, 0, 0, 2, 0, 0x80]);
        assert_eq!(ssh(&[0, 0, 1, 2]), [0, 0, 0, 2, 1, 2]);
        assert_eq!(der_number(&[0x01]), [2, 1, 1]);
    }
}
