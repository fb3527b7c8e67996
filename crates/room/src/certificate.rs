//! X.509 certificates (RFC 5280), as far as rooms look into them: whose key, and from when to when.
//!
//! Only reads: it never says that a certificate is to be trusted. No length in the input is believed before the bytes
//! are there.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use time::{Date, Month, PrimitiveDateTime, Time};
use yakumo_aws::Timestamp;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

/// The kind of a certificate's public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// RSA; the length of its modulus in bits.
    Rsa(usize),
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Anything else: it can be read, but nothing is verified with it.
    Other,
}

/// What a certificate says of itself.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The kind of its key.
    pub kind: KeyKind,
    /// The key: PKCS#1 `RSAPublicKey` of RSA, the uncompressed point of ECDSA.
    pub key: Vec<u8>,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// The last second in which it is valid.
    pub not_after: Timestamp,
    /// Who issued it: the DER of a name.
    pub issuer: Vec<u8>,
    /// Whose it is: the DER of a name.
    pub subject: Vec<u8>,
    /// What the issuer signed.
    pub signed: Vec<u8>,
    /// The object identifier of the signature's algorithm, as DER has it.
    pub algorithm: Vec<u8>,
    /// The issuer's signature.
    pub signature: Vec<u8>,
}

impl Certificate {
    /// Reads the DER of one certificate; `None` when it is none, or something follows it.
    pub fn parse(der: &[u8]) -> Option<Certificate> {
        let mut whole = Der(der);
        let mut certificate = Der(whole.take(SEQUENCE)?);
        if !whole.0.is_empty() {
            return None;
        }
        let content = certificate.0;
        let mut body = Der(certificate.take(SEQUENCE)?);
        let signed = content.get(..content.len() - certificate.0.len())?.to_vec();
        let algorithm = Der(certificate.take(SEQUENCE)?).take(OBJECT_ID)?.to_vec();
        let (_unused_bits, signature) = certificate.take(BIT_STRING)?.split_first()?;
        let signature = signature.to_vec();
        body.skip_if(VERSION);
        body.take(INTEGER)?;
        let (_algorithm, issuer) = (body.take(SEQUENCE)?, body.take(SEQUENCE)?.to_vec());
        let mut validity = Der(body.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = body.take(SEQUENCE)?.to_vec();
        let (kind, key) = public_key(body.take(SEQUENCE)?)?;
        Some(Certificate { kind, key, not_before, not_after, issuer, subject, signed, algorithm, signature })
    }

    /// Whether it is valid at a point in time.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// The SHA-1 of a certificate's DER in 40 lower-case hexadecimal digits: AWS's thumbprint.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html>
pub fn thumbprint(der: &[u8]) -> String {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The modulus and the exponent, big-endian and without leading zeros, of an RSA key in the DER of a
/// `SubjectPublicKeyInfo`; `None` when it is anything else, or something follows it.
pub fn rsa_numbers(info: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut whole = Der(info);
    let (kind, key) = public_key(whole.take(SEQUENCE)?)?;
    if !whole.0.is_empty() || !matches!(kind, KeyKind::Rsa(_)) {
        return None;
    }
    let mut numbers = Der(Der(&key).take(SEQUENCE)?);
    let number = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    Some((number(numbers.take(INTEGER)?), number(numbers.take(INTEGER)?)))
}

fn public_key(info: &[u8]) -> Option<(KeyKind, Vec<u8>)> {
    let mut info = Der(info);
    let mut algorithm = Der(info.take(SEQUENCE)?);
    let (unused_bits, key) = info.take(BIT_STRING)?.split_first()?;
    if *unused_bits != 0 {
        return None;
    }
    let kind = match algorithm.take(OBJECT_ID)? {
        RSA_ENCRYPTION => KeyKind::Rsa(modulus_bits(key)?),
        EC_PUBLIC_KEY => match algorithm.take(OBJECT_ID) {
            Some(P256) => KeyKind::P256,
            Some(P384) => KeyKind::P384,
            _ => KeyKind::Other,
        },
        _ => KeyKind::Other,
    };
    Some((kind, key.to_vec()))
}

fn modulus_bits(key: &[u8]) -> Option<usize> {
    let modulus = Der(Der(key).take(SEQUENCE)?).take(INTEGER)?;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let digits = modulus.get(first..)?;
    let top = digits.first()?.leading_zeros();
    Some(digits.len() * 8 - usize::try_from(top).ok()?)
}

/// What is left to read of a DER value.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        if *found != tag {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    fn skip_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            let _ = self.take(tag);
        }
    }

    /// A `UTCTime` or `GeneralizedTime` in the only form that RFC 5280 allows.
    fn time(&mut self) -> Option<Timestamp> {
        let tag = *self.0.first()?;
        let text = std::str::from_utf8(self.take(tag)?).ok()?.strip_suffix('Z')?;
        let (year, rest) = match tag {
            UTC_TIME if text.len() == 12 => {
                let short: i32 = text.get(..2)?.parse().ok()?;
                (if short < 50 { 2000 + short } else { 1900 + short }, text.get(2..)?)
            }
            GENERALIZED_TIME if text.len() == 14 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
            _ => return None,
        };
        let part = |at: usize| -> Option<u8> { rest.get(at..at + 2)?.parse().ok() };
        let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
        let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
        Some(Timestamp::from_secs(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Certificate, KeyKind, thumbprint};
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use yakumo_aws::Timestamp;

    fn made(key: &KeyPair) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2051, 1, 1);
        params.self_signed(key).unwrap().der().to_vec()
    }

    #[test]
    fn what_a_certificate_says() {
        for (algorithm, kind) in
            [(&rcgen::PKCS_ECDSA_P256_SHA256, KeyKind::P256), (&rcgen::PKCS_ECDSA_P384_SHA384, KeyKind::P384)]
        {
            let der = made(&KeyPair::generate_for(algorithm).unwrap());
            let certificate = Certificate::parse(&der).unwrap();
            assert_eq!((certificate.kind, certificate.key[0]), (kind, 4));
            assert_eq!(certificate.not_before, Timestamp::from_secs(1_577_836_800));
            assert_eq!(certificate.not_after, Timestamp::from_secs(2_556_144_000));
            assert!(certificate.is_valid_at(Timestamp::from_secs(1_600_000_000)));
            assert!(!certificate.is_valid_at(Timestamp::from_secs(1_500_000_000)));
            assert_eq!(thumbprint(&der).len(), 40);
            assert_eq!(certificate.issuer, certificate.subject);
            assert!(der.windows(certificate.signed.len()).any(|part| part == certificate.signed));
            assert!(
                der.ends_with(&certificate.signature) && certificate.algorithm.starts_with(&[0x2a, 0x86])
            );
        }
    }

    #[test]
    fn no_cut_or_changed_certificate_panics() {
        let der = made(&KeyPair::generate().unwrap());
        for end in 0..der.len() {
            assert!(Certificate::parse(&der[..end]).is_none());
        }
        let longer = [der.as_slice(), &[0]].concat();
        assert!(Certificate::parse(&longer).is_none());
        for place in 0..der.len() {
            let mut changed = der.clone();
            changed[place] ^= 0x85;
            let _ = Certificate::parse(&changed);
        }
    }
}
