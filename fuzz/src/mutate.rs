//! Plain mutations of seeds, the same ones again for the same number: no coverage, no state, nothing to install.

/// Pieces that decoders care about.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\x80",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%zz",
    b"<",
    b"</",
    b">",
    b"<![CDATA[",
    b"&#x10FFFF;",
    b"&a;",
    b"\r\n",
    b"\n\n",
    b"/",
    b"..",
    b"*",
    b"?",
    b"${",
    b"}",
    b":",
    b"-1",
    b"0",
    b"18446744073709551616",
    b"1e999",
    b"NaN",
    b"null",
    b"true",
    b"\xa1",
    b"\xbf",
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x7f\xff",
    b"\xfb",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b".1.",
    b".member.",
    b".entry.",
    b"ffffffffffffffff",
];
/// Mutated inputs do not grow beyond this.
const BYTES_MAX: usize = 16 * 1024;

/// Makes inputs out of seeds.
pub struct Mutator(u64);

impl Mutator {
    /// The inputs that belong to a number.
    pub fn new(seed: u64) -> Mutator {
        // Xorshift stands still on zero.
        Mutator(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; 0 when `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// The next input.
    pub fn input(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let at = self.below(seeds.len());
        let mut input = seeds.get(at).copied().unwrap_or_default().to_vec();
        for _ in 0..=self.below(8) {
            self.mutate(&mut input, seeds);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>, seeds: &[&[u8]]) {
        let at = self.below(input.len() + 1);
        let to = (at + self.below(input.len() / 2 + 2)).min(input.len());
        let at = at.min(to);
        match self.below(7) {
            0 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                let byte = self.next().to_le_bytes()[0];
                input.insert(at, byte);
            }
            2 => drop(input.drain(at..to)),
            3 => self.insert_piece(input, at),
            4 => {
                // The same part many times over: depth, and lengths.
                let part: Vec<u8> = input.get(at..to).unwrap_or_default().to_vec();
                let times = 1 << self.below(8);
                let room = BYTES_MAX.saturating_sub(input.len()) / part.len().max(1);
                input.splice(at..at, part.repeat(times.min(room)));
            }
            5 => {
                let other = self.below(seeds.len());
                let other = seeds.get(other).copied().unwrap_or_default();
                input.truncate(at);
                input.extend_from_slice(other.get(at.min(other.len())..).unwrap_or_default());
            }
            _ => {
                input.drain(at..to);
                self.insert_piece(input, at);
            }
        }
    }

    fn insert_piece(&mut self, input: &mut Vec<u8>, at: usize) {
        let piece = self.below(PIECES.len());
        input.splice(at..at, PIECES.get(piece).copied().unwrap_or_default().iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Mutator};

    #[test]
    fn the_same_number_makes_the_same_inputs_and_they_differ() {
        let seeds: &[&[u8]] = &[b"{\"a\":[1]}", b""];
        let make = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..500).map(|_| mutator.input(seeds)).collect::<Vec<_>>()
        };
        let (one, again, other) = (make(1), make(1), make(2));
        assert_eq!(one, again);
        assert_ne!(one, other);
        assert!(one.iter().all(|input| input.len() <= BYTES_MAX));
        assert!(one.iter().collect::<std::collections::BTreeSet<_>>().len() > 200);
    }
}
