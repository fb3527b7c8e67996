//! Order-preserving composition of keys: account / region / service / table / parts.
//!
//! Invariant: the order of keys is the order of their parts, and no part can reach into the next one.
//! Text and bytes end with 0x00; inside, 0x00 is written 0x01 0x01 and 0x01 is written 0x01 0x02. Numbers are
//! eight bytes, big-endian.

use bytes::Bytes;

use crate::StoreError;

/// In the account's place: what belongs to no account (bucket names, access keys).
pub const ANY_ACCOUNT: &str = "*";
/// In the region's place: what belongs to no region.
pub const GLOBAL: &str = "global";
/// The longest key, in bytes. PostgreSQL takes less: see `StoreError::InvalidKey` there.
pub const MAX_KEY_BYTES: usize = 16 * 1024;

/// The first byte of the store's own keys. Text never begins with it, and callers' keys must not.
pub(crate) const SYSTEM: u8 = 0xff;

/// Builds a key part by part.
#[derive(Clone, Debug)]
pub struct KeyBuilder(Vec<u8>);

impl KeyBuilder {
    /// The beginning of all keys of one table.
    pub fn new(account: &str, region: &str, service: &str, table: &str) -> KeyBuilder {
        KeyBuilder(Vec::with_capacity(96)).text(account).text(region).text(service).text(table)
    }

    /// A key without the usual beginning.
    pub fn bare() -> KeyBuilder {
        KeyBuilder(Vec::with_capacity(64))
    }

    /// A text; sorts by its bytes.
    pub fn text(self, part: &str) -> KeyBuilder {
        self.bytes(part.as_bytes())
    }

    /// Bytes; a shorter one sorts before a longer one that begins with it.
    pub fn bytes(mut self, part: &[u8]) -> KeyBuilder {
        escape(&mut self.0, part);
        self.0.push(0);
        self
    }

    /// A number; sorts by value.
    pub fn u64(mut self, part: u64) -> KeyBuilder {
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    /// A number with a sign, such as milliseconds since 1970; sorts by value.
    pub fn i64(self, part: i64) -> KeyBuilder {
        self.u64((part as u64) ^ (1 << 63))
    }

    /// The beginning of a text, left open: for scanning the keys whose next part begins so.
    pub fn text_prefix(mut self, part: &str) -> KeyBuilder {
        escape(&mut self.0, part.as_bytes());
        self
    }

    /// The finished key.
    pub fn build(self) -> Bytes {
        Bytes::from(self.0)
    }
}

impl From<KeyBuilder> for Bytes {
    fn from(key: KeyBuilder) -> Bytes {
        key.build()
    }
}

fn escape(out: &mut Vec<u8>, part: &[u8]) {
    if part.iter().all(|byte| *byte > 1) {
        out.extend_from_slice(part);
        return;
    }
    for byte in part {
        match byte {
            0 => out.extend_from_slice(&[1, 1]),
            1 => out.extend_from_slice(&[1, 2]),
            _ => out.push(*byte),
        }
    }
}

/// Takes a key apart again, part by part, in the order in which it was built.
#[derive(Clone, Debug)]
pub struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    /// Reads from the first part.
    pub fn new(key: &'a [u8]) -> KeyReader<'a> {
        KeyReader(key)
    }

    /// Skips the four parts that [`KeyBuilder::new`] wrote.
    pub fn skip_table(mut self) -> Result<KeyReader<'a>, StoreError> {
        for _ in 0..4 {
            self.bytes()?;
        }
        Ok(self)
    }

    /// The next part as text.
    pub fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?).map_err(|_| StoreError::corrupt("a key's text is not UTF-8"))
    }

    /// The next part as bytes.
    pub fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let end = end.ok_or_else(|| StoreError::corrupt("a key's part has no end"))?;
        let (part, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        unescape(part)
    }

    /// The next part as a number.
    pub fn u64(&mut self) -> Result<u64, StoreError> {
        let (part, rest) =
            self.0.split_first_chunk().ok_or_else(|| StoreError::corrupt("a key's number is cut short"))?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*part))
    }

    /// The next part as a number with a sign.
    pub fn i64(&mut self) -> Result<i64, StoreError> {
        Ok((self.u64()? ^ (1 << 63)) as i64)
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}

fn unescape(part: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(part.len());
    let mut bytes = part.iter();
    while let Some(byte) = bytes.next() {
        match (byte, byte.eq(&1).then(|| bytes.next())) {
            (_, None) => out.push(*byte),
            (_, Some(Some(1))) => out.push(0),
            (_, Some(Some(2))) => out.push(1),
            _ => return Err(StoreError::corrupt("a key has an unknown escape")),
        }
    }
    Ok(out)
}

/// Refuses keys that no engine takes.
pub(crate) fn check(key: &[u8]) -> Result<(), StoreError> {
    let why = match key.first() {
        None => "it is empty".to_string(),
        Some(&SYSTEM) => "it begins with 0xff".to_string(),
        _ if key.len() > MAX_KEY_BYTES => format!("{} bytes, the limit is {MAX_KEY_BYTES}", key.len()),
        _ => return Ok(()),
    };
    Err(StoreError::InvalidKey { why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    proptest! {
        #[test]
        fn order_is_the_order_of_the_parts(a: (Vec<u8>, u64, Vec<u8>), b: (Vec<u8>, u64, Vec<u8>)) {
            let key = |p: &(Vec<u8>, u64, Vec<u8>)| KeyBuilder::bare().bytes(&p.0).u64(p.1).bytes(&p.2).build();
            assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn a_key_gives_back_its_parts(a in any::<String>(), b: u64, c: Vec<u8>, d: i64) {
            let key = KeyBuilder::new("0", "r", "s", "t").text(&a).u64(b).bytes(&c).i64(d).build();
            let mut parts = KeyReader::new(&key).skip_table().unwrap();
            assert_eq!((parts.text().unwrap(), parts.u64().unwrap()), (a, b));
            assert_eq!((parts.bytes().unwrap(), parts.i64().unwrap()), (c, d));
            assert!(parts.rest().is_empty());
        }

        #[test]
        fn reading_never_panics(key: Vec<u8>) {
            let mut parts = KeyReader::new(&key);
            let _ = (parts.text(), parts.u64(), parts.bytes(), parts.i64());
        }
    }

    #[test]
    fn no_part_swallows_a_separator() {
        let one = KeyBuilder::bare().text("a\0b").text("c").build();
        let other = KeyBuilder::bare().text("a").text("b\0c").build();
        assert_ne!(one, other);
        assert!(!one.starts_with(&KeyBuilder::bare().text("a").build()));
        assert!(one.starts_with(&KeyBuilder::bare().text_prefix("a\0").build()));
    }

    #[test]
    fn keys_that_no_engine_takes_are_refused() {
        assert!(check(b"a").is_ok());
        for key in [&b""[..], &b"\xffa"[..], &[b'a'; MAX_KEY_BYTES + 1][..]] {
            assert!(check(key).is_err());
        }
    }
}
