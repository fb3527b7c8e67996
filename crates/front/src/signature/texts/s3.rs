//! S3's words for each refusal: its own codes, fields and statuses.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, and answers quoted by S3's users.

use crate::signature::instant::{basic, extended};
use crate::signature::refusal::{Mismatch, Refusal};
use yakumo_aws::Error;

pub(super) fn error(refusal: &Refusal) -> Error {
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
        | Refusal::OldExpired { .. }
        | Refusal::OldExpiresMalformed(_)
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
    let error = Error::sender(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. \
         Check your key and signing method.",
    )
    .with_status(403)
    .with_field("AWSAccessKeyId", mismatch.access_key_id.as_str())
    .with_field("StringToSign", mismatch.string_to_sign.as_str())
    .with_field("SignatureProvided", mismatch.signature.as_str())
    .with_field("StringToSignBytes", spaced(&mismatch.string_to_sign));
    // AWS: Signature Version 2 has no canonical request, and its answers none either.
    if mismatch.canonical_request.is_empty() {
        return error;
    }
    error
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
        // AWS: with Signature Version 2 there is no X-Amz-Expires to show.
        Refusal::OldExpired { ends_s, now_s } => Error::sender("AccessDenied", "Request has expired")
            .with_status(403)
            .with_field("Expires", extended(*ends_s))
            .with_field("ServerTime", extended(*now_s)),
        Refusal::OldExpiresMalformed(given) => {
            let text = format!("Invalid date (should be seconds since epoch): {given}");
            Error::sender("AccessDenied", text).with_status(403)
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
