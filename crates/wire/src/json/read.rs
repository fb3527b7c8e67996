//! A strict JSON reader (RFC 8259) over one text. Strings are borrowed unless they hold an escape.

use crate::Document;
use crate::walk::{Decoded, MAX_DEPTH, Malformed};
use std::borrow::Cow;

/// What the next value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Text,
    Number,
    Object,
    Array,
    True,
    False,
    Null,
}

/// A position in a JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// `None` when the bytes are not UTF-8.
    pub fn new(bytes: &'a [u8]) -> Option<Reader<'a>> {
        Some(Reader { text: std::str::from_utf8(bytes).ok()?, at: 0 })
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// The kind of the next value; reads nothing but blanks.
    #[inline]
    pub fn token(&mut self) -> Decoded<Token> {
        Ok(match self.space() {
            Some(b'"') => Token::Text,
            Some(b'{') => Token::Object,
            Some(b'[') => Token::Array,
            Some(b'-' | b'0'..=b'9') => Token::Number,
            Some(b't') => Token::True,
            Some(b'f') => Token::False,
            Some(b'n') => Token::Null,
            _ => return Err(Malformed::syntax()),
        })
    }

    /// Whether nothing but blanks is left.
    pub fn ended(&mut self) -> bool {
        self.space().is_none()
    }

    /// Steps over one byte that must be there.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Decoded<()> {
        if self.space() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Malformed::syntax())
        }
    }

    /// After `{` or a member: the next key, or `None` behind the closing brace.
    #[inline]
    pub fn key(&mut self, first: bool) -> Decoded<Option<Cow<'a, str>>> {
        match (self.space(), first) {
            (Some(b'}'), _) => {
                self.at += 1;
                return Ok(None);
            }
            (Some(b','), false) => {
                self.at += 1;
                self.space();
            }
            (Some(b'"'), true) => {}
            _ => return Err(Malformed::syntax()),
        }
        let key = self.text()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// After `[` or an item: whether another item follows; else steps over the closing bracket.
    #[inline]
    pub fn item(&mut self, first: bool) -> Decoded<bool> {
        match (self.space(), first) {
            (Some(b']'), _) => {
                self.at += 1;
                Ok(false)
            }
            (Some(b','), false) => {
                self.at += 1;
                Ok(true)
            }
            (Some(_), true) => Ok(true),
            _ => Err(Malformed::syntax()),
        }
    }

    /// A string.
    #[inline]
    pub fn text(&mut self) -> Decoded<Cow<'a, str>> {
        self.expect(b'"')?;
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let end = memchr::memchr2(b'"', b'\\', rest).ok_or_else(Malformed::syntax)?;
        let plain = self.text.get(self.at..self.at + end).ok_or_else(Malformed::syntax)?;
        if plain.bytes().any(|byte| byte < 0x20) {
            return Err(Malformed::syntax());
        }
        self.at += end;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(plain.to_owned()).map(Cow::Owned)
    }

    fn escaped(&mut self, mut out: String) -> Decoded<String> {
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let end = memchr::memchr2(b'"', b'\\', rest).ok_or_else(Malformed::syntax)?;
            let plain = self.text.get(self.at..self.at + end).ok_or_else(Malformed::syntax)?;
            if plain.bytes().any(|byte| byte < 0x20) {
                return Err(Malformed::syntax());
            }
            out.push_str(plain);
            self.at += end + 1;
            if rest.get(end) == Some(&b'"') {
                return Ok(out);
            }
            let escape = self.byte().ok_or_else(Malformed::syntax)?;
            self.at += 1;
            out.push(match escape {
                b'"' | b'\\' | b'/' => char::from(escape),
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => self.unicode()?,
                _ => return Err(Malformed::syntax()),
            });
        }
    }

    fn unicode(&mut self) -> Decoded<char> {
        let high = self.hex4()?;
        if !(0xd800..0xe000).contains(&high) {
            return char::from_u32(high).ok_or_else(Malformed::syntax);
        }
        let paired = high < 0xdc00 && self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
        if !paired {
            // A lone surrogate cannot be stored in UTF-8; Java's encoder writes a question mark for it.
            return Ok('?');
        }
        self.at += 2;
        let low = self.hex4()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(Malformed::syntax());
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(Malformed::syntax)
    }

    fn hex4(&mut self) -> Decoded<u32> {
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(Malformed::syntax)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Malformed::syntax());
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Malformed::syntax())
    }

    /// A number's text, checked against the grammar.
    pub fn number(&mut self) -> Decoded<&'a str> {
        self.space();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or_else(Malformed::syntax)
    }

    fn digits(&mut self) -> Decoded<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Malformed::syntax()) }
    }

    /// `true`, `false` or `null`, which the token already promised.
    pub fn word(&mut self, word: &str) -> Decoded<()> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Malformed::syntax())
        }
    }

    /// Steps over one value of any kind.
    pub fn skip(&mut self, depth: u16) -> Decoded<()> {
        if depth > MAX_DEPTH {
            return Err(Malformed::syntax());
        }
        match self.token()? {
            Token::Text => self.text().map(drop),
            Token::Number => self.number().map(drop),
            Token::True => self.word("true"),
            Token::False => self.word("false"),
            Token::Null => self.word("null"),
            Token::Object => {
                self.at += 1;
                let mut first = true;
                while self.key(first)?.is_some() {
                    first = false;
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            Token::Array => {
                self.at += 1;
                let mut first = true;
                while self.item(first)? {
                    first = false;
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
        }
    }

    /// One value of any kind as a document.
    pub fn document(&mut self, depth: u16) -> Decoded<Document> {
        if depth > MAX_DEPTH {
            return Err(Malformed::syntax());
        }
        Ok(match self.token()? {
            Token::Text => Document::String(self.text()?.into_owned()),
            Token::Number => {
                let text = self.number()?;
                serde_json::from_str(text).map_err(|_| Malformed::syntax())?
            }
            Token::True => self.word("true").map(|()| Document::Bool(true))?,
            Token::False => self.word("false").map(|()| Document::Bool(false))?,
            Token::Null => self.word("null").map(|()| Document::Null)?,
            Token::Object => {
                self.at += 1;
                let (mut map, mut first) = (serde_json::Map::new(), true);
                while let Some(key) = self.key(first)? {
                    first = false;
                    map.insert(key.into_owned(), self.document(depth + 1)?);
                }
                Document::Object(map)
            }
            Token::Array => {
                self.at += 1;
                let (mut list, mut first) = (Vec::new(), true);
                while self.item(first)? {
                    first = false;
                    list.push(self.document(depth + 1)?);
                }
                Document::Array(list)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    fn check(text: &str, good: bool) {
        let read = Reader::new(text.as_bytes()).map(|mut reader| reader.skip(0).is_ok() && reader.ended());
        assert_eq!(read == Some(true), good, "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(text).is_ok(), good, "{text}");
    }

    #[test]
    fn the_grammar_is_rfc_8259() {
        for good in [
            "{}",
            "[]",
            "[1,-0,0.5,1e9,1.5E-3]",
            r#"{"a":{"b":[null,true,false]}}"#,
            "\"\\u00e9\\ud83d\\ude00\\n\"",
        ] {
            check(good, true);
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "{,}",
            "{\"a\" 1}",
            "01",
            "1.",
            "-",
            "+1",
            "nul",
            "\"\n\"",
            "\"\\x\"",
            "[1 2]",
            "{\"a\":1,}",
            "\"\\ud83dx\\uZZZZ\"",
            "[] []",
            "\"\\u12\"",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(Reader::new(deep.as_bytes()).unwrap().skip(0).is_err());
    }
}
