//! The time service of a VPC: the cloud's clock, for whoever asks by SNTP. Pure.
//!
//! Invariant: a question of a client is answered with as many bytes, everything else with none.
//! Sources: RFC 4330 (SNTP); RFC 5905, section 7.3; AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html>

use std::net::Ipv4Addr;

/// The size of a message without extensions, in bytes.
const MESSAGE_BYTES: usize = 48;
/// Who asks: a client.
const CLIENT: u8 = 3;
/// Who answers: a server.
const SERVER: u8 = 4;
/// How far the clock is from one that is not read from another.
const STRATUM: u8 = 3;
/// How fine the clock is, as a power of two of a second: a millisecond.
const PRECISION: i8 = -10;
/// How far off it may be, in 1/65536 seconds.
const DISPERSION: u32 = 66;
/// Which clock it is set by: the address that Amazon's say.
const REFERENCE: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 122);
/// From 1900, where its time begins, to 1970, in seconds.
const BEFORE_1970_S: i64 = 2_208_988_800;

/// Answers a message with the time, in milliseconds since 1970. `None` when it is no question.
pub fn answer(bytes: &[u8], now_ms: i64) -> Option<[u8; MESSAGE_BYTES]> {
    let asked: &[u8; MESSAGE_BYTES] = bytes.first_chunk()?;
    let (mode, version) = (asked[0] & 0b111, (asked[0] >> 3) & 0b111);
    if mode != CLIENT || !(1..=4).contains(&version) {
        return None;
    }
    let now = timestamp(now_ms);
    let mut answer = [0; MESSAGE_BYTES];
    answer[0] = version << 3 | SERVER;
    answer[1] = STRATUM;
    answer[2] = asked[2];
    answer[3] = PRECISION.to_be_bytes()[0];
    answer[8..12].copy_from_slice(&DISPERSION.to_be_bytes());
    answer[12..16].copy_from_slice(&REFERENCE.octets());
    answer[16..24].copy_from_slice(&now);
    // What the client sent as its time, so that it knows its question.
    answer[24..32].copy_from_slice(&asked[40..48]);
    answer[32..40].copy_from_slice(&now);
    answer[40..48].copy_from_slice(&now);
    Some(answer)
}

/// Seconds since 1900, which begin anew in 2036, and 2^32 parts of one.
fn timestamp(ms: i64) -> [u8; 8] {
    let seconds = ms.div_euclid(1000).wrapping_add(BEFORE_1970_S).rem_euclid(1 << 32);
    let fraction = (ms.rem_euclid(1000) << 32) / 1000;
    (seconds << 32 | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::{answer, timestamp};

    #[test]
    fn a_client_is_told_the_time() {
        let mut asked = [0; 48];
        (asked[0], asked[2]) = (0x23, 6);
        asked[40..].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        let told = answer(&asked, 1_500).unwrap();
        assert_eq!((told[0], told[1], told[2]), (0x24, 3, 6));
        assert_eq!(told[24..32], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(told[40..48], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0]);
        // A question with something behind it; and what is none: too short, an answer, a version of nobody.
        assert_eq!(answer(&[&asked[..], &[0; 20]].concat(), 1_500), Some(told));
        assert_eq!(answer(&asked[..47], 0), None);
        for first in [0x24, 0x03, 0x3b] {
            asked[0] = first;
            assert_eq!(answer(&asked, 0), None);
        }
    }

    #[test]
    fn time_goes_on_after_its_first_era() {
        assert_eq!(timestamp(-2_208_988_800_000), [0; 8]);
        assert_eq!(timestamp(2_085_978_496_000), [0; 8]);
        let _ = (timestamp(i64::MAX), timestamp(i64::MIN));
    }
}
