//! Session tokens of instance metadata: until when they count, for which instance, and a seal on both. Nothing is kept of them.
//!
//! Invariant: without the key nobody makes a token, and a token of one instance is none for another.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

/// The size of the key of all tokens.
pub(super) const KEY_BYTES: usize = 32;
/// What makes two tokens of the same time differ.
pub(super) const NONCE_BYTES: usize = 8;
/// The end of the token's life in milliseconds, and the nonce.
const HEAD_BYTES: usize = 8 + NONCE_BYTES;

/// Makes tokens and knows its own.
pub(super) struct Tokens {
    key: Key,
}

impl Tokens {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Tokens {
        Tokens { key: Key::new(HMAC_SHA256, key) }
    }

    /// A token for an instance that counts for so long.
    pub(super) fn give(&self, instance: &str, now_ms: i64, ttl_s: u32, nonce: [u8; NONCE_BYTES]) -> String {
        let ends_ms = now_ms.saturating_add(i64::from(ttl_s) * 1_000);
        let mut token = ends_ms.to_be_bytes().to_vec();
        token.extend(nonce);
        let seal = sign(&self.key, &sealed(&token, instance));
        token.extend(seal.as_ref());
        URL_SAFE.encode(token)
    }

    /// For how many whole seconds the token of this instance still counts; `None` for whatever is none.
    pub(super) fn left_s(&self, instance: &str, now_ms: i64, token: &[u8]) -> Option<u64> {
        let bytes = URL_SAFE.decode(token).ok()?;
        let (head, seal) = bytes.split_at_checked(HEAD_BYTES)?;
        verify(&self.key, &sealed(head, instance), seal).ok()?;
        let ends_ms = i64::from_be_bytes(*head.first_chunk()?);
        let left_ms = u64::try_from(ends_ms.saturating_sub(now_ms)).ok().filter(|left_ms| *left_ms > 0)?;
        Some(left_ms / 1_000)
    }
}

fn sealed(head: &[u8], instance: &str) -> Vec<u8> {
    [head, instance.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    #[test]
    fn a_token_counts_for_its_instance_and_its_time() {
        let tokens = Tokens::new(&[7; 32]);
        let token = tokens.give("i-1", 1_000, 60, [1; 8]);
        let token = token.as_bytes();
        assert_eq!(tokens.left_s("i-1", 1_000, token), Some(60));
        assert_eq!(tokens.left_s("i-1", 60_999, token), Some(0));
        for (instance, now_ms) in [("i-2", 1_000), ("i-1", 61_000), ("i-11", 1_000)] {
            assert_eq!(tokens.left_s(instance, now_ms, token), None, "{instance} {now_ms}");
        }
        assert_eq!(Tokens::new(&[8; 32]).left_s("i-1", 1_000, token), None);
        for wrong in [&b""[..], b"AAAA", b"\xff", &token[..40]] {
            assert_eq!(tokens.left_s("i-1", 1_000, wrong), None);
        }
    }
}
