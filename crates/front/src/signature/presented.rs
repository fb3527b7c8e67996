//! What a request presents to prove who sent it: the parts of the credential, the signature, the declared body.
//!
//! Invariant: one owned text holds every part; the parts are spans of it, so parsing allocates once.

use super::encode::unhex_32;

/// A piece of [`Presented`]'s text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// Appends `piece` to `text` and remembers where it stands.
    pub(super) fn append(text: &mut String, piece: &str) -> Span {
        let start = text.len();
        text.push_str(piece);
        Span { start, end: text.len() }
    }

    fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// The signing algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`.
    V4,
    /// `AWS4-ECDSA-P256-SHA256`, valid in a set of regions.
    V4a,
    /// Signature Version 2 in the query string of a presigned URL, which S3 alone still takes, in its oldest regions.
    V2,
}

impl Algorithm {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::V4 => "AWS4-HMAC-SHA256",
            Algorithm::V4a => "AWS4-ECDSA-P256-SHA256",
            Algorithm::V2 => "HMAC-SHA1",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Algorithm> {
        [Algorithm::V4, Algorithm::V4a].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// Where the signature stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// In the `Authorization` header.
    Header,
    /// In the query string of a presigned URL of Signature Version 2.
    OldQuery {
        /// `Expires`, in seconds since the epoch.
        ends_s: i64,
    },
    /// In the query string of a presigned URL.
    Query {
        /// `X-Amz-Expires` in seconds, 0 to 604800. S3 demands it; other services do not.
        expires_s: Option<u32>,
    },
}

/// What `x-amz-content-sha256` declares about the body.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayloadHash {
    /// No header. Services other than S3 then sign the hash of the body they receive.
    Absent,
    /// The SHA-256 of the whole body.
    Sha256([u8; 32]),
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: `aws-chunked`, each chunk signed.
    Streaming,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`.
    StreamingTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: `aws-chunked`, unsigned, a checksum in the trailer.
    StreamingUnsignedTrailer,
    /// `STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD`.
    StreamingEcdsa,
    /// `STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER`.
    StreamingEcdsaTrailer,
    /// `STREAMING-AWS4-HMAC-SHA256-EVENTS`: an event stream, each message signed.
    StreamingEvents,
    /// Anything else. S3 refuses it; other services take no notice of the header.
    Invalid,
}

const NAMED: [(PayloadHash, &str); 7] = [
    (PayloadHash::Unsigned, "UNSIGNED-PAYLOAD"),
    (PayloadHash::Streaming, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    (PayloadHash::StreamingTrailer, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
    (PayloadHash::StreamingUnsignedTrailer, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    (PayloadHash::StreamingEcdsa, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
    (PayloadHash::StreamingEcdsaTrailer, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"),
    (PayloadHash::StreamingEvents, "STREAMING-AWS4-HMAC-SHA256-EVENTS"),
];

impl PayloadHash {
    /// Reads the value of `x-amz-content-sha256`.
    pub fn parse(value: &[u8]) -> PayloadHash {
        if let Some(hash) = unhex_32(value) {
            return PayloadHash::Sha256(hash);
        }
        let named = NAMED.iter().find(|(_, name)| name.as_bytes() == value);
        named.map_or(PayloadHash::Invalid, |(hash, _)| *hash)
    }

    /// The reserved word of this variant; `None` for hashes, absence and invalid values.
    pub fn name(self) -> Option<&'static str> {
        NAMED.iter().find(|(hash, _)| *hash == self).map(|(_, name)| *name)
    }

    /// Whether the body is framed as `aws-chunked`.
    pub fn is_chunked(self) -> bool {
        use PayloadHash::{
            Streaming, StreamingEcdsa, StreamingEcdsaTrailer, StreamingTrailer, StreamingUnsignedTrailer,
        };
        matches!(
            self,
            Streaming | StreamingTrailer | StreamingUnsignedTrailer | StreamingEcdsa | StreamingEcdsaTrailer
        )
    }
}

/// A signature as it was presented, not yet verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    pub(super) text: String,
    pub(super) access_key_id: Span,
    pub(super) date: Span,
    pub(super) region: Span,
    pub(super) service: Span,
    pub(super) terminator: Span,
    pub(super) signed_headers: Span,
    pub(super) signature: Span,
    pub(super) timestamp: Span,
    pub(super) session_token: Option<Span>,
    pub(super) region_set: Option<Span>,
    /// The signing algorithm.
    pub algorithm: Algorithm,
    /// What the request declares about its body.
    pub payload: PayloadHash,
    /// Where the signature stands.
    pub carrier: Carrier,
    /// When the request was signed, in seconds since the epoch.
    pub signed_at_s: i64,
}

impl Presented {
    /// The access key id.
    pub fn access_key_id(&self) -> &str {
        self.access_key_id.of(&self.text)
    }

    /// The credential scope's date, `YYYYMMDD`.
    pub fn date(&self) -> &str {
        self.date.of(&self.text)
    }

    /// The credential scope's region; empty for SigV4A, which has [`Presented::region_set`].
    pub fn region(&self) -> &str {
        self.region.of(&self.text)
    }

    /// The credential scope's service: the signing name, such as `sqs` or `execute-api`.
    pub fn service(&self) -> &str {
        self.service.of(&self.text)
    }

    /// SigV4A's comma-separated regions, which may hold `*`.
    pub fn region_set(&self) -> Option<&str> {
        self.region_set.map(|span| span.of(&self.text))
    }

    /// The names of the signed headers, separated by semicolons.
    pub fn signed_headers(&self) -> &str {
        self.signed_headers.of(&self.text)
    }

    /// The signature in hexadecimal.
    pub fn signature(&self) -> &str {
        self.signature.of(&self.text)
    }

    /// The session token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.map(|span| span.of(&self.text))
    }

    /// When the request was signed, `YYYYMMDDTHHMMSSZ`.
    pub fn timestamp(&self) -> &str {
        self.timestamp.of(&self.text)
    }

    /// Whether this is a presigned URL.
    pub fn is_presigned(&self) -> bool {
        matches!(self.carrier, Carrier::Query { .. } | Carrier::OldQuery { .. })
    }

    /// `date/region/service/aws4_request`, as signed.
    pub(crate) fn scope(&self) -> &str {
        Span { start: self.date.start, end: self.terminator.end }.of(&self.text)
    }

    /// `access key id/date/region/service`: what a derived signing key belongs to.
    pub(super) fn key_scope(&self) -> &str {
        Span { start: self.access_key_id.start, end: self.service.end }.of(&self.text)
    }

    pub(super) fn terminator(&self) -> &str {
        self.terminator.of(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMED, PayloadHash};

    #[test]
    fn every_reserved_word_is_read_back() {
        for (hash, name) in NAMED {
            assert_eq!(PayloadHash::parse(name.as_bytes()), hash);
            assert_eq!(hash.name(), Some(name));
        }
        assert_eq!(PayloadHash::parse(b"unsigned-payload"), PayloadHash::Invalid);
        assert_eq!(PayloadHash::parse("ab".repeat(32).as_bytes()), PayloadHash::Sha256([0xab; 32]));
    }
}
