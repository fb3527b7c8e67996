//! A whole REST request as one structure.

use super::text::{TextDecoder, Texts};
use crate::json::{JsonDecoder, Reader};
use crate::model::{Kind, Location, Member, Protocol, Shape, Validation};
use crate::router::{Addressed, Head, query_pairs};
use crate::shape::{Decoder, OnEntry, OnItem, OnMember};
use crate::walk::{Decoded, Malformed, Seen, Step, Violation, Walk};
use crate::xml::{XmlDecoder, parse};
use crate::{Document, Timestamp, time};
use bytes::Bytes;
use std::borrow::Cow;

type Pairs<'t> = Vec<(Cow<'t, str>, Cow<'t, str>)>;

/// Decodes labels, query, headers and body.
pub(crate) fn request(
    addressed: &Addressed,
    head: &Head<'_>,
    body: &Bytes,
    on_member: OnMember<'_>,
) -> Decoded<Vec<Violation>> {
    let service = addressed.service;
    let shape = service.shape(addressed.operation.input);
    let xml = addressed.protocol == Protocol::RestXml;
    let pairs: Pairs<'_> = query_pairs(head.query).collect();
    let bound = Bound { addressed, head, pairs: &pairs };
    let tree = if xml && !body.is_empty() && wants_xml(addressed, shape) { Some(parse(body)?) } else { None };
    let mut walk = Walk::new(service, addressed.operation.input);
    let mut seen = Seen::default();
    let here = walk.at;
    for (at, member) in shape.members.iter().enumerate() {
        if member.streaming() && member.payload() {
            seen.mark(at);
        } else if let Some(texts) = bound.texts(at, member) {
            seen.mark(at);
            walk.step(Step::Member(member), member.target);
            on_member(at, &mut TextDecoder { texts, walk: &mut walk })?;
            walk.back(here);
        }
    }
    let payload = shape.members.iter().position(Member::payload);
    match payload.map(|at| (at, &shape.members[at])) {
        Some((_, member)) if body.is_empty() && member.required() && service.validation == Validation::S3 => {
            return Err(Malformed::empty());
        }
        Some((_, member)) if member.streaming() || body.is_empty() => {}
        Some((at, member)) => {
            seen.mark(at);
            walk.step(Step::Member(member), member.target);
            match (service.shape(member.target).kind, &tree) {
                (Kind::Blob | Kind::String, _) => on_member(at, &mut RawDecoder { body, walk: &mut walk })?,
                // An element of another name would leave every member unset, as if the client had said nothing.
                (_, Some(root))
                    if ![member.element, service.shape(member.target).name].contains(&&*root.name) =>
                {
                    return Err(Malformed::syntax());
                }
                (_, Some(root)) => on_member(at, &mut XmlDecoder::new(root, &mut walk))?,
                _ => json(body, &mut walk, &mut |decoder| on_member(at, decoder))?,
            }
            walk.back(here);
        }
        None => match &tree {
            Some(root) => XmlDecoder::new(root, &mut walk).members(shape, &mut seen, true, on_member)?,
            None if !xml && !body.is_empty() && body_members(shape) => {
                json(body, &mut walk, &mut |decoder| decoder.members(shape, &mut seen, true, on_member))?;
            }
            None => {}
        },
    }
    if shape.required > 0 {
        walk.require(shape, &seen);
    }
    Ok(walk.violations)
}

fn body_members(shape: &Shape) -> bool {
    shape.members.iter().any(|member| member.location == Location::Body)
}

fn wants_xml(addressed: &Addressed, shape: &Shape) -> bool {
    match shape.members.iter().find(|member| member.payload()) {
        Some(member) => addressed.service.shape(member.target).kind == Kind::Structure,
        None => body_members(shape),
    }
}

fn json<'a>(
    body: &'a [u8],
    walk: &mut Walk<'a>,
    read: &mut dyn FnMut(&mut JsonDecoder<'a, '_>) -> Decoded<()>,
) -> Decoded<()> {
    let mut decoder = JsonDecoder { reader: Reader::new(body).ok_or_else(Malformed::syntax)?, walk };
    read(&mut decoder)?;
    if decoder.reader.ended() { Ok(()) } else { Err(Malformed::syntax()) }
}

/// What the head of a request holds for a member.
struct Bound<'t> {
    addressed: &'t Addressed,
    head: &'t Head<'t>,
    pairs: &'t Pairs<'t>,
}

