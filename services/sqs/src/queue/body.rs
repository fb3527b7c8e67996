//! What a message says, as it is stored: written once when it is sent, and never changed in its queue.
//!
//! Invariant: the first byte is the version, and every version ever written decodes. Numbers are big-endian. Nothing
//! here panics on damaged bytes.

use super::record::{Damaged, Reader};

const BODY_VERSION: u8 = 1;

const HAS_ATTRIBUTES: u8 = 1;
const HAS_TRACE_HEADER: u8 = 2;
const HAS_GROUP: u8 = 4;
const HAS_DEDUPLICATION_ID: u8 = 8;
const WAS_DEAD: u8 = 16;

/// One message attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: &'a str,
    /// `String`, `Number`, `Binary`, with the sender's own suffix.
    pub data_type: &'a str,
    /// Its value.
    pub value: AttributeValue<'a>,
}

/// The value of a message attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttributeValue<'a> {
    /// Of the types `String` and `Number`.
    Text(&'a str),
    /// Of the type `Binary`.
    Binary(&'a [u8]),
}

/// What a message is: written once when it is sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Body<'a> {
    /// The 16 bytes of its id, a UUID.
    pub message_id: [u8; 16],
    /// `SenderId`: the unique id of the principal that sent it.
    pub sender: &'a str,
    /// MD5 of the text.
    pub md5: [u8; 16],
    /// MD5 of the attributes and the attributes themselves in [`encode_attributes`]' form.
    pub attributes: Option<([u8; 16], &'a [u8])>,
    /// The X-Ray trace header.
    pub trace_header: Option<&'a str>,
    /// The message group.
    pub group: Option<&'a str>,
    /// The deduplication id: the sender's, or the hash of the text.
    pub deduplication_id: Option<&'a str>,
    /// Set when the message came here as a dead letter: the source's ARN, and how often it was received before.
    pub dead_letter: Option<(&'a str, u32)>,
    /// The text.
    pub text: &'a str,
}

impl<'a> Body<'a> {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let attributes = self.attributes.map_or(0, |(_, bytes)| bytes.len() + 20);
        let mut out = Vec::with_capacity(160 + self.sender.len() + attributes + self.text.len());
        out.extend_from_slice(&[BODY_VERSION, self.flags()]);
        out.extend_from_slice(&self.message_id);
        out.extend_from_slice(&self.md5);
        put_short(&mut out, self.sender);
        if let Some((md5, bytes)) = self.attributes {
            out.extend_from_slice(&md5);
            out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(bytes);
        }
        for text in [self.trace_header, self.group, self.deduplication_id].into_iter().flatten() {
            put_short(&mut out, text);
        }
        if let Some((source, received)) = self.dead_letter {
            put_short(&mut out, source);
            out.extend_from_slice(&received.to_be_bytes());
        }
        out.extend_from_slice(self.text.as_bytes());
        out
    }

    /// Reads stored bytes without copying them.
    pub fn decode(bytes: &'a [u8]) -> Result<Body<'a>, Damaged> {
        Body::read(&mut Reader(bytes)).ok_or(Damaged("message"))
    }

    fn read(from: &mut Reader<'a>) -> Option<Body<'a>> {
        if from.byte()? != BODY_VERSION {
            return None;
        }
        let flags = from.byte()?;
        Some(Body {
            message_id: from.array()?,
            md5: from.array()?,
            sender: from.short()?,
            attributes: from.when(flags & HAS_ATTRIBUTES, |from| {
                let md5 = from.array()?;
                let length = u32::from_be_bytes(from.array()?) as usize;
                Some((md5, from.take(length)?))
            })?,
            trace_header: from.when(flags & HAS_TRACE_HEADER, Reader::short)?,
            group: from.when(flags & HAS_GROUP, Reader::short)?,
            deduplication_id: from.when(flags & HAS_DEDUPLICATION_ID, Reader::short)?,
            dead_letter: from
                .when(flags & WAS_DEAD, |from| Some((from.short()?, u32::from_be_bytes(from.array()?))))?,
            text: std::str::from_utf8(from.0).ok()?,
        })
    }

    fn flags(&self) -> u8 {
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        flag(self.attributes.is_some(), HAS_ATTRIBUTES)
            | flag(self.trace_header.is_some(), HAS_TRACE_HEADER)
            | flag(self.group.is_some(), HAS_GROUP)
            | flag(self.deduplication_id.is_some(), HAS_DEDUPLICATION_ID)
            | flag(self.dead_letter.is_some(), WAS_DEAD)
    }
}

/// The stored form of attributes, which must come sorted by name: their number, then name, type, kind and value each.
pub fn encode_attributes<'a>(attributes: impl ExactSizeIterator<Item = Attribute<'a>>) -> Vec<u8> {
    let mut out = vec![u8::try_from(attributes.len()).unwrap_or(u8::MAX)];
    for attribute in attributes {
        put_short(&mut out, attribute.name);
        put_short(&mut out, attribute.data_type);
        let (kind, value) = match attribute.value {
            AttributeValue::Text(text) => (0, text.as_bytes()),
            AttributeValue::Binary(bytes) => (1, bytes),
        };
        out.push(kind);
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(value);
    }
    out
}

/// Reads what [`encode_attributes`] wrote.
pub fn decode_attributes(bytes: &[u8]) -> Result<Vec<Attribute<'_>>, Damaged> {
    let mut from = Reader(bytes);
    let mut read = || {
        let count = from.byte()?;
        (0..count).map(|_| read_attribute(&mut from)).collect::<Option<Vec<_>>>()
    };
    read().ok_or(Damaged("message attribute"))
}

fn read_attribute<'a>(from: &mut Reader<'a>) -> Option<Attribute<'a>> {
    let (name, data_type, kind) = (from.short()?, from.short()?, from.byte()?);
    let length = u32::from_be_bytes(from.array()?) as usize;
    let value = from.take(length)?;
    let value = match kind {
        0 => AttributeValue::Text(std::str::from_utf8(value).ok()?),
        1 => AttributeValue::Binary(value),
        _ => return None,
    };
    Some(Attribute { name, data_type, value })
}

