//! The body of a request on its way in: read whole once somebody needs it whole, else handed on as it comes.

use crate::body::{BodyError, Inbound, collect, sha256};
use bytes::Bytes;
use http_body::Body as _;
use std::time::Duration;
use yakumo_aws::{Error, Result};

/// The longest body, in bytes, that is read only to keep the connection.
const DRAIN_BYTES_MAX: u64 = 256 * 1024;
/// How long a body may take that is read only to keep the connection.
const DRAIN_PATIENCE: Duration = Duration::from_millis(500);

/// A request's body, not read yet or read whole.
pub struct Reader {
    state: State,
    bytes_max: usize,
}

enum State {
    Unread(Inbound),
    Whole(Bytes),
    Taken,
}

impl Reader {
    /// A body of which at most `bytes_max` bytes are ever held at once.
    pub fn new(body: Inbound, bytes_max: usize) -> Reader {
        let state = if body.is_end_stream() { State::Whole(Bytes::new()) } else { State::Unread(body) };
        Reader { state, bytes_max }
    }

    /// The whole body. The client's `Expect: 100-continue` is answered by the first call.
    ///
    /// # Errors
    /// `RequestEntityTooLarge` (413) above the limit, `IncompleteBody` when the client breaks off.
    pub async fn whole(&mut self) -> Result<&Bytes> {
        if let State::Unread(_) = self.state
            && let State::Unread(body) = std::mem::replace(&mut self.state, State::Taken)
        {
            self.state = State::Whole(collect(body, self.bytes_max as u64).await.map_err(refused)?);
        }
        match &self.state {
            State::Whole(bytes) => Ok(bytes),
            State::Unread(_) | State::Taken => Err(Error::internal("a body was read twice")),
        }
    }

    /// The SHA-256 of the whole body.
    pub async fn hash(&mut self) -> Result<[u8; 32]> {
        Ok(sha256(self.whole().await?))
    }

    /// The body, whole or still on the connection; it is gone from here.
    pub fn take(&mut self) -> Inbound {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Unread(body) => body,
            State::Whole(bytes) => Inbound::Whole(bytes),
            State::Taken => Inbound::Whole(Bytes::new()),
        }
    }

    /// Whether nothing of the body is left on the connection, as far as is known here.
    pub fn is_read(&self) -> bool {
        !matches!(self.state, State::Unread(_))
    }

    /// Reads the rest of the body of a refused request, so that the connection can be used again.
    /// `false` when it is too long or too slow for that.
    pub async fn drain(&mut self) -> bool {
        let State::Unread(body) = std::mem::replace(&mut self.state, State::Taken) else { return true };
        let rest = tokio::time::timeout(DRAIN_PATIENCE, collect(body, DRAIN_BYTES_MAX)).await;
        matches!(rest, Ok(Ok(_)))
    }
}

fn refused(error: BodyError) -> Error {
    match error {
        BodyError::TooLarge { limit_bytes } => {
            let text = format!("The request body is larger than {limit_bytes} bytes.");
            Error::sender("RequestEntityTooLarge", text).with_status(413)
        }
        broken @ BodyError::Broken(_) => {
            let text = "You did not provide the number of bytes specified by the Content-Length HTTP header.";
            Error::sender("IncompleteBody", text).with_source(broken)
        }
    }
}
