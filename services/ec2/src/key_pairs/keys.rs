//! Keys: made, read from text, and their fingerprints. Pure but for the random numbers.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html>

use super::KeyType;
use super::wire::{colons, der, der_number, pem, put_number, put_text, take_der, take_text};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use yakumo_aws::{Error, Result};

/// The algorithm identifier of RSA keys: rsaEncryption with no parameters.
const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// AWS: "Supported lengths: 1024, 2048, and 4096."
const RSA_BITS: &[usize] = &[1024, 2048, 4096];

/// A public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Public {
    /// Modulus and exponent.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// The point.
    Ed25519([u8; 32]),
}

/// A key that was made: everything that the answer has.
pub(super) struct Made {
    pub public: Public,
    pub fingerprint: String,
    /// The private key, as OpenSSH reads it.
    pub pem: String,
}

impl Public {
    pub fn kind(&self) -> KeyType {
        match self {
            Public::Rsa { .. } => KeyType::Rsa,
            Public::Ed25519(_) => KeyType::Ed25519,
        }
    }

    fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Public::Rsa { modulus, exponent } => {
                put_text(&mut out, b"ssh-rsa");
                put_number(&mut out, exponent);
                put_number(&mut out, modulus);
            }
            Public::Ed25519(point) => {
                put_text(&mut out, b"ssh-ed25519");
                put_text(&mut out, point);
            }
        }
        out
    }

    /// As `authorized_keys` has it, without a comment.
    pub fn line(&self) -> String {
        let name = if self.kind() == KeyType::Rsa { "ssh-rsa" } else { "ssh-ed25519" };
        format!("{name} {}", STANDARD.encode(self.blob()))
    }

    /// The fingerprint of a key that was imported.
    /// AWS: of an RSA key it is the MD5 of the public key in DER, of the others what OpenSSH shows.
    pub fn fingerprint(&self) -> String {
        match self {
            Public::Rsa { modulus, exponent } => {
                let key = der(0x30, &[der_number(modulus), der_number(exponent)].concat());
                let bits = der(0x03, &[&[0][..], &key].concat());
                colons(&Md5::digest(der(0x30, &[RSA, &bits].concat())))
            }
            Public::Ed25519(_) => STANDARD.encode(digest::digest(&digest::SHA256, &self.blob())),
        }
    }

    /// Reads one of the forms that ImportKeyPair takes: a line of OpenSSH, its Base64 alone, RFC 4716, or DER in Base64.
    pub fn read(material: &[u8]) -> Option<Public> {
        let text = std::str::from_utf8(material).ok()?.trim();
        let base64 = match text.strip_prefix("---- BEGIN SSH2 PUBLIC KEY ----") {
            Some(rest) => body_of_4716(rest.strip_suffix("---- END SSH2 PUBLIC KEY ----")?),
            None => {
                let mut words = text.lines().next()?.split_ascii_whitespace();
                match words.next()? {
                    "ssh-rsa" | "ssh-ed25519" => words.next()?.to_owned(),
                    _ => text.split_ascii_whitespace().collect(),
                }
            }
        };
        let bytes = STANDARD.decode(base64).ok()?;
        let read = Public::from_blob(&bytes).or_else(|| Public::from_der(&bytes))?;
        read.has_known_length().then_some(read)
    }

    fn from_blob(mut bytes: &[u8]) -> Option<Public> {
        let from = &mut bytes;
        let read = match take_text(from)? {
            b"ssh-rsa" => {
                let (exponent, modulus) = (take_text(from)?, take_text(from)?);
                Public::Rsa { modulus: plain(modulus)?, exponent: plain(exponent)? }
            }
            b"ssh-ed25519" => Public::Ed25519(take_text(from)?.try_into().ok()?),
            _ => return None,
        };
        from.is_empty().then_some(read)
    }

    fn from_der(bytes: &[u8]) -> Option<Public> {
        let mut outer = take_der(&mut &*bytes, 0x30)?;
        let mut bits = outer.strip_prefix(RSA)?;
        let key = take_der(&mut bits, 0x03)?;
        outer = take_der(&mut key.strip_prefix(&[0])?, 0x30)?;
        let (modulus, exponent) = (take_der(&mut outer, 0x02)?, take_der(&mut outer, 0x02)?);
        Some(Public::Rsa { modulus: plain(modulus)?, exponent: plain(exponent)? })
    }

    fn has_known_length(&self) -> bool {
        match self {
            Public::Rsa { modulus, .. } => RSA_BITS.contains(&(modulus.len() * 8)),
            Public::Ed25519(_) => true,
        }
    }
}

/// A positive number without the zero before it.
fn plain(number: &[u8]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    (!plain.is_empty()).then_some(plain)
}

/// The Base64 of RFC 4716: lines with a colon are headers, and a header's line may go on after a backslash.
fn body_of_4716(text: &str) -> String {
    let mut body = String::new();
    let mut in_header = false;
    for line in text.lines().map(str::trim) {
        let is_header = in_header || line.contains(':');
        in_header = is_header && line.ends_with('\\');
        if !is_header {
            body.push_str(line);
        }
    }
    body
}

