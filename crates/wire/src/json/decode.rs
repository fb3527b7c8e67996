//! A [`Decoder`] over JSON: awsJson, and the bodies of restJson1.

use super::read::{Reader, Token};
use crate::model::{Kind, Location, Service, Shape, ShapeId};
use crate::shape::{Decoder, OnEntry, OnItem, OnMember};
use crate::walk::{Decoded, Malformed, Seen, Step, Walk};
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Reads one JSON value in step with the model.
pub(crate) struct JsonDecoder<'a, 'w> {
    pub reader: Reader<'a>,
    pub walk: &'w mut Walk<'a>,
}

/// Index of the member with that name; looks behind the last one found first, because clients keep the model's order.
#[inline]
pub(crate) fn find(shape: &Shape, name: &str, hint: usize) -> Option<usize> {
    let (before, behind) = shape.members.split_at(hint.min(shape.members.len()));
    let found = behind.iter().position(|member| member.wire == name).map(|at| at + before.len());
    found.or_else(|| before.iter().position(|member| member.wire == name))
}

impl<'a> JsonDecoder<'a, '_> {
    /// Reads an object's members. With `body_only`, members that stand elsewhere in the request are not taken.
    pub fn members(
        &mut self,
        shape: &'static Shape,
        seen: &mut Seen,
        body_only: bool,
        on_member: OnMember<'_>,
    ) -> Decoded<()> {
        if self.reader.token()? != Token::Object {
            return Err(self.wrong());
        }
        self.reader.expect(b'{')?;
        let here = self.walk.at;
        let (mut hint, mut first) = (0, true);
        while let Some(key) = self.reader.key(first)? {
            first = false;
            let found = find(shape, &key, hint)
                .filter(|at| !body_only || shape.members[*at].location == Location::Body);
            match found {
                Some(at) if self.reader.token()? != Token::Null => {
                    hint = at + 1;
                    seen.mark(at);
                    let member = &shape.members[at];
                    self.walk.step(Step::Member(member), member.target);
                    on_member(at, self)?;
                    self.walk.back(here);
                }
                _ => self.reader.skip(0)?,
            }
        }
        Ok(())
    }

    /// AWS's words for a value of the wrong kind.
    #[cold]
    fn wrong(&mut self) -> Malformed {
        let wanted = match self.walk.shape().kind {
            Kind::String => "a String",
            Kind::Integer => "an Integer",
            Kind::Long => "a Long",
            Kind::Float => "a Float",
            Kind::Double => "a Double",
            Kind::Boolean => "an Boolean",
            Kind::Timestamp => "a Date",
            Kind::Blob => "a Blob",
            Kind::List | Kind::Map | Kind::Structure => "",
        };
        let found = match self.reader.token() {
            Ok(Token::Text) => "STRING_VALUE",
            Ok(Token::Number) => "NUMBER_VALUE",
            Ok(Token::True) => "TRUE_VALUE",
            Ok(Token::False) => "FALSE_VALUE",
            Ok(Token::Null) => return Malformed::kind(""),
            Ok(Token::Object) => {
                return Malformed::kind("Start of structure or map found where not expected.");
            }
            Ok(Token::Array) => return Malformed::kind("Start of list found where not expected"),
            Err(malformed) => return malformed,
        };
        match wanted {
            "" => Malformed::kind("Unexpected field type"),
            _ => Malformed::kind(format!("{found} can not be converted to {wanted}")),
        }
    }

    fn whole(&mut self) -> Decoded<i64> {
        if self.reader.token()? != Token::Number {
            return Err(self.wrong());
        }
        let text = self.reader.number()?;
        let number = text.parse::<i64>().ok().or_else(|| {
            let number = text.parse::<f64>().ok()?;
            (number.fract() == 0.0 && number.abs() < 9.0e18).then_some(number as i64)
        });
        let number =
            number.ok_or_else(|| Malformed::kind(format!("{text} is not a whole number in range")))?;
        self.walk.check_number(number as f64);
        Ok(number)
    }

    fn element(&mut self) -> Decoded<()> {
        if self.reader.token()? == Token::Null { Err(self.wrong()) } else { Ok(()) }
    }
}

