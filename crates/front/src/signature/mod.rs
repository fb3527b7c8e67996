//! AWS Signature Version 4 and 4A, the server's side: read what a request presents, then verify it.
//!
//! Invariant: pure. No IO, no clock (the caller passes `now`), no key store (the caller passes the secret).
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

mod authorization;
mod canonical;
mod encode;
mod form;
mod instant;
mod keys;
mod old;
mod parse;
mod presented;
mod presigned;
mod refusal;
mod sign;
mod texts;
mod v4a;
mod verify;

#[cfg(test)]
mod refused;
#[cfg(test)]
mod vectors;

pub use form::{of_form, verify_form};
pub use keys::{ChunkKey, SigningKeys};
pub use old::verify_old;
pub use parse::parse;
pub use presented::{Algorithm, Carrier, PayloadHash, Presented};
pub use refusal::{Mismatch, Refusal};
pub use sign::{Credentials, SignedPayload, Signer};
pub use texts::Family;
pub use verify::{BodyHash, PathRule, PayloadRule, Rules, Verified, check_body, check_scope, verify};

pub(crate) use encode::hex;
pub(crate) use verify::matches as signs;

use http::{HeaderMap, Method, Uri, request::Parts};

/// The parts of a request that a signature covers. Copying is free.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The request target; over HTTP/2 its authority stands for the `host` header.
    pub uri: &'a Uri,
    /// The headers, as sent.
    pub headers: &'a HeaderMap,
}

impl<'a> From<&'a Parts> for Head<'a> {
    fn from(parts: &'a Parts) -> Head<'a> {
        Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers }
    }
}

impl<'a, B> From<&'a http::Request<B>> for Head<'a> {
    fn from(request: &'a http::Request<B>) -> Head<'a> {
        Head { method: request.method(), uri: request.uri(), headers: request.headers() }
    }
}