/// A new key.
///
/// # Errors
/// When the machine gives none.
pub(super) fn make(kind: KeyType) -> Result<Made> {
    match kind {
        KeyType::Rsa => make_rsa(),
        KeyType::Ed25519 => make_ed25519(),
    }
}

fn make_rsa() -> Result<Made> {
    // AWS: "2048-bit RSA keys".
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(Error::internal)?;
    let whole: Pkcs8V1Der<'_> = pair.as_der().map_err(Error::internal)?;
    let broken = || Error::internal("a new key cannot be read");
    // Inside of PKCS #8 stands what OpenSSL calls an RSA private key.
    let mut inner = take_der(&mut whole.as_ref(), 0x30).ok_or_else(broken)?;
    take_der(&mut inner, 0x02).ok_or_else(broken)?;
    take_der(&mut inner, 0x30).ok_or_else(broken)?;
    let private = take_der(&mut inner, 0x04).ok_or_else(broken)?;
    let mut public = take_der(&mut pair.public_key().as_ref(), 0x30).ok_or_else(broken)?;
    let modulus = take_der(&mut public, 0x02).and_then(plain).ok_or_else(broken)?;
    let exponent = take_der(&mut public, 0x02).and_then(plain).ok_or_else(broken)?;
    // AWS: "the SHA-1 digest of the DER encoded private key" is that of PKCS #8 (verify-keys.html).
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, whole.as_ref());
    Ok(Made {
        public: Public::Rsa { modulus, exponent },
        fingerprint: colons(digest.as_ref()),
        pem: pem("RSA PRIVATE KEY", private, 64),
    })
}

fn make_ed25519() -> Result<Made> {
    let pair = Ed25519KeyPair::generate().map_err(Error::internal)?;
    let seed = pair.seed().map_err(Error::internal)?;
    let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(Error::internal)?;
    let point: [u8; 32] = pair.public_key().as_ref().try_into().map_err(Error::internal)?;
    let public = Public::Ed25519(point);
    let mut check = [0; 4];
    aws_lc_rs::rand::fill(&mut check).map_err(Error::internal)?;
    let blob = public.blob();
    Ok(Made {
        fingerprint: public.fingerprint(),
        pem: pem("OPENSSH PRIVATE KEY", &openssh(&blob, seed.as_ref(), &point, check), 70),
        public,
    })
}

/// OpenSSH's own form of a private key without a passphrase.
/// Source: PROTOCOL.key of OpenSSH, <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key>.
fn openssh(blob: &[u8], seed: &[u8], point: &[u8], check: [u8; 4]) -> Vec<u8> {
    let mut private = [check, check].concat();
    put_text(&mut private, b"ssh-ed25519");
    put_text(&mut private, point);
    put_text(&mut private, &[seed, point].concat());
    put_text(&mut private, b"");
    for byte in 1..8 {
        if private.len() % 8 == 0 {
            break;
        }
        private.push(byte);
    }
    let mut out = b"openssh-key-v1\0".to_vec();
    for text in [&b"none"[..], b"none", b""] {
        put_text(&mut out, text);
    }
    out.extend(1u32.to_be_bytes());
    put_text(&mut out, blob);
    put_text(&mut out, &private);
    out
}

#[cfg(test)]
mod tests {
    use super::{Public, make};
    use crate::key_pairs::KeyType;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn what_is_made_can_be_read_again() {
        for kind in [KeyType::Rsa, KeyType::Ed25519] {
            let made = make(kind).unwrap();
            let line = made.public.line();
            let read = Public::read(format!("{line} somebody@example\n").as_bytes()).unwrap();
            assert_eq!(read, made.public);
            assert_eq!(read.kind(), kind);
            let base64 = line.split(' ').nth(1).unwrap();
            assert_eq!(Public::read(base64.as_bytes()).unwrap(), read);
            let rfc = format!(
                "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"a \\\nlong one\"\n{}\n{}\n---- END SSH2 PUBLIC KEY ----\n",
                &base64[..50],
                &base64[50..]
            );
            assert_eq!(Public::read(rfc.as_bytes()).unwrap(), read);
            assert!(made.pem.starts_with("-----BEGIN ") && made.pem.ends_with("PRIVATE KEY-----"));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let short = STANDARD.encode(b"\0\0\0\x07ssh-rsa\0\0\0\x01\x03\0\0\0\x02\x01\x01");
        for text in [
            "",
            "ssh-rsa",
            "ssh-rsa AAAA",
            "ssh-dss AAAAB3NzaC1kc3MAAAA=",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIQ==",
            "-----BEGIN RSA PRIVATE KEY-----",
            "---- BEGIN SSH2 PUBLIC KEY ----",
            &format!("ssh-rsa {short}"),
            "\u{1f511}",
        ] {
            assert_eq!(Public::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Public::read(b"\xff\xfe"), None);
    }
}
