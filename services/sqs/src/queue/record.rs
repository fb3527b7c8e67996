//! The small stored records of a queue: where a message stands, which each receive rewrites, and deduplication ids.
//!
//! Invariant: the first byte of each record is its version, and every version ever written decodes. Numbers are
//! big-endian. Nothing here panics on damaged bytes.

use std::fmt;

const STATE_VERSION: u8 = 1;
const SEEN_VERSION: u8 = 1;

/// Stored bytes that are no record of this kind, or one of a newer release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged(pub &'static str);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stored {} does not decode", self.0)
    }
}

impl std::error::Error for Damaged {}

/// Where a message stands: rewritten by each receive and each change of its visibility. All times are cloud time in
/// milliseconds since the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State<'a> {
    /// When it may be received (again).
    pub visible_at: i64,
    /// When it was sent; retention counts from here.
    pub sent_at: i64,
    /// The group, in FIFO queues.
    pub group: Option<&'a str>,
    /// What the last receive left, if there was one.
    pub received: Option<Received>,
}

/// What receives leave behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// How often the message was received from this queue.
    pub count: u32,
    /// When it was first received from this queue.
    pub first_at: i64,
    /// When it was last received from this queue.
    pub last_at: i64,
    /// The nonce in the newest receipt handle.
    pub nonce: u64,
}

impl<'a> State<'a> {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(46 + self.group.map_or(0, str::len));
        out.extend_from_slice(&[STATE_VERSION, u8::from(self.received.is_some())]);
        out.extend_from_slice(&self.visible_at.to_be_bytes());
        out.extend_from_slice(&self.sent_at.to_be_bytes());
        if let Some(received) = self.received {
            out.extend_from_slice(&received.count.to_be_bytes());
            out.extend_from_slice(&received.first_at.to_be_bytes());
            out.extend_from_slice(&received.last_at.to_be_bytes());
            out.extend_from_slice(&received.nonce.to_be_bytes());
        }
        out.extend_from_slice(self.group.unwrap_or_default().as_bytes());
        out
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<State<'a>, Damaged> {
        State::read(&mut Reader(bytes)).ok_or(Damaged("message state"))
    }

    fn read(from: &mut Reader<'a>) -> Option<State<'a>> {
        if from.byte()? != STATE_VERSION {
            return None;
        }
        let was_received = from.byte()?;
        let (visible_at, sent_at) = (from.i64()?, from.i64()?);
        let received = from.when(was_received, |from| {
            let count = u32::from_be_bytes(from.array()?);
            let (first_at, last_at) = (from.i64()?, from.i64()?);
            Some(Received { count, first_at, last_at, nonce: u64::from_be_bytes(from.array()?) })
        })?;
        let group = std::str::from_utf8(from.0).ok()?;
        Some(State { visible_at, sent_at, received, group: (!group.is_empty()).then_some(group) })
    }
}

/// A deduplication id that was seen, kept for five minutes even when its message is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// When it was seen.
    pub at: i64,
    /// The hash of scope and id.
    pub key: [u8; 16],
    /// The id of the message that was accepted with it.
    pub message_id: [u8; 16],
}

impl Seen {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(41);
        out.push(SEEN_VERSION);
        out.extend_from_slice(&self.at.to_be_bytes());
        out.extend_from_slice(&self.key);
        out.extend_from_slice(&self.message_id);
        out
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Seen, Damaged> {
        let mut from = Reader(bytes);
        let mut read = || {
            let version = from.byte()?;
            let seen = Seen { at: from.i64()?, key: from.array()?, message_id: from.array()? };
            (version == SEEN_VERSION && from.0.is_empty()).then_some(seen)
        };
        read().ok_or(Damaged("deduplication id"))
    }
}

/// Reads a record part by part.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*part)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn short(&mut self) -> Option<&'a str> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// Reads a part that is there when the flag is not zero; `None` means damaged.
    pub(super) fn when<T>(
        &mut self,
        flag: u8,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if flag == 0 { Some(None) } else { read(self).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_version_1_keeps_its_bytes() {
        let fresh = State { visible_at: 258, sent_at: 3, group: None, received: None };
        let golden = b"\x01\0\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03";
        assert_eq!((fresh.encode(), State::decode(golden)), (golden.to_vec(), Ok(fresh)));
        let received = Received { count: 2, first_at: 5, last_at: 7, nonce: 6 };
        let state = State { group: Some("grp"), received: Some(received), ..fresh };
        let golden = b"\x01\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03\
                       \0\0\0\x02\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x06grp";
        assert_eq!((state.encode(), State::decode(golden)), (golden.to_vec(), Ok(state)));
    }

    #[test]
    fn a_seen_id_of_version_1_keeps_its_bytes() {
        let seen = Seen { at: 1, key: [2; 16], message_id: [3; 16] };
        let mut golden = b"\x01\0\0\0\0\0\0\0\x01".to_vec();
        golden.extend([2; 16]);
        golden.extend([3; 16]);
        assert_eq!((seen.encode(), Seen::decode(&golden)), (golden.clone(), Ok(seen)));
    }

    #[test]
    fn damaged_bytes_and_newer_versions_are_refused() {
        let state = State { visible_at: 1, sent_at: 1, group: None, received: None };
        for cut in 0..18 {
            assert!(State::decode(&state.encode()[..cut]).is_err(), "{cut}");
        }
        assert!(State::decode(b"\x02").is_err() && Seen::decode(b"\x02").is_err());
    }
}
