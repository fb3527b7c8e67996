//! Every way in which a request fails to prove who sent it. What AWS calls each is in `texts`.
//!
//! Invariant: a refusal never holds a secret, and owns what it needs to explain itself.

use super::presented::Presented;
use super::texts::Family;
use std::fmt;

/// What the server calculated when a signature did not match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The access key id that the request names.
    pub access_key_id: String,
    /// The signature that the request presents.
    pub signature: String,
    /// The string to sign, as the server calculated it.
    pub string_to_sign: String,
    /// The canonical request, as the server calculated it.
    pub canonical_request: String,
}

/// Why a request is not authenticated. [`Refusal::error`] says it in AWS's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no signature and the operation needs one. The caller decides this.
    MissingAuthentication,
    /// Signature Version 2.
    SignatureV2,
    /// An `Authorization` header and presigned query parameters at once.
    TwoMechanisms(String),
    /// `Authorization` names a scheme that is not AWS's.
    UnsupportedScheme(String),
    /// An algorithm of AWS's family that does not exist.
    UnsupportedAlgorithm { algorithm: String, presigned: bool },
    /// A part of the `Authorization` header has no `=`.
    NotKeyValue { part: String, authorization: String },
    /// Parts of the `Authorization` header are missing: the names, and whether a date is missing too.
    HeaderIncomplete { missing: Vec<&'static str>, date_missing: bool, authorization: String },
    /// Query parameters of a presigned URL are missing: their names.
    QueryIncomplete(Vec<&'static str>),
    /// The credential does not have five parts (four for SigV4A).
    CredentialMalformed { credential: String, presigned: bool },
    /// The access key id is empty.
    AccessKeyEmpty { presigned: bool },
    /// The time of signing cannot be read.
    DateMalformed { date: String, presigned: bool },
    /// `X-Amz-Expires` is not a number.
    ExpiresNotNumber,
    /// `X-Amz-Expires` is negative.
    ExpiresNegative,
    /// `X-Amz-Expires` is above 604800.
    ExpiresTooLong,
    /// The credential scope does not end in `aws4_request`.
    WrongTerminator { terminator: String, presigned: bool },
    /// The credential scope's date is not the date of the request.
    WrongDate { scope: String, timestamp: String, presigned: bool },
    /// The credential scope names another service than the one that was asked.
    WrongService { given: String, expected: String, presigned: bool },
    /// The credential scope names another region than the one that was asked.
    WrongRegion { given: String, expected: String, presigned: bool },
    /// The access key id is not known, or is not active. The caller decides this.
    UnknownAccessKey { access_key_id: String },
    /// The session token does not belong to the access key. The caller decides this.
    InvalidToken { token: String },
    /// The temporary credentials have expired. The caller decides this.
    ExpiredToken { token: String },
    /// The request was signed too long ago; both times in seconds since the epoch.
    Expired { signed_at_s: i64, now_s: i64, window_s: i64 },
    /// The request was signed in the future.
    NotYetCurrent { signed_at_s: i64, now_s: i64, window_s: i64 },
    /// A presigned URL is used after its end.
    PresignedExpired { signed_at_s: i64, expires_s: i64, now_s: i64 },
    /// A presigned URL of Signature Version 2 is used after its end; both in seconds since the epoch.
    OldExpired { ends_s: i64, now_s: i64 },
    /// `Expires` of Signature Version 2 is not a number of seconds.
    OldExpiresMalformed(String),
    /// A presigned URL is used before its beginning.
    PresignedNotYetValid { signed_at_s: i64, expires_s: i64, now_s: i64 },
    /// Headers that must be signed are not; their names.
    HeadersNotSigned(Vec<String>),
    /// S3 demands `x-amz-content-sha256`.
    ContentHashMissing,
    /// `x-amz-content-sha256` is no hash and no reserved word.
    ContentHashInvalid(String),
    /// The body is not the one that was declared; both hashes in hexadecimal.
    BodyHash { declared: String, computed: String },
    /// The signature is not the one that the server calculated.
    SignatureMismatch(Box<Mismatch>),
}

impl Refusal {
    /// AWS's error for this refusal in a family of services.
    pub fn error(&self, family: Family) -> yakumo_aws::Error {
        super::texts::error(self, family)
    }

    /// The session token given by this request does not belong to its access key.
    pub fn invalid_token(presented: &Presented) -> Refusal {
        Refusal::InvalidToken { token: presented.session_token().unwrap_or_default().to_owned() }
    }

    /// The temporary credentials of this request have expired.
    pub fn expired_token(presented: &Presented) -> Refusal {
        Refusal::ExpiredToken { token: presented.session_token().unwrap_or_default().to_owned() }
    }

    /// The access key of this request is unknown or not active.
    pub fn unknown_access_key(presented: &Presented) -> Refusal {
        Refusal::UnknownAccessKey { access_key_id: presented.access_key_id().to_owned() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error(Family::Query).fmt(f)
    }
}

impl std::error::Error for Refusal {}
