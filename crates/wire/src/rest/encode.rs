//! A whole REST answer: members go to headers, to the status, or to the body's encoder.

use crate::body::{Body, Response};
use crate::exchange::content_type;
use crate::json::{JsonEncoder, special};
use crate::model::{Kind, Location, Member, Protocol, Service, Shape, TimeFormat, Validation};
use crate::router::Addressed;
use crate::shape::Encoder;
use crate::xml::XmlEncoder;
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

enum Inner {
    Json(JsonEncoder),
    Xml(XmlEncoder),
}

impl Inner {
    fn encoder(&mut self) -> &mut dyn Encoder {
        match self {
            Inner::Json(json) => json,
            Inner::Xml(xml) => xml,
        }
    }
}

/// Where the scalar at hand goes.
enum Place {
    Body,
    Header(&'static str),
    /// The prefix, and the key when inside the map.
    Prefix(&'static str, String),
    Status,
    /// The body is the scalar itself.
    Raw,
}

struct RestEncoder {
    service: &'static Service,
    shape: &'static Shape,
    inner: Inner,
    depth: u32,
    place: Place,
    member: Option<&'static Member>,
    /// Items of the header list at hand.
    items: Option<Vec<String>>,
    status: u16,
    headers: HeaderMap,
    raw: Option<Vec<u8>>,
    /// Inside a map whose entries are headers.
    mapping: bool,
    /// The body's encoder wrote the outermost structure.
    wrapped: bool,
    structured: bool,
}

/// Writes status, headers and body of an answer.
pub(crate) fn response(
    addressed: &Addressed,
    request_id: &str,
    write: &mut dyn FnMut(&mut dyn Encoder),
) -> Response {
    let (service, operation) = (addressed.service, addressed.operation);
    let shape = service.shape(operation.output);
    let has_body = shape.members.iter().any(|member| member.location == Location::Body && !member.payload());
    let payload = shape.members.iter().any(Member::payload);
    let xml = addressed.protocol == Protocol::RestXml;
    let inner = if xml {
        let root = match operation.output_root {
            _ if operation.unwrapped => "",
            "" => shape.name,
            root => root,
        };
        Inner::Xml(XmlEncoder::new(service, operation.output, root, service.xml_namespace))
    } else {
        Inner::Json(JsonEncoder::new(service, operation.output))
    };
    let mut encoder = RestEncoder {
        service,
        shape,
        inner,
        depth: 0,
        place: Place::Body,
        member: None,
        items: None,
        status: operation.status,
        headers: HeaderMap::with_capacity(8),
        raw: None,
        mapping: false,
        wrapped: false,
        // An object without members is still an object; an element without members is no body.
        structured: !payload && (has_body || (!xml && operation.output != 0)),
    };
    write(&mut encoder);
    encoder.finish(addressed, request_id)
}

impl RestEncoder {
    fn finish(mut self, addressed: &Addressed, request_id: &str) -> Response {
        let (body, kind) = match (self.raw.take(), self.inner) {
            (Some(raw), _) => {
                let payload = self.shape.members.iter().find(|member| member.payload());
                let text =
                    payload.is_some_and(|member| self.service.shape(member.target).kind == Kind::String);
                (raw, Some(if text { "text/plain" } else { "application/octet-stream" }))
            }
            (None, Inner::Json(json)) if self.structured => {
                (json.out, Some(content_type(addressed.protocol)))
            }
            (None, Inner::Xml(mut xml)) if self.structured => {
                // AWS: an unwrapped member that is absent is still an element (`<LocationConstraint/>` of us-east-1).
                if let (true, Some(member)) = (xml.out.is_empty(), self.shape.members.first()) {
                    xml.empty(member.element, member.xml_namespace);
                }
                let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml.out);
                (text.into_bytes(), Some(content_type(addressed.protocol)))
            }
            _ => (Vec::new(), None),
        };
        if let Some(kind) = kind.filter(|_| !self.headers.contains_key(CONTENT_TYPE)) {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let id =
            if self.service.validation == Validation::S3 { "x-amz-request-id" } else { "x-amzn-requestid" };
        if let Ok(value) = HeaderValue::from_str(request_id) {
            self.headers.insert(HeaderName::from_static(id), value);
        }
        Response { status: self.status, headers: self.headers, body: Body::Full(Bytes::from(body)) }
    }

    fn in_body(&self) -> bool {
        self.depth > 1 || matches!(self.place, Place::Body)
    }

    fn time(&self, default: TimeFormat) -> TimeFormat {
        let own = self.member.and_then(|member| {
            let target = self.service.shape(member.target);
            member
                .time
                .or_else(|| self.service.shape(target.element).time.filter(|_| target.kind == Kind::List))
        });
        own.unwrap_or(default)
    }

    /// A scalar outside the body.
    fn text(&mut self, text: String) {
        if let Some(items) = &mut self.items {
            items.push(text);
            return;
        }
        match &self.place {
            Place::Header(name) => self.header(named(name), text),
            Place::Prefix(prefix, key) => {
                let name = HeaderName::try_from(format!("{prefix}{key}")).ok();
                self.header(name, text);
            }
            Place::Status => self.status = text.parse().unwrap_or(self.status),
            Place::Raw => self.raw = Some(text.into_bytes()),
            Place::Body => {}
        }
    }

    fn header(&mut self, name: Option<HeaderName>, value: String) {
        // A value that no header can hold is left out; the room has checked what it stores.
        if let (Some(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
    }
}

/// The name that a model gives a header. Those in lower case, which S3's own are, cost no copy.
fn named(name: &'static str) -> Option<HeaderName> {
    let is_ready = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if is_ready { Some(HeaderName::from_static(name)) } else { HeaderName::try_from(name).ok() }
}

impl Encoder for RestEncoder {
    fn open_structure(&mut self) {
        self.depth += 1;
        if self.depth == 1 {
            self.wrapped = self.structured;
        }
        if self.depth > 1 || self.wrapped {
            self.structured = true;
            self.inner.encoder().open_structure();
        }
    }

    fn member(&mut self, index: usize) {
        if self.depth > 1 {
            self.inner.encoder().member(index);
            return;
        }
        let Some(member) = self.shape.members.get(index) else { return };
        self.member = Some(member);
        let scalar =
            !matches!(self.service.shape(member.target).kind, Kind::Structure | Kind::List | Kind::Map);
        self.place = match member.location {
            Location::Header => Place::Header(member.wire),
            Location::PrefixHeaders => Place::Prefix(member.wire, String::new()),
            Location::Status => Place::Status,
            _ if member.payload() && scalar => Place::Raw,
            _ => Place::Body,
        };
        match (&self.place, &mut self.inner) {
            (Place::Body, inner) if !member.payload() => inner.encoder().member(index),
            (Place::Body, Inner::Json(json)) => json.begin(member.target),
            (Place::Body, Inner::Xml(xml)) => {
                let shape = self.service.shape(member.target);
                let named = member.element != member.name;
                let namespace = if member.xml_namespace.is_empty() {
                    self.service.xml_namespace
                } else {
                    member.xml_namespace
                };
                xml.begin(member.target, if named { member.element } else { shape.name }, namespace);
            }
            _ => {}
        }
    }

    fn open_list(&mut self, length: usize) {
        if self.in_body() {
            self.depth += 1;
            self.structured = true;
            self.inner.encoder().open_list(length);
        } else {
            self.items = Some(Vec::with_capacity(length));
        }
    }

    fn item(&mut self) {
        if self.in_body() {
            self.inner.encoder().item();
        }
    }

    fn open_map(&mut self, length: usize) {
        if self.in_body() {
            self.depth += 1;
            self.structured = true;
            self.inner.encoder().open_map(length);
        } else {
            self.mapping = true;
        }
    }

    fn key(&mut self, key: &str) {
        if self.in_body() {
            self.inner.encoder().key(key);
        } else if let Place::Prefix(_, current) = &mut self.place {
            *current = key.to_owned();
        }
    }

    fn close(&mut self) {
        if let Some(items) = self.items.take() {
            if !items.is_empty() {
                self.text(items.iter().map(|item| quote(item)).collect::<Vec<_>>().join(", "));
            }
        } else if std::mem::take(&mut self.mapping) {
            self.place = Place::Body;
        } else {
            self.depth = self.depth.saturating_sub(1);
            if self.depth > 0 || self.wrapped {
                self.inner.encoder().close();
            }
        }
    }

    fn boolean(&mut self, value: bool) {
        if self.in_body() { self.inner.encoder().boolean(value) } else { self.text(value.to_string()) }
    }

    fn long(&mut self, value: i64) {
        if self.in_body() { self.inner.encoder().long(value) } else { self.text(value.to_string()) }
    }

    fn double(&mut self, value: f64) {
        if self.in_body() {
            self.inner.encoder().double(value);
        } else {
            self.text(special(value).map_or_else(|| format!("{value:?}"), str::to_owned));
        }
    }

    fn float(&mut self, value: f32) {
        if self.in_body() {
            self.inner.encoder().float(value);
        } else {
            self.text(special(value.into()).map_or_else(|| format!("{value:?}"), str::to_owned));
        }
    }

    fn string(&mut self, value: &str) {
        if self.in_body() {
            self.inner.encoder().string(value);
        } else if self.member.is_some_and(|member| member.json_value() && member.location == Location::Header)
        {
            self.text(STANDARD.encode(value));
        } else {
            self.text(value.to_owned());
        }
    }

    fn blob(&mut self, value: &[u8]) {
        match self.place {
            _ if self.in_body() => self.inner.encoder().blob(value),
            Place::Raw => self.raw = Some(value.to_vec()),
            _ => self.text(STANDARD.encode(value)),
        }
    }

    fn timestamp(&mut self, value: Timestamp) {
        if self.in_body() {
            self.inner.encoder().timestamp(value);
        } else {
            self.text(time::format(value, self.time(TimeFormat::HttpDate)));
        }
    }

    fn document(&mut self, value: &Document) {
        if self.in_body() {
            self.structured = true;
            self.inner.encoder().document(value);
        } else {
            self.text(value.to_string());
        }
    }
}

/// A list item that holds a comma or a quote is quoted.
/// Source: <https://smithy.io/2.0/spec/http-bindings.html#httpheader-trait>
fn quote(item: &str) -> String {
    let date = item.ends_with(" GMT");
    if date || !item.contains([',', '"']) {
        return item.to_owned();
    }
    format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
}
