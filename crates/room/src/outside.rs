//! The world outside the cloud, as far as a room may ask it: documents of identity providers over HTTPS.
//!
//! A room opens no socket. `cloud` gives the real way out; without it nothing outside can be reached.

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// A document that a room wants from outside.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// An `https://` URL. No redirect is followed.
    pub url: &'a str,
    /// SHA-1 thumbprints (40 hexadecimal digits) of certificates that are trusted at the top of the server's chain
    /// besides the public authorities.
    pub thumbprints: &'a [String],
    /// Whether a remembered answer is not good enough, because it did not hold what was looked for.
    pub fresh: bool,
}

/// Why a document could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// No connection, no answer in time, or a broken one.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server's certificate is trusted neither by a public authority nor by a thumbprint.
    #[error("the certificate of {url} is not trusted: {reason}")]
    Untrusted {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server answered with something else than the document.
    #[error("{url} gave no document: {reason}")]
    Refused {
        /// What was asked for.
        url: String,
        /// What it answered.
        reason: String,
    },
}

/// The way out.
pub trait Outside: Send + Sync {
    /// Gets a document. Its size, the time it may take and how many are asked for at once are limited.
    fn document<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Bytes, OutsideError>>;

    /// The thumbprint of the topmost certificate that the server of an `https://` URL presents, trusted or not.
    fn thumbprint<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<String, OutsideError>>;
}

/// No way out: everything is unreachable.
pub struct Nowhere;

impl Outside for Nowhere {
    fn document<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Bytes, OutsideError>> {
        Box::pin(std::future::ready(Err(unreachable_from_here(ask.url))))
    }

    fn thumbprint<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<String, OutsideError>> {
        Box::pin(std::future::ready(Err(unreachable_from_here(url))))
    }
}

fn unreachable_from_here(url: &str) -> OutsideError {
    OutsideError::Unreachable { url: url.to_owned(), reason: "this cloud has no way out".to_owned() }
}
