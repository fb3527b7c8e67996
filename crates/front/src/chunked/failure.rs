//! S3's errors for chunked bodies, with S3's texts.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> and answers quoted by S3's users.

use yakumo_aws::Error;
use yakumo_checksum::Algorithm;

/// The framing is broken or the client went away.
pub(super) fn incomplete() -> Error {
    Error::sender("IncompleteBody", "The request body terminated unexpectedly")
}

/// The body is longer or shorter than announced.
pub(super) fn wrong_length(expected: u64, provided: u64) -> Error {
    let text = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Error::sender("IncompleteBody", text)
        .with_field("NumberBytesExpected", expected.to_string())
        .with_field("NumberBytesProvided", provided.to_string())
}

/// A chunk that is not the last one is too small. `chunk` counts from one.
pub(super) fn small_chunk(chunk: u64, size: u64) -> Error {
    let text = "Only the last chunk is allowed to have a size less than 8192 bytes";
    Error::sender("InvalidChunkSizeError", text)
        .with_status(403)
        .with_field("Chunk", chunk.to_string())
        .with_field("BadChunkSize", size.to_string())
}

/// A signed chunk is larger than we hold.
pub(super) fn large_chunk(limit: u64) -> Error {
    // DIFFERS: S3 documents no such limit; clients send chunks of 64 KiB to 1 MiB.
    Error::sender("InvalidRequest", format!("A signed chunk may have at most {limit} bytes"))
}

/// A chunk's or trailer's signature does not match.
pub(super) fn signature(string_to_sign: &[u8], provided: &str) -> Error {
    let text = "The request signature we calculated does not match the signature you provided. \
                Check your key and signing method.";
    Error::sender("SignatureDoesNotMatch", text)
        .with_status(403)
        .with_field("StringToSign", String::from_utf8_lossy(string_to_sign))
        .with_field("SignatureProvided", provided)
}

/// The trailer is not what was announced.
pub(super) fn trailer() -> Error {
    let text = "The request contained trailing data that was not well-formed or did not conform to our \
                published schema.";
    Error::sender("MalformedTrailerError", text)
}

/// `x-amz-trailer` announces something that is no checksum.
pub(super) fn unknown_trailer() -> Error {
    Error::sender("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
}

/// The trailing checksum cannot be one.
pub(super) fn bad_checksum(algorithm: Algorithm) -> Error {
    let text = format!("Value for {} trailing header is invalid.", algorithm.header());
    Error::sender("InvalidRequest", text)
}

/// The trailing checksum is another than the calculated one.
pub(super) fn wrong_checksum(algorithm: Algorithm) -> Error {
    let text = format!("The {} you specified did not match the calculated checksum.", algorithm.as_str());
    Error::sender("BadDigest", text)
}

/// `x-amz-decoded-content-length` is missing or no number.
pub(super) fn no_length() -> Error {
    Error::sender("MissingContentLength", "You must provide the Content-Length HTTP header.").with_status(411)
}
