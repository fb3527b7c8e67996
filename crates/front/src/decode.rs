//! Step 4: the request becomes the operation's typed input; the model's constraints are checked here, once.

use crate::address::wire_head;
use crate::digests;
use crate::identify::Seal;
use crate::reader::Reader;
use crate::stream;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use yakumo_aws::{Error, Result};
use yakumo_room::{Input, Registered};
use yakumo_wire::{Addressed, Body, Request};

/// Decodes a request whose sender is known.
pub async fn decode(
    row: &dyn Registered,
    addressed: &Addressed,
    head: &Parts,
    body: &mut Reader<'_>,
    seal: Option<Seal>,
) -> Result<Input> {
    let headers = seal.as_ref().and_then(|seal| unframed(&head.headers, seal));
    let has_checksum = !addressed.operation.checksum_member.is_empty();
    if has_checksum {
        digests::check_head(&head.headers)?;
    }
    let body = if addressed.streams() {
        Body::Stream(stream::verified(body.take(), &head.headers, seal)?)
    } else {
        let document = plain(head, body.whole().await?)?;
        if addressed.operation.checksum_required || has_checksum {
            // S3 Control's operations have no checksums but this one, and AWS says nothing of a request without it.
            digests::check(&head.headers, document, addressed.operation.checksum_required && has_checksum)?;
        }
        Body::Full(document.clone())
    };
    let mut head = wire_head(head, None);
    if let Some(headers) = &headers {
        head.headers = headers;
    }
    row.decode(addressed, Request { head, body })
}

/// A body that is read whole, refused when it is compressed: clients compress what some operations of some services take
/// (`@requestCompression` in the models). Objects are not read here, and their encoding is theirs.
/// DIFFERS: AWS unpacks `gzip` where a model says so; here nothing is unpacked.
pub fn plain<'b>(head: &Parts, body: &'b Bytes) -> Result<&'b Bytes> {
    let encodings = head.headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut encodings = encodings.flat_map(|value| value.split(',')).map(str::trim);
    let packed = encodings.find(|encoding| {
        !["", "identity", "aws-chunked"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain))
    });
    match packed.filter(|_| !body.is_empty()) {
        Some(encoding) => {
            let text = format!(
                "yakumo does not read request bodies with Content-Encoding: {encoding}. Send them as they are \
                 (AWS_DISABLE_REQUEST_COMPRESSION=true)."
            );
            Err(Error::sender("UnsupportedMediaType", text).with_status(415))
        }
        None => Ok(body),
    }
}

/// A chunked body reaches its handler without the chunks' framing, and so does its length: a handler that compares the
/// two must not count the framing. What its trailer brings is the checksum that was chosen, whether the head names it
/// again (as some SDKs do) or not. Nothing when the body is not chunked.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
fn unframed(headers: &HeaderMap, seal: &Seal) -> Option<HeaderMap> {
    if !seal.verified.payload.is_chunked() {
        return None;
    }
    let mut unframed = headers.clone();
    if let (Some(length), Some(place)) =
        (headers.get("x-amz-decoded-content-length"), unframed.get_mut(CONTENT_LENGTH))
    {
        place.clone_from(length);
    }
    if let Some(algorithm) = digests::trailing(headers) {
        unframed.insert(digests::CHOSEN, HeaderValue::from_static(algorithm.as_str()));
    }
    Some(unframed)
}
