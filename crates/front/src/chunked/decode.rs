//! The framing as a state machine: pieces of the wire go in, pieces of the body come out. No IO.

use super::signing::ChunkSigning;
use super::{Plan, failure};
use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use yakumo_aws::Error;
use yakumo_checksum::Hasher;

/// The largest signed chunk that is taken: it is held until its signature is verified.
pub const MAX_SIGNED_CHUNK_BYTES: u64 = 32 << 20;

/// Only the last chunk with data may be smaller.
const MIN_CHUNK_BYTES: u64 = 8192;

/// The longest line of framing or trailer.
const MAX_LINE_BYTES: usize = 1024;

/// The most lines of a trailer.
const MAX_TRAILER_LINES: usize = 8;

enum State {
    /// In the line `size[;chunk-signature=…]`.
    Size,
    /// In a chunk's data, with so many bytes to come.
    Data(u64),
    /// In the line end behind a chunk's data.
    DataEnd,
    /// In the trailer, which an empty line ends.
    Trailer,
    /// Behind the end.
    Done,
}

pub(super) struct Decoder {
    plan: Plan,
    state: State,
    line: Vec<u8>,
    /// The current chunk's signature and the hash of its data; only when chunks are signed.
    signature: String,
    hash: Context,
    /// Pieces of the current signed chunk, not yet verified.
    held: VecDeque<Bytes>,
    /// Pieces that may be handed on.
    ready: VecDeque<Bytes>,
    checksum: Option<Hasher>,
    chunks: u64,
    last_size: u64,
    total: u64,
    /// The trailer's lines, by lower-case name.
    trailer: Vec<(String, String)>,
}

impl Decoder {
    pub(super) fn new(plan: Plan) -> Decoder {
        Decoder {
            checksum: plan.trailer.map(Hasher::new),
            plan,
            state: State::Size,
            line: Vec::new(),
            signature: String::new(),
            hash: Context::new(&SHA256),
            held: VecDeque::new(),
            ready: VecDeque::new(),
            chunks: 0,
            last_size: 0,
            total: 0,
            trailer: Vec::new(),
        }
    }

