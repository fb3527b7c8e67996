//! The second step: is this request signed by the owner of the secret, now, as it stands?
//!
//! Invariant: signatures are compared in constant time, and nothing is allocated for a request that passes.

use super::Head;
use super::canonical;
use super::encode::{hex, push_hex, unhex};
use super::keys::{ChunkKey, SigningKeys};
use super::presented::{Carrier, PayloadHash, Presented};
use super::refusal::{Mismatch, Refusal};
use super::texts::Family;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use std::cell::RefCell;
use yakumo_aws::Timestamp;

/// How far a client's clock may be off, in seconds: fifteen minutes, and five for JSON services.
///
/// AWS: SQS, SNS, IAM and S3 say "- 15 min.", DynamoDB and Kinesis "- 5 min."
const SKEW_S: i64 = 900;
const JSON_SKEW_S: i64 = 300;

/// The buffer of a thread keeps at most this much memory between requests.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How the path enters the canonical request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathRule {
    /// S3: as the key says, encoded once, dots and double slashes kept.
    Plain,
    /// All others: normalised, and what was sent is encoded once more.
    Normalised,
}

/// Which hash of the body the signature covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayloadRule {
    /// The body's own hash; `UNSIGNED-PAYLOAD` is not honoured.
    Signed,
    /// The body's own hash, or `UNSIGNED-PAYLOAD` when declared (operations modelled with `v4-unsigned-body`).
    MayBeUnsigned,
    /// S3: what `x-amz-content-sha256` declares; a presigned URL without it is unsigned.
    Declared,
}

/// How a service reads signatures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The family decides the errors and the clock skew.
    pub family: Family,
    /// The path in the canonical request.
    pub path: PathRule,
    /// The body in the canonical request.
    pub payload: PayloadRule,
    /// How far the client's clock may be off, in seconds.
    pub skew_s: i64,
}

impl Rules {
    /// S3's rules for [`Family::S3`], everyone else's for the others.
    pub const fn of(family: Family) -> Rules {
        match family {
            Family::S3 => {
                Rules { family, path: PathRule::Plain, payload: PayloadRule::Declared, skew_s: SKEW_S }
            }
            Family::Json => Rules { skew_s: JSON_SKEW_S, ..Rules::of(Family::Query).in_family(family) },
            _ => Rules { family, path: PathRule::Normalised, payload: PayloadRule::Signed, skew_s: SKEW_S },
        }
    }

    const fn in_family(self, family: Family) -> Rules {
        Rules { family, ..self }
    }

    /// The same rules for a JSON service that once spoke the query protocol and kept its patience with clocks.
    pub const fn once_query(self) -> Rules {
        Rules { skew_s: SKEW_S, ..self }
    }
}

/// What the caller knows of the body when it asks for verification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyHash {
    /// The SHA-256 of the whole body.
    Known([u8; 32]),
    /// The body has not been read. The declared hash is taken, and the caller promises to hold the body
    /// against it: [`check_body`] for a plain body, [`crate::chunked`] for a chunked one.
    Later,
}

/// A verified signature, with what the chunks of a streamed body are verified against.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The key of this credential scope.
    pub key: ChunkKey,
    /// What the request declares about its body.
    pub payload: PayloadHash,
}

/// Verifies what `presented` claims about `head`, with the secret of its access key and the host's time.
///
/// # Errors
/// Out of date, a header that should be signed and is not, a missing or wrong body hash, a wrong signature.
pub fn verify(
    presented: &Presented,
    head: Head<'_>,
    secret: &str,
    body: BodyHash,
    now: Timestamp,
    rules: Rules,
    keys: &SigningKeys,
) -> Result<Verified, Refusal> {
    check_time(presented, now.as_secs(), rules)?;
    check_signed_headers(presented, head, rules.family)?;
    let mut hash_text = [0; 64];
    let payload = payload_line(presented, head, body, rules, &mut hash_text)?;
    let key = keys.get(presented, secret).ok_or_else(|| Refusal::unknown_access_key(presented))?;
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        canonical::write(buffer, head, rules.path, presented.signed_headers(), payload);
        let result = check_signature(presented, buffer, &key);
        buffer.shrink_to(KEPT_BYTES);
        result
    })?;
    if let BodyHash::Known(computed) = body {
        check_body(presented, computed)?;
    }
    Ok(Verified { key, payload: presented.payload })
}

