//! The decoder as a stream of bytes, with the trailer to be read once the stream has ended.

use super::decode::Decoder;
use super::{Plan, failure};
use crate::body::BoxError;
use bytes::Bytes;
use futures_util::Stream;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use yakumo_aws::Error;

/// The trailer of a body that is still being read. Cloning gives another view of the same trailer.
#[derive(Clone, Debug, Default)]
pub struct Trailer(Arc<OnceLock<Vec<(String, String)>>>);

impl Trailer {
    /// The verified trailer: lower-case names and values, without its signature. `None` until the stream ended well.
    pub fn get(&self) -> Option<&[(String, String)]> {
        self.0.get().map(Vec::as_slice)
    }
}

/// A chunked body without its framing. Ends with an error unless every signature, the length and the checksum fit.
pub struct Decoded<S> {
    source: S,
    decoder: Decoder,
    trailer: Trailer,
    ended: bool,
}

/// Undoes `aws-chunked` as `plan` says.
pub fn decode<S>(source: S, plan: Plan) -> Decoded<S> {
    Decoded { source, decoder: Decoder::new(plan), trailer: Trailer::default(), ended: false }
}

impl<S> Decoded<S> {
    /// The trailer, to be read when the stream has ended.
    pub fn trailer(&self) -> Trailer {
        self.trailer.clone()
    }
}

impl<S> Stream for Decoded<S>
where
    S: Stream<Item = Result<Bytes, BoxError>> + Unpin,
{
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            if let Some(piece) = this.decoder.pop() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let step = match ready!(Pin::new(&mut this.source).poll_next(cx)) {
                Some(Ok(bytes)) => this.decoder.push(bytes),
                Some(Err(error)) => Err(failure::incomplete().with_source(error)),
                None => {
                    this.ended = true;
                    this.decoder.end().map(|()| drop(this.trailer.0.set(this.decoder.trailer())))
                }
            };
            if let Err(error) = step {
                this.ended = true;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}
