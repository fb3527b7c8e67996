//! Encryption at rest: each stretch of a body has a key of its own (AES-256 in counter mode, so that ranges can be
//! read); that key is kept sealed with AES-256-GCM under the cloud's key, or under the customer's (SSE-C).
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
//!
//! Invariant: no key is ever used for two stretches, so that counters can begin at zero. A customer's key is not kept.

use crate::error;
use crate::registry::Registry;
use crate::state::{Content, Seal, scope};
use aws_lc_rs::aead::{AES_256_GCM as GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_room::Base;
use yakumo_room::store::Transaction;

const KEY_BYTES: usize = 32;
const BLOCK_BYTES: u64 = 16;
/// A sealed key: the nonce, the key and the tag.
const SEALED_BYTES: usize = NONCE_LEN + KEY_BYTES + MAX_TAG_LEN;

type Key = [u8; KEY_BYTES];

/// A key that seals the keys of bodies.
pub struct Wrapper {
    key: LessSafeKey,
    by_customer: bool,
}

fn broken<E>(_: E) -> Error {
    Error::internal("a body's key cannot be sealed or opened")
}

impl Wrapper {
    /// The cloud's key; made by whoever needs it first. It is the same as long as the room's memory lives: what replaces
    /// the content of the store makes new rooms.
    pub async fn of_cloud(registry: &Registry) -> Result<Arc<Wrapper>> {
        if let Some(known) = registry.wrapper.get() {
            return Ok(known.clone());
        }
        // Rarely gone, and much larger than the rest of what waits for it.
        let found = Arc::new(Box::pin(Wrapper::of_store(&registry.base)).await?);
        Ok(registry.wrapper.get_or_init(|| found).clone())
    }

    async fn of_store(base: &Base) -> Result<Wrapper> {
        let place = scope().key("sealing-keys").text("objects").build();
        let known = match base.store.get(&place).await? {
            Some(bytes) => bytes,
            None => {
                let mut fresh = [0; KEY_BYTES];
                base.ids.fill(&mut fresh);
                let make = |tx: Transaction| {
                    let place = place.clone();
                    async move {
                        if let Some(bytes) = tx.get(&place).await? {
                            return Ok(bytes);
                        }
                        let fresh = Bytes::copy_from_slice(&fresh);
                        tx.put(place, fresh.clone());
                        Ok::<_, Error>(fresh)
                    }
                };
                base.store.transact(make).await?
            }
        };
        Wrapper::new(&known, false)
    }

    /// A customer's key.
    pub fn of_customer(customer: &CustomerKey) -> Result<Arc<Wrapper>> {
        Wrapper::new(&customer.key, true).map(Arc::new)
    }

    fn new(key: &[u8], by_customer: bool) -> Result<Wrapper> {
        let key = LessSafeKey::new(UnboundKey::new(&GCM, key).map_err(broken)?);
        Ok(Wrapper { key, by_customer })
    }

    /// A fresh key for one stretch of a body, sealed and ready for use.
    pub fn fresh(&self, base: &Base) -> Result<(Seal, Keystream)> {
        let mut key = [0; KEY_BYTES];
        base.ids.fill(&mut key);
        Ok((self.seal(base, &key)?, Keystream::new(&key, 0)?))
    }

    fn seal(&self, base: &Base, key: &Key) -> Result<Seal> {
        let mut nonce = [0; NONCE_LEN];
        base.ids.fill(&mut nonce);
        let mut sealed = key.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(broken)?;
        let sealed = STANDARD.encode([nonce.as_slice(), &sealed].concat());
        Ok(Seal { sealed, by_customer: self.by_customer })
    }

    /// Seals a text for one purpose: what is sealed for another does not open as it.
    pub fn seal_text(&self, base: &Base, purpose: &[u8], text: &[u8]) -> Result<String> {
        let mut nonce = [0; NONCE_LEN];
        base.ids.fill(&mut nonce);
        let mut sealed = text.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .map_err(broken)?;
        Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what [`Wrapper::seal_text`] has sealed; `None` for everything else.
    pub fn open_text(&self, purpose: &[u8], sealed: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let text = self.key.open_in_place(nonce, Aad::from(purpose), &mut sealed).ok()?;
        Some(text.to_vec())
    }

    fn key_in(&self, seal: &Seal) -> Option<Key> {
        let mut bytes = [0; SEALED_BYTES];
        let length = STANDARD.decode_slice(&seal.sealed, &mut bytes).ok()?;
        let (nonce, sealed) = bytes.get_mut(..length)?.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = self.key.open_in_place(nonce, Aad::empty(), sealed).ok()?;
        Key::try_from(&*key).ok()
    }

    /// What hides or shows the bytes of a stretch from `at` on.
    pub fn open(&self, seal: &Seal, at: u64) -> Result<Keystream> {
        Keystream::new(&self.key_in(seal).ok_or_else(|| broken(()))?, at)
    }
}

/// The keystream of one stretch of a body: applied once it hides, applied again it shows.
pub struct Keystream {
    key: DecryptingKey,
    /// Where in the stretch the next byte is.
    at: u64,
}

impl Keystream {
    fn new(key: &Key, at: u64) -> Result<Keystream> {
        let key = UnboundCipherKey::new(&AES_256, key).map_err(broken)?;
        Ok(Keystream { key: DecryptingKey::ctr(key).map_err(broken)?, at })
    }

    /// Hides or shows the next bytes where they are.
    pub fn apply(&mut self, bytes: &mut [u8]) -> Result<()> {
        let within = usize::try_from(self.at % BLOCK_BYTES).unwrap_or_default();
        let begun = if within == 0 { 0 } else { (BLOCK_BYTES as usize - within).min(bytes.len()) };
        let (head, rest) = bytes.split_at_mut(begun);
        if !head.is_empty() {
            let mut block = [0; BLOCK_BYTES as usize];
            let stretch = block.get_mut(within..within + begun).unwrap_or_default();
            stretch.copy_from_slice(head);
            self.blocks(&mut block)?;
            head.copy_from_slice(block.get(within..within + begun).unwrap_or_default());
            self.at += begun as u64;
        }
        if !rest.is_empty() {
            self.blocks(rest)?;
            self.at += rest.len() as u64;
        }
        Ok(())
    }

    /// Bytes from the beginning of a block on.
    fn blocks(&self, bytes: &mut [u8]) -> Result<()> {
        let counter = u128::from(self.at / BLOCK_BYTES).to_be_bytes();
        let context = DecryptionContext::Iv128(FixedLength::from(counter));
        self.key.decrypt(bytes, context).map_err(broken).map(|_| ())
    }
}

/// A customer's key as requests bring it.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>
pub struct CustomerKey {
    key: Key,
    /// In Base64, as answers show it.
    pub md5: String,
}

/// The three headers of a customer's key: `customer_key!(input)`.
#[macro_export]
macro_rules! customer_key {
    ($input:expr) => {
        $crate::sealing::CustomerKey::parse(
            $input.sse_customer_algorithm.as_deref(),
            $input.sse_customer_key.as_deref(),
            $input.sse_customer_key_md5.as_deref(),
        )
    };
    (source $input:expr) => {
        $crate::sealing::CustomerKey::parse(
            $input.copy_source_sse_customer_algorithm.as_deref(),
            $input.copy_source_sse_customer_key.as_deref(),
            $input.copy_source_sse_customer_key_md5.as_deref(),
        )
    };
}

/// Puts into an output how the object is encrypted.
#[macro_export]
macro_rules! put_encryption {
    ($output:expr, $customer:expr) => {
        match $customer {
            Some(customer) => {
                $output.sse_customer_algorithm = Some("AES256".to_owned());
                $output.sse_customer_key_md5 = Some(customer.md5.clone());
            }
            None => $output.server_side_encryption = Some("AES256".to_owned()),
        }
    };
}

fn wrong_argument(text: &str, name: &'static str, value: &str) -> Error {
    error::argument(text, name, value)
}

impl CustomerKey {
    /// Reads the headers; `None` when there are none.
    ///
    /// # Errors
    /// What is wrong with them, in S3's words.
    pub fn parse(
        algorithm: Option<&str>,
        key: Option<&str>,
        md5: Option<&str>,
    ) -> Result<Option<CustomerKey>> {
        const WITH: &str =
            "Requests specifying Server Side Encryption with Customer provided keys must provide";
        let missing = |what: &str| {
            let text = format!("{WITH} {what}.");
            wrong_argument(&text, "x-amz-server-side-encryption", "null")
        };
        if algorithm.is_none() && key.is_none() && md5.is_none() {
            return Ok(None);
        }
        let algorithm = algorithm.ok_or_else(|| missing("a valid encryption algorithm"))?;
        if algorithm != "AES256" {
            let text = "The encryption request you specified is not valid. The valid value is AES256.";
            return Err(Error::sender("InvalidEncryptionAlgorithmError", text)
                .with_field("ArgumentName", "x-amz-server-side-encryption")
                .with_field("ArgumentValue", algorithm));
        }
        let key = key.ok_or_else(|| missing("an appropriate secret key"))?;
        let md5 = md5.ok_or_else(|| missing("the client calculated MD5 of the secret key"))?;
        // The key itself is not repeated in errors.
        let wrong = |text| wrong_argument(text, "x-amz-server-side-encryption", "null");
        let key = STANDARD.decode(key).ok().and_then(|key| Key::try_from(key).ok());
        let key = key.ok_or_else(|| wrong("The secret key was invalid for the specified algorithm."))?;
        if STANDARD.encode(Md5::digest(key)) != md5 {
            return Err(wrong(
                "The calculated MD5 hash of the key did not match the hash that was provided.",
            ));
        }
        Ok(Some(CustomerKey { key, md5: md5.to_owned() }))
    }

    /// By what the key is known again: a sealed throw-away key.
    pub fn proof(&self, base: &Base) -> Result<Seal> {
        let (seal, _) = Wrapper::of_customer(self)?.fresh(base)?;
        Ok(seal)
    }

    /// Whether it is the key that made this proof.
    pub fn made(&self, proof: &Seal) -> bool {
        Wrapper::of_customer(self).is_ok_and(|wrapper| wrapper.key_in(proof).is_some())
    }
}

/// Checks that a request brings the key of an object, and none when there is none.
pub fn check(content: &Content, given: Option<&CustomerKey>) -> Result<()> {
    match (&content.customer, given) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            Err(error::invalid_request("The encryption parameters are not applicable to this object."))
        }
        (Some(_), None) => Err(error::invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided \
             to retrieve the object.",
        )),
        (Some(proof), Some(key)) if key.made(proof) => Ok(()),
        (Some(_), Some(_)) => Err(error::access_denied()),
    }
}

