//! SigV4A: a P-256 key derived from the secret, so that one signature holds in many regions.
//!
//! The key derivation is NIST SP 800-108's counter mode with HMAC-SHA256, as AWS's public client library does it.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};

/// The order of P-256 minus two, big-endian.
const ORDER_MINUS_2: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// The private scalar for an access key. `None` after 254 unlucky candidates, which does not happen.
pub(super) fn private_key(access_key_id: &str, secret: &str) -> Option<[u8; 32]> {
    let key = hmac::Key::new(HMAC_SHA256, format!("AWS4A{secret}").as_bytes());
    (1..=254u8).find_map(|counter| {
        let mut input = Vec::with_capacity(64);
        input.extend_from_slice(&1u32.to_be_bytes());
        input.extend_from_slice(b"AWS4-ECDSA-P256-SHA256\0");
        input.extend_from_slice(access_key_id.as_bytes());
        input.push(counter);
        input.extend_from_slice(&256u32.to_be_bytes());
        let candidate: [u8; 32] = hmac::sign(&key, &input).as_ref().try_into().ok()?;
        (candidate <= ORDER_MINUS_2).then(|| plus_one(candidate))
    })
}

fn plus_one(mut scalar: [u8; 32]) -> [u8; 32] {
    for byte in scalar.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            break;
        }
    }
    scalar
}

/// The uncompressed public point of a private scalar.
pub(super) fn public_point(private: &[u8; 32]) -> Option<Vec<u8>> {
    let private = PrivateKey::from_private_key(&ECDH_P256, private).ok()?;
    Some(private.compute_public_key().ok()?.as_ref().to_vec())
}

/// The key that verifies signatures of this access key.
pub(super) fn public_key(access_key_id: &str, secret: &str) -> Option<ParsedPublicKey> {
    let point = public_point(&private_key(access_key_id, secret)?)?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok()
}

#[cfg(test)]
mod tests {
    use super::{plus_one, private_key, public_point};
    use crate::signature::hex;

    #[test]
    fn the_derived_key_is_the_published_one() {
        // from: aws-signing-test-suite, v4a/get-vanilla/public-key.json
        let private = private_key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
        assert_eq!(
            hex(&public_point(&private).unwrap()),
            "04b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1\
             865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518"
        );
    }

    #[test]
    fn adding_one_carries() {
        let mut ones = [0xff; 32];
        ones[0] = 0;
        let mut want = [0; 32];
        want[0] = 1;
        assert_eq!(plus_one(ones), want);
    }
}