impl Decoder for JsonDecoder<'_, '_> {
    fn boolean(&mut self) -> Decoded<bool> {
        match self.reader.token()? {
            Token::True => self.reader.word("true").map(|()| true),
            Token::False => self.reader.word("false").map(|()| false),
            _ => Err(self.wrong()),
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
        let number = match self.reader.token()? {
            Token::Number => self.reader.number()?.parse().map_err(|_| Malformed::syntax())?,
            Token::Text => match self.reader.clone().text()?.as_ref() {
                "NaN" => f64::NAN,
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                _ => return Err(self.wrong()),
            },
            _ => return Err(self.wrong()),
        };
        if !number.is_finite() {
            self.reader.skip(0)?;
        }
        self.walk.check_number(number);
        Ok(number)
    }

    fn string(&mut self) -> Decoded<String> {
        if self.reader.token()? != Token::Text {
            return Err(self.wrong());
        }
        let text = self.reader.text()?;
        self.walk.check_text(&text);
        Ok(text.into_owned())
    }

    fn blob(&mut self) -> Decoded<Bytes> {
        if self.reader.token()? != Token::Text {
            return Err(self.wrong());
        }
        let text = self.reader.text()?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(|_| Malformed::kind("Invalid base64"))?;
        self.walk.check_blob(bytes.len());
        Ok(Bytes::from(bytes))
    }

    fn timestamp(&mut self) -> Decoded<Timestamp> {
        let found = match self.reader.token()? {
            Token::Number => self.reader.number()?.parse().ok().and_then(time::from_seconds),
            Token::Text => time::parse(&self.reader.text()?),
            _ => return Err(self.wrong()),
        };
        found.ok_or_else(|| Malformed::kind("Invalid timestamp"))
    }

    fn document(&mut self) -> Decoded<Document> {
        self.reader.document(0)
    }

    fn structure(&mut self, on_member: OnMember<'_>) -> Decoded<()> {
        self.walk.deeper()?;
        let shape = self.walk.shape();
        let mut seen = Seen::default();
        self.members(shape, &mut seen, false, on_member)?;
        if shape.required > 0 {
            self.walk.require(shape, &seen);
        }
        self.walk.shallower();
        Ok(())
    }

    fn list(&mut self, on_item: OnItem<'_>) -> Decoded<()> {
        if self.reader.token()? != Token::Array {
            return Err(self.wrong());
        }
        let start = self.reader.clone();
        self.walk.deeper()?;
        self.reader.expect(b'[')?;
        let (here, element) = (self.walk.at, self.walk.shape().element);
        let violations = self.walk.violations.len();
        let mut length = 0;
        while self.reader.item(length == 0)? {
            if !self.walk.keeps(length) {
                self.reader.skip(0)?;
                length += 1;
                continue;
            }
            self.walk.step(Step::Item(length), element);
            self.element()?;
            on_item(self)?;
            self.walk.back(here);
            length += 1;
        }
        self.walk.check_size(length, violations, || describe(start));
        self.walk.shallower();
        Ok(())
    }

    fn map(&mut self, on_entry: OnEntry<'_>) -> Decoded<()> {
        if self.reader.token()? != Token::Object {
            return Err(self.wrong());
        }
        let start = self.reader.clone();
        self.walk.deeper()?;
        self.reader.expect(b'{')?;
        let (here, element) = (self.walk.at, self.walk.shape().element);
        let violations = self.walk.violations.len();
        let mut length = 0;
        while let Some(key) = self.reader.key(length == 0)? {
            if !self.walk.keeps(length) {
                self.reader.skip(0)?;
                length += 1;
                continue;
            }
            self.walk.check_key(&key);
            self.walk.step(Step::Key(key.clone()), element);
            self.element()?;
            on_entry(key.into_owned(), self)?;
            self.walk.back(here);
            length += 1;
        }
        self.walk.check_size(length, violations, || describe(start));
        self.walk.shallower();
        Ok(())
    }
}

/// A collection as AWS's messages print it: `[a, b]`, `{key=value}`.
#[cold]
fn describe(mut reader: Reader<'_>) -> String {
    reader.document(0).map(|document| java_text(&document)).unwrap_or_default()
}

pub(crate) fn java_text(document: &Document) -> String {
    match document {
        Document::Null => "null".to_owned(),
        Document::String(text) => text.clone(),
        Document::Array(items) => format!("[{}]", items.iter().map(java_text).collect::<Vec<_>>().join(", ")),
        Document::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key}={}", java_text(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// Decodes a whole JSON body as one structure.
pub(crate) fn body(
    service: &'static Service,
    shape: ShapeId,
    body: &[u8],
    on_member: OnMember<'_>,
) -> Decoded<Vec<crate::walk::Violation>> {
    let mut walk = Walk::new(service, shape);
    // AWS: an empty body is an empty object.
    let body = if body.is_empty() { b"{}" } else { body };
    let mut decoder =
        JsonDecoder { reader: Reader::new(body).ok_or_else(Malformed::syntax)?, walk: &mut walk };
    decoder.structure(on_member)?;
    if !decoder.reader.ended() {
        return Err(Malformed::syntax());
    }
    Ok(walk.violations)
}