/// Checks that a part brings the key of its upload.
pub fn check_part(upload: Option<&Seal>, given: Option<&CustomerKey>) -> Result<()> {
    match (upload, given) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            Err(error::invalid_request("The encryption parameters are not applicable to this object."))
        }
        (Some(_), None) => Err(error::invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the \
             appropriate encryption parameters.",
        )),
        (Some(proof), Some(key)) if key.made(proof) => Ok(()),
        (Some(_), Some(_)) => Err(error::invalid_request(
            "The provided encryption parameters did not match the ones used originally.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{CustomerKey, Key, Keystream, STANDARD};
    use base64::Engine;
    use md5::{Digest, Md5};

    fn applied(key: &Key, at: usize, bytes: &[u8], pieces: usize) -> Vec<u8> {
        let (mut stream, mut bytes) = (Keystream::new(key, at as u64).unwrap(), bytes.to_vec());
        bytes.chunks_mut(pieces).for_each(|piece| stream.apply(piece).unwrap());
        bytes
    }

    #[test]
    fn a_range_is_shown_from_its_middle_in_any_pieces() {
        let key: Key = [7; 32];
        let plain: Vec<u8> = (0..1000_u32).map(|i| i as u8).collect();
        let hidden = applied(&key, 0, &plain, 1000);
        assert_ne!(hidden, plain);
        for at in [0, 1, 15, 16, 17, 500, 999] {
            for pieces in [1, 3, 16, 17, 100, 1000] {
                assert_eq!(applied(&key, at, &hidden[at..], pieces), plain[at..], "from {at} by {pieces}");
            }
        }
        assert_ne!(applied(&[8; 32], 0, &hidden, 1000), plain);
    }

    /// from: NIST's known answers of AES-256 (CAVP, KAT of ECB): the zero block under the zero key. What was written by
    /// one release is read by the next.
    #[test]
    fn the_keystream_is_aes_in_counter_mode_from_zero() {
        let first = applied(&[0; 32], 0, &[0; 16], 16);
        assert_eq!(crate::bodies::hex(&first), "dc95c078a2408989ad48a21492842087");
    }

    #[test]
    fn headers_of_customer_keys() {
        let key = STANDARD.encode([1; 32]);
        let md5 = STANDARD.encode(Md5::digest([1; 32]));
        let parse = |algorithm, key, md5| CustomerKey::parse(algorithm, key, md5).map(|key| key.is_some());
        assert_eq!(parse(None, None, None).ok(), Some(false));
        assert_eq!(parse(Some("AES256"), Some(&key), Some(&md5)).ok(), Some(true));
        for (algorithm, key, md5) in [
            (None, Some(key.as_str()), Some(md5.as_str())),
            (Some("AES128"), Some(&key), Some(&md5)),
            (Some("AES256"), None, Some(&md5)),
            (Some("AES256"), Some(&key), None),
            (Some("AES256"), Some("AQEB"), Some(&md5)),
            (Some("AES256"), Some(&key), Some("AQEB")),
        ] {
            assert!(parse(algorithm, key, md5).is_err(), "{algorithm:?} {md5:?}");
        }
    }
}
