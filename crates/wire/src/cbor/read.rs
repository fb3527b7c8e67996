//! A bounded CBOR reader: definite and indefinite lengths, tags stepped over or kept.

use crate::walk::{Decoded, MAX_DEPTH, Malformed};
use std::borrow::Cow;

/// The head of one data item.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Item {
    Unsigned(u64),
    /// The value is `-1 - n`.
    Negative(u64),
    /// Length, or `None` for chunks until a break.
    Bytes(Option<usize>),
    Text(Option<usize>),
    Array(Option<usize>),
    Map(Option<usize>),
    Tag(u64),
    Bool(bool),
    Null,
    Float(f64),
    Break,
}

/// A position in CBOR data.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub fn ended(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, length: usize) -> Decoded<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(length).ok_or_else(Malformed::syntax)?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Malformed::syntax())
    }

    /// Reads the head of the next item.
    pub fn item(&mut self) -> Decoded<Item> {
        let [first] = self.array()?;
        let (major, low) = (first >> 5, first & 0x1f);
        let argument = match low {
            0..24 => Some(u64::from(low)),
            24 => Some(u64::from(self.array::<1>()?[0])),
            25 => Some(u64::from(u16::from_be_bytes(self.array()?))),
            26 => Some(u64::from(u32::from_be_bytes(self.array()?))),
            27 => Some(u64::from_be_bytes(self.array()?)),
            31 => None,
            _ => return Err(Malformed::syntax()),
        };
        // A length beyond the data is refused where it is used; it is never allocated.
        let length =
            || argument.map(|length| usize::try_from(length).map_err(|_| Malformed::syntax())).transpose();
        Ok(match (major, argument) {
            (0, Some(value)) => Item::Unsigned(value),
            (1, Some(value)) => Item::Negative(value),
            (2, _) => Item::Bytes(length()?),
            (3, _) => Item::Text(length()?),
            (4, _) => Item::Array(length()?),
            (5, _) => Item::Map(length()?),
            (6, Some(tag)) => Item::Tag(tag),
            (7, Some(20)) if low == 20 => Item::Bool(false),
            (7, Some(21)) if low == 21 => Item::Bool(true),
            (7, Some(22 | 23)) if low < 24 => Item::Null,
            (7, Some(bits)) if low == 25 => Item::Float(half(bits as u16)),
            (7, Some(bits)) if low == 26 => Item::Float(f32::from_bits(bits as u32).into()),
            (7, Some(bits)) if low == 27 => Item::Float(f64::from_bits(bits)),
            (7, None) => Item::Break,
            _ => return Err(Malformed::syntax()),
        })
    }

    /// The head of the next item without reading it.
    pub fn peek(&self) -> Decoded<Item> {
        self.clone().item()
    }

    /// The bytes of a byte or text string whose head was read.
    pub fn string(&mut self, length: Option<usize>, text: bool) -> Decoded<Cow<'a, [u8]>> {
        if let Some(length) = length {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut out = Vec::new();
        loop {
            match self.item()? {
                Item::Break => return Ok(Cow::Owned(out)),
                Item::Text(Some(length)) if text => out.extend_from_slice(self.take(length)?),
                Item::Bytes(Some(length)) if !text => out.extend_from_slice(self.take(length)?),
                _ => return Err(Malformed::syntax()),
            }
        }
    }

    /// A text string.
    pub fn text(&mut self) -> Decoded<Cow<'a, str>> {
        let Item::Text(length) = self.item()? else { return Err(Malformed::syntax()) };
        match self.string(length, true)? {
            Cow::Borrowed(bytes) => {
                std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Malformed::syntax())
            }
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Malformed::syntax()),
        }
    }

    /// Inside a collection of that length, of which `done` items were read: whether another follows.
    pub fn more(&mut self, length: Option<usize>, done: usize) -> Decoded<bool> {
        match length {
            Some(length) => Ok(done < length),
            None if self.peek()? == Item::Break => {
                self.item()?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    /// Steps over one item.
    pub fn skip(&mut self, depth: u16) -> Decoded<()> {
        if depth > MAX_DEPTH {
            return Err(Malformed::syntax());
        }
        match self.item()? {
            Item::Bytes(length) => self.string(length, false).map(drop),
            Item::Text(length) => self.string(length, true).map(drop),
            Item::Array(length) => {
                let mut done = 0;
                while self.more(length, done)? {
                    self.skip(depth + 1)?;
                    done += 1;
                }
                Ok(())
            }
            Item::Map(length) => {
                let mut done = 0;
                while self.more(length, done)? {
                    self.skip(depth + 1)?;
                    self.skip(depth + 1)?;
                    done += 1;
                }
                Ok(())
            }
            Item::Tag(_) => self.skip(depth + 1),
            Item::Break => Err(Malformed::syntax()),
            _ => Ok(()),
        }
    }
}

/// Source: RFC 8949, appendix D.
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::{Item, Reader};

    #[test]
    fn heads_are_rfc_8949() {
        let check = |bytes: &[u8], item| assert_eq!(Reader::new(bytes).item().unwrap(), item, "{bytes:x?}");
        check(&[0x18, 100], Item::Unsigned(100));
        check(&[0x39, 0x03, 0xe7], Item::Negative(999));
        check(&[0xf9, 0x3c, 0x00], Item::Float(1.0));
        check(&[0xf9, 0xc4, 0x00], Item::Float(-4.0));
        check(&[0xf9, 0x00, 0x01], Item::Float(5.960464477539063e-8));
        check(&[0xbf], Item::Map(None));
        check(&[0xf5], Item::Bool(true));
        for bad in [&[0x1c][..], &[0x18], &[0xf8, 20], &[], &[0x1b, 1]] {
            assert!(Reader::new(bad).item().is_err(), "{bad:x?}");
        }
    }

    #[test]
    fn hostile_lengths_cost_nothing() {
        for bad in [
            &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255][..],
            &[0x5b, 0, 0, 0, 255, 0, 0, 0, 0],
            &[0x9f; 10_000],
        ] {
            assert!(Reader::new(bad).skip(0).is_err());
        }
    }
}
