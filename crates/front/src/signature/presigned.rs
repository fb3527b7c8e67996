//! Presigned URLs: the signature in query parameters.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use super::Head;
use super::authorization::{Fields, payload};
use super::encode::decode;
use super::instant::parse_basic;
use super::presented::{Algorithm, Carrier, PayloadHash, Presented};
use super::refusal::Refusal;

/// The longest life of a presigned URL: seven days.
const MAX_EXPIRES_S: u32 = 604_800;

const NAMES: [&str; 10] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Region-Set",
    "X-Amz-Content-Sha256",
    "X-Amz-S3session-Token",
];

/// The decoded values, in the order of [`NAMES`].
struct Values([Option<String>; NAMES.len()]);

/// What the query string has to do with signatures.
#[derive(PartialEq, Eq)]
pub(super) enum Kind {
    None,
    V4,
    V2,
    /// S3's presigned URLs of Signature Version 2.
    OldS3,
}

/// Looks for signature parameters without decoding anything.
pub(super) fn kind(query: &str) -> Kind {
    let names = || query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let has = |wanted: &str| names().any(|name| name == wanted);
    if !query.contains("X-Amz-") && !query.contains("AWSAccessKeyId") {
        Kind::None
    } else if has("X-Amz-Algorithm") || has("X-Amz-Signature") || has("X-Amz-Credential") {
        Kind::V4
    } else if has("AWSAccessKeyId") && has("Signature") {
        // Other services' Signature Version 2 has parameters of its own; S3's has exactly these three.
        if has("Expires") && !has("Action") && !has("SignatureVersion") { Kind::OldS3 } else { Kind::V2 }
    } else {
        Kind::None
    }
}

/// Reads the parameters of a presigned URL.
pub(super) fn parse(query: &str, head: Head<'_>) -> Result<Presented, Refusal> {
    let values = Values::read(query);
    let Values(
        [
            algorithm,
            credential,
            date,
            signed_headers,
            signature,
            expires,
            token,
            region_set,
            hash,
            of_session,
        ],
    ) = &values;
    let (Some(algorithm), Some(credential), Some(date), Some(signed_headers), Some(signature)) =
        (algorithm, credential, date, signed_headers, signature)
    else {
        return Err(values.incomplete());
    };
    let Some(known) = Algorithm::parse(algorithm) else {
        return Err(Refusal::UnsupportedAlgorithm { algorithm: algorithm.clone(), presigned: true });
    };
    let signed_at_s =
        parse_basic(date).ok_or_else(|| Refusal::DateMalformed { date: date.clone(), presigned: true })?;
    let fields = Fields {
        algorithm: known,
        credential,
        signed_headers,
        signature,
        timestamp: date,
        token: token.as_deref().or(of_session.as_deref()),
        region_set: region_set.as_deref(),
        payload: hash.as_deref().map_or_else(|| payload(head), |hash| PayloadHash::parse(hash.as_bytes())),
        carrier: Carrier::Query { expires_s: expires.as_deref().map(seconds).transpose()? },
        signed_at_s,
    };
    fields.presented()
}

impl Values {
    fn read(query: &str) -> Values {
        let mut values = [const { None }; NAMES.len()];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wanted = NAMES.iter().position(|known| *known == name);
            if let Some(slot) = wanted.and_then(|index| values.get_mut(index)) {
                let mut bytes = Vec::with_capacity(value.len());
                decode(&mut bytes, value.as_bytes());
                *slot = String::from_utf8(bytes).ok();
            }
        }
        Values(values)
    }

    fn incomplete(&self) -> Refusal {
        let required = NAMES.iter().zip(&self.0).take(5);
        Refusal::QueryIncomplete(
            required.filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect(),
        )
    }
}

fn seconds(text: &str) -> Result<u32, Refusal> {
    let value: i64 = text.parse().map_err(|_| Refusal::ExpiresNotNumber)?;
    if value < 0 {
        return Err(Refusal::ExpiresNegative);
    }
    let value = u32::try_from(value).map_err(|_| Refusal::ExpiresTooLong)?;
    if value > MAX_EXPIRES_S { Err(Refusal::ExpiresTooLong) } else { Ok(value) }
}
