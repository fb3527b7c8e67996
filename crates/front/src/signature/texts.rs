//! AWS's error code, status and text for each refusal, in each family of services: one table.
//!
//! Invariant: nothing else in the signature code writes a message. Sources:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, and answers quoted by AWS's users.

use super::instant::{basic, extended};
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
        Family::S3 => s3(refusal),
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
        other => s3(other).message,
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

fn s3(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::MissingAuthentication => Error::sender("AccessDenied", "Access Denied").with_status(403),
        Refusal::SignatureV2 => Error::sender(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ),
        Refusal::TwoMechanisms(authorization) => invalid_authorization(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified",
            authorization,
        ),
        Refusal::UnsupportedScheme(authorization) => {
            invalid_authorization("Unsupported Authorization Type", authorization)
        }
        Refusal::UnknownAccessKey { access_key_id } => Error::sender(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with_status(403)
        .with_field("AWSAccessKeyId", access_key_id.as_str()),
        Refusal::InvalidToken { token } => {
            Error::sender("InvalidToken", "The provided token is malformed or otherwise invalid.")
                .with_field("Token-0", token.as_str())
        }
        Refusal::ExpiredToken { token } => Error::sender("ExpiredToken", "The provided token has expired.")
            .with_field("Token-0", token.as_str()),
        Refusal::SignatureMismatch(mismatch) => s3_mismatch(mismatch),
        Refusal::HeadersNotSigned(names) => {
            Error::sender("AccessDenied", "There were headers present in the request which were not signed")
                .with_status(403)
                .with_field("HeadersNotSigned", names.join(", "))
        }
        Refusal::BodyHash { declared, computed } => Error::sender(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
        .with_field("ClientComputedContentSHA256", declared.as_str())
        .with_field("S3ComputedContentSHA256", computed.as_str()),
        Refusal::ContentHashMissing => {
            Error::sender("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        }
        Refusal::ContentHashInvalid(value) => s3_hash_invalid(value),
        Refusal::Expired { .. }
        | Refusal::NotYetCurrent { .. }
        | Refusal::PresignedExpired { .. }
        | Refusal::PresignedNotYetValid { .. } => s3_time(refusal),
        other => s3_malformed(other),
    }
}

fn invalid_authorization(text: &str, authorization: &str) -> Error {
    Error::sender("InvalidArgument", text)
        .with_field("ArgumentName", "Authorization")
        .with_field("ArgumentValue", authorization)
}

fn s3_mismatch(mismatch: &Mismatch) -> Error {
    let spaced = |text: &str| {
        let pairs: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(" ")
    };
    Error::sender(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. \
         Check your key and signing method.",
    )
    .with_status(403)
    .with_field("AWSAccessKeyId", mismatch.access_key_id.as_str())
    .with_field("StringToSign", mismatch.string_to_sign.as_str())
    .with_field("SignatureProvided", mismatch.signature.as_str())
    .with_field("StringToSignBytes", spaced(&mismatch.string_to_sign))
    .with_field("CanonicalRequest", mismatch.canonical_request.as_str())
    .with_field("CanonicalRequestBytes", spaced(&mismatch.canonical_request))
}

fn s3_hash_invalid(value: &str) -> Error {
    Error::sender(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
         STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
         STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER \
         or a valid sha256 value.",
    )
    .with_field("ArgumentName", "x-amz-content-sha256")
    .with_field("ArgumentValue", value)
}

fn s3_time(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::PresignedExpired { signed_at_s, expires_s, now_s } => {
            Error::sender("AccessDenied", "Request has expired")
                .with_status(403)
                .with_field("X-Amz-Expires", expires_s.to_string())
                .with_field("Expires", extended(signed_at_s.saturating_add(*expires_s)))
                .with_field("ServerTime", extended(*now_s))
        }
        Refusal::PresignedNotYetValid { signed_at_s, expires_s, now_s } => {
            Error::sender("AccessDenied", "Request is not yet valid")
                .with_status(403)
                // AWS: this field is in milliseconds since the epoch, unlike its neighbours.
                .with_field("X-Amz-Date", signed_at_s.saturating_mul(1000).to_string())
                .with_field("Expires", extended(signed_at_s.saturating_add(*expires_s)))
                .with_field("ServerTime", extended(*now_s))
        }
        Refusal::Expired { signed_at_s, now_s, window_s }
        | Refusal::NotYetCurrent { signed_at_s, now_s, window_s } => Error::sender(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .with_status(403)
        .with_field("RequestTime", basic(*signed_at_s))
        .with_field("ServerTime", extended(*now_s))
        .with_field("MaxAllowedSkewMilliseconds", window_s.saturating_mul(1000).to_string()),
        other => s3_malformed(other),
    }
}

/// S3's two codes for what cannot be read, one for headers and one for query strings.
fn s3_malformed(refusal: &Refusal) -> Error {
    let header = |text: String| {
        Error::sender(
            "AuthorizationHeaderMalformed",
            format!("The authorization header is malformed; {text}"),
        )
    };
    let query = |text: String| Error::sender("AuthorizationQueryParametersError", text);
    let scope = |presigned: bool, text: String| {
        if presigned {
            query(format!("Error parsing the X-Amz-Credential parameter; {text}"))
        } else {
            header(text)
        }
    };
    match refusal {
        Refusal::UnsupportedAlgorithm { presigned: true, .. } => {
            query("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"".into())
        }
        Refusal::UnsupportedAlgorithm { algorithm, .. } => {
            invalid_authorization("Unsupported Authorization Type", algorithm)
        }
        Refusal::NotKeyValue { part, .. } => {
            header(format!("the authorization component \"{part}\" is malformed."))
        }
        Refusal::HeaderIncomplete { missing, .. } if missing.is_empty() => {
            Error::sender("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
                .with_status(403)
        }
        Refusal::HeaderIncomplete { .. } => header(
            "the authorization header requires three components: Credential, SignedHeaders, and Signature."
                .into(),
        ),
        Refusal::QueryIncomplete(_) => query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
             X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
                .into(),
        ),
        Refusal::CredentialMalformed { presigned, .. } => scope(
            *presigned,
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
                .into(),
        ),
        Refusal::AccessKeyEmpty { presigned } => {
            scope(*presigned, "a non-empty Access Key (AKID) must be provided in the credential.".into())
        }
        Refusal::DateMalformed { presigned: true, .. } => {
            query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"".into())
        }
        Refusal::DateMalformed { .. } => {
            Error::sender("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
                .with_status(403)
        }
        Refusal::ExpiresNotNumber => query("X-Amz-Expires should be a number".into()),
        Refusal::ExpiresNegative => query("X-Amz-Expires must be non-negative".into()),
        Refusal::ExpiresTooLong => query(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
             less than 604800 seconds"
                .into(),
        ),
        Refusal::WrongTerminator { terminator, presigned } => scope(
            *presigned,
            format!("incorrect terminal \"{terminator}\". This endpoint uses \"aws4_request\"."),
        ),
        Refusal::WrongDate { scope: date, timestamp, presigned } => {
            let text = format!(
                "Invalid credential date \"{date}\". This date is not the same as X-Amz-Date: \"{}\".",
                timestamp.get(..8).unwrap_or(timestamp)
            );
            if *presigned { query(text) } else { header(text) }
        }
        Refusal::WrongService { given, expected, presigned } => scope(
            *presigned,
            format!("incorrect service \"{given}\". This endpoint belongs to \"{expected}\"."),
        ),
        Refusal::WrongRegion { given, expected, presigned } => {
            scope(*presigned, format!("the region '{given}' is wrong; expecting '{expected}'"))
                .with_field("Region", expected.as_str())
        }
        _ => Error::sender("AccessDenied", "Access Denied").with_status(403),
    }
}
