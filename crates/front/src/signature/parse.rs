//! The first step: find the signature of a request, in its header or its query string.

use super::presented::Presented;
use super::presigned::{self, Kind};
use super::refusal::Refusal;
use super::{Head, authorization, old};
use http::header::AUTHORIZATION;

/// Reads what a request presents. `Ok(None)` is an anonymous request: neither header nor query parameters.
///
/// Nothing is verified here; the credential scope says which service and region the caller meant.
pub fn parse(head: Head<'_>) -> Result<Option<Presented>, Refusal> {
    let query = head.uri.query().unwrap_or_default();
    let kind = presigned::kind(query);
    let Some(header) = head.headers.get(AUTHORIZATION) else {
        return match kind {
            Kind::None => Ok(None),
            Kind::V2 => Err(Refusal::SignatureV2),
            Kind::OldS3 => old::parse(query, head).map(Some),
            Kind::V4 => presigned::parse(query, head).map(Some),
        };
    };
    let text = String::from_utf8_lossy(header.as_bytes());
    if kind != Kind::None {
        return Err(Refusal::TwoMechanisms(text.into_owned()));
    }
    authorization::parse(text.trim(), head).map(Some)
}
