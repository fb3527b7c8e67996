//! Bytes as gzip: what is delivered to buckets in files.
//!
//! Invariant: the same bytes give the same file: it carries no time and no name.
//! Source: RFC 1952.

use crc_fast::{CrcAlgorithm, checksum};

/// How hard it is tried to make a file small: miniz_oxide's middle.
const LEVEL: u8 = 6;

/// A head, the packed bytes, their CRC-32 and their number.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut packed = HEAD.to_vec();
    packed.extend(miniz_oxide::deflate::compress_to_vec(bytes, LEVEL));
    // RFC 1952: both are numbers of 32 bits, the second modulo 2³².
    packed.extend((checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32).to_le_bytes());
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed
}

#[cfg(test)]
mod tests {
    use super::gzip;

    #[test]
    fn a_gzip_of_a_known_text() {
        let packed = gzip(b"123456789");
        assert_eq!(packed[..4], [0x1f, 0x8b, 8, 0]);
        // The check value of CRC-32, and nine bytes.
        assert_eq!(packed[packed.len() - 8..], [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
        let body = miniz_oxide::inflate::decompress_to_vec(&packed[10..packed.len() - 8]).unwrap();
        assert_eq!(body, b"123456789");
    }
}
