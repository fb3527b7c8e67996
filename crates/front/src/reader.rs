//! The body of a request on its way in: read whole once somebody needs it whole, else handed on as it comes.

use crate::body::{BodyError, Inbound, collect, sha256};
use bytes::Bytes;
use http_body::Body as _;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use yakumo_aws::{Error, Result};

/// Bodies up to this many bytes are not counted: the number of connections bounds them.
const SMALL_BYTES: usize = 64 * 1024;
/// How long a large body waits for others to be done.
const SHARE_PATIENCE: Duration = Duration::from_secs(30);
/// The longest body, in bytes, that is read only to keep the connection.
const DRAIN_BYTES_MAX: u64 = 256 * 1024;
/// How long a body may take that is read only to keep the connection.
const DRAIN_PATIENCE: Duration = Duration::from_millis(500);

/// A request's body, not read yet or read whole.
pub struct Reader<'f> {
    state: State,
    bytes_max: usize,
    budget: &'f Semaphore,
    share: Option<SemaphorePermit<'f>>,
}

enum State {
    Unread(Inbound),
    Whole(Bytes),
    Taken,
}

impl<'f> Reader<'f> {
    /// A body of which at most `bytes_max` bytes are ever held at once. A large one takes its share (a permit for each
    /// KiB) of what all bodies together may hold, until this is dropped.
    pub fn new(body: Inbound, bytes_max: usize, budget: &'f Semaphore) -> Reader<'f> {
        let state = if body.is_end_stream() { State::Whole(Bytes::new()) } else { State::Unread(body) };
        Reader { state, bytes_max, budget, share: None }
    }

    /// The whole body. The client's `Expect: 100-continue` is answered by the first call.
    ///
    /// # Errors
    /// `RequestEntityTooLarge` (413) above the limit, `IncompleteBody` when the client breaks off.
    pub async fn whole(&mut self) -> Result<&Bytes> {
        if let State::Unread(_) = self.state
            && let State::Unread(body) = std::mem::replace(&mut self.state, State::Taken)
        {
            self.take_share(&body).await?;
            self.state = State::Whole(collect(body, self.bytes_max as u64).await.map_err(refused)?);
        }
        match &self.state {
            State::Whole(bytes) => Ok(bytes),
            State::Unread(_) | State::Taken => Err(Error::internal("a body was read twice")),
        }
    }

    /// Waits until there is room for a body of this length; one without a length is taken for the largest.
    async fn take_share(&mut self, body: &Inbound) -> Result<()> {
        let hint = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = hint.unwrap_or(self.bytes_max).min(self.bytes_max);
        if bytes > SMALL_BYTES {
            let permits = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
            let turn = tokio::time::timeout(SHARE_PATIENCE, self.budget.acquire_many(permits)).await;
            let busy = || Error::unavailable("Too many large requests are being read. Please try again.");
            self.share = Some(turn.map_err(|_| busy())?.map_err(|_| busy())?);
        }
        Ok(())
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

    /// Whether the body was handed on, so that nothing is known of what is left of it on the connection.
    pub fn is_taken(&self) -> bool {
        matches!(self.state, State::Taken)
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
