//! The models' regular expressions. They are Java's; Rust's are close, and this translates what differs.
//! Source: <https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html>

use crate::model::Pattern;
use std::iter::Peekable;
use std::str::Chars;

/// A pattern that is ready to match.
#[derive(Debug)]
pub(crate) struct Compiled {
    regex: fancy_regex::Regex,
    /// Smallest and largest number of characters, where the pattern is one class with a count.
    length: Option<(usize, usize)>,
}

impl Pattern {
    /// Whether the whole text matches. A pattern that cannot be compiled matches everything (a test keeps that list empty).
    pub fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compile(self.text));
        compiled.as_ref().is_none_or(|compiled| compiled.matches(text))
    }

    /// Whether it can be compiled; for tests of the models.
    pub fn compiles(&self) -> bool {
        self.compiled.get_or_init(|| compile(self.text)).is_some()
    }
}

impl Compiled {
    fn matches(&self, text: &str) -> bool {
        let fits = |(min, max): (usize, usize)| (min..=max).contains(&text.chars().count());
        self.length.is_none_or(fits) && self.regex.is_match(text).unwrap_or(true)
    }
}

/// `[…]{1,2048}` is compiled as `[…]*` and a count: an automaton that counts is megabytes large.
fn compile(pattern: &str) -> Option<Compiled> {
    let (pattern, length) = match counted_class(pattern) {
        Some((class, min, max)) => (format!("{class}*"), Some((min, max))),
        None => (pattern.to_owned(), None),
    };
    let regex = fancy_regex::Regex::new(&format!(r"\A(?:{})\z", from_java(&pattern))).ok()?;
    Some(Compiled { regex, length })
}

fn counted_class(pattern: &str) -> Option<(&str, usize, usize)> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let (class, count) = pattern.strip_suffix('$').unwrap_or(pattern).strip_suffix('}')?.rsplit_once('{')?;
    let (min, max) = count.split_once(',').unwrap_or((count, count));
    let max = if max.is_empty() { usize::MAX } else { max.parse().ok()? };
    let inner = class.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let one =
        class == "." || inner.is_some_and(|inner| !inner.ends_with('\\') && !inner.contains(['[', ']']));
    one.then_some((class, min.parse().ok()?, max))
}

fn from_java(pattern: &str) -> String {
    // Java writes characters beyond the first plane as surrogates; some models write five digits behind `\u`.
    let pattern = pattern
        .replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}")
        .replace(r"\u10000-\u10FFFF", r"\x{10000}-\x{10FFFF}");
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut depth = 0u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut out, &mut chars, depth > 0),
            '[' => {
                depth += 1;
                out.push('[');
            }
            ']' => {
                depth = depth.saturating_sub(1);
                out.push(']');
            }
            _ => out.push(c),
        }
    }
    out
}

/// One escape, whose backslash was read.
fn escape(out: &mut String, chars: &mut Peekable<Chars<'_>>, in_class: bool) {
    let set = match chars.next() {
        Some('w') => Some("a-zA-Z0-9_"),
        Some('d') => Some("0-9"),
        Some('s') => Some(r" \t\n\x0B\x0C\r"),
        Some('p') => property(out, chars),
        // Escapes that Java allows and Rust does not know: the character stands for itself.
        Some(c @ ('"' | '\'' | ':' | '=' | '@' | ',' | ';' | '!' | '%' | '<' | '>' | '`' | '_')) => {
            out.push(c);
            return;
        }
        Some('Z') => {
            out.push_str(r"\z");
            return;
        }
        Some(c) => {
            out.extend(['\\', c]);
            return;
        }
        None => return,
    };
    match (set, in_class) {
        (Some(set), true) => out.push_str(set),
        (Some(set), false) => out.extend(["[", set, "]"]),
        (None, _) => {}
    }
    // Behind a set a hyphen cannot begin a range: Java takes it for itself.
    if in_class && chars.peek() == Some(&'-') {
        chars.next();
        out.push_str(r"\-");
    }
}

/// `\p{…}`: Java's POSIX classes are ASCII; all others are Unicode's and are written as they are.
fn property(out: &mut String, chars: &mut Peekable<Chars<'_>>) -> Option<&'static str> {
    let mut name = String::new();
    if chars.peek() == Some(&'{') {
        name.extend(chars.skip(1).take_while(|c| *c != '}'));
    }
    Some(match name.as_str() {
        "ASCII" => r"\x00-\x7F",
        "Cntrl" => r"\x00-\x1F\x7F",
        "Digit" => "0-9",
        "Upper" => "A-Z",
        "Lower" => "a-z",
        "Alpha" => "a-zA-Z",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "LD" => r"\p{L}\p{Nd}",
        _ => {
            out.push_str(&format!(r"\p{{{name}}}"));
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn patterns_are_javas() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(compile(pattern).expect(pattern).matches(text), expected, "{pattern} {text}");
        };
        check(r"[\w+=,.@-]+", "a_B9+=,.@-", true);
        check(r"[\w+=,.@-]+", "a b", false);
        // ASCII only.
        check(r"\w+", "\u{e9}", false);
        check(r"\d{3}", "\u{661}\u{662}\u{663}", false);
        // The whole text, and no newline behind it.
        check("a", "ab", false);
        check("^[a-c]{2,3}$", "abca", false);
        check("^[a-c]{2,3}$", "abc", true);
        check("[a-c]{2}", "a", false);
        check(".{1,100000}", "", false);
        check("^a$", "a\n", false);
        check(r"^(?! )[\p{L}\p{N}\p{Z}-_]*(?<! )$", "a-b c", true);
        check(r"^(?! )[\p{L}\p{N}\p{Z}-_]*(?<! )$", " a", false);
        check(r"[\w-\/.@+=,]{1,5}", "a-/", true);
        check(r"^(\p{LD}|\p{Punct}| )+$", "a9! ~", true);
        check(
            r"[\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]*",
            "\u{1F600}\t",
            true,
        );
        check(r"[\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]*", "\u{1}", false);
    }
}
