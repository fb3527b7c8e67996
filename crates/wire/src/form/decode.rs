//! A [`Decoder`] over sorted pairs.

use super::{Pair, sorted};
use crate::model::{Protocol, Service, Shape};
use crate::router::{Addressed, Head};
use crate::shape::{Decoder, OnEntry, OnItem, OnMember};
use crate::walk::{Decoded, Malformed, Seen, Step, Violation, Walk};
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::borrow::Cow;

/// The value at hand: the pairs whose keys begin with the same `prefix` bytes.
#[derive(Clone, Copy)]
struct Node<'p, 'a> {
    pairs: &'p [Pair<'a>],
    prefix: usize,
}

impl<'p, 'a> Node<'p, 'a> {
    /// The text of the key that ends here; the last one counts.
    fn text(&self) -> Option<&'p str> {
        let here = self.pairs.iter().take_while(|(key, _)| key.len() == self.prefix);
        here.last().map(|(_, value)| value.as_ref())
    }

    /// The runs of keys that go on, each with its next segment.
    fn children(self) -> impl Iterator<Item = (&'p str, Node<'p, 'a>)> {
        let start = if self.prefix == 0 { 0 } else { self.prefix + 1 };
        let mut rest = self.pairs;
        std::iter::from_fn(move || {
            while let [first, behind @ ..] = rest {
                if first.0.len() < start || (start == 0 && first.0.is_empty()) {
                    rest = behind;
                    continue;
                }
                let segment = segment(&first.0, start);
                let length = rest.iter().take_while(|(key, _)| segment_is(key, start, segment)).count();
                let (run, behind) = rest.split_at(length);
                rest = behind;
                return Some((segment, Node { pairs: run, prefix: start + segment.len() }));
            }
            None
        })
    }

    fn child(self, name: &str) -> Option<Node<'p, 'a>> {
        self.children().find(|(segment, _)| *segment == name).map(|(_, node)| node)
    }

    /// The children with numbers for names, in their order.
    fn numbered(self) -> impl Iterator<Item = Node<'p, 'a>> {
        let number = |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        self.children().filter(move |(segment, _)| number(segment)).map(|(_, node)| node)
    }
}

fn segment(key: &str, start: usize) -> &str {
    let rest = key.get(start..).unwrap_or_default();
    rest.split('.').next().unwrap_or_default()
}

fn segment_is(key: &str, start: usize, name: &str) -> bool {
    key.len() >= start && segment(key, start) == name
}

struct FormDecoder<'p, 'a, 'w> {
    node: Node<'p, 'a>,
    ec2: bool,
    flat: bool,
    walk: &'w mut Walk<'a>,
}

impl FormDecoder<'_, '_, '_> {
    fn text(&self) -> Decoded<&str> {
        self.node.text().ok_or_else(|| self.wrong(""))
    }

    #[cold]
    fn wrong(&self, value: &str) -> Malformed {
        Malformed::scalar(self.walk.member().map_or("", |member| member.form), value)
    }

    fn parse<T: std::str::FromStr>(&self) -> Decoded<T> {
        let text = self.text()?;
        text.trim().parse().map_err(|_| self.wrong(text))
    }
}

impl<'p, 'a> FormDecoder<'p, 'a, '_> {
    fn members(&mut self, shape: &'static Shape, seen: &mut Seen, on_member: OnMember<'_>) -> Decoded<()> {
        let (here, node) = (self.walk.at, self.node);
        for (name, child) in node.children() {
            let Some(at) = shape.members.iter().position(|member| member.form == name) else { continue };
            seen.mark(at);
            let member = &shape.members[at];
            self.node = child;
            self.flat = member.flat();
            self.walk.step(Step::Member(member), member.target);
            on_member(at, self)?;
            self.walk.back(here);
        }
        self.node = node;
        Ok(())
    }

    /// The items of the list or map at hand.
    fn items(&self, shape: &Shape) -> Vec<Node<'p, 'a>> {
        let name = if shape.key_name.is_empty() { shape.element_name } else { "entry" };
        let flat = self.flat || self.ec2 || shape.flat();
        let holder = if flat { Some(self.node) } else { self.node.child(name) };
        let items: Vec<Node<'p, 'a>> = holder.into_iter().flat_map(Node::numbered).collect();
        // AWS: a single item may stand without its number (`AttributeName=All`); `Name=` is the empty list.
        if items.is_empty() && flat && self.node.text().is_some_and(|text| !text.is_empty()) {
            return vec![self.node];
        }
        items
    }
}

