//! One event as a message: members with `eventheader` become headers, one with `eventpayload` the payload, the others a
//! body in the operation's protocol.

use super::{Framing, HeaderValue, Message};
use crate::cbor::CborEncoder;
use crate::exchange::content_type;
use crate::json::JsonEncoder;
use crate::model::{Kind, Member, Protocol, Service, Shape, ShapeId};
use crate::shape::Encoder;
use crate::xml::XmlEncoder;
use crate::{Body, Document, Timestamp, failure};
use bytes::Bytes;
use yakumo_aws::Error;

enum Inner {
    Json(JsonEncoder),
    Xml(XmlEncoder),
    Cbor(CborEncoder),
}

impl Inner {
    fn new(service: &'static Service, protocol: Protocol, shape: ShapeId) -> Inner {
        match protocol {
            Protocol::RpcV2Cbor => Inner::Cbor(CborEncoder::new(service, shape)),
            Protocol::RestXml | Protocol::AwsQuery | Protocol::Ec2Query => {
                Inner::Xml(XmlEncoder::new(service, shape, service.shape(shape).name, ""))
            }
            _ => Inner::Json(JsonEncoder::new(service, shape)),
        }
    }

    fn encoder(&mut self) -> &mut dyn Encoder {
        match self {
            Inner::Json(json) => json,
            Inner::Xml(xml) => xml,
            Inner::Cbor(cbor) => cbor,
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Inner::Json(json) => json.out,
            Inner::Xml(xml) => xml.out.into_bytes(),
            Inner::Cbor(cbor) => cbor.out,
        }
    }
}

struct EventEncoder {
    framing: Framing,
    depth: u32,
    event: Option<&'static Member>,
    member: Option<&'static Member>,
    headers: Vec<(String, HeaderValue)>,
    raw: Option<Vec<u8>>,
    /// The body at hand; its depth is where the event's own structure is part of it.
    inner: Option<Inner>,
}

/// The event that `write` writes as its union.
pub(super) fn event(framing: Framing, write: &mut dyn FnMut(&mut dyn Encoder)) -> Message {
    let mut encoder = EventEncoder {
        framing,
        depth: 0,
        event: None,
        member: None,
        headers: Vec::new(),
        raw: None,
        inner: None,
    };
    write(&mut encoder);
    let shape = encoder.event.map(|event| framing.service.shape(event.target));
    let text = shape.and_then(|shape| shape.members.iter().find(|member| member.event_payload()));
    let text = text.is_some_and(|member| framing.service.shape(member.target).kind == Kind::String);
    let (payload, kind) = match (encoder.raw, encoder.inner) {
        (Some(raw), _) => (raw, Some(if text { "text/plain" } else { "application/octet-stream" })),
        (None, Some(inner)) => {
            let kind =
                if matches!(inner, Inner::Xml(_)) { "text/xml" } else { content_type(framing.protocol) };
            (inner.finish(), Some(kind))
        }
        (None, None) => (Vec::new(), None),
    };
    // A member of the union that is an exception is sent as one.
    let (kind_of, key) = match shape.is_some_and(|shape| shape.error.is_some()) {
        true => ("exception", ":exception-type"),
        false => ("event", ":event-type"),
    };
    let name = encoder.event.map_or("", |event| event.name);
    let mut message = message(kind_of, key, name, kind, Bytes::from(payload));
    message.headers.extend(encoder.headers);
    message
}

/// An error in the middle of a stream.
pub(super) fn exception(framing: Framing, error: &Error) -> Message {
    let response = failure::encode_error(Some(framing.service), framing.protocol, None, error, "");
    let payload = match response.body {
        Body::Full(bytes) => bytes,
        Body::Stream(_) => Bytes::new(),
    };
    let union = framing.service.shape(framing.union);
    let known = union.members.iter().find(|member| framing.service.shape(member.target).name == error.code);
    let name = known.map_or(error.code.as_ref(), |member| member.name);
    message("exception", ":exception-type", name, Some(content_type(framing.protocol)), payload)
}

/// A message with the headers that every one has.
pub(super) fn message(
    kind: &str,
    key: &str,
    name: &str,
    content_type: Option<&str>,
    payload: Bytes,
) -> Message {
    let text = |name: &str, value: &str| (name.to_owned(), HeaderValue::String(value.to_owned()));
    let mut headers = vec![text(":message-type", kind), text(key, name)];
    headers.extend(content_type.map(|value| text(":content-type", value)));
    Message { headers, payload }
}

