//! A body that streams in after its head was verified: it is held against what was signed while it lands.
//!
//! A handler that reads to the end without an error has what the caller signed; it publishes nothing before that.

use crate::body::{BoxError, DataStream, Inbound};
use crate::chunked::{self, Plan};
use crate::identify::Seal;
use crate::signature::{self, Family, PayloadHash, Presented};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use yakumo_aws::{Error, Result};
use yakumo_wire::ByteStream;

/// The body as a stream that ends in an error when it is not what was signed.
///
/// # Errors
/// What the head announces of a chunked body is incomplete or unknown.
pub fn verified(body: Inbound, headers: &HeaderMap, seal: Option<Seal>) -> Result<ByteStream> {
    let Some(Seal { presented, verified, family }) = seal else {
        return Ok(ByteStream::new(Plain(DataStream(body))));
    };
    if let Some(plan) = Plan::new(&presented, &verified, headers)? {
        return Ok(ByteStream::new(chunked::decode(DataStream(body), plan)));
    }
    let body = Plain(DataStream(body));
    Ok(match presented.payload {
        PayloadHash::Sha256(_) => {
            ByteStream::new(Hashed { body, digest: Some(Digest::new(&SHA256)), presented, family })
        }
        _ => ByteStream::new(body),
    })
}

/// The bytes as they come.
struct Plain(DataStream<Inbound>);

impl Stream for Plain {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let piece = ready!(Pin::new(&mut self.0).poll_next(context));
        Poll::Ready(piece.map(|piece| piece.map_err(broken)))
    }
}

fn broken(error: BoxError) -> Error {
    let text = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Error::sender("IncompleteBody", text).with_source(error)
}

/// The bytes as they come, hashed; the end is an error when the hash is not the one that was signed.
struct Hashed {
    body: Plain,
    digest: Option<Digest>,
    presented: Presented,
    family: Family,
}

impl Stream for Hashed {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let piece = ready!(Pin::new(&mut self.body).poll_next(context));
        match &piece {
            Some(Ok(bytes)) => {
                if let Some(digest) = &mut self.digest {
                    digest.update(bytes);
                }
                Poll::Ready(piece)
            }
            Some(Err(_)) => Poll::Ready(piece),
            None => Poll::Ready(self.digest.take().and_then(|digest| {
                let mut hash = [0; 32];
                hash.copy_from_slice(digest.finish().as_ref());
                let checked = signature::check_body(&self.presented, hash);
                checked.err().map(|refusal| Err(refusal.error(self.family)))
            })),
        }
    }
}
