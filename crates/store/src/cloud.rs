//! The short id of a cloud, made once when its store is created. Two clouds in one database never share a row.

use std::fmt;
use std::io::Read;

use crate::StoreError;

/// Eight lower-case letters and digits, without those that look alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloudId([u8; CloudId::LEN]);

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl CloudId {
    /// How many characters an id has.
    pub const LEN: usize = 8;

    /// A new random id (40 bits from the operating system).
    pub fn random() -> Result<CloudId, StoreError> {
        let mut id = random_bytes::<{ CloudId::LEN }>()?;
        for byte in &mut id {
            *byte = ALPHABET.get(usize::from(*byte & 31)).copied().unwrap_or(b'a');
        }
        Ok(CloudId(id))
    }

    /// Reads an id; `None` unless it is eight characters of the alphabet.
    pub fn parse(text: &str) -> Option<CloudId> {
        let id: [u8; CloudId::LEN] = text.as_bytes().try_into().ok()?;
        id.iter().all(|byte| ALPHABET.contains(byte)).then_some(CloudId(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CloudId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CloudId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// So many random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| StoreError::io("reading random bytes", error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = CloudId::random().unwrap();
        assert_eq!(CloudId::parse(id.as_str()), Some(id));
        assert_ne!(id, CloudId::random().unwrap());
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["", "abc", "abcdefgh2", "abcdefg1", "ABCDEFGH", "abc/efgh"] {
            assert_eq!(CloudId::parse(text), None, "{text}");
        }
    }
}
