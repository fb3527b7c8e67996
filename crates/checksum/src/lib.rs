//! S3's additional checksums, calculated while a body streams.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>

mod gzip;

pub use gzip::gzip;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};
use md5::{Digest as _, Md5};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

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
    /// SHA-512.
    Sha512,
    /// MD5.
    Md5,
    /// XXH64, without a seed.
    XxHash64,
    /// XXH3 of 64 bits, without a seed.
    XxHash3,
    /// XXH3 of 128 bits, without a seed.
    XxHash128,
}

/// All that S3 knows.
pub const ALL: [Algorithm; 10] = [
    Algorithm::Crc32,
    Algorithm::Crc32c,
    Algorithm::Crc64Nvme,
    Algorithm::Sha1,
    Algorithm::Sha256,
    Algorithm::Sha512,
    Algorithm::Md5,
    Algorithm::XxHash64,
    Algorithm::XxHash3,
    Algorithm::XxHash128,
];

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
            Algorithm::Sha512 => "x-amz-checksum-sha512",
            Algorithm::Md5 => "x-amz-checksum-md5",
            Algorithm::XxHash64 => "x-amz-checksum-xxhash64",
            Algorithm::XxHash3 => "x-amz-checksum-xxhash3",
            Algorithm::XxHash128 => "x-amz-checksum-xxhash128",
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
            Algorithm::Sha512 => "SHA512",
            Algorithm::Md5 => "MD5",
            Algorithm::XxHash64 => "XXHASH64",
            Algorithm::XxHash3 => "XXHASH3",
            Algorithm::XxHash128 => "XXHASH128",
        }
    }

    fn len(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme | Algorithm::XxHash64 | Algorithm::XxHash3 => 8,
            Algorithm::Md5 | Algorithm::XxHash128 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    /// Whether the checksums of two stretches give that of both together.
    pub fn is_linear(self) -> bool {
        self.crc().is_some()
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Algorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            _ => None,
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
    Md5(Box<Md5>),
    Xxh64(Box<Xxh64>),
    Xxh3(Box<Xxh3>),
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
            Algorithm::Sha512 => State::Sha(Box::new(Context::new(&SHA512))),
            Algorithm::Md5 => State::Md5(Box::new(Md5::new())),
            Algorithm::XxHash64 => State::Xxh64(Box::new(Xxh64::new(0))),
            Algorithm::XxHash3 | Algorithm::XxHash128 => State::Xxh3(Box::new(Xxh3::new())),
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
            State::Md5(digest) => digest.update(bytes),
            State::Xxh64(hash) => hash.update(bytes),
            State::Xxh3(hash) => hash.update(bytes),
        }
    }

    /// The checksum in Base64, as headers carry it. Numbers have their highest byte first, as AWS's own library writes
    /// them: <https://github.com/awslabs/aws-checksums>.
    pub fn finish(self) -> String {
        match self.state {
            State::Crc(digest) => {
                let value = digest.finalize().to_be_bytes();
                STANDARD.encode(value.get(8 - self.algorithm.len()..).unwrap_or_default())
            }
            State::Sha(context) => STANDARD.encode(context.finish()),
            State::Md5(digest) => STANDARD.encode(digest.finalize()),
            State::Xxh64(hash) => STANDARD.encode(hash.digest().to_be_bytes()),
            State::Xxh3(hash) if self.algorithm == Algorithm::XxHash128 => {
                STANDARD.encode(hash.digest128().to_be_bytes())
            }
            State::Xxh3(hash) => STANDARD.encode(hash.digest().to_be_bytes()),
        }
    }
}

/// The checksum of two stretches one after the other, from theirs, both in Base64; `second_bytes` is the length of the
/// second. `None` for what is no checksum of the algorithm, and for all but CRCs, which cannot be put together.
pub fn combine(algorithm: Algorithm, first: &str, second: &str, second_bytes: u64) -> Option<String> {
    let crc = algorithm.crc()?;
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
        // from: the check values of the CRC catalogue, for "123456789"; the SHA and MD5 values are coreutils'; those of
        // "Hello world" are in the tests of <https://github.com/awslabs/aws-checksums>
        let (digits, hello) = ([&b"1234"[..], b"", b"56789"], [&b"Hello "[..], b"", b"world"]);
        let want = [
            (digits, "y/Q5Jg=="),
            (digits, "4waSgw=="),
            (digits, "rosUhgp5mIg="),
            (digits, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (digits, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
            (
                digits,
                "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==",
            ),
            (digits, "JfnnlDI7RTiF9RgfG2JNCw=="),
            (hello, "xQCwyRKzdtg="),
            (hello, "tqy52Eo4/3Q="),
            (hello, "c1H4mBL5c4K5HQWzHgTdfw=="),
        ];
        for (algorithm, (pieces, want)) in ALL.into_iter().zip(want) {
            let mut hasher = Hasher::new(algorithm);
            for piece in pieces {
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
            let is_crc = algorithm.as_str().starts_with("CRC");
            assert_eq!(whole, is_crc.then(|| sum(algorithm, b"123456789")), "{algorithm:?}");
            assert_eq!(algorithm.is_linear(), is_crc, "{algorithm:?}");
        }
        assert_eq!(combine(Algorithm::Crc32, "AAA=", "y/Q5Jg==", 9), None);
    }
}
