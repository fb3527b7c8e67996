//! Frames: prelude, headers, payload, two CRC-32s. Hostile frames are refused, never trusted for a length.

use bytes::{Buf, Bytes, BytesMut};
use std::fmt;
use yakumo_aws::Timestamp;

/// Total and header limits of a frame. Source: <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>
const MAX_FRAME: usize = 16 * 1024 * 1024 + 128 * 1024 + 16;
const MAX_HEADERS: usize = 128 * 1024;
const PRELUDE: usize = 12;
const TRAILER: usize = 4;

/// One message of an event stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Names and values in their order.
    pub headers: Vec<(String, HeaderValue)>,
    /// The payload.
    pub payload: Bytes,
}

/// A header's value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are those of the format")]
pub enum HeaderValue {
    Bool(bool),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Bytes(Bytes),
    String(String),
    Timestamp(Timestamp),
    Uuid([u8; 16]),
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A length is out of bounds or does not fit.
    Length,
    /// A checksum does not match.
    Checksum,
    /// A header cannot be read.
    Header,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameError::Length => "a length of the event stream frame is out of bounds",
            FrameError::Checksum => "a checksum of the event stream frame does not match",
            FrameError::Header => "a header of the event stream frame cannot be read",
        })
    }
}

impl std::error::Error for FrameError {}

/// A signed frame: what the client's next message is wrapped in.
/// Source: <https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html>
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// When it was signed.
    pub date: Timestamp,
    /// The signature over the previous signature, the date header and the inner message.
    pub signature: Bytes,
    /// The inner message's bytes; empty in the last frame of a stream.
    pub message: Bytes,
}

impl Message {
    /// The header of that name, when it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.headers.iter().find(|(known, _)| known == name)?.1 {
            HeaderValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The signed wrapper that this message is, if it has the two headers of one.
    pub fn signed(&self) -> Option<Signed> {
        let find = |name: &str| self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        match (find(":date")?, find(":chunk-signature")?) {
            (HeaderValue::Timestamp(date), HeaderValue::Bytes(signature)) => {
                Some(Signed { date: *date, signature: signature.clone(), message: self.payload.clone() })
            }
            _ => None,
        }
    }

    /// The frame's bytes. Names longer than 255 bytes and values longer than 65,535 are cut; ours never are.
    pub fn encode(&self) -> Bytes {
        let mut headers = Vec::with_capacity(128);
        for (name, value) in &self.headers {
            let name = name.as_bytes();
            let length = name.len().min(255);
            headers.push(length as u8);
            headers.extend_from_slice(&name[..length]);
            write_value(&mut headers, value);
        }
        let total = PRELUDE + headers.len() + self.payload.len() + TRAILER;
        let mut out = Vec::with_capacity(total);
        out.extend_from_slice(&(total as u32).to_be_bytes());
        out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(&self.payload);
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        Bytes::from(out)
    }

    /// Reads one whole frame.
    pub fn decode(frame: Bytes) -> Result<Message, FrameError> {
        let mut frames = Frames::default();
        frames.push(&frame);
        match frames.next() {
            Some(Ok(message)) if frames.is_empty() => Ok(message),
            Some(Err(error)) => Err(error),
            _ => Err(FrameError::Length),
        }
    }
}

fn write_value(out: &mut Vec<u8>, value: &HeaderValue) {
    let mut sized = |kind: u8, bytes: &[u8]| {
        let length = bytes.len().min(usize::from(u16::MAX));
        out.push(kind);
        out.extend_from_slice(&(length as u16).to_be_bytes());
        out.extend_from_slice(&bytes[..length]);
    };
    match value {
        HeaderValue::Bytes(bytes) => sized(6, bytes),
        HeaderValue::String(text) => sized(7, text.as_bytes()),
        HeaderValue::Bool(true) => out.push(0),
        HeaderValue::Bool(false) => out.push(1),
        HeaderValue::Byte(value) => out.extend_from_slice(&[2, *value as u8]),
        HeaderValue::Short(value) => fixed(out, 3, &value.to_be_bytes()),
        HeaderValue::Int(value) => fixed(out, 4, &value.to_be_bytes()),
        HeaderValue::Long(value) => fixed(out, 5, &value.to_be_bytes()),
        HeaderValue::Timestamp(value) => fixed(out, 8, &value.as_millis().to_be_bytes()),
        HeaderValue::Uuid(value) => fixed(out, 9, value),
    }
}

fn fixed(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

/// Cuts a byte stream into messages. Push what arrives; take messages until there are none.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether no part of a frame is waiting.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    fn cut(&mut self) -> Result<Option<Message>, FrameError> {
        let Some(prelude) = self.buffer.first_chunk::<PRELUDE>() else { return Ok(None) };
        let word =
            |at: usize| u32::from_be_bytes([prelude[at], prelude[at + 1], prelude[at + 2], prelude[at + 3]]);
        if word(8) != crc32fast::hash(&prelude[..8]) {
            return Err(FrameError::Checksum);
        }
        let (total, headers) = (word(0) as usize, word(4) as usize);
        if total > MAX_FRAME || headers > MAX_HEADERS || headers + PRELUDE + TRAILER > total {
            return Err(FrameError::Length);
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        let frame = self.buffer.split_to(total).freeze();
        let (body, trailer) = frame.split_at(total - TRAILER);
        if trailer != crc32fast::hash(body).to_be_bytes() {
            return Err(FrameError::Checksum);
        }
        let payload = frame.slice(PRELUDE + headers..total - TRAILER);
        let headers = read_headers(frame.slice(PRELUDE..PRELUDE + headers)).ok_or(FrameError::Header)?;
        Ok(Some(Message { headers, payload }))
    }
}

