//! Chunk signatures: each covers its chunk and the signature before it, back to the request's own.

use super::failure;
use crate::signature::{Algorithm, ChunkKey, Presented, Verified, hex, signs};
use yakumo_aws::Error;

/// SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// SigV4A signatures differ in length and are padded with this to keep the body's length known.
const PADDING: char = '*';

/// The state of the chain of signatures.
#[derive(Clone, Debug)]
pub struct ChunkSigning {
    key: ChunkKey,
    algorithm: Algorithm,
    timestamp: String,
    scope: String,
    previous: String,
}

impl ChunkSigning {
    /// Starts the chain at the signature of the request itself, the seed.
    pub fn new(presented: &Presented, verified: &Verified) -> ChunkSigning {
        ChunkSigning {
            key: verified.key.clone(),
            algorithm: presented.algorithm,
            timestamp: presented.timestamp().to_owned(),
            scope: presented.scope().to_owned(),
            previous: presented.signature().to_owned(),
        }
    }

    /// Verifies a data chunk, given the SHA-256 of its bytes, and moves on.
    pub(super) fn chunk(&mut self, hash: &[u8], signature: &str) -> Result<(), Error> {
        self.link("PAYLOAD", &format!("{EMPTY}\n{}", hex(hash)), signature)
    }

    /// Verifies the trailer, given the SHA-256 of its lines.
    pub(super) fn trailer(&mut self, hash: &[u8], signature: &str) -> Result<(), Error> {
        self.link("TRAILER", &hex(hash), signature)
    }

    fn link(&mut self, kind: &str, last_lines: &str, signature: &str) -> Result<(), Error> {
        let bare = signature.trim_end_matches(PADDING);
        let message = self.message(kind, &self.previous, last_lines);
        // The published description does not say whether the chain holds the padded or the bare signature.
        let matched = signs(&self.key, message.as_bytes(), bare)
            || self.algorithm == Algorithm::V4a && {
                let bare_previous = self.previous.trim_end_matches(PADDING);
                signs(&self.key, self.message(kind, bare_previous, last_lines).as_bytes(), bare)
            };
        if !matched {
            return Err(failure::signature(message.as_bytes(), signature));
        }
        self.previous = signature.to_owned();
        Ok(())
    }

    fn message(&self, kind: &str, previous: &str, last_lines: &str) -> String {
        format!(
            "{}-{kind}\n{}\n{}\n{previous}\n{last_lines}",
            self.algorithm.as_str(),
            self.timestamp,
            self.scope
        )
    }
}
