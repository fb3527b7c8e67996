//! Which characters a message may hold, and how names and ids are spelt.

/// The first character that SQS does not accept in bodies and string attributes. It accepts
/// `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub fn invalid_character(text: &str) -> Option<char> {
    let bytes = text.as_bytes();
    let has_control = bytes.iter().any(|byte| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'));
    // UTF-8 has no surrogates, so only U+FFFE and U+FFFF are left to refuse; both begin with 0xEF.
    if !has_control && !bytes.contains(&0xef) {
        return None;
    }
    let is_invalid = |c: &char| match c {
        '\t' | '\n' | '\r' => false,
        '\0'..'\x20' | '\u{fffe}' | '\u{ffff}' => true,
        _ => false,
    };
    text.chars().find(is_invalid)
}

/// A queue's name: 1 to 80 letters, digits, hyphens and underscores; a FIFO queue's ends with `.fifo`, which counts.
pub fn is_valid_queue_name(name: &str) -> bool {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    !stem.is_empty() && name.len() <= 80 && stem.bytes().all(is_word)
}

/// The id of a batch entry and the label of a permission: 1 to 80 letters, digits, hyphens and underscores.
pub fn is_valid_label(text: &str) -> bool {
    (1..=80).contains(&text.len()) && text.bytes().all(is_word)
}

/// Deduplication ids, group ids and receive attempt ids: 1 to 128 letters, digits and ASCII punctuation.
pub fn is_valid_token(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::{invalid_character, is_valid_label, is_valid_queue_name, is_valid_token};

    #[test]
    fn content_is_what_xml_allows() {
        for good in
            ["a", "\t\r\n", "\u{d7ff}\u{e000}\u{fffd}", "\u{10000}\u{10ffff}\u{1fffe}", "\u{7f}\u{80}", ""]
        {
            assert_eq!(invalid_character(good), None, "{good:?}");
        }
        for (bad, found) in [
            ("\0", '\0'),
            ("a\u{b}\0", '\u{b}'),
            ("\u{1f}", '\u{1f}'),
            ("x\u{fffe}", '\u{fffe}'),
            ("\u{ffff}y", '\u{ffff}'),
        ] {
            assert_eq!(invalid_character(bad), Some(found), "{bad:?}");
        }
    }

    #[test]
    fn queue_names() {
        let (longest, too_long) = ("a".repeat(80), "a".repeat(81));
        let (longest_fifo, too_long_fifo) =
            (format!("{}.fifo", "a".repeat(75)), format!("{}.fifo", "a".repeat(76)));
        for good in ["q", "A-b_9", "q.fifo", &longest, &longest_fifo] {
            assert!(is_valid_queue_name(good), "{good}");
        }
        for bad in ["", ".fifo", "a.b", "a.fifo.fifo", "a b", "ä", "q.FIFO", &too_long, &too_long_fifo] {
            assert!(!is_valid_queue_name(bad), "{bad}");
        }
    }

    #[test]
    fn labels_and_tokens() {
        assert!(is_valid_label("a-1_B") && is_valid_token("a!~\\\"#"));
        for bad in ["", "a b", "é"] {
            assert!(!is_valid_label(bad) && !is_valid_token(bad), "{bad}");
        }
        assert!(!is_valid_label("a.b") && !is_valid_label(&"a".repeat(81)));
        assert!(is_valid_token(&"a".repeat(128)) && !is_valid_token(&"a".repeat(129)));
    }
}
