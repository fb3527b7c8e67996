//! The id of a blob: 128 random bits, written as 32 hexadecimal digits.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::StoreError;
use crate::cloud::random_bytes;

/// Names a blob.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 16]);

impl BlobId {
    pub(crate) fn random() -> Result<BlobId, StoreError> {
        Ok(BlobId(random_bytes()?))
    }

    /// From its bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> BlobId {
        BlobId(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its text; `None` unless it is 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<BlobId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
        Some(BlobId(number.to_be_bytes()))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BlobId, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        BlobId::parse(&text).ok_or_else(|| de::Error::custom("not the id of a blob"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_texts() {
        let id = BlobId::random().unwrap();
        assert_eq!(BlobId::parse(&id.to_string()), Some(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<BlobId>(&json).unwrap(), id);
        for text in ["", "0", "+0000000000000000000000000000000", &"g".repeat(32), &"0".repeat(33)] {
            assert_eq!(BlobId::parse(text), None, "{text}");
        }
    }
}
