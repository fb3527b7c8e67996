//! Bodies: what a request brings, read whole or as a stream, and what a response carries.
//!
//! Invariant: nothing is held beyond the limit that the caller names, and a body in one piece is never copied.

use aws_lc_rs::digest::{self, SHA256};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use yakumo_aws::Error;

/// Any error of a body's source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

type BoxStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// A response's body.
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    /// The stream, and how many bytes are still to come where that is known.
    Stream(BoxStream, Option<u64>),
}

impl Body {
    /// A body of no bytes.
    pub fn empty() -> Body {
        Body::default()
    }

    /// A body that is there already; its length goes out as `Content-Length`.
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body(if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) })
    }

    /// A body that is made while it is sent. With `length` (bytes) it goes out with `Content-Length`, and an error
    /// in the stream cuts the connection, so that no client takes half a body for a whole one.
    pub fn stream(
        stream: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
        length: Option<u64>,
    ) -> Body {
        Body(Kind::Stream(Box::pin(stream), length))
    }

    /// A body as the codecs give it.
    pub fn from_wire(body: yakumo_wire::Body) -> Body {
        match body {
            yakumo_wire::Body::Full(bytes) => Body::full(bytes),
            yakumo_wire::Body::Stream(stream) => {
                Body::stream(stream.map(|piece| piece.map_err(Into::into)), None)
            }
        }
    }

    /// The bytes of a body that is there already; `None` for a stream.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Kind::Empty => Some(&[]),
            Kind::Full(bytes) => Some(bytes),
            Kind::Stream(..) => None,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("Empty"),
            Kind::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Kind::Stream(_, length) => write!(f, "Stream({length:?})"),
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Body {
        Body::full(bytes)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream, left) => {
                let next = ready!(stream.as_mut().poll_next(cx));
                if let (Some(Ok(bytes)), Some(left)) = (&next, left) {
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(next.map(|item| item.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(_, Some(left)) => SizeHint::with_exact(*left),
            Kind::Stream(_, None) => SizeHint::default(),
        }
    }
}

/// A request's body: from a connection, or given whole by a caller in this process.
pub enum Inbound {
    /// From a connection.
    Wire(Wire),
    /// Given whole.
    Whole(Bytes),
}

/// A body on a connection, whose client may not let it rest for ever.
pub struct Wire {
    body: hyper::body::Incoming,
    patience: Duration,
    /// Set while the client is waited for; most bodies are there at once and never need it.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Told when the body is first asked for.
    begun: Option<Arc<AtomicBool>>,
}

/// The client let a body rest for too long.
#[derive(Debug, thiserror::Error)]
#[error("no bytes of the body came within {0:?}")]
struct Rested(Duration);

impl Inbound {
    /// The body of a request on a connection; it breaks when nothing comes within `patience`.
    pub fn wire(body: hyper::body::Incoming, patience: Duration) -> Inbound {
        Inbound::Wire(Wire { body, patience, waiting: None, begun: None })
    }
}

impl Inbound {
    /// The same, and `begun` becomes true when the body is first asked for: until then, a client that waits for
    /// permission to send it has none.
    pub(crate) fn telling(mut self, begun: Arc<AtomicBool>) -> Inbound {
        if let Inbound::Wire(wire) = &mut self {
            wire.begun = Some(begun);
        }
        self
    }
}

impl From<Bytes> for Inbound {
    fn from(bytes: Bytes) -> Inbound {
        Inbound::Whole(bytes)
    }
}

impl Wire {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(begun) = self.begun.take() {
            begun.store(true, Ordering::Relaxed);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Some(Err(Rested(patience).into())))
    }
}