/// At most 65,535 bytes; everything written this way is limited far below that.
fn put_short(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Body<'static> {
        Body {
            message_id: [7; 16],
            sender: "AIDA",
            md5: [9; 16],
            attributes: Some(([3; 16], b"\x00")),
            trace_header: Some("Root=1"),
            group: Some("g"),
            deduplication_id: Some("d"),
            dead_letter: Some(("arn:aws:sqs:us-east-1:000000000000:q", 4)),
            text: "héllo",
        }
    }

    #[test]
    fn a_body_of_version_1_keeps_its_bytes() {
        // from: us. These bytes are in people's data directories: they may never change.
        let mut golden = b"\x01\x1f".to_vec();
        golden.extend([7; 16]);
        golden.extend([9; 16]);
        golden.extend(b"\0\x04AIDA");
        golden.extend([3; 16]);
        golden.extend(b"\0\0\0\x01\0\0\x06Root=1\0\x01g\0\x01d\0\x24arn:aws:sqs:us-east-1:000000000000:q");
        golden.extend(b"\0\0\0\x04h\xc3\xa9llo");
        assert_eq!(full().encode(), golden);
        assert_eq!(Body::decode(&golden), Ok(full()));
        let plain = Body { sender: "s", text: "t", ..Body::default() };
        let mut golden = b"\x01\0".to_vec();
        golden.extend([0; 32]);
        golden.extend(b"\0\x01st");
        assert_eq!((plain.encode(), Body::decode(&golden)), (golden.clone(), Ok(plain)));
    }

    #[test]
    fn attributes_come_back_as_they_were() {
        let attributes = [
            Attribute { name: "a", data_type: "String", value: AttributeValue::Text("x") },
            Attribute { name: "b", data_type: "Binary.gif", value: AttributeValue::Binary(&[0, 255]) },
        ];
        let bytes = encode_attributes(attributes.into_iter());
        assert_eq!(bytes, b"\x02\0\x01a\0\x06String\0\0\0\0\x01x\0\x01b\0\x0aBinary.gif\x01\0\0\0\x02\0\xff");
        assert_eq!(decode_attributes(&bytes).unwrap(), attributes);
    }

    #[test]
    fn damaged_bytes_and_newer_versions_are_refused() {
        let body = full().encode();
        for cut in 0..body.len() - full().text.len() {
            assert!(Body::decode(&body[..cut]).is_err(), "{cut}");
        }
        assert!(Body::decode(b"\x02").is_err());
        assert!(decode_attributes(b"").is_err() && decode_attributes(b"\x01\0").is_err());
    }
}
