//! Identifiers: random, or the same ones again for the same seed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
/// RFC 4648's base-32 alphabet: what AWS's unique ids and access key ids are spelt with.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Random bytes that a thread keeps at hand: a request needs some fifty, and each visit to the generator costs as much
/// as thousands of bytes.
const STOCK_BYTES: usize = 2_048;

thread_local! {
    static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; STOCK_BYTES], used: STOCK_BYTES }) };
}

struct Stock {
    bytes: [u8; STOCK_BYTES],
    used: usize,
}

impl Stock {
    /// Hands out bytes; none is handed out twice or stays here.
    fn take(&mut self, generator: &SystemRandom, out: &mut [u8]) {
        if self.used + out.len() > STOCK_BYTES {
            random(generator, &mut self.bytes);
            self.used = 0;
        }
        let taken = &mut self.bytes[self.used..self.used + out.len()];
        out.copy_from_slice(taken);
        taken.fill(0);
        self.used += out.len();
    }
}

fn random(generator: &SystemRandom, out: &mut [u8]) {
    generator.fill(out).expect("the operating system gives random bytes");
}

/// Where all identifiers and secrets of a cloud come from.
pub struct Ids {
    random: SystemRandom,
    seed: Option<(u64, AtomicU64)>,
}

impl Ids {
    /// Unpredictable identifiers; with a seed, a sequence that repeats (never for anything that must stay secret).
    pub fn new(seed: Option<u64>) -> Ids {
        Ids { random: SystemRandom::new(), seed: seed.map(|seed| (seed, AtomicU64::new(0))) }
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.seed {
            None if bytes.len() <= STOCK_BYTES / 8 => {
                STOCK.with_borrow_mut(|stock| stock.take(&self.random, bytes))
            }
            None => random(&self.random, bytes),
            Some((seed, counter)) => {
                for chunk in bytes.chunks_mut(32) {
                    let mut block = [0; 16];
                    block[..8].copy_from_slice(&seed.to_be_bytes());
                    block[8..].copy_from_slice(&counter.fetch_add(1, Ordering::Relaxed).to_be_bytes());
                    chunk.copy_from_slice(&digest(&SHA256, &block).as_ref()[..chunk.len()]);
                }
            }
        }
    }

    /// A random (version 4) UUID in its 36 characters, RFC 9562.
    pub fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid_text(bytes)
    }

    /// So many characters of `A-Z2-7`, as in `AKIA…` and `AIDA…`.
    pub fn base32(&self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes.iter().map(|byte| BASE32[usize::from(byte & 31)] as char).collect()
    }

    /// So many characters of `0-9a-f`.
    pub fn hex(&self, length: usize) -> String {
        let mut bytes = vec![0; length.div_ceil(2)];
        self.fill(&mut bytes);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.take(length).map(|digit| LOWER_HEX[usize::from(digit)] as char).collect()
    }
}

/// Writes 16 bytes as a version 4 UUID.
pub fn uuid_text(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(LOWER_HEX[usize::from(byte >> 4)] as char);
        text.push(LOWER_HEX[usize::from(byte & 15)] as char);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_none_gives_others() {
        let (one, two) = (Ids::new(Some(7)), Ids::new(Some(7)));
        assert_eq!((one.uuid(), one.base32(16)), (two.uuid(), two.base32(16)));
        assert_ne!(one.uuid(), one.uuid());
        assert_ne!(Ids::new(None).uuid(), Ids::new(None).uuid());
    }

    #[test]
    fn no_random_byte_is_handed_out_twice() {
        let ids = Ids::new(None);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let mut bytes = [0; 24];
            ids.fill(&mut bytes);
            assert!(bytes.iter().any(|byte| *byte != 0) && seen.insert(bytes));
        }
    }

    #[test]
    fn ids_have_their_form() {
        let ids = Ids::new(None);
        let uuid = ids.uuid();
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
        assert!(ids.base32(16).bytes().all(|c| c.is_ascii_uppercase() || (b'2'..=b'7').contains(&c)));
        assert_eq!(ids.hex(7).len(), 7);
    }
}
