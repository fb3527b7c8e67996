//! A [`Decoder`] over CBOR.

use super::read::{Item, Reader};
use crate::json::find;
use crate::model::{Service, ShapeId};
use crate::shape::{Decoder, OnEntry, OnItem, OnMember};
use crate::walk::{Decoded, Malformed, Seen, Step, Violation, Walk};
use crate::{Document, Timestamp, time};
use bytes::Bytes;

struct CborDecoder<'a, 'w> {
    reader: Reader<'a>,
    walk: &'w mut Walk<'a>,
}

/// Decodes a whole CBOR body as one structure; an empty body is an empty structure.
pub(crate) fn body(
    service: &'static Service,
    shape: ShapeId,
    body: &[u8],
    on_member: OnMember<'_>,
) -> Decoded<Vec<Violation>> {
    let mut walk = Walk::new(service, shape);
    let body = if body.is_empty() { &[0xa0] } else { body };
    let mut decoder = CborDecoder { reader: Reader::new(body), walk: &mut walk };
    decoder.structure(on_member)?;
    if !decoder.reader.ended() {
        return Err(Malformed::syntax());
    }
    Ok(walk.violations)
}

#[cold]
fn wrong(found: Item, wanted: &str) -> Malformed {
    Malformed::kind(format!(
        "Expected {wanted}, found {}",
        match found {
            Item::Unsigned(_) | Item::Negative(_) => "an integer",
            Item::Bytes(_) => "a byte string",
            Item::Text(_) => "a text string",
            Item::Array(_) => "an array",
            Item::Map(_) => "a map",
            Item::Tag(_) => "a tag",
            Item::Bool(_) => "a boolean",
            Item::Null => "null",
            Item::Float(_) => "a float",
            Item::Break => "a break",
        }
    ))
}

impl CborDecoder<'_, '_> {
    fn whole(&mut self) -> Decoded<i64> {
        let item = self.reader.item()?;
        let number = match item {
            Item::Unsigned(value) => i64::try_from(value).ok(),
            Item::Negative(value) => i64::try_from(value).ok().map(|value| -1 - value),
            Item::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e18 => Some(value as i64),
            _ => None,
        };
        let number = number.ok_or_else(|| wrong(item, "an integer in range"))?;
        self.walk.check_number(number as f64);
        Ok(number)
    }

    fn real(&mut self) -> Decoded<f64> {
        match self.reader.item()? {
            Item::Float(value) => Ok(value),
            Item::Unsigned(value) => Ok(value as f64),
            Item::Negative(value) => Ok(-1.0 - value as f64),
            other => Err(wrong(other, "a number")),
        }
    }

    fn not_null(&self) -> Decoded<()> {
        match self.reader.peek()? {
            Item::Null => Err(wrong(Item::Null, "a value")),
            _ => Ok(()),
        }
    }
}

impl Decoder for CborDecoder<'_, '_> {
    fn boolean(&mut self) -> Decoded<bool> {
        match self.reader.item()? {
            Item::Bool(value) => Ok(value),
            other => Err(wrong(other, "a boolean")),
        }
    }

    fn integer(&mut self) -> Decoded<i32> {
        let number = self.whole()?;
        i32::try_from(number)
            .map_err(|_| Malformed::kind(format!("{number} is out of the range of an Integer")))
    }

    fn long(&mut self) -> Decoded<i64> {
        self.whole()
    }

    fn double(&mut self) -> Decoded<f64> {
        let number = self.real()?;
        self.walk.check_number(number);
        Ok(number)
    }

    fn string(&mut self) -> Decoded<String> {
        match self.reader.peek()? {
            Item::Text(_) => {}
            other => return Err(wrong(other, "a text string")),
        }
        let text = self.reader.text()?;
        self.walk.check_text(&text);
        Ok(text.into_owned())
    }

    fn blob(&mut self) -> Decoded<Bytes> {
        match self.reader.item()? {
            Item::Bytes(length) => {
                let bytes = self.reader.string(length, false)?;
                self.walk.check_blob(bytes.len());
                Ok(Bytes::copy_from_slice(&bytes))
            }
            other => Err(wrong(other, "a byte string")),
        }
    }

    fn timestamp(&mut self) -> Decoded<Timestamp> {
        if let Item::Tag(_) = self.reader.peek()? {
            self.reader.item()?;
        }
        time::from_seconds(self.real()?).ok_or_else(|| Malformed::kind("Invalid timestamp"))
    }

    fn document(&mut self) -> Decoded<Document> {
        Err(Malformed::kind("Documents do not exist in this protocol"))
    }

    fn structure(&mut self, on_member: OnMember<'_>) -> Decoded<()> {
        let item = self.reader.item()?;
        let Item::Map(length) = item else { return Err(wrong(item, "a map")) };
        self.walk.deeper()?;
        let (here, shape) = (self.walk.at, self.walk.shape());
        let mut seen = Seen::default();
        let (mut hint, mut done) = (0, 0);
        while self.reader.more(length, done)? {
            done += 1;
            let key = self.reader.text()?;
            let Some(at) =
                find(shape, &key, hint).filter(|_| self.reader.peek().is_ok_and(|item| item != Item::Null))
            else {
                self.reader.skip(0)?;
                continue;
            };
            hint = at + 1;
            seen.mark(at);
            let member = &shape.members[at];
            self.walk.step(Step::Member(member), member.target);
            on_member(at, self)?;
            self.walk.back(here);
        }
        if shape.required > 0 {
            self.walk.require(shape, &seen);
        }
        self.walk.shallower();
        Ok(())
    }

    fn list(&mut self, on_item: OnItem<'_>) -> Decoded<()> {
        let item = self.reader.item()?;
        let Item::Array(length) = item else { return Err(wrong(item, "an array")) };
        self.walk.deeper()?;
        let (here, element) = (self.walk.at, self.walk.shape().element);
        let violations = self.walk.violations.len();
        let mut done = 0;
        while self.reader.more(length, done)? {
            if !self.walk.keeps(done) {
                self.reader.skip(0)?;
                done += 1;
                continue;
            }
            self.not_null()?;
            self.walk.step(Step::Item(done), element);
            on_item(self)?;
            self.walk.back(here);
            done += 1;
        }
        self.walk.check_size(done, violations, || "[]".to_owned());
        self.walk.shallower();
        Ok(())
    }

    fn map(&mut self, on_entry: OnEntry<'_>) -> Decoded<()> {
        let item = self.reader.item()?;
        let Item::Map(length) = item else { return Err(wrong(item, "a map")) };
        self.walk.deeper()?;
        let (here, element) = (self.walk.at, self.walk.shape().element);
        let violations = self.walk.violations.len();
        let mut done = 0;
        while self.reader.more(length, done)? {
            let key = self.reader.text()?;
            if !self.walk.keeps(done) {
                self.reader.skip(0)?;
                done += 1;
                continue;
            }
            self.not_null()?;
            self.walk.check_key(&key);
            self.walk.step(Step::Key(key.clone()), element);
            on_entry(key.into_owned(), self)?;
            self.walk.back(here);
            done += 1;
        }
        self.walk.check_size(done, violations, || "{}".to_owned());
        self.walk.shallower();
        Ok(())
    }
}
