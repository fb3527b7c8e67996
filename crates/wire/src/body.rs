//! Requests and responses as the codecs see them, and the streams that large bodies are.

use crate::router::Head;
use bytes::Bytes;
use futures_util::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use yakumo_aws::Error;

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// Bytes that come or go piece by piece. The empty stream is the default.
///
/// The mutex is never locked: it makes inputs that hold a stream `Sync`, so that access rules can be shown them.
#[derive(Default)]
pub struct ByteStream(Coming);

#[derive(Default)]
enum Coming {
    #[default]
    Nothing,
    Whole(Bytes),
    Pieces(Mutex<Pieces>),
}

impl ByteStream {
    /// From any stream of pieces.
    pub fn new(stream: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> ByteStream {
        ByteStream(Coming::Pieces(Mutex::new(Box::pin(stream))))
    }

    /// From bytes at hand.
    pub fn from_bytes(bytes: Bytes) -> ByteStream {
        ByteStream(Coming::Whole(bytes))
    }

    /// Reads everything, at most `limit` bytes; more is `RequestEntityTooLarge`.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let mut out = bytes::BytesMut::new();
        while let Some(piece) = futures_util::StreamExt::next(&mut self).await {
            let piece = piece?;
            if out.len() + piece.len() > limit {
                let text = format!("Request size exceeded the {limit} byte limit");
                return Err(Error::sender("RequestEntityTooLarge", text).with_status(413));
            }
            out.extend_from_slice(&piece);
        }
        Ok(out.freeze())
    }
}

impl Stream for ByteStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Coming::Pieces(stream) => {
                stream.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
            }
            Coming::Whole(_) => match std::mem::take(&mut self.0) {
                Coming::Whole(bytes) => Poll::Ready(Some(Ok(bytes))),
                Coming::Nothing | Coming::Pieces(_) => Poll::Ready(None),
            },
            Coming::Nothing => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

/// A body, whole or streamed.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Full(Bytes),
    /// Piece by piece.
    Stream(ByteStream),
}

impl Default for Body {
    fn default() -> Body {
        Body::Full(Bytes::new())
    }
}

impl Body {
    /// The bytes of a whole body; a stream gives `None`.
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Body::Full(bytes) => Some(bytes),
            Body::Stream(_) => None,
        }
    }

    /// What a stream is: whole when all of it is there and nothing of it was taken.
    pub fn from_stream(stream: ByteStream) -> Body {
        match stream.0 {
            Coming::Whole(bytes) => Body::Full(bytes),
            _ => Body::Stream(stream),
        }
    }

    /// The body as a stream, whichever it was.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Body::Full(bytes) => ByteStream::from_bytes(bytes),
            Body::Stream(stream) => stream,
        }
    }
}

/// A request: its head as it was routed, and its body. Only an operation with a streaming member takes a stream
/// ([`crate::Addressed::streams`]).
#[derive(Debug)]
pub struct Request<'a> {
    /// Method, path, query and headers.
    pub head: Head<'a>,
    /// The body.
    pub body: Body,
}

/// An answer.
#[derive(Debug, Default)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Content type, request id and what the protocol binds to headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Body,
}