/// Holds a body that was read later against the hash that was signed. Bodies without a declared hash pass.
///
/// # Errors
/// [`Refusal::BodyHash`].
pub fn check_body(presented: &Presented, computed: [u8; 32]) -> Result<(), Refusal> {
    match presented.payload {
        PayloadHash::Sha256(declared) if declared != computed => {
            Err(Refusal::BodyHash { declared: hex(&declared), computed: hex(&computed) })
        }
        _ => Ok(()),
    }
}

/// Holds the credential scope against the service and region that the request was addressed to.
/// `region` is `None` where the service has a single endpoint that takes any region.
///
/// # Errors
/// [`Refusal::WrongService`], [`Refusal::WrongRegion`].
pub fn check_scope(presented: &Presented, service: &str, region: Option<&str>) -> Result<(), Refusal> {
    let presigned = presented.is_presigned();
    if presented.service() != service {
        let (given, expected) = (presented.service().to_owned(), service.to_owned());
        return Err(Refusal::WrongService { given, expected, presigned });
    }
    let Some(region) = region else { return Ok(()) };
    let fits = match presented.region_set() {
        Some(set) if presented.region().is_empty() => {
            set.split(',').any(|one| region_fits(one.trim(), region))
        }
        _ => presented.region() == region,
    };
    if fits {
        return Ok(());
    }
    let (given, expected) = (presented.region().to_owned(), region.to_owned());
    Err(Refusal::WrongRegion { given, expected, presigned })
}

/// A region of a region set may end in `*`.
fn region_fits(pattern: &str, region: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => region.starts_with(prefix),
        None => pattern == region,
    }
}

pub(super) fn check_time(presented: &Presented, now_s: i64, rules: Rules) -> Result<(), Refusal> {
    let signed_at_s = presented.signed_at_s;
    let s3 = rules.family == Family::S3;
    let window_s = rules.skew_s;
    let early = signed_at_s > now_s.saturating_add(window_s);
    match presented.carrier {
        Carrier::Header if early => Err(Refusal::NotYetCurrent { signed_at_s, now_s, window_s }),
        Carrier::Header if signed_at_s < now_s.saturating_sub(window_s) => {
            Err(Refusal::Expired { signed_at_s, now_s, window_s })
        }
        Carrier::Header => Ok(()),
        Carrier::OldQuery { ends_s } if now_s > ends_s => Err(Refusal::OldExpired { ends_s, now_s }),
        Carrier::OldQuery { .. } => Ok(()),
        Carrier::Query { expires_s: None } if s3 => Err(Refusal::QueryIncomplete(vec!["X-Amz-Expires"])),
        Carrier::Query { expires_s } => {
            // AWS: a presigned STS call lives fifteen minutes whatever X-Amz-Expires says (EKS's tokens say 60).
            let expires_s = i64::from(expires_s.unwrap_or_default()).max(if s3 { 0 } else { 900 });
            if early {
                Err(Refusal::PresignedNotYetValid { signed_at_s, expires_s, now_s })
            } else if now_s > signed_at_s.saturating_add(expires_s) {
                Err(Refusal::PresignedExpired { signed_at_s, expires_s, now_s })
            } else {
                Ok(())
            }
        }
    }
}

/// `host` and every `x-amz-*` header must be signed.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn check_signed_headers(presented: &Presented, head: Head<'_>, family: Family) -> Result<(), Refusal> {
    let signed = |name: &str| presented.signed_headers().split(';').any(|one| one.eq_ignore_ascii_case(name));
    let mut missing = Vec::new();
    if !signed("host") {
        missing.push("host".to_owned());
    }
    for name in head.headers.keys() {
        let name = name.as_str();
        if name.starts_with("x-amz-") && !exempt(name, family) && !signed(name) {
            missing.push(name.to_owned());
        }
    }
    missing.sort_unstable();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::HeadersNotSigned(missing)) }
}

