//! Receipt handles: opaque text that binds a queue, a message in it and one particular receive of that message.
//!
//! Invariant: a handle of one queue never decodes in another, and a text that we did not make does not decode at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Version and filler. In base64 they read `AQEB`, as the handles of AWS do; nothing depends on it.
const HEAD: [u8; 3] = [1, 1, 1];
const PLAIN_BYTES: usize = HEAD.len() + 8 + 8 + 8 + 4;

/// What a receipt handle names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The message's number in its queue.
    pub seq: u64,
    /// Which receive of it: a random number, new for each receive.
    pub nonce: u64,
}

impl Receipt {
    /// The text for the client of the queue with this number.
    pub fn encode(&self, queue: u64) -> String {
        let mut plain = [0; PLAIN_BYTES];
        let (head, rest) = plain.split_at_mut(HEAD.len());
        head.copy_from_slice(&HEAD);
        rest[..8].copy_from_slice(&queue.to_be_bytes());
        rest[8..16].copy_from_slice(&self.seq.to_be_bytes());
        rest[16..24].copy_from_slice(&self.nonce.to_be_bytes());
        let check = checksum(queue, self.seq, self.nonce);
        rest[24..].copy_from_slice(&check.to_be_bytes());
        STANDARD.encode(plain)
    }

    /// Reads a handle of the queue with this number; `None` for anything else.
    pub fn decode(text: &str, queue: u64) -> Option<Receipt> {
        let mut plain = [0; PLAIN_BYTES];
        // Longer texts do not fit and are refused without being decoded.
        let length = STANDARD.decode_slice(text, &mut plain).ok()?;
        if length != PLAIN_BYTES || plain[..HEAD.len()] != HEAD {
            return None;
        }
        let number = |at: usize| -> Option<u64> {
            Some(u64::from_be_bytes(plain.get(HEAD.len() + at..HEAD.len() + at + 8)?.try_into().ok()?))
        };
        let (named, seq, nonce) = (number(0)?, number(8)?, number(16)?);
        let check = u32::from_be_bytes(plain[HEAD.len() + 24..].try_into().ok()?);
        (named == queue && check == checksum(queue, seq, nonce)).then_some(Receipt { seq, nonce })
    }
}

/// Tells a mistyped handle from an old one. It keeps nobody from forging a handle: the nonce does.
fn checksum(queue: u64, seq: u64, nonce: u64) -> u32 {
    let mut sum = 0x9e37_79b9_7f4a_7c15_u64;
    for part in [queue, seq, nonce] {
        sum = (sum ^ part).wrapping_mul(0xff51_afd7_ed55_8ccd);
        sum ^= sum >> 32;
    }
    sum as u32
}

#[cfg(test)]
mod tests {
    use super::Receipt;

    #[test]
    fn a_handle_decodes_in_its_own_queue_only() {
        let receipt = Receipt { seq: 7, nonce: u64::MAX - 1 };
        let text = receipt.encode(42);
        assert!(text.starts_with("AQEB"), "{text}");
        assert_eq!(Receipt::decode(&text, 42), Some(receipt));
        assert_eq!(Receipt::decode(&text, 43), None);
    }

    #[test]
    fn what_we_did_not_make_is_no_handle() {
        let good = Receipt { seq: 1, nonce: 2 }.encode(3);
        let mut flipped = good.clone().into_bytes();
        flipped[20] = if flipped[20] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8(flipped).unwrap();
        let long = "A".repeat(10_000);
        for bad in ["", "garbage", "AQEB", "!!!!", &good[1..], &flipped, &format!("{good}AAAA"), &long] {
            assert_eq!(Receipt::decode(bad, 3), None, "{bad}");
        }
    }
}
