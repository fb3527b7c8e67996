//! The header `Range` (RFC 9110, section 14) as S3 takes it: one range of bytes.

use std::ops::Range;

/// What a range asks for of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// No range, or one that S3 takes for none: the whole.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing that is there.
    Outside,
}

/// Reads a range against a size. S3 answers the whole body to what it cannot read, and to several ranges.
pub fn parse(text: Option<&str>, size_bytes: u64) -> Asked {
    let Some((first, last)) = text
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .filter(|spec| !spec.contains(','))
        .and_then(|spec| spec.split_once('-'))
    else {
        return Asked::Whole;
    };
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            None => Asked::Whole,
            Some(0) => Asked::Outside,
            Some(_) if size_bytes == 0 => Asked::Outside,
            Some(length) => Asked::Part(size_bytes.saturating_sub(length)..size_bytes),
        },
        (first, last) => match (number(first), last.is_empty(), number(last)) {
            (Some(first), true, _) if first < size_bytes => Asked::Part(first..size_bytes),
            (Some(first), false, Some(last)) if first > last => Asked::Whole,
            (Some(first), false, Some(last)) if first < size_bytes => {
                Asked::Part(first..last.saturating_add(1).min(size_bytes))
            }
            (Some(_), true, _) | (Some(_), false, Some(_)) => Asked::Outside,
            _ => Asked::Whole,
        },
    }
}

/// Reads a range with both ends, whatever there is of it.
pub fn exact(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number =
        |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then(|| first..last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};

    #[test]
    fn ranges() {
        for (text, asked) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=0-99", Asked::Part(0..10)),
            ("bytes=9-", Asked::Part(9..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=10-", Asked::Outside),
            ("bytes=10-20", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
        ] {
            assert_eq!(parse(Some(text), 10), asked, "{text}");
        }
        assert_eq!(parse(None, 10), Asked::Whole);
        assert_eq!(parse(Some("bytes=0-"), 0), Asked::Outside);
    }
}
