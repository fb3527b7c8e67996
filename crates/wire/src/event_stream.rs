//! Streams of events (`application/vnd.amazon.eventstream`): frames both ways, and typed events as frames.
//! Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>

mod encode;
mod frame;

pub use frame::{FrameError, Frames, HeaderValue, Message, Signed};

use crate::body::ByteStream;
use crate::model::{Protocol, Service, ShapeId};
use crate::shape::{Shape, Value};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::fmt;
use std::pin::Pin;
use yakumo_aws::Error;

/// How the events of one operation become frames.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    pub(crate) service: &'static Service,
    pub(crate) protocol: Protocol,
    /// The union whose members are the events.
    pub(crate) union: ShapeId,
}

/// Events that an operation sends: each item is the generated union with one member set. An error ends the stream with an
/// exception frame. The empty stream is the default.
pub struct EventStream<T>(Option<Events<T>>);

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

impl<T> Default for EventStream<T> {
    fn default() -> EventStream<T> {
        EventStream(None)
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}

impl<T: Shape + 'static> EventStream<T> {
    /// From any stream of events.
    pub fn new(events: impl Stream<Item = Result<T, Error>> + Send + 'static) -> EventStream<T> {
        EventStream(Some(Box::pin(events)))
    }

    /// The events as framed bytes.
    pub fn into_frames(self, framing: Framing) -> ByteStream {
        let Some(events) = self.0 else { return ByteStream::default() };
        ByteStream::new(events.map(move |event| Ok(frame(&event, framing))))
    }
}

fn frame<T: Shape>(event: &Result<T, Error>, framing: Framing) -> Bytes {
    match event {
        Ok(event) => encode::event(framing, &mut |to| event.write(to)).encode(),
        Err(error) => encode::exception(framing, error).encode(),
    }
}

/// The first frame of RPC protocols: the members of the output beside the events.
pub(crate) fn initial_response(protocol: Protocol, body: Bytes) -> Bytes {
    let content_type = crate::exchange::content_type(protocol);
    encode::message("event", ":event-type", "initial-response", Some(content_type), body).encode()
}
