//! AWS's error code, status and text for each refusal, in each family of services: one table.
//!
//! Invariant: nothing else in the signature code writes a message. Here are all families but S3, which has a file of
//! its own. Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>, and
//! answers quoted by AWS's users.

mod s3;

use super::instant::basic;
use super::refusal::{Mismatch, Refusal};
use aws_lc_rs::digest;
use base64::Engine;
use yakumo_aws::Error;

/// A family of services with one way of saying that a signature is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// awsJson and CBOR: DynamoDB, KMS, SQS … Every refusal has status 400.
    Json,
    /// The query protocol: IAM, STS, SNS, CloudFormation …
    Query,
    /// EC2's own query protocol.
    Ec2,
    /// S3.
    S3,
    /// REST services other than S3: Lambda, Route 53 …
    Rest,
}

pub(super) fn error(refusal: &Refusal, family: Family) -> Error {
    match family {
        Family::S3 => s3::error(refusal),
        Family::Ec2 => ec2(refusal),
        Family::Json | Family::Query | Family::Rest => general(refusal, family),
    }
}

/// The five codes that services outside S3 and EC2 know.
enum Kind {
    Incomplete,
    Mismatch,
    UnknownKey,
    ExpiredToken,
    Missing,
}

fn general(refusal: &Refusal, family: Family) -> Error {
    let (kind, text) = general_text(refusal, family);
    let query = family == Family::Query;
    let code = match kind {
        Kind::Incomplete if query => "IncompleteSignature",
        Kind::Incomplete => "IncompleteSignatureException",
        Kind::Mismatch if query => "SignatureDoesNotMatch",
        Kind::Mismatch => "InvalidSignatureException",
        Kind::UnknownKey if query => "InvalidClientTokenId",
        Kind::UnknownKey => "UnrecognizedClientException",
        Kind::ExpiredToken if query => "ExpiredToken",
        Kind::ExpiredToken => "ExpiredTokenException",
        Kind::Missing if query => "MissingAuthenticationToken",
        Kind::Missing => "MissingAuthenticationTokenException",
    };
    let incomplete = matches!(kind, Kind::Incomplete);
    let status = if family == Family::Json || (query && incomplete) { 400 } else { 403 };
    Error::sender(code, text).with_status(status)
}

fn general_text(refusal: &Refusal, family: Family) -> (Kind, String) {
    match refusal {
        Refusal::MissingAuthentication => (Kind::Missing, missing_text(family)),
        Refusal::UnknownAccessKey { .. } | Refusal::InvalidToken { .. } => {
            (Kind::UnknownKey, "The security token included in the request is invalid.".into())
        }
        Refusal::ExpiredToken { .. } => {
            (Kind::ExpiredToken, "The security token included in the request is expired".into())
        }
        Refusal::SignatureMismatch(mismatch) => (Kind::Mismatch, mismatch_text(mismatch)),
        Refusal::WrongTerminator { .. }
        | Refusal::WrongDate { .. }
        | Refusal::WrongService { .. }
        | Refusal::WrongRegion { .. }
        | Refusal::Expired { .. }
        | Refusal::NotYetCurrent { .. }
        | Refusal::PresignedExpired { .. }
        | Refusal::PresignedNotYetValid { .. }
        | Refusal::HeadersNotSigned(_)
        | Refusal::BodyHash { .. } => (Kind::Mismatch, scope_text(refusal)),
        _ => (Kind::Incomplete, incomplete_text(refusal)),
    }
}

fn missing_text(family: Family) -> String {
    // AWS: the two texts differ by service: REST services drop "Request is".
    let text = if family == Family::Rest {
        "Missing Authentication Token"
    } else {
        "Request is missing Authentication Token"
    };
    text.into()
}

fn mismatch_text(mismatch: &Mismatch) -> String {
    let Mismatch { canonical_request, string_to_sign, .. } = mismatch;
    format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details.\n\n\
         The Canonical String for this request should have been\n'{canonical_request}'\n\n\
         The String-to-Sign should have been\n'{string_to_sign}'\n"
    )
}

/// Texts of services outside S3 for a well-formed signature that does not fit the request.
fn scope_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::WrongTerminator { terminator, .. } => {
            format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. ")
        }
        Refusal::WrongDate { scope, timestamp, .. } => format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{scope}' != '{}', from '{timestamp}'.",
            timestamp.get(..8).unwrap_or(timestamp)
        ),
        // AWS: these two texts really end in a space.
        Refusal::WrongService { expected, .. } => {
            format!("Credential should be scoped to correct service: '{expected}'. ")
        }
        Refusal::WrongRegion { given, .. } => {
            format!("Credential should be scoped to a valid region, not '{given}'. ")
        }
        Refusal::Expired { signed_at_s, now_s, window_s } => expired(*signed_at_s, *now_s, *window_s),
        Refusal::PresignedExpired { signed_at_s, expires_s, now_s } => {
            expired(*signed_at_s, *now_s, *expires_s)
        }
        Refusal::NotYetCurrent { signed_at_s, now_s, window_s } => early(*signed_at_s, *now_s, *window_s),
        Refusal::PresignedNotYetValid { signed_at_s, now_s, .. } => early(*signed_at_s, *now_s, 300),
        Refusal::HeadersNotSigned(names) => unsigned_text(names),
        Refusal::BodyHash { .. } => "The request signature we calculated does not match the signature you \
             provided. Check your AWS Secret Access Key and signing method. Consult the service documentation \
             for details."
            .into(),
        _ => String::new(),
    }
}