impl HttpBody for Inbound {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Inbound::Wire(wire) => wire.poll_frame(cx),
            Inbound::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inbound::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Inbound::Wire(wire) => wire.body.is_end_stream(),
            Inbound::Whole(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Inbound::Wire(wire) => wire.body.size_hint(),
            Inbound::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the caller allows.
    #[error("the body is longer than {limit_bytes} bytes")]
    TooLarge {
        /// The caller's limit.
        limit_bytes: u64,
    },
    /// The client went away or broke the protocol.
    #[error("the body ended before its end")]
    Broken(#[source] BoxError),
}

/// Reads a whole body of at most `limit_bytes`.
///
/// # Errors
/// [`BodyError::TooLarge`] before anything is read when the length is declared, else as soon as it is exceeded.
pub async fn collect<B>(mut body: B, limit_bytes: u64) -> Result<Bytes, BodyError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let too_large = BodyError::TooLarge { limit_bytes };
    if body.size_hint().lower() > limit_bytes {
        return Err(too_large);
    }
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() as u64 > limit_bytes {
        return Err(too_large);
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    let expected = body.size_hint().upper().unwrap_or_default().min(limit_bytes).min(1 << 20);
    let mut whole = BytesMut::with_capacity(first.len() + usize::try_from(expected).unwrap_or_default());
    whole.extend_from_slice(&first);
    while let Some(piece) = next(&mut body).await? {
        if (whole.len() + piece.len()) as u64 > limit_bytes {
            return Err(too_large);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// As [`collect`], with the SHA-256 of the body.
///
/// # Errors
/// As [`collect`].
pub async fn collect_hashed<B>(body: B, limit_bytes: u64) -> Result<(Bytes, [u8; 32]), BodyError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let bytes = collect(body, limit_bytes).await?;
    let hash = sha256(&bytes);
    Ok((bytes, hash))
}

/// The SHA-256 of bytes in memory.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The next piece of data; trailers are passed over.
async fn next<B>(body: &mut B) -> Result<Option<Bytes>, BodyError>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(BodyError::Broken(error.into())),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_) => continue,
            },
        }
    }
}

/// The data of a request's body as a stream, for chunk decoding and for handlers that stream.
pub struct DataStream<B>(pub B);

impl<B> Stream for DataStream<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }
}

/// A request's body as handlers take it. A broken connection is S3's `IncompleteBody`, with the cause for the log.
pub fn byte_stream<B>(body: B) -> yakumo_wire::ByteStream
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    let incomplete = |error: BoxError| {
        Error::sender("IncompleteBody", "The request body terminated unexpectedly").with_source(error)
    };
    yakumo_wire::ByteStream::new(DataStream(body).map(move |piece| piece.map_err(incomplete)))
}

#[cfg(test)]
mod tests {
    use super::{Body, BodyError, Inbound, collect, collect_hashed};
    use bytes::Bytes;
    use futures_util::stream;

    fn pieces(count: usize) -> Body {
        Body::stream(stream::iter((0..count).map(|_| Ok(Bytes::from_static(b"0123456789")))), None)
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let bytes = Bytes::from(vec![7; 100]);
        let (back, _) = collect_hashed(Inbound::from(bytes.clone()), 100).await.unwrap();
        assert_eq!(back.as_ptr(), bytes.as_ptr());
    }

    #[tokio::test]
    async fn the_limit_is_the_last_length_that_passes() {
        assert_eq!(collect(pieces(3), 30).await.unwrap().len(), 30);
        assert!(matches!(collect(pieces(3), 29).await, Err(BodyError::TooLarge { limit_bytes: 29 })));
        let whole = || Inbound::from(Bytes::from_static(b"abc"));
        assert_eq!(collect(whole(), 3).await.unwrap(), "abc");
        assert!(matches!(collect(whole(), 2).await, Err(BodyError::TooLarge { .. })));
        assert_eq!(collect(Inbound::from(Bytes::new()), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_broken_source_is_an_error() {
        let broken = stream::iter([Ok(Bytes::from_static(b"a")), Err("gone".into())]);
        assert!(matches!(collect(Body::stream(broken, Some(2)), 10).await, Err(BodyError::Broken(_))));
    }
}
