//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, steps of 30 seconds, six digits. Pure functions.
//!
//! Steps are counted by the host's clock, not by the cloud's: the authenticator that makes the codes lives outside, and
//! its clock cannot be moved.

use aws_lc_rs::hmac;
use std::ops::RangeInclusive;
use yakumo_aws::Timestamp;

/// How long one code is shown.
const STEP_S: i64 = 30;
/// How far an authenticator's clock may be off when it is enabled or synchronised: ten minutes each way.
const SYNC_STEPS: i64 = 20;
/// How far a code may be off afterwards: one step each way, as RFC 6238 section 5.2 recommends for slow people.
const SIGN_IN_STEPS: i64 = 1;

/// The step in which a point of host time lies.
pub(crate) fn step_at(host_now: Timestamp) -> u64 {
    u64::try_from(host_now.as_secs().div_euclid(STEP_S)).unwrap_or_default()
}

/// The number that six digits mean.
pub(crate) fn parse(code: &str) -> Option<u32> {
    let digits = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| code.parse().ok()).flatten()
}

/// The code of a step: RFC 4226 section 5.3.
pub(crate) fn code(seed: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = usize::from(tag.as_ref().last().copied().unwrap_or_default() & 15);
    let word = tag.as_ref().iter().skip(offset).take(4).fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    (word & 0x7fff_ffff) % 1_000_000
}

fn around(step: u64, reach: i64) -> RangeInclusive<u64> {
    step.saturating_add_signed(-reach)..=step.saturating_add_signed(reach)
}

/// Finds two consecutive codes near the present step and behind `last`, the step of the last accepted code. Gives the
/// step of the second one, the nearest to the present when several fit.
pub(crate) fn find_pair(seed: &[u8], codes: [u32; 2], now: u64, last: Option<u64>) -> Option<u64> {
    let [first, second] = codes;
    around(now, SYNC_STEPS)
        .filter(|step| last.is_none_or(|last| *step > last.saturating_add(1)))
        .filter(|step| code(seed, *step) == second)
        .filter(|step| step.checked_sub(1).is_some_and(|before| code(seed, before) == first))
        .min_by_key(|step| step.abs_diff(now))
}

/// Finds a code near the step that the authenticator should show, behind the last accepted one.
pub(crate) fn find_one(seed: &[u8], wanted: u32, now: u64, drift: i64, last: Option<u64>) -> Option<u64> {
    around(now.saturating_add_signed(drift), SIGN_IN_STEPS)
        .filter(|step| last.is_none_or(|last| *step > last))
        .find(|step| code(seed, *step) == wanted)
}

#[cfg(test)]
mod tests {
    use super::{code, find_one, find_pair, parse, step_at};
    use yakumo_aws::Timestamp;

    const SEED: &[u8] = b"12345678901234567890";

    #[test]
    fn the_vectors_of_rfc_6238() {
        // from: RFC 6238 appendix B, SHA-1, the last six of the eight digits.
        let vectors = [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ];
        for (secs, wanted) in vectors {
            assert_eq!(code(SEED, step_at(Timestamp::from_secs(secs))), wanted, "{secs}");
        }
    }

    #[test]
    fn six_digits_are_a_code() {
        assert_eq!(parse("081804"), Some(81_804));
        for bad in ["", "81804", "0818041", "+81804", "08180a", "０８１８０４"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn two_codes_must_follow_one_another_and_be_new() {
        let pair = |step: u64| [code(SEED, step - 1), code(SEED, step)];
        let now = 41_152_263;
        assert_eq!(find_pair(SEED, pair(now), now, None), Some(now));
        assert_eq!(find_pair(SEED, pair(now - 20), now, None), Some(now - 20));
        assert_eq!(find_pair(SEED, pair(now - 21), now, None), None);
        let [first, second] = pair(now);
        assert_eq!(find_pair(SEED, [second, first], now, None), None);
        assert_eq!(find_pair(SEED, [first, first], now, None), None);
        assert_eq!(find_pair(SEED, pair(now), now, Some(now - 2)), Some(now));
        assert_eq!(find_pair(SEED, pair(now), now, Some(now - 1)), None);
    }

    #[test]
    fn a_code_counts_once_and_nearby() {
        let now = 41_152_263;
        let find = |step, drift, last| find_one(SEED, code(SEED, step), now, drift, last);
        for (step, drift, last, found) in [
            (now, 0, None, true),
            (now - 1, 0, None, true),
            (now + 1, 0, None, true),
            (now - 2, 0, None, false),
            (now + 2, 0, None, false),
            (now + 5, 5, None, true),
            (now, 5, None, false),
            (now, 0, Some(now - 1), true),
            (now, 0, Some(now), false),
            (now - 1, 0, Some(now), false),
        ] {
            assert_eq!(find(step, drift, last), found.then_some(step), "{step} {drift} {last:?}");
        }
    }
}
