//! An [`Encoder`] to JSON.

use crate::model::{Service, ShapeId, TimeFormat};
use crate::shape::Encoder;
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Writes one JSON value in step with the model.
pub(crate) struct JsonEncoder {
    pub out: Vec<u8>,
    service: &'static Service,
    stack: Vec<(ShapeId, u8)>,
    at: ShapeId,
    time: Option<TimeFormat>,
}

impl JsonEncoder {
    pub fn new(service: &'static Service, at: ShapeId) -> JsonEncoder {
        JsonEncoder { out: Vec::with_capacity(256), service, stack: Vec::with_capacity(8), at, time: None }
    }

    /// Begins another value, for a body that is one member of the output.
    pub fn begin(&mut self, at: ShapeId) {
        self.at = at;
        self.time = self.service.shape(at).time;
    }

    /// Writes a member that no model names.
    pub fn pair(&mut self, name: &str, value: &str) {
        self.comma();
        write_text(&mut self.out, name);
        self.out.push(b':');
        write_text(&mut self.out, value);
    }

    #[inline]
    fn comma(&mut self) {
        // A finished value never ends in one of these bytes.
        if !matches!(self.out.last(), Some(b'{' | b'[' | b':') | None) {
            self.out.push(b',');
        }
    }

    fn open(&mut self, open: u8, close: u8) {
        self.out.push(open);
        self.stack.push((self.at, close));
    }

    #[inline]
    fn parent(&self) -> ShapeId {
        self.stack.last().map_or(self.at, |(shape, _)| *shape)
    }

    fn element(&mut self) {
        self.at = self.service.shape(self.parent()).element;
        self.time = self.service.shape(self.at).time;
    }
}

impl Encoder for JsonEncoder {
    fn open_structure(&mut self) {
        self.open(b'{', b'}');
    }

    #[inline]
    fn member(&mut self, index: usize) {
        let parent = self.service.shape(self.parent());
        let Some(member) = parent.members.get(index) else { return };
        self.at = member.target;
        self.time = member.time;
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(member.wire.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn open_list(&mut self, _length: usize) {
        self.open(b'[', b']');
    }

    fn item(&mut self) {
        self.comma();
        self.element();
    }

    fn open_map(&mut self, _length: usize) {
        self.open(b'{', b'}');
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.element();
        write_text(&mut self.out, key);
        self.out.push(b':');
    }

    fn close(&mut self) {
        if let Some((shape, close)) = self.stack.pop() {
            self.at = shape;
            self.out.push(close);
        }
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn long(&mut self, value: i64) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn double(&mut self, value: f64) {
        match special(value) {
            Some(word) => write_text(&mut self.out, word),
            None => self.out.extend_from_slice(format!("{value:?}").as_bytes()),
        }
    }

    fn float(&mut self, value: f32) {
        match special(value.into()) {
            Some(word) => write_text(&mut self.out, word),
            None => self.out.extend_from_slice(format!("{value:?}").as_bytes()),
        }
    }

    #[inline]
    fn string(&mut self, value: &str) {
        write_text(&mut self.out, value);
    }

    fn blob(&mut self, value: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        let length = base64::encoded_len(value.len(), true).unwrap_or_default();
        self.out.resize(start + length, 0);
        if let Some(space) = self.out.get_mut(start..) {
            // The space is exactly as long as the text.
            let _ = STANDARD.encode_slice(value, space);
        }
        self.out.push(b'"');
    }

    fn timestamp(&mut self, value: Timestamp) {
        match self.time.unwrap_or(TimeFormat::EpochSeconds) {
            TimeFormat::EpochSeconds => self.out.extend_from_slice(time::epoch_seconds(value).as_bytes()),
            format => write_text(&mut self.out, &time::format(value, format)),
        }
    }

    fn document(&mut self, value: &Document) {
        self.out.extend_from_slice(value.to_string().as_bytes());
    }
}

/// Smithy's words for the numbers that JSON and XML cannot write.
pub(crate) fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("Infinity")
    } else if value == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

/// A JSON string with its quotes.
#[inline]
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        escape(out, text);
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}