    /// The next piece of the body.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        self.ready.pop_front()
    }

    /// The trailer: names in lower case and values.
    pub(super) fn trailer(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.trailer)
    }

    /// Takes in a piece of the wire.
    pub(super) fn push(&mut self, mut input: Bytes) -> Result<(), Error> {
        while !input.is_empty() {
            match self.state {
                State::Data(left) => self.data(&mut input, left)?,
                State::Done => return Err(failure::incomplete()),
                State::Size | State::DataEnd | State::Trailer => {
                    if let Some(line) = self.line(&mut input)? {
                        self.take_line(&line)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The wire has ended: was that the end of the body?
    pub(super) fn end(&self) -> Result<(), Error> {
        if matches!(self.state, State::Done) { Ok(()) } else { Err(failure::incomplete()) }
    }

    /// A line without its end, once it is whole.
    fn line(&mut self, input: &mut Bytes) -> Result<Option<String>, Error> {
        let end = memchr::memchr(b'\n', input);
        let count = end.map_or(input.len(), |at| at + 1);
        if self.line.len() + count > MAX_LINE_BYTES {
            return Err(self.malformed());
        }
        self.line.extend_from_slice(&input.split_to(count));
        if end.is_none() {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
        text.map(|text| Some(text.to_owned())).ok_or_else(|| self.malformed())
    }

    fn malformed(&self) -> Error {
        if matches!(self.state, State::Trailer) { failure::trailer() } else { failure::incomplete() }
    }

    fn take_line(&mut self, line: &str) -> Result<(), Error> {
        match self.state {
            State::Size => self.size(line),
            State::DataEnd if line.is_empty() => {
                self.state = State::Size;
                Ok(())
            }
            State::Trailer if line.is_empty() => self.finish(),
            State::Trailer => self.trailer_line(line),
            _ => Err(failure::incomplete()),
        }
    }

    fn size(&mut self, line: &str) -> Result<(), Error> {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let plain = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| plain).ok_or_else(failure::incomplete)?;
        if self.plan.signing.is_some() {
            let signature = extension.strip_prefix("chunk-signature=").ok_or_else(failure::incomplete)?;
            signature.clone_into(&mut self.signature);
            self.hash = Context::new(&SHA256);
        }
        self.chunks += 1;
        if size == 0 {
            return self.last_chunk();
        }
        if self.chunks > 1 && self.last_size < MIN_CHUNK_BYTES {
            return Err(failure::small_chunk(self.chunks, self.last_size));
        }
        if self.plan.signing.is_some() && size > MAX_SIGNED_CHUNK_BYTES {
            return Err(failure::large_chunk(MAX_SIGNED_CHUNK_BYTES));
        }
        self.last_size = size;
        self.total = self.total.saturating_add(size);
        if self.total > self.plan.decoded_bytes {
            return Err(failure::wrong_length(self.plan.decoded_bytes, self.total));
        }
        self.state = State::Data(size);
        Ok(())
    }

    fn data(&mut self, input: &mut Bytes, left: u64) -> Result<(), Error> {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.remaining());
        let piece = input.split_to(count);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&piece);
        }
        let left = left - count as u64;
        if self.plan.signing.is_some() {
            self.hash.update(&piece);
            self.held.push_back(piece);
        } else {
            self.ready.push_back(piece);
        }
        self.state = State::Data(left);
        if left == 0 {
            self.verify_chunk()?;
            self.state = State::DataEnd;
        }
        Ok(())
    }

    fn verify_chunk(&mut self) -> Result<(), Error> {
        if let Some(signing) = &mut self.plan.signing {
            let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256)).finish();
            signing.chunk(hash.as_ref(), &self.signature)?;
            self.ready.append(&mut self.held);
        }
        Ok(())
    }

    fn last_chunk(&mut self) -> Result<(), Error> {
        self.verify_chunk()?;
        if self.total != self.plan.decoded_bytes {
            return Err(failure::wrong_length(self.plan.decoded_bytes, self.total));
        }
        self.state = State::Trailer;
        Ok(())
    }

    fn trailer_line(&mut self, line: &str) -> Result<(), Error> {
        let (name, value) = line.split_once(':').ok_or_else(failure::trailer)?;
        if self.trailer.len() >= MAX_TRAILER_LINES {
            return Err(failure::trailer());
        }
        self.trailer.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Ok(())
    }

    /// The empty line behind the trailer: what was announced must be there, and right.
    fn finish(&mut self) -> Result<(), Error> {
        let signature = self.take_trailer_signature()?;
        if let (Some(signature), Some(signing)) = (&signature, &mut self.plan.signing) {
            verify_trailer(signing, &self.trailer, signature)?;
        }
        match (self.checksum.take(), self.trailer.as_slice()) {
            (None, []) => {}
            (Some(checksum), [(name, value)]) if *name == checksum.algorithm().header() => {
                let algorithm = checksum.algorithm();
                if !algorithm.is_well_formed(value) {
                    return Err(failure::bad_checksum(algorithm));
                }
                if checksum.finish() != *value {
                    return Err(failure::wrong_checksum(algorithm));
                }
            }
            _ => return Err(failure::trailer()),
        }
        self.state = State::Done;
        Ok(())
    }

    /// Takes the signature's line out of the trailer; it must be there exactly when the trailer is signed.
    fn take_trailer_signature(&mut self) -> Result<Option<String>, Error> {
        let at = self.trailer.iter().position(|(name, _)| name == "x-amz-trailer-signature");
        match at {
            Some(at) if self.plan.signed_trailer => Ok(Some(self.trailer.remove(at).1)),
            None if self.plan.signed_trailer => Err(failure::incomplete()),
            None => Ok(None),
            Some(_) => Err(failure::trailer()),
        }
    }
}

fn verify_trailer(
    signing: &mut ChunkSigning,
    lines: &[(String, String)],
    signature: &str,
) -> Result<(), Error> {
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(name);
        text.push(':');
        text.push_str(value);
        text.push('\n');
    }
    signing.trailer(digest(&SHA256, text.as_bytes()).as_ref(), signature)
}