/// Headers whose value the signature covers anyway: the payload hash is a line of the canonical request, the date
/// a line of the string to sign, and a session token is held against the access key.
fn exempt(name: &str, family: Family) -> bool {
    // AWS: S3 wants the token signed, other services take it either way (SigV4's guide on temporary credentials).
    matches!(name, "x-amz-content-sha256" | "x-amz-date")
        || (name == "x-amz-security-token" && family != Family::S3)
}

fn payload_line<'a>(
    presented: &Presented,
    head: Head<'_>,
    body: BodyHash,
    rules: Rules,
    hash_text: &'a mut [u8; 64],
) -> Result<&'a [u8], Refusal> {
    let declared = presented.payload;
    let reserved = |hash: PayloadHash| hash.name().unwrap_or_default().as_bytes();
    let hash = match (rules.payload, body, declared) {
        (PayloadRule::Declared, _, PayloadHash::Absent) if presented.is_presigned() => {
            return Ok(reserved(PayloadHash::Unsigned));
        }
        (PayloadRule::Declared, _, PayloadHash::Absent) | (_, BodyHash::Later, PayloadHash::Absent) => {
            return Err(Refusal::ContentHashMissing);
        }
        (PayloadRule::Declared, _, PayloadHash::Invalid) | (_, BodyHash::Later, PayloadHash::Invalid) => {
            let value = head.headers.get("x-amz-content-sha256").map(|value| value.as_bytes());
            let value = String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
            return Err(Refusal::ContentHashInvalid(value));
        }
        (PayloadRule::MayBeUnsigned, _, PayloadHash::Unsigned) => return Ok(reserved(declared)),
        (PayloadRule::Signed | PayloadRule::MayBeUnsigned, BodyHash::Known(computed), _) => computed,
        (_, _, PayloadHash::Sha256(hash)) => hash,
        (PayloadRule::Signed, BodyHash::Later, PayloadHash::Unsigned) => {
            return Err(Refusal::ContentHashInvalid("UNSIGNED-PAYLOAD".into()));
        }
        _ => return Ok(reserved(declared)),
    };
    let mut text = Vec::with_capacity(64);
    push_hex(&mut text, &hash);
    hash_text.copy_from_slice(&text);
    Ok(hash_text)
}

/// `buffer` holds the canonical request; the string to sign is put behind it.
fn check_signature(presented: &Presented, buffer: &mut Vec<u8>, key: &ChunkKey) -> Result<(), Refusal> {
    let canonical_len = buffer.len();
    string_to_sign(presented, buffer);
    let string_to_sign = buffer.get(canonical_len..).unwrap_or_default();
    if matches(key, string_to_sign, presented.signature()) {
        return Ok(());
    }
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    Err(Refusal::SignatureMismatch(Box::new(Mismatch {
        access_key_id: presented.access_key_id().to_owned(),
        signature: presented.signature().to_owned(),
        string_to_sign: text(buffer.get(canonical_len..)),
        canonical_request: text(buffer.get(..canonical_len)),
    })))
}

fn string_to_sign(presented: &Presented, buffer: &mut Vec<u8>) {
    let hash = digest::digest(&digest::SHA256, buffer);
    for line in [presented.algorithm.as_str(), presented.timestamp(), presented.scope()] {
        buffer.extend_from_slice(line.as_bytes());
        buffer.push(b'\n');
    }
    push_hex(buffer, hash.as_ref());
}

/// Whether `signature` (hexadecimal) is the key's signature of `message`.
pub(crate) fn matches(key: &ChunkKey, message: &[u8], signature: &str) -> bool {
    match key {
        ChunkKey::Hmac(key) => {
            let mut text = Vec::with_capacity(64);
            push_hex(&mut text, hmac::sign(key, message).as_ref());
            verify_slices_are_equal(&text, signature.as_bytes()).is_ok()
        }
        ChunkKey::Ecdsa(key) => {
            unhex(signature.as_bytes()).is_some_and(|signature| key.verify_sig(message, &signature).is_ok())
        }
    }
}