fn expired(signed_at_s: i64, now_s: i64, window_s: i64) -> String {
    format!(
        "Signature expired: {} is now earlier than {} ({} - {} min.)",
        basic(signed_at_s),
        basic(now_s.saturating_sub(window_s)),
        basic(now_s),
        window_s / 60
    )
}

fn early(signed_at_s: i64, now_s: i64, window_s: i64) -> String {
    format!(
        "Signature not yet current: {} is still later than {} ({} + {} min.)",
        basic(signed_at_s),
        basic(now_s.saturating_add(window_s)),
        basic(now_s),
        window_s / 60
    )
}

fn unsigned_text(names: &[String]) -> String {
    if names.iter().any(|name| name == "host") {
        return "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into();
    }
    // DIFFERS: AWS documents the rule (every x-amz-* header must be signed) but not this text.
    let texts: Vec<String> = names
        .iter()
        .map(|name| format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))
        .collect();
    texts.join(" ")
}

/// AWS: newer services print a hash of the header instead of the header itself.
fn hashed(authorization: &str) -> String {
    let digest = digest::digest(&digest::SHA256, authorization.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Texts of services outside S3 for a signature that cannot be read.
fn incomplete_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::HeaderIncomplete { missing, date_missing, authorization } => {
            header_incomplete(missing, *date_missing, authorization)
        }
        Refusal::UnsupportedScheme(authorization) => {
            header_incomplete(&["Credential", "Signature", "SignedHeaders"], false, authorization)
        }
        Refusal::QueryIncomplete(missing) => {
            let mut text = String::new();
            for name in missing {
                text.push_str(&format!("AWS query-string parameters must include '{name}'. "));
            }
            text + "Re-examine the query-string parameters."
        }
        Refusal::NotKeyValue { authorization, .. } => format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header \
             (hashed with SHA-256 and encoded with Base64): '{}'.",
            hashed(authorization)
        ),
        Refusal::UnsupportedAlgorithm { algorithm, .. } => {
            format!("Unsupported AWS 'algorithm': '{algorithm}'.")
        }
        Refusal::CredentialMalformed { credential, .. } => format!(
            "Credential must have exactly 5 slash-delimited elements, \
             e.g. keyid/date/region/service/term, got '{credential}'"
        ),
        Refusal::AccessKeyEmpty { .. } => "Credential must have exactly 5 slash-delimited elements, \
             e.g. keyid/date/region/service/term, got ''"
            .into(),
        Refusal::DateMalformed { date, .. } => format!(
            "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ),
        Refusal::ContentHashMissing | Refusal::ContentHashInvalid(_) => {
            "Missing the 'x-amz-content-sha256' in canonical headers.".into()
        }
        other => s3::error(other).message,
    }
}

fn header_incomplete(missing: &[&str], date_missing: bool, authorization: &str) -> String {
    let mut text = String::new();
    for name in missing {
        text.push_str(&format!("Authorization header requires '{name}' parameter. "));
    }
    if date_missing {
        text.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    text + &format!("(Hashed with SHA-256 and encoded with Base64) Authorization={}", hashed(authorization))
}

/// EC2 folds nearly everything into `AuthFailure`.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
fn ec2(refusal: &Refusal) -> Error {
    let denied = "AWS was not able to validate the provided access credentials";
    match refusal {
        Refusal::MissingAuthentication => {
            Error::sender("MissingParameter", "The request must contain the parameter AWSAccessKeyId")
        }
        Refusal::UnknownAccessKey { .. }
        | Refusal::InvalidToken { .. }
        | Refusal::SignatureMismatch(_)
        | Refusal::BodyHash { .. }
        | Refusal::NotYetCurrent { .. }
        | Refusal::PresignedNotYetValid { .. } => Error::sender("AuthFailure", denied).with_status(401),
        Refusal::ExpiredToken { .. } | Refusal::Expired { .. } | Refusal::PresignedExpired { .. } => {
            Error::sender("RequestExpired", "Request has expired.")
        }
        other => Error::sender("AuthFailure", general_text(other, Family::Query).1).with_status(401),
    }
}
