//! X.509 certificates and private keys in PEM: what IAM checks of them before it keeps them. Pure functions.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html>

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, ED25519, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yakumo_aws::Timestamp;
use yakumo_room::{Certificate as Read, rsa_numbers};

/// The most certificates that are read from one chain.
const CHAIN_MAX: usize = 16;

/// A block of PEM (RFC 7468): its label and its bytes.
struct Block<'a> {
    label: &'a str,
    der: Vec<u8>,
}

/// Reads blocks with nothing but white space between them, at most `most`; `None` when the text is anything else.
fn blocks(text: &str, most: usize) -> Option<Vec<Block<'_>>> {
    let mut rest = text.trim();
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.strip_prefix("-----BEGIN ")?.split_once("-----")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(end.as_str())?;
        let base64: String = body.split_ascii_whitespace().collect();
        blocks.push(Block { label, der: STANDARD.decode(base64).ok()? });
        if blocks.len() > most {
            return None;
        }
        rest = after.trim_start();
    }
    (!blocks.is_empty()).then_some(blocks)
}

/// One certificate, read.
pub(crate) struct Certificate {
    der: Vec<u8>,
    read: Read,
}

impl Certificate {
    /// The single certificate of a PEM text.
    pub(crate) fn from_pem(text: &str) -> Option<Certificate> {
        let mut all = Certificate::chain_from_pem(text, 1)?;
        all.pop()
    }

    /// The certificates of a PEM text in their order.
    pub(crate) fn all_from_pem(text: &str) -> Option<Vec<Certificate>> {
        Certificate::chain_from_pem(text, CHAIN_MAX)
    }

    fn chain_from_pem(text: &str, most: usize) -> Option<Vec<Certificate>> {
        let read = |block: Block<'_>| match block.label {
            "CERTIFICATE" => Some(Certificate { read: Read::parse(&block.der)?, der: block.der }),
            _ => None,
        };
        blocks(text, most)?.into_iter().map(read).collect()
    }

    /// SHA-256 of the whole certificate in hexadecimal.
    pub(crate) fn print(&self) -> String {
        hex(digest(&SHA256, &self.der).as_ref())
    }

    /// Whether it is valid at a point in time.
    pub(crate) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.read.is_valid_at(now)
    }

    /// The last second in which it is valid.
    pub(crate) fn not_after(&self) -> Timestamp {
        self.read.not_after
    }

    /// Whether `issuer` signed this certificate and is named as its issuer.
    pub(crate) fn is_issued_by(&self, issuer: &Certificate) -> bool {
        let verifies = |algorithm: &&'static dyn VerificationAlgorithm| {
            let key = UnparsedPublicKey::new(*algorithm, &issuer.read.key);
            key.verify(&self.read.signed, &self.read.signature).is_ok()
        };
        self.read.issuer == issuer.read.subject && algorithms(&self.read.algorithm).iter().any(verifies)
    }
}

/// The algorithms that a signature's identifier can mean: for ECDSA the curve is the key's.
fn algorithms(oid: &[u8]) -> &'static [&'static dyn VerificationAlgorithm] {
    // 1.2.840.113549.1.1.* is PKCS#1, 1.2.840.10045.4.3.* ECDSA with SHA-2, 1.3.101.112 Ed25519.
    const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    match oid.split_last() {
        Some((5, PKCS1)) => &[&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY],
        Some((11, PKCS1)) => &[&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY],
        Some((12, PKCS1)) => &[&RSA_PKCS1_2048_8192_SHA384],
        Some((13, PKCS1)) => &[&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY],
        Some((2, ECDSA)) => &[&ECDSA_P256_SHA256_ASN1, &ECDSA_P384_SHA256_ASN1, &ECDSA_P521_SHA256_ASN1],
        Some((3, ECDSA)) => &[&ECDSA_P256_SHA384_ASN1, &ECDSA_P384_SHA384_ASN1, &ECDSA_P521_SHA384_ASN1],
        Some((4, ECDSA)) => &[&ECDSA_P521_SHA512_ASN1],
        Some((0x70, [0x2b, 0x65])) => &[&ED25519],
        _ => &[],
    }
}

/// Where a chain breaks: −1 when its first certificate did not issue `leaf`, else the index of the certificate whose
/// successor did not issue it. `Ok` for a whole chain.
pub(crate) fn check_chain(leaf: &Certificate, chain: &[Certificate]) -> Result<(), i32> {
    let below = std::iter::once(leaf).chain(chain);
    for (index, (own, issuer)) in below.zip(chain).enumerate() {
        if !own.is_issued_by(issuer) {
            return Err(i32::try_from(index).unwrap_or(i32::MAX) - 1);
        }
    }
    Ok(())
}

/// The public half of an unencrypted private key in PEM: PKCS#1, SEC 1 or PKCS#8; `None` when it is no such key.
pub(crate) fn public_half(pem: &str) -> Option<Vec<u8>> {
    // OpenSSL writes the curve's parameters in front of EC keys.
    let blocks = blocks(pem, 2)?;
    let block = blocks.iter().find(|block| block.label != "EC PARAMETERS")?;
    match block.label {
        "RSA PRIVATE KEY" => rsa::KeyPair::from_der(&block.der).ok().map(|pair| rsa_public(&pair)),
        "EC PRIVATE KEY" => {
            elliptic(|algorithm| EcdsaKeyPair::from_private_key_der(algorithm, &block.der).ok())
        }
        "PRIVATE KEY" => match rsa::KeyPair::from_pkcs8(&block.der) {
            Ok(pair) => Some(rsa_public(&pair)),
            Err(_) => elliptic(|algorithm| EcdsaKeyPair::from_pkcs8(algorithm, &block.der).ok()),
        },
        _ => None,
    }
}