impl EventEncoder {
    fn shape(&self) -> Option<&'static Shape> {
        self.event.map(|event| self.framing.service.shape(event.target))
    }

    /// Whether the value at hand is the event's header or raw payload.
    fn outside(&self) -> bool {
        self.depth == 2 && self.member.is_some_and(|member| member.event_header() || member.event_payload())
    }

    fn header(&mut self, value: HeaderValue) {
        if let Some(member) = self.member {
            self.headers.push((member.wire.to_owned(), value));
        }
    }

    fn body(&mut self, write: impl FnOnce(&mut dyn Encoder)) {
        if let Some(inner) = &mut self.inner {
            write(inner.encoder());
        }
    }
}

impl Encoder for EventEncoder {
    fn open_structure(&mut self) {
        self.depth += 1;
        if self.depth == 2 {
            let Framing { service, protocol, .. } = self.framing;
            let plain = |member: &Member| !member.event_header() && !member.event_payload();
            let event = self.event.filter(|event| service.shape(event.target).members.iter().any(plain));
            self.inner = event.map(|event| Inner::new(service, protocol, event.target));
        }
        if self.depth >= 2 {
            self.body(|inner| inner.open_structure());
        }
    }

    fn member(&mut self, index: usize) {
        let Framing { service, protocol, union } = self.framing;
        match self.depth {
            1 => self.event = service.shape(union).members.get(index),
            2 => {
                self.member = self.shape().and_then(|shape| shape.members.get(index));
                match self.member {
                    Some(member) if member.event_payload() => {
                        if service.shape(member.target).kind == Kind::Structure {
                            self.inner = Some(Inner::new(service, protocol, member.target));
                        }
                    }
                    Some(member) if member.event_header() => {}
                    _ => self.body(|inner| inner.member(index)),
                }
            }
            _ => self.body(|inner| inner.member(index)),
        }
    }

    fn open_list(&mut self, length: usize) {
        self.depth += 1;
        self.body(|inner| inner.open_list(length));
    }

    fn item(&mut self) {
        self.body(|inner| inner.item());
    }

    fn open_map(&mut self, length: usize) {
        self.depth += 1;
        self.body(|inner| inner.open_map(length));
    }

    fn key(&mut self, key: &str) {
        self.body(|inner| inner.key(key));
    }

    fn close(&mut self) {
        let own = self.shape().is_some_and(|shape| shape.members.iter().any(Member::event_payload));
        if self.depth > 2 || (self.depth == 2 && !own) {
            self.body(|inner| inner.close());
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn boolean(&mut self, value: bool) {
        if self.outside() {
            self.header(HeaderValue::Bool(value))
        } else {
            self.body(|inner| inner.boolean(value))
        }
    }

    fn long(&mut self, value: i64) {
        if !self.outside() {
            return self.body(|inner| inner.long(value));
        }
        let kind = self.member.map(|member| self.framing.service.shape(member.target).kind);
        self.header(match i32::try_from(value) {
            Ok(small) if kind == Some(Kind::Integer) => HeaderValue::Int(small),
            _ => HeaderValue::Long(value),
        });
    }

    fn double(&mut self, value: f64) {
        self.body(|inner| inner.double(value));
    }

    fn float(&mut self, value: f32) {
        self.body(|inner| inner.float(value));
    }

    fn string(&mut self, value: &str) {
        match self.member {
            Some(member) if self.outside() && member.event_payload() => {
                self.raw = Some(value.as_bytes().to_vec())
            }
            _ if self.outside() => self.header(HeaderValue::String(value.to_owned())),
            _ => self.body(|inner| inner.string(value)),
        }
    }

    fn blob(&mut self, value: &[u8]) {
        match self.member {
            Some(member) if self.outside() && member.event_payload() => self.raw = Some(value.to_vec()),
            _ if self.outside() => self.header(HeaderValue::Bytes(Bytes::copy_from_slice(value))),
            _ => self.body(|inner| inner.blob(value)),
        }
    }

    fn timestamp(&mut self, value: Timestamp) {
        if self.outside() {
            self.header(HeaderValue::Timestamp(value));
        } else {
            self.body(|inner| inner.timestamp(value));
        }
    }

    fn document(&mut self, value: &Document) {
        self.body(|inner| inner.document(value));
    }
}
