//! Why a caller was not believed, for the owner of the cloud: clients hear no more than AWS tells them.
//!
//! Invariant: no secret, no token, and nothing that a client can make long.

use crate::signature::{Presented, Refusal};
use std::sync::Arc;
use yakumo_aws::Timestamp;
use yakumo_room::Credentials;

/// A caller that did not prove who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unproved {
    /// The access key id that the request names, at most 128 characters of it.
    pub access_key_id: Option<String>,
    /// The ARN of the key's owner, when there is such a key.
    pub owner: Option<String>,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a request's proof of its sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// There is no signature, and the service lets nobody in without one.
    Unsigned,
    /// There is no such access key.
    UnknownKey,
    /// The key is a static root key, which is none for web pages of elsewhere, inside of a cloud's networks, nor in a cloud
    /// that listens elsewhere than on loopback.
    RootKeyElsewhere,
    /// The access key's status is `Inactive`.
    InactiveKey,
    /// Temporary credentials came without their session token.
    TokenMissing,
    /// A session token came with a long-term key.
    TokenNotNeeded,
    /// The session token is another one than the key's.
    TokenWrong,
    /// The temporary credentials have ended: when, and the cloud's time.
    TokenExpired {
        /// When they ended.
        at: Timestamp,
        /// The cloud's time.
        now: Timestamp,
    },
    /// The signature is not the one that the key's secret makes over this request.
    Signature,
    /// The body is not the one that was signed.
    Body,
    /// Signed too long before or after the host's time. All in seconds since the epoch.
    Skew {
        /// When it was signed.
        signed_at_s: i64,
        /// The host's time.
        now_s: i64,
        /// How far apart they may be.
        window_s: i64,
    },
    /// A presigned URL was used outside its time.
    Presigned {
        /// When it was signed, in seconds since the epoch.
        signed_at_s: i64,
        /// How long it holds.
        expires_s: i64,
        /// The host's time.
        now_s: i64,
    },
    /// Signed for another service than the one that was asked.
    Service {
        /// What was signed for.
        given: String,
        /// What was asked.
        expected: String,
    },
    /// Signed for a region that does not exist.
    Region(String),
    /// The signature is not well-formed, or something of what it must cover is left out. The answer says what.
    Malformed,
}

impl Unproved {
    /// What is known when a request is refused: what it presents and the credentials behind its key, if any.
    pub(crate) fn new(
        refusal: &Refusal,
        presented: Option<&Presented>,
        credentials: Option<&Arc<Credentials>>,
        is_static_root_key: bool,
        now: Timestamp,
    ) -> Unproved {
        let id = presented.map(|presented| presented.access_key_id().chars().take(128).collect());
        let owner = credentials.map(|credentials| credentials.caller.principal.arn.clone());
        let cause = match refusal {
            Refusal::UnknownAccessKey { .. } if is_static_root_key => Cause::RootKeyElsewhere,
            refusal => cause(refusal, presented, credentials, now),
        };
        Unproved { access_key_id: id, owner, cause }
    }
}

fn cause(
    refusal: &Refusal,
    presented: Option<&Presented>,
    credentials: Option<&Arc<Credentials>>,
    now: Timestamp,
) -> Cause {
    match refusal {
        Refusal::MissingAuthentication => Cause::Unsigned,
        Refusal::UnknownAccessKey { .. } if credentials.is_some() => Cause::InactiveKey,
        Refusal::UnknownAccessKey { .. } => Cause::UnknownKey,
        Refusal::InvalidToken { .. } => {
            let given = presented.is_some_and(|presented| presented.session_token().is_some());
            match credentials.is_some_and(|credentials| credentials.session_token.is_some()) {
                true if given => Cause::TokenWrong,
                true => Cause::TokenMissing,
                false => Cause::TokenNotNeeded,
            }
        }
        Refusal::ExpiredToken { .. } => {
            let at = credentials.and_then(|credentials| credentials.expires).unwrap_or(now);
            Cause::TokenExpired { at, now }
        }
        Refusal::SignatureMismatch(_) => Cause::Signature,
        Refusal::BodyHash { .. } => Cause::Body,
        Refusal::Expired { signed_at_s, now_s, window_s }
        | Refusal::NotYetCurrent { signed_at_s, now_s, window_s } => {
            Cause::Skew { signed_at_s: *signed_at_s, now_s: *now_s, window_s: *window_s }
        }
        Refusal::PresignedExpired { signed_at_s, expires_s, now_s }
        | Refusal::PresignedNotYetValid { signed_at_s, expires_s, now_s } => {
            Cause::Presigned { signed_at_s: *signed_at_s, expires_s: *expires_s, now_s: *now_s }
        }
        Refusal::OldExpired { ends_s, now_s } => {
            Cause::Presigned { signed_at_s: *ends_s, expires_s: 0, now_s: *now_s }
        }
        Refusal::WrongService { given, expected, .. } => {
            Cause::Service { given: given.chars().take(64).collect(), expected: expected.clone() }
        }
        Refusal::WrongRegion { given, .. } => Cause::Region(given.chars().take(64).collect()),
        _ => Cause::Malformed,
    }
}