impl Decoder for FormDecoder<'_, '_, '_> {
    fn boolean(&mut self) -> Decoded<bool> {
        let text = self.text()?;
        match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.wrong(text)),
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
        let text = self.text()?.to_owned();
        self.walk.check_text(&text);
        Ok(text)
    }

    fn blob(&mut self) -> Decoded<Bytes> {
        let text = self.text()?;
        let bytes = STANDARD.decode(text).map_err(|_| self.wrong(text))?;
        self.walk.check_blob(bytes.len());
        Ok(Bytes::from(bytes))
    }

    fn timestamp(&mut self) -> Decoded<Timestamp> {
        let text = self.text()?;
        time::parse(text).ok_or_else(|| self.wrong(text))
    }

    fn document(&mut self) -> Decoded<Document> {
        Err(self.wrong(""))
    }

    fn structure(&mut self, on_member: OnMember<'_>) -> Decoded<()> {
        self.walk.deeper()?;
        let shape = self.walk.shape();
        let mut seen = Seen::default();
        self.members(shape, &mut seen, on_member)?;
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
        let items = self.items(shape);
        for (index, item) in items.iter().enumerate() {
            self.node = *item;
            self.flat = false;
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
        let entries = self.items(shape);
        for entry in &entries {
            let key = entry.child(shape.key_name).and_then(|key| key.text());
            let (Some(key), Some(value)) = (key, entry.child(shape.element_name)) else { continue };
            self.node = value;
            self.flat = false;
            self.walk.check_key(key);
            self.walk.step(Step::Key(Cow::Owned(key.to_owned())), shape.element);
            on_entry(key.to_owned(), self)?;
            self.walk.back(here);
        }
        self.node = node;
        self.walk.check_size(entries.len(), violations, || describe(&entries));
        self.walk.shallower();
        Ok(())
    }
}

fn describe(items: &[Node<'_, '_>]) -> String {
    let texts: Vec<&str> = items.iter().map(|item| item.text().unwrap_or("{}")).collect();
    format!("[{}]", texts.join(", "))
}

/// Decodes a whole form, and the query string, as one structure.
pub(crate) fn body(
    addressed: &Addressed,
    head: &Head<'_>,
    body: &[u8],
    on_member: OnMember<'_>,
) -> Decoded<Vec<Violation>> {
    let body = std::str::from_utf8(body).map_err(|_| Malformed::syntax())?;
    let mut pairs = sorted(head.query, body);
    if let Some(pair) = path_pair(addressed.service, head, &pairs) {
        pairs.push(pair);
        pairs.sort_by(|a, b| super::compare(&a.0, &b.0));
    }
    let mut walk = Walk::new(addressed.service, addressed.operation.input);
    let ec2 = addressed.protocol == Protocol::Ec2Query;
    let node = Node { pairs: &pairs, prefix: 0 };
    FormDecoder { node, ec2, flat: false, walk: &mut walk }.structure(on_member)?;
    Ok(walk.violations)
}

/// The member that the path stands for, when the form does not have it: SQS's clients post to the queue's own URL.
fn path_pair<'a>(service: &'static Service, head: &Head<'_>, pairs: &[Pair<'_>]) -> Option<Pair<'a>> {
    let member = service.path_member;
    if member.is_empty() || head.path.len() < 2 || pairs.iter().any(|(key, _)| key == member) {
        return None;
    }
    let host = head.header("host").unwrap_or(head.host);
    Some((Cow::Borrowed(member), Cow::Owned(format!("http://{host}{}", head.path))))
}