impl Iterator for Frames {
    type Item = Result<Message, FrameError>;

    /// The next whole message; `None` until more bytes arrive. After an error the stream cannot be read on.
    fn next(&mut self) -> Option<Self::Item> {
        self.cut().transpose()
    }
}

fn read_headers(mut bytes: Bytes) -> Option<Vec<(String, HeaderValue)>> {
    let mut headers = Vec::new();
    while bytes.has_remaining() {
        let length = usize::from(bytes.try_get_u8().ok()?);
        let name = String::from_utf8(take(&mut bytes, length)?.to_vec()).ok()?;
        headers.push((name, read_value(&mut bytes)?));
    }
    Some(headers)
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn read_value(bytes: &mut Bytes) -> Option<HeaderValue> {
    Some(match bytes.try_get_u8().ok()? {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(bytes.try_get_i8().ok()?),
        3 => HeaderValue::Short(bytes.try_get_i16().ok()?),
        4 => HeaderValue::Int(bytes.try_get_i32().ok()?),
        5 => HeaderValue::Long(bytes.try_get_i64().ok()?),
        6 => {
            let length = bytes.try_get_u16().ok()?;
            HeaderValue::Bytes(take(bytes, length.into())?)
        }
        7 => {
            let length = bytes.try_get_u16().ok()?;
            HeaderValue::String(String::from_utf8(take(bytes, length.into())?.to_vec()).ok()?)
        }
        8 => HeaderValue::Timestamp(Timestamp::from_millis(bytes.try_get_i64().ok()?)),
        9 => HeaderValue::Uuid(take(bytes, 16)?.as_ref().try_into().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{FrameError, Frames, HeaderValue, Message};
    use bytes::Bytes;
    use yakumo_aws::Timestamp;

    fn hex(text: &str) -> Bytes {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// from: docs, the test vectors of AWS's C library (aws-c-event-stream, `empty_message` and `int32_header`).
    #[test]
    fn frames_are_aws_s() {
        let empty = hex("00000010 00000000 05c248eb 7d98c8ff");
        assert_eq!(Message::default().encode(), empty);
        assert_eq!(Message::decode(empty).unwrap(), Message::default());
        let int = hex(
            "0000002d 00000010 41c424b8 0a 6576656e742d74797065 04 0000a00c 7b27666f6f273a27626172277d 36f480a0",
        );
        let message = Message {
            headers: vec![("event-type".to_owned(), HeaderValue::Int(40972))],
            payload: Bytes::from_static(b"{'foo':'bar'}"),
        };
        assert_eq!(message.encode(), int);
        assert_eq!(Message::decode(int).unwrap(), message);
    }

    fn every_kind() -> Message {
        let headers = [
            HeaderValue::Bool(true),
            HeaderValue::Bool(false),
            HeaderValue::Byte(-1),
            HeaderValue::Short(-2),
            HeaderValue::Int(-3),
            HeaderValue::Long(-4),
            HeaderValue::Bytes(Bytes::from_static(b"\0\xff")),
            HeaderValue::String("text".to_owned()),
            HeaderValue::Timestamp(Timestamp::from_millis(1_398_796_238_123)),
            HeaderValue::Uuid(*b"0123456789abcdef"),
        ];
        let headers = headers.into_iter().enumerate().map(|(at, value)| (format!("h{at}"), value)).collect();
        Message { headers, payload: Bytes::from_static(b"payload") }
    }

    #[test]
    fn frames_arrive_in_any_pieces() {
        let bytes = [every_kind().encode(), Message::default().encode()].concat();
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for byte in bytes {
            frames.push(&[byte]);
            found.extend(frames.by_ref().map(Result::unwrap));
        }
        assert_eq!(found, [every_kind(), Message::default()]);
        assert!(frames.is_empty());
    }

    #[test]
    fn a_flipped_bit_is_refused() {
        let good = every_kind().encode();
        for at in 0..good.len() {
            let mut bad = good.to_vec();
            bad[at] ^= 1;
            assert!(Message::decode(Bytes::from(bad)).is_err(), "byte {at}");
        }
        let huge = [0xffu8; 8];
        let mut prelude = huge.to_vec();
        prelude.extend(crc32fast::hash(&huge).to_be_bytes());
        assert_eq!(Message::decode(Bytes::from(prelude)), Err(FrameError::Length));
    }

    #[test]
    fn a_signed_frame_shows_what_it_wraps() {
        let date = Timestamp::from_millis(5);
        let signature = Bytes::from_static(&[7; 32]);
        let headers = vec![
            (":date".to_owned(), HeaderValue::Timestamp(date)),
            (":chunk-signature".to_owned(), HeaderValue::Bytes(signature.clone())),
        ];
        let outer = Message { headers, payload: every_kind().encode() };
        let signed = outer.signed().unwrap();
        assert_eq!((signed.date, signed.signature), (date, signature));
        assert_eq!(Message::decode(signed.message).unwrap(), every_kind());
        assert!(every_kind().signed().is_none());
    }
}
