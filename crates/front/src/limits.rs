//! The limits of the listener: every one is finite, and exceeding it has a clear answer.

use std::time::Duration;

/// What one listener takes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections at once. One more is answered with 503 and closed.
    pub connections: usize,
    /// Bytes of a request's line and headers, at least 8,192. More is answered with 431 (414 for a request
    /// target above 65,534 bytes).
    pub head_bytes: usize,
    /// Headers of a request. More is answered with 431.
    pub headers: usize,
    /// How long a client may take to send a request's head, and how long a connection may idle between requests.
    pub head_timeout: Duration,
    /// How long a client may let a request's body rest before it counts as broken.
    pub body_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// How long requests in flight may go on after the stop has begun.
    pub stop_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_000,
            head_bytes: 64 * 1024,
            headers: 200,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            streams: 250,
            stop_timeout: Duration::from_secs(20),
        }
    }
}
