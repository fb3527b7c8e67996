//! A [`Decoder`] over a tree of elements: bodies of restXml.

use super::read::Element;
use crate::model::{Location, Shape};
use crate::shape::{Decoder, OnEntry, OnItem, OnMember};
use crate::walk::{Decoded, Malformed, Seen, Step, Walk};
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::borrow::Cow;

/// Reads one element in step with the model.
pub(crate) struct XmlDecoder<'a, 'w> {
    node: &'a Element,
    /// The text of an attribute, when the value at hand is one.
    attribute: Option<&'a str>,
    /// All elements of the flat list or map at hand.
    group: Option<Vec<&'a Element>>,
    pub walk: &'w mut Walk<'a>,
}

impl<'a, 'w> XmlDecoder<'a, 'w> {
    pub fn new(node: &'a Element, walk: &'w mut Walk<'a>) -> XmlDecoder<'a, 'w> {
        XmlDecoder { node, attribute: None, group: None, walk }
    }

    /// Reads an element's members. With `body_only`, members that stand elsewhere in the request are not taken.
    pub fn members(
        &mut self,
        shape: &'static Shape,
        seen: &mut Seen,
        body_only: bool,
        on_member: OnMember<'_>,
    ) -> Decoded<()> {
        let (here, node) = (self.walk.at, self.node);
        for (name, value) in &node.attributes {
            let found = shape.members.iter().position(|member| member.attribute() && member.element == name);
            let Some(at) = found else { continue };
            self.attribute = Some(value);
            self.member(shape, at, seen, on_member)?;
            self.walk.back(here);
        }
        self.attribute = None;
        for child in &node.children {
            let named = |member: &crate::model::Member| {
                !member.attribute()
                    && member.element == child.name
                    && (!body_only || member.location == Location::Body)
            };
            let Some(at) = shape.members.iter().position(named) else { continue };
            self.node = child;
            if shape.members[at].flat() {
                if seen.has(at) {
                    continue;
                }
                self.group = Some(node.children.iter().filter(|other| other.name == child.name).collect());
            }
            self.member(shape, at, seen, on_member)?;
            self.walk.back(here);
            self.group = None;
        }
        self.node = node;
        Ok(())
    }

    fn member(
        &mut self,
        shape: &'static Shape,
        at: usize,
        seen: &mut Seen,
        on_member: OnMember<'_>,
    ) -> Decoded<()> {
        seen.mark(at);
        let member = &shape.members[at];
        self.walk.step(Step::Member(member), member.target);
        on_member(at, self)
    }

    fn text(&self) -> &'a str {
        self.attribute.unwrap_or(&self.node.text)
    }

    #[cold]
    fn wrong(&self) -> Malformed {
        Malformed::scalar(self.walk.member().map_or("", |member| member.name), self.text())
    }

    fn parse<T: std::str::FromStr>(&self) -> Decoded<T> {
        self.text().trim().parse().map_err(|_| self.wrong())
    }
}

impl Decoder for XmlDecoder<'_, '_> {
    fn boolean(&mut self) -> Decoded<bool> {
        match self.text().trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.wrong()),
        }
    }

    fn integer(&mut self) -> Decoded<i32> {
        let number: i32 = self.parse()?;
        self.walk.check_number(number.into());
        Ok(number)
    }

    fn long(&mut self) -> Decoded<i64> {
        let number: i64 = self.parse()?;
        self.walk.check_number(number as f64);
        Ok(number)
    }

    fn double(&mut self) -> Decoded<f64> {
        let number: f64 = self.parse()?;
        self.walk.check_number(number);
        Ok(number)
    }

    fn string(&mut self) -> Decoded<String> {
        let text = self.text();
        self.walk.check_text(text);
        Ok(text.to_owned())
    }

    fn blob(&mut self) -> Decoded<Bytes> {
        let bytes = STANDARD.decode(self.text().trim()).map_err(|_| self.wrong())?;
        self.walk.check_blob(bytes.len());
        Ok(Bytes::from(bytes))
    }

    fn timestamp(&mut self) -> Decoded<Timestamp> {
        time::parse(self.text()).ok_or_else(|| self.wrong())
    }

    fn document(&mut self) -> Decoded<Document> {
        Err(self.wrong())
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
        self.walk.deeper()?;
        let (here, shape, node) = (self.walk.at, self.walk.shape(), self.node);
        let violations = self.walk.violations.len();
        // S3's clients write any name for an item; what counts is that it is a child.
        let items = self.group.take().unwrap_or_else(|| node.children.iter().collect());
        for (index, item) in items.iter().enumerate() {
            self.node = item;
            self.walk.step(Step::Item(index), shape.element);
            on_item(self)?;
            self.walk.back(here);
        }
        self.node = node;
        self.walk.check_size(items.len(), violations, || describe(&items));
        self.walk.shallower();
        Ok(())
    }

    fn map(&mut self, on_entry: OnEntry<'_>) -> Decoded<()> {
        self.walk.deeper()?;
        let (here, shape, node) = (self.walk.at, self.walk.shape(), self.node);
        let violations = self.walk.violations.len();
        let entries = self.group.take().unwrap_or_else(|| node.children.iter().collect());
        for entry in &entries {
            let child = |name: &str| entry.children.iter().find(|child| child.name == name);
            let (Some(key), Some(value)) = (child(shape.key_name), child(shape.element_name)) else {
                continue;
            };
            self.node = value;
            self.walk.check_key(&key.text);
            self.walk.step(Step::Key(Cow::Borrowed(&key.text)), shape.element);
            on_entry(key.text.clone(), self)?;
            self.walk.back(here);
        }
        self.node = node;
        self.walk.check_size(entries.len(), violations, || describe(&entries));
        self.walk.shallower();
        Ok(())
    }
}

fn describe(items: &[&Element]) -> String {
    let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    format!("[{}]", texts.join(", "))
}
