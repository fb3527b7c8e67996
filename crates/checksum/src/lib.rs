//! S3's additional checksums, calculated while a body streams.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

mod gzip;

pub use gzip::gzip;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};

/// A checksum algorithm that S3 knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Algorithm {
    /// CRC-32 (ISO HDLC).
    Crc32,
    /// CRC-32C (iSCSI).
    Crc32c,
    /// CRC-64/NVME, S3's default.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

const ALL: [Algorithm; 5] =
    [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme, Algorithm::Sha1, Algorithm::Sha256];

impl Algorithm {
    /// The algorithm of a header such as `x-amz-checksum-crc32`, in any case.
    pub fn from_header(name: &str) -> Option<Algorithm> {
        ALL.into_iter().find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    }

    /// The algorithm of a name such as `CRC32C`, in any case.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The header that carries this checksum.
    pub fn header(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "x-amz-checksum-crc32",
            Algorithm::Crc32c => "x-amz-checksum-crc32c",
            Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Algorithm::Sha1 => "x-amz-checksum-sha1",
            Algorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The name in API parameters and error texts, such as `CRC32C`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
        }
    }

    fn len(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme => 8,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
        }
    }

    /// Whether `text` is Base64 of as many bytes as this checksum has.
    pub fn is_well_formed(self, text: &str) -> bool {
        STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == self.len())
    }
}

/// A checksum in the making.
pub struct Hasher {
    algorithm: Algorithm,
    state: State,
}

enum State {
    Crc(Box<Digest>),
    Sha(Box<Context>),
}

impl Hasher {
    /// A checksum of no bytes yet.
    pub fn new(algorithm: Algorithm) -> Hasher {
        let crc = |algorithm| State::Crc(Box::new(Digest::new(algorithm)));
        let state = match algorithm {
            Algorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Algorithm::Sha1 => State::Sha(Box::new(Context::new(&SHA1_FOR_LEGACY_USE_ONLY))),
            Algorithm::Sha256 => State::Sha(Box::new(Context::new(&SHA256))),
        };
        Hasher { algorithm, state }
    }

    /// Which checksum this is.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(digest) => digest.update(bytes),
            State::Sha(context) => context.update(bytes),
        }
    }

    /// The checksum in Base64, as headers carry it.
    pub fn finish(self) -> String {
        match self.state {
            State::Crc(digest) => {
                let value = digest.finalize().to_be_bytes();
                STANDARD.encode(value.get(8 - self.algorithm.len()..).unwrap_or_default())
            }
            State::Sha(context) => STANDARD.encode(context.finish()),
        }
    }
}

/// The checksum of two stretches one after the other, from theirs, both in Base64; `second_bytes` is the length of the
/// second. `None` for what is no checksum of the algorithm, and for SHA, which cannot be put together.
pub fn combine(algorithm: Algorithm, first: &str, second: &str, second_bytes: u64) -> Option<String> {
    let crc = match algorithm {
        Algorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        Algorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        Algorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        Algorithm::Sha1 | Algorithm::Sha256 => return None,
    };
    let number = |text: &str| {
        let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == algorithm.len())?;
        Some(bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte)))
    };
    let value = crc_fast::checksum_combine(crc, number(first)?, number(second)?, second_bytes).to_be_bytes();
    value.get(8 - algorithm.len()..).map(|bytes| STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::{ALL, Algorithm, Hasher, combine};

    #[test]
    fn the_published_check_values() {
        // from: the check values of the CRC catalogue, for "123456789"; the SHA values are coreutils'
        let want = [
            "y/Q5Jg==",
            "4waSgw==",
            "rosUhgp5mIg=",
            "98O8HYCOBHMq32eZZczDTKeuNEE=",
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ];
        for (algorithm, want) in ALL.into_iter().zip(want) {
            let mut hasher = Hasher::new(algorithm);
            for piece in [&b"1234"[..], b"", b"56789"] {
                hasher.update(piece);
            }
            assert_eq!(hasher.finish(), want, "{algorithm:?}");
            assert!(algorithm.is_well_formed(want), "{algorithm:?}");
            assert_eq!(Algorithm::from_header(&algorithm.header().to_uppercase()), Some(algorithm));
        }
        assert!(!Algorithm::Crc32.is_well_formed("AAAA") && !Algorithm::Crc32.is_well_formed("no base64!"));
    }

    #[test]
    fn two_stretches_make_one() {
        let sum = |algorithm, bytes: &[u8]| {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(bytes);
            hasher.finish()
        };
        let (first, second) = (b"12345", b"6789");
        for algorithm in ALL {
            let whole = combine(algorithm, &sum(algorithm, first), &sum(algorithm, second), 4);
            let is_crc = !matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
            assert_eq!(whole, is_crc.then(|| sum(algorithm, b"123456789")), "{algorithm:?}");
        }
        assert_eq!(combine(Algorithm::Crc32, "AAA=", "y/Q5Jg==", 9), None);
    }
}