impl<'t> Bound<'t> {
    fn texts(&self, at: usize, member: &Member) -> Option<Texts<'t>> {
        match member.location {
            Location::Uri => {
                let label = self.addressed.labels.iter().find(|(index, _)| usize::from(*index) == at)?;
                Some(Texts::Values(vec![Cow::Borrowed(label.1.as_str())]))
            }
            Location::Query if self.addressed.service.shape(member.target).kind == Kind::Map => {
                self.all_query()
            }
            Location::Query => {
                let values: Vec<_> = self
                    .pairs
                    .iter()
                    .filter(|(key, _)| key == member.wire)
                    .map(|(_, value)| value.clone())
                    .collect();
                let is_unsaid = values.is_empty() || self.is_nothing(member, &values);
                (!is_unsaid).then_some(Texts::Values(values))
            }
            Location::Header => {
                self.header(member.wire).filter(|text| !is_no_date(member.wire, text)).map(Texts::Header)
            }
            Location::PrefixHeaders => self.prefixed(member.wire),
            Location::Body | Location::Status => None,
        }
    }

    /// AWS: to S3 the size of a page that is empty was not said: <https://github.com/brekkylab/backlot/issues/335>.
    fn is_nothing(&self, member: &Member, values: &[Cow<'_, str>]) -> bool {
        let is_empty = values.iter().all(|value| value.is_empty());
        is_empty && self.addressed.service.validation == Validation::S3 && member.wire.starts_with("max-")
    }

    /// Every query parameter, those that other members take included.
    /// Source: <https://smithy.io/2.0/spec/http-bindings.html#httpqueryparams-trait>
    fn all_query(&self) -> Option<Texts<'t>> {
        let mut all: Vec<(String, Vec<Cow<'t, str>>)> = Vec::new();
        for (key, value) in self.pairs {
            match all.iter_mut().find(|(known, _)| known == key.as_ref()) {
                Some((_, values)) => values.push(value.clone()),
                None => all.push((key.to_string(), vec![value.clone()])),
            }
        }
        (!all.is_empty()).then_some(Texts::Pairs(all))
    }

    fn header(&self, name: &str) -> Option<Cow<'t, str>> {
        let mut values = self.head.headers.get_all(name).iter();
        let first = String::from_utf8_lossy(values.next()?.as_bytes());
        let mut rest = values.peekable();
        if rest.peek().is_none() {
            return Some(first);
        }
        let mut joined = first.into_owned();
        for value in rest {
            joined.push_str(", ");
            joined.push_str(&String::from_utf8_lossy(value.as_bytes()));
        }
        Some(Cow::Owned(joined))
    }

    fn prefixed(&self, prefix: &str) -> Option<Texts<'t>> {
        let prefix = prefix.to_ascii_lowercase();
        let mut found = Vec::new();
        for name in self.head.headers.keys() {
            if let (Some(rest), Some(value)) =
                (name.as_str().strip_prefix(&prefix), self.header(name.as_str()))
            {
                found.push((rest.to_owned(), vec![value]));
            }
        }
        (!found.is_empty()).then_some(Texts::Pairs(found))
    }
}

/// RFC 9110, sections 13.1.3 and 13.1.4: a condition whose date is none is ignored.
fn is_no_date(header: &str, text: &str) -> bool {
    let is_condition = ["If-Modified-Since", "If-Unmodified-Since"].contains(&header);
    is_condition && time::parse_http_date(text).is_none()
}

/// A body that is the value itself: bytes or text.
struct RawDecoder<'b, 'a, 'w> {
    body: &'b Bytes,
    walk: &'w mut Walk<'a>,
}

impl RawDecoder<'_, '_, '_> {
    #[cold]
    fn wrong<T>(&self) -> Decoded<T> {
        Err(Malformed::kind("the body is not of this kind"))
    }
}

impl Decoder for RawDecoder<'_, '_, '_> {
    fn boolean(&mut self) -> Decoded<bool> {
        self.wrong()
    }

    fn integer(&mut self) -> Decoded<i32> {
        self.wrong()
    }

    fn long(&mut self) -> Decoded<i64> {
        self.wrong()
    }

    fn double(&mut self) -> Decoded<f64> {
        self.wrong()
    }

    fn string(&mut self) -> Decoded<String> {
        let text = std::str::from_utf8(self.body).map_err(|_| Malformed::syntax())?;
        self.walk.check_text(text);
        Ok(text.to_owned())
    }

    fn blob(&mut self) -> Decoded<Bytes> {
        self.walk.check_blob(self.body.len());
        Ok(self.body.clone())
    }

    fn timestamp(&mut self) -> Decoded<Timestamp> {
        self.wrong()
    }

    fn document(&mut self) -> Decoded<Document> {
        serde_json::from_slice(self.body).map_err(|_| Malformed::syntax())
    }

    fn structure(&mut self, _on_member: OnMember<'_>) -> Decoded<()> {
        self.wrong()
    }

    fn list(&mut self, _on_item: OnItem<'_>) -> Decoded<()> {
        self.wrong()
    }

    fn map(&mut self, _on_entry: OnEntry<'_>) -> Decoded<()> {
        self.wrong()
    }
}
