//! Streams of events.

use crate::ByteStream;
use crate::model::Service;
use std::fmt;

/// How the events of one operation become frames.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// The service whose model names the events.
    pub service: &'static Service,
}

/// Events that an operation sends, one structure with one member set for each.
pub struct EventStream<T>(Vec<T>);

impl<T> Default for EventStream<T> {
    fn default() -> EventStream<T> {
        EventStream(Vec::new())
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}

impl<T> EventStream<T> {
    /// The events as framed bytes.
    pub fn into_frames(self, _framing: Framing) -> ByteStream {
        ByteStream::default()
    }
}
