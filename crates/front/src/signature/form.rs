//! Signatures over the policy document of a form that a browser posts.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html>

use super::authorization::Fields;
use super::instant::parse_basic;
use super::keys::SigningKeys;
use super::old;
use super::presented::{Algorithm, Carrier, PayloadHash, Presented};
use super::refusal::{Mismatch, Refusal};
use super::verify::matches;
use yakumo_room::Proof;

/// What the fields of a form present.
///
/// # Errors
/// What of it cannot be read.
pub fn of_form(proof: &Proof) -> Result<Presented, Refusal> {
    let Some(algorithm) = &proof.algorithm else { return Ok(old::of_form(proof)) };
    let algorithm = Algorithm::parse(algorithm)
        .filter(|known| *known == Algorithm::V4)
        .ok_or_else(|| Refusal::UnsupportedAlgorithm { algorithm: algorithm.clone(), presigned: true })?;
    let signed_at_s = parse_basic(&proof.date)
        .ok_or_else(|| Refusal::DateMalformed { date: proof.date.clone(), presigned: true })?;
    let fields = Fields {
        algorithm,
        credential: &proof.credential,
        signed_headers: "",
        signature: &proof.signature,
        timestamp: &proof.date,
        token: proof.token.as_deref(),
        region_set: None,
        payload: PayloadHash::Unsigned,
        carrier: Carrier::Query { expires_s: None },
        signed_at_s,
    };
    fields.presented()
}

/// Verifies the signature over the policy document as it was sent, in Base64.
///
/// # Errors
/// A wrong signature.
pub fn verify_form(
    presented: &Presented,
    message: &str,
    secret: &str,
    keys: &SigningKeys,
) -> Result<(), Refusal> {
    let good = match presented.algorithm {
        Algorithm::V2 => old::signs(secret, message.as_bytes(), presented.signature()),
        _ => keys
            .get(presented, secret)
            .is_some_and(|key| matches(&key, message.as_bytes(), presented.signature())),
    };
    if good {
        return Ok(());
    }
    Err(Refusal::SignatureMismatch(Box::new(Mismatch {
        access_key_id: presented.access_key_id().to_owned(),
        signature: presented.signature().to_owned(),
        string_to_sign: message.to_owned(),
        canonical_request: String::new(),
    })))
}
