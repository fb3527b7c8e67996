//! An [`Encoder`] to XML.

use crate::json::special;
use crate::model::{Fraction, Service, ShapeId, TimeFormat};
use crate::shape::Encoder;
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Writes one XML element in step with the model.
pub(crate) struct XmlEncoder {
    pub out: String,
    service: &'static Service,
    stack: Vec<Frame>,
    at: ShapeId,
    name: &'static str,
    namespace: &'static str,
    flat: bool,
    time: Option<TimeFormat>,
    attribute: bool,
}

/// An open structure, list or map.
struct Frame {
    shape: ShapeId,
    /// Element to close with it; empty for none.
    element: &'static str,
    /// Element around each item of a flat list, or around each entry of a map.
    entry: &'static str,
    entry_open: bool,
    /// Where attributes go in the opening tag.
    attributes: usize,
}

impl XmlEncoder {
    /// Writes the value of that shape into an element of that name; without a name, only what is inside.
    pub fn new(
        service: &'static Service,
        at: ShapeId,
        name: &'static str,
        namespace: &'static str,
    ) -> XmlEncoder {
        XmlEncoder {
            out: String::with_capacity(512),
            service,
            stack: Vec::with_capacity(8),
            at,
            name,
            namespace,
            flat: false,
            time: None,
            attribute: false,
        }
    }

    /// Begins another element, for a body that is one member of the output.
    pub fn begin(&mut self, at: ShapeId, name: &'static str, namespace: &'static str) {
        self.at = at;
        self.name = name;
        self.namespace = namespace;
        self.flat = false;
    }

    /// Writes an element without content.
    pub fn empty(&mut self, name: &str, namespace: &'static str) {
        self.namespace = namespace;
        self.tag(name);
        self.out.push_str("/>");
    }

    fn tag(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        if !self.namespace.is_empty() {
            push_namespace(&mut self.out, self.namespace);
            self.namespace = "";
        }
    }

    fn open(&mut self, element: &'static str, entry: &'static str) {
        let mut attributes = 0;
        if !element.is_empty() {
            self.tag(element);
            attributes = self.out.len();
            self.out.push('>');
        }
        self.stack.push(Frame { shape: self.at, element, entry, entry_open: false, attributes });
    }

    fn end(&mut self, element: &str) {
        self.out.push_str("</");
        self.out.push_str(element);
        self.out.push('>');
    }

    fn parent(&self) -> ShapeId {
        self.stack.last().map_or(self.at, |frame| frame.shape)
    }

    fn close_entry(&mut self) {
        if let Some(frame) = self.stack.last_mut()
            && frame.entry_open
        {
            frame.entry_open = false;
            let entry = frame.entry;
            self.end(entry);
        }
    }

    /// A scalar whose text needs no escaping.
    fn plain(&mut self, text: &str) {
        let name = self.name;
        self.tag(name);
        self.out.push('>');
        self.out.push_str(text);
        self.end(name);
    }

    fn set_attribute(&mut self, value: &str) {
        let mut text = format!(" {}=\"", self.name);
        push_text(&mut text, value);
        text.push('"');
        if let Some(frame) = self.stack.last_mut() {
            self.out.insert_str(frame.attributes, &text);
            frame.attributes += text.len();
        }
    }
}

impl Encoder for XmlEncoder {
    fn open_structure(&mut self) {
        self.open(self.name, "");
    }

    fn member(&mut self, index: usize) {
        let parent = self.service.shape(self.parent());
        let Some(member) = parent.members.get(index) else { return };
        self.at = member.target;
        self.name = member.element;
        self.namespace = member.xml_namespace;
        self.flat = member.flat();
        self.time = member.time;
        self.attribute = member.attribute();
    }

    fn open_list(&mut self, _length: usize) {
        let element_name = self.service.shape(self.at).element_name;
        if self.flat { self.open("", self.name) } else { self.open(self.name, element_name) }
    }

    fn item(&mut self) {
        self.at = self.service.shape(self.parent()).element;
        self.name = self.stack.last().map_or("", |frame| frame.entry);
        self.flat = false;
        self.attribute = false;
        self.time = self.service.shape(self.at).time;
    }

