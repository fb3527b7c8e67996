//! Connections that leave HTTP: an answer with status 101 brings along who goes on with the connection.
//!
//! Invariant: the connection keeps its place among all, and ends when the listener stops.

use futures_util::future::BoxFuture;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection: bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Go = Box<dyn FnOnce(Box<dyn Duplex>) -> BoxFuture<'static, ()> + Send>;

/// Who goes on with a connection: an extension of the answer that says 101. The client must not send a byte before it has that answer.
#[derive(Clone)]
pub struct Takeover(Arc<parking_lot::Mutex<Option<Go>>>);

impl Takeover {
    /// Calls `go` with the connection when the answer has been sent.
    pub fn new<F>(go: impl FnOnce(Box<dyn Duplex>) -> F + Send + 'static) -> Takeover
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Takeover(Arc::new(parking_lot::Mutex::new(Some(Box::new(|connection| Box::pin(go(connection)))))))
    }

    /// What is to be called, once.
    pub(crate) fn take(&self) -> Option<Go> {
        self.0.lock().take()
    }
}

impl std::fmt::Debug for Takeover {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Takeover")
    }
}
