//! Reading Rust text without a parser: comments and strings blanked out, arguments split, names turned.

/// The text with comments, string contents and character literals replaced by spaces; every line stays where it was.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(length) = bytes.get(at).map(|_| blank_length(bytes, at)) {
        for byte in out.iter_mut().skip(at).take(length) {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// How many bytes at `at` are a comment or a literal; 0 when it is code.
fn blank_length(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied().unwrap_or(b' ');
    let in_word = before.is_ascii_alphanumeric() || before == b'_';
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => find(rest, b"*/").map_or(rest.len(), |end| end + 2),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string_length(rest),
        [b'"', ..] => quoted_length(rest, b'"'),
        // A lifetime has no second quote where a character literal has it.
        [b'\'', b'\\', ..] => quoted_length(rest, b'\''),
        [b'\'', _, b'\'', ..] => 3,
        _ => 0,
    }
}

fn raw_string_length(rest: &[u8]) -> usize {
    let hashes = rest.iter().skip(1).take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let start = 2 + hashes;
    find(&rest[start..], &end).map_or(rest.len(), |found| start + found + end.len())
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match *byte {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The arguments of the call whose opening parenthesis was just passed, split at top-level commas.
pub fn arguments(after_parenthesis: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0usize, 0, Vec::new());
    for (at, byte) in after_parenthesis.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => {
                found.push(after_parenthesis[start..at].trim());
                break;
            }
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                found.push(after_parenthesis[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|argument| !argument.is_empty());
    found
}

/// A source file in two: what is shipped, and its test module (`#[cfg(test)] mod … {`), which may be empty.
pub fn split_tests(text: &str) -> (&str, &str) {
    const MARK: &str = "#[cfg(test)]";
    let begins = text.match_indices(MARK).find(|(at, _)| {
        let item = text[at + MARK.len()..].trim_start();
        // `mod tests;` is another file; what follows it here is shipped.
        item.starts_with("mod ")
            && item.find('{').is_some_and(|brace| item.find(';').is_none_or(|end| brace < end))
    });
    text.split_at(begins.map_or(text.len(), |(at, _)| at))
}

/// `GetQueueUrl` as `get_queue_url`, `ListMFADevices` as `list_mfa_devices`.
pub fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                !before.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        if begins {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Whether `word` stands in `text` with no letter, digit or underscore beside it.
pub fn has_word(text: &str, word: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before)).copied();
        let after = text.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::{arguments, code, has_word, snake, split_tests};

    #[test]
    fn tests_are_told_from_what_is_shipped() {
        assert_eq!(
            split_tests("a(); #[cfg(test)]\nmod tests { b }"),
            ("a(); ", "#[cfg(test)]\nmod tests { b }")
        );
        assert_eq!(split_tests("#[cfg(test)]\nmod tests;\nfn a() { }").1, "");
    }

    #[test]
    fn comments_and_literals_are_blank() {
        let blank = code("a(\"b\\\"c\", 'd', '\\'', r#\"e\"f\"#) // g\n/* h\n */ i::<'j>()");
        assert_eq!(blank.lines().count(), 3);
        for (letter, stays) in
            [('a', true), ('i', true), ('j', true)].into_iter().chain("bcdefgh".chars().map(|c| (c, false)))
        {
            assert_eq!(blank.contains(letter), stays, "{letter} in {blank}");
        }
    }

    #[test]
    fn arguments_end_with_their_call() {
        assert_eq!(arguments("A, b(c, d), |e| { f(e, g) }) .h(i)"), ["A", "b(c, d)", "|e| { f(e, g) }"]);
        assert_eq!(arguments("A,\n  b,\n)"), ["A", "b"]);
        assert!(arguments(")").is_empty());
    }

    #[test]
    fn names_turn_as_boto3_turns_them() {
        for (name, turned) in [
            ("SendMessage", "send_message"),
            ("GetQueueUrl", "get_queue_url"),
            ("ListMFADevices", "list_mfa_devices"),
            ("CreateOpenIDConnectProvider", "create_open_id_connect_provider"),
            ("ListObjectsV2", "list_objects_v2"),
        ] {
            assert_eq!(snake(name), turned);
        }
    }

    #[test]
    fn words_end_where_words_end() {
        assert!(has_word("x.send_message(y)", "send_message"));
        assert!(!has_word("x.send_message_batch(y)", "send_message"));
        assert!(!has_word("resend_message", "send_message"));
    }
}
