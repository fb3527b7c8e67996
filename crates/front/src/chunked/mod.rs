//! `aws-chunked` bodies: framing, chunk signatures and trailing checksums, undone while the body streams.
//!
//! Invariant: bytes of a signed chunk are handed on only after its signature matched, so at most one chunk
//! ([`MAX_SIGNED_CHUNK_BYTES`]) is held. Unsigned chunks are handed on as they come; their checksum is verified at
//! the end, so whoever stores them must publish nothing before the stream ended well.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html> and `sigv4-streaming-trailers.html`

pub mod decode;
mod failure;
mod signing;
mod stream;

#[cfg(test)]
mod tests;

pub use decode::MAX_SIGNED_CHUNK_BYTES;
pub use signing::ChunkSigning;
pub use stream::{Decoded, Trailer, decode};
pub use yakumo_checksum::{Algorithm, Hasher};

use crate::signature::{PayloadHash, Presented, Verified};
use http::HeaderMap;
use yakumo_aws::Error;

/// What a chunked request announced: how its chunks are signed, how long it is, and which checksum follows it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) signing: Option<ChunkSigning>,
    /// Whether a signed trailer must follow the last chunk.
    pub(super) signed_trailer: bool,
    pub(super) trailer: Option<Algorithm>,
    pub(super) decoded_bytes: u64,
}

impl Plan {
    /// The plan of a verified request; `None` when its body is not chunked.
    ///
    /// # Errors
    /// `MissingContentLength` without a usable `x-amz-decoded-content-length`; `InvalidRequest` for an unknown
    /// checksum in `x-amz-trailer`.
    pub fn new(
        presented: &Presented,
        verified: &Verified,
        headers: &HeaderMap,
    ) -> Result<Option<Plan>, Error> {
        if !verified.payload.is_chunked() {
            return Ok(None);
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let length = header("x-amz-decoded-content-length").and_then(|text| text.parse().ok());
        let trailer = match header("x-amz-trailer") {
            None => None,
            Some(name) => Some(Algorithm::from_header(name).ok_or_else(failure::unknown_trailer)?),
        };
        let signed = verified.payload != PayloadHash::StreamingUnsignedTrailer;
        let signed_trailer =
            matches!(verified.payload, PayloadHash::StreamingTrailer | PayloadHash::StreamingEcdsaTrailer);
        Ok(Some(Plan {
            signing: signed.then(|| ChunkSigning::new(presented, verified)),
            signed_trailer,
            trailer,
            decoded_bytes: length.ok_or_else(failure::no_length)?,
        }))
    }

    /// The length of the body without its framing, in bytes, as announced.
    pub fn decoded_bytes(&self) -> u64 {
        self.decoded_bytes
    }

    /// The checksum that the request announced in `x-amz-trailer`.
    pub fn trailer(&self) -> Option<Algorithm> {
        self.trailer
    }
}