    fn open_map(&mut self, _length: usize) {
        if self.flat { self.open("", self.name) } else { self.open(self.name, "entry") }
    }

    fn key(&mut self, key: &str) {
        self.close_entry();
        let map = self.service.shape(self.parent());
        if let Some(frame) = self.stack.last_mut() {
            frame.entry_open = true;
            let entry = frame.entry;
            self.tag(entry);
            self.out.push('>');
        }
        self.attribute = false;
        self.name = map.key_name;
        self.string(key);
        self.at = map.element;
        self.name = map.element_name;
        self.flat = false;
        self.time = self.service.shape(self.at).time;
    }

    fn close(&mut self) {
        self.close_entry();
        if let Some(frame) = self.stack.pop() {
            self.at = frame.shape;
            if !frame.element.is_empty() {
                self.end(frame.element);
            }
        }
    }

    fn boolean(&mut self, value: bool) {
        self.plain(if value { "true" } else { "false" });
    }

    fn long(&mut self, value: i64) {
        self.plain(itoa::Buffer::new().format(value));
    }

    fn double(&mut self, value: f64) {
        match special(value) {
            Some(word) => self.plain(word),
            None => self.plain(&format!("{value:?}")),
        }
    }

    fn float(&mut self, value: f32) {
        match special(value.into()) {
            Some(word) => self.plain(word),
            None => self.plain(&format!("{value:?}")),
        }
    }

    fn string(&mut self, value: &str) {
        if self.attribute {
            self.set_attribute(value);
            return;
        }
        let name = self.name;
        self.tag(name);
        self.out.push('>');
        push_text(&mut self.out, value);
        self.end(name);
    }

    fn blob(&mut self, value: &[u8]) {
        let name = self.name;
        self.tag(name);
        self.out.push('>');
        STANDARD.encode_string(value, &mut self.out);
        self.end(name);
    }

    fn timestamp(&mut self, value: Timestamp) {
        let whole = || Timestamp::from_secs(value.as_secs());
        let value = if self.service.fraction == Fraction::Never { whole() } else { value };
        let mut text = time::format(value, self.time.unwrap_or(TimeFormat::DateTime));
        if self.service.fraction == Fraction::Always && text.ends_with('Z') && !text.contains('.') {
            text.truncate(text.len() - 1);
            text.push_str(".000Z");
        }
        if self.attribute { self.set_attribute(&text) } else { self.plain(&text) }
    }

    fn document(&mut self, value: &Document) {
        self.string(&value.to_string());
    }
}

/// ` xmlns="uri"` for `uri`, ` xmlns:p="uri"` for `p|uri`.
pub(crate) fn push_namespace(out: &mut String, namespace: &str) {
    let (prefix, uri) = namespace.split_once('|').unwrap_or(("", namespace));
    out.push_str(" xmlns");
    if !prefix.is_empty() {
        out.push(':');
        out.push_str(prefix);
    }
    out.push_str("=\"");
    push_text(out, uri);
    out.push('"');
}

/// In hexadecimal, without zeros in front.
fn digits(number: u32) -> impl Iterator<Item = char> {
    let length = (32 - number.leading_zeros()).div_ceil(4).max(1);
    (0..length).rev().filter_map(move |at| char::from_digit(number >> (4 * at) & 15, 16))
}

/// Text with XML's special characters escaped. AWS: what XML 1.0 cannot hold, as keys of S3 may, is a reference to a character
/// nevertheless, at which many a parser stops: that is what S3's `encoding-type` is for.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html> (line ends), XML 1.0 § 2.2. Seen:
/// <https://github.com/aws/aws-sdk-php/issues/169>, <https://github.com/boto/botocore/issues/3496>.
pub(crate) fn push_text(out: &mut String, text: &str) {
    let special = |byte: u8| byte < 0x20 || matches!(byte, b'<' | b'>' | b'&' | b'"' | 0xc2 | 0xe2 | 0xef);
    if !text.bytes().any(special) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            '\u{85}' => out.push_str("&#x85;"),
            '\u{2028}' => out.push_str("&#x2028;"),
            '\t' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.push_str("&#x");
                out.extend(digits(u32::from(c)));
                out.push(';');
            }
            c => out.push(c),
        }
    }
}
