//! An [`Encoder`] to CBOR. Structures have indefinite lengths, because their members are counted while they are written.

use crate::model::{Service, ShapeId};
use crate::shape::Encoder;
use crate::{Document, Timestamp};

/// Writes one CBOR item in step with the model.
pub(crate) struct CborEncoder {
    pub out: Vec<u8>,
    service: &'static Service,
    /// Shape, and whether a break ends it.
    stack: Vec<(ShapeId, bool)>,
    at: ShapeId,
}

impl CborEncoder {
    pub fn new(service: &'static Service, at: ShapeId) -> CborEncoder {
        CborEncoder { out: Vec::with_capacity(256), service, stack: Vec::with_capacity(8), at }
    }

    /// Writes a member that no model names.
    pub fn pair(&mut self, name: &str, value: &str) {
        self.text(name);
        self.text(value);
    }

    fn parent(&self) -> ShapeId {
        self.stack.last().map_or(self.at, |(shape, _)| *shape)
    }

    fn text(&mut self, text: &str) {
        head(&mut self.out, 3, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// A head with its argument in the shortest form.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..24 => out.push(major | argument as u8),
        24..0x100 => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

impl Encoder for CborEncoder {
    fn open_structure(&mut self) {
        self.out.push(0xbf);
        self.stack.push((self.at, true));
    }

    fn member(&mut self, index: usize) {
        let parent = self.service.shape(self.parent());
        let Some(member) = parent.members.get(index) else { return };
        self.at = member.target;
        self.text(member.wire);
    }

    fn open_list(&mut self, length: usize) {
        head(&mut self.out, 4, length as u64);
        self.stack.push((self.at, false));
    }

    fn item(&mut self) {
        self.at = self.service.shape(self.parent()).element;
    }

    fn open_map(&mut self, length: usize) {
        head(&mut self.out, 5, length as u64);
        self.stack.push((self.at, false));
    }

    fn key(&mut self, key: &str) {
        self.text(key);
        self.item();
    }

    fn close(&mut self) {
        if let Some((shape, open_ended)) = self.stack.pop() {
            self.at = shape;
            if open_ended {
                self.out.push(0xff);
            }
        }
    }

    fn boolean(&mut self, value: bool) {
        self.out.push(if value { 0xf5 } else { 0xf4 });
    }

    fn long(&mut self, value: i64) {
        if value >= 0 { head(&mut self.out, 0, value as u64) } else { head(&mut self.out, 1, !value as u64) }
    }

    fn double(&mut self, value: f64) {
        self.out.push(0xfb);
        self.out.extend_from_slice(&value.to_bits().to_be_bytes());
    }

    fn float(&mut self, value: f32) {
        self.out.push(0xfa);
        self.out.extend_from_slice(&value.to_bits().to_be_bytes());
    }

    fn string(&mut self, value: &str) {
        self.text(value);
    }

    fn blob(&mut self, value: &[u8]) {
        head(&mut self.out, 2, value.len() as u64);
        self.out.extend_from_slice(value);
    }

    fn timestamp(&mut self, value: Timestamp) {
        head(&mut self.out, 6, 1);
        if value.as_millis().rem_euclid(1000) == 0 {
            self.long(value.as_secs());
        } else {
            self.double(value.as_millis() as f64 / 1000.0);
        }
    }

    fn document(&mut self, value: &Document) {
        self.text(&value.to_string());
    }
}