fn rsa_public(pair: &rsa::KeyPair) -> Vec<u8> {
    pair.public_key().as_ref().to_vec()
}

fn elliptic(
    read: impl Fn(&'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>,
) -> Option<Vec<u8>> {
    let curves =
        [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING];
    curves.into_iter().find_map(read).map(|pair| pair.public_key().as_ref().to_vec())
}

/// Whether a public half is the certificate's.
pub(crate) fn is_key_of(certificate: &Certificate, public: &[u8]) -> bool {
    certificate.read.key == public
}

/// The modulus and exponent (big-endian, without a sign) of an RSA public key in PEM.
pub(crate) fn rsa_from_pem(text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let blocks = blocks(text, 1)?;
    let block = blocks.first().filter(|block| block.label == "PUBLIC KEY")?;
    rsa_numbers(&block.der)
}

fn unsigned(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// An RSA public key as PEM (`PUBLIC KEY`, RFC 5280 section 4.1.2.7).
pub(crate) fn rsa_to_pem(modulus: &[u8], exponent: &[u8]) -> String {
    // AlgorithmIdentifier { rsaEncryption, NULL }
    const ALGORITHM: &[u8] =
        &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0];
    let number = |bytes: &[u8]| {
        let sign = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        der(0x02, &[if sign { &[0][..] } else { &[] }, bytes].concat())
    };
    let key = der(0x30, &[number(modulus), number(exponent)].concat());
    let bits = der(0x03, &[&[0][..], &key].concat());
    let whole = STANDARD.encode(der(0x30, &[ALGORITHM, &bits].concat()));
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    for (index, letter) in whole.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END PUBLIC KEY-----\n");
    text
}

/// A value of DER: tag, length, contents.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = unsigned(&length.to_be_bytes());
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
            out.extend(bytes);
        }
    }
    out.extend(contents);
    out
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Certificate, check_chain, is_key_of, public_half, rsa_from_pem, rsa_to_pem};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    struct Made {
        leaf: String,
        key: String,
        middle: String,
        root: String,
    }

    fn made() -> Made {
        let authority = |name: &str| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            (params, KeyPair::generate().unwrap())
        };
        let (root_params, root_key) = authority("root.test");
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let (middle_params, middle_key) = authority("middle.test");
        let middle = middle_params.signed_by(&middle_key, &root_issuer).unwrap();
        let middle_issuer = Issuer::new(middle_params, middle_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["leaf.test".into()]).unwrap();
        let leaf = leaf.signed_by(&key, &middle_issuer).unwrap();
        Made { leaf: leaf.pem(), key: key.serialize_pem(), middle: middle.pem(), root: root.pem() }
    }

    #[test]
    fn a_chain_is_whole_or_breaks_somewhere() {
        let made = made();
        let leaf = Certificate::from_pem(&made.leaf).unwrap();
        let check =
            |texts: &[&str]| check_chain(&leaf, &Certificate::all_from_pem(&texts.join("\n")).unwrap());
        assert_eq!(check(&[&made.middle, &made.root]), Ok(()));
        assert_eq!(check(&[&made.middle]), Ok(()));
        assert_eq!(check(&[&made.root]), Err(-1));
        assert_eq!(check(&[&made.middle, &made.leaf]), Err(0));
        assert_eq!(check(&[&made.middle, &made.root, &made.middle]), Err(1));
    }

    #[test]
    fn a_key_belongs_to_one_certificate() {
        let (one, other) = (made(), made());
        let leaf = Certificate::from_pem(&one.leaf).unwrap();
        assert!(is_key_of(&leaf, &public_half(&one.key).unwrap()));
        assert!(!is_key_of(&leaf, &public_half(&other.key).unwrap()));
        for bad in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", one.leaf.as_str()] {
            assert!(public_half(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_pem_is_a_certificate() {
        let made = made();
        let twice = format!("{}\n{}", made.leaf, made.root);
        let spoilt = made.leaf.replacen("MII", "MIJ", 1);
        let chatty = format!("Certificate:\n{}", made.leaf);
        for bad in ["", "x", twice.as_str(), spoilt.as_str(), chatty.as_str(), made.key.as_str()] {
            assert!(Certificate::from_pem(bad).is_none(), "{bad}");
        }
        assert!(Certificate::from_pem(&format!("\n {} \n", made.leaf)).is_some());
    }

    #[test]
    fn an_rsa_key_survives_its_forms() {
        let modulus = [&[0xc5_u8][..], &[7; 255]].concat();
        let pem = rsa_to_pem(&modulus, &[1, 0, 1]);
        assert_eq!(rsa_from_pem(&pem), Some((modulus, vec![1, 0, 1])));
        assert_eq!(rsa_from_pem(&made().leaf), None);
    }
}
