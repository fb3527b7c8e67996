//! What an error of the object store means.

use std::sync::atomic::Ordering::Relaxed;

use object_store::Error;

use super::Bodies;
use crate::StoreError;

/// A warning at most once in so many seconds.
const WARNING_S: u64 = 5;

impl Bodies {
    /// An error of the object store while the cloud runs: it is away, or refuses. Whoever asked may try again.
    pub(super) fn away(&self, what: &'static str, error: Error) -> StoreError {
        // Under load every request says so: once in a while is enough.
        let now_s = self.opened.elapsed().as_secs() + WARNING_S;
        if now_s.saturating_sub(self.warned_s.load(Relaxed)) >= WARNING_S {
            self.warned_s.store(now_s, Relaxed);
            tracing::warn!(bucket = %self.bucket, what, %error, "the object store of the bodies is away, or refuses");
        }
        StoreError::Away { what, error: std::sync::Arc::new(error) }
    }
}

/// Whether there is no such object.
pub(super) fn is_missing(error: &Error) -> bool {
    // A missing bucket has the same status, and nobody may take it for a bucket in which nothing is.
    matches!(error, Error::NotFound { .. }) && !error.to_string().contains("NoSuchBucket")
}

/// Whether a range begins beyond the end of its object: status 416.
pub(super) fn is_beyond_the_end(error: &Error) -> bool {
    matches!(error, Error::Generic { .. }) && error.to_string().contains("status code: 416")
}

/// What an object store answered, in a few words: the code and the message of S3, else the innermost cause.
pub(super) fn words(error: &Error) -> String {
    let text = error.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(words, _)| words.trim().to_owned())
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => innermost(error),
    }
}

fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
