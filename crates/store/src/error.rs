//! What can go wrong in the store, and what a client of the cloud gets to hear of it.

use std::path::Path;
use std::sync::Arc;

/// A cause that can be shared by all the batches of a failed group.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// An error of the store. Cheap to clone: one failed group write answers every batch in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process (or another store in this one) holds the data.
    #[error("{place} is in use by {}", holder_text(holder))]
    Locked {
        /// The directory or the database.
        place: String,
        /// Who, as far as it is known: a process id or a database session.
        holder: Option<String>,
    },
    /// The disk is full, or nearly: writes are refused, reads and deletes still work.
    #[error(
        "the disk under {place} has {available_bytes} bytes free and the reserve is {reserve_bytes} bytes: \
         free space there, or lower the reserve; nothing acknowledged is lost and writes work again by themselves"
    )]
    Full {
        /// The data directory.
        place: String,
        /// Free bytes at the last look.
        available_bytes: u64,
        /// Bytes that must stay free.
        reserve_bytes: u64,
    },
    /// Stored data is not what was written.
    #[error("stored data is damaged: {what}")]
    Corrupt {
        /// What was found where.
        what: String,
    },
    /// A transaction lost to others again and again.
    #[error("a transaction met conflicting writes {attempts} times")]
    Contention {
        /// How often it was run.
        attempts: u32,
    },
    /// What a transaction had read was changed before it committed; `transact` runs it again.
    #[error("a conflicting write came first")]
    Conflict,
    /// Too much waits to be committed.
    #[error("{waiting_bytes} bytes wait to be committed")]
    Overloaded {
        /// Bytes in the queue.
        waiting_bytes: usize,
    },
    /// A key that no engine takes: empty, too long, or in the store's own space.
    #[error("invalid key: {why}")]
    InvalidKey {
        /// What is wrong with it.
        why: String,
    },
    /// A value or a batch above the limit.
    #[error("{what} has {bytes} bytes, the limit is {limit_bytes}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The data was written by a newer yakumo.
    #[error("{what} has format {found}; this yakumo reads up to {supported}: use the newer one")]
    NewerFormat {
        /// Which data.
        what: String,
        /// The format found.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// A load was cut short and the data is not whole.
    #[error("{place} holds an incomplete load: load the snapshot again or reset the store")]
    IncompleteLoad {
        /// The directory or the database.
        place: String,
    },
    /// The snapshot was opened before the engine was reopened, reset or loaded, and is gone.
    #[error("the snapshot is gone: the engine was reopened since")]
    SnapshotLost,
    /// Another process took this cloud over; what is committed here is refused.
    #[error("another process has taken over this cloud")]
    NotOwner,
    /// There is no such blob.
    #[error("there is no blob {id}")]
    NoBlob {
        /// The id asked for.
        id: String,
    },
    /// Bodies are not kept where they were asked for.
    #[error("{why}")]
    OtherBodies {
        /// Where they are, and what to do.
        why: String,
    },
    /// The bucket of the bodies cannot be used: found at the open.
    #[error("the bodies of this cloud are kept in {bucket}, which cannot be used: {why}")]
    NoBodies {
        /// The bucket, and where it is.
        bucket: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The object store of the bodies is away, or refuses. Nothing is lost, and it works again by itself.
    #[error("the object store of the bodies is away ({what}): {error}")]
    Away {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        error: Cause,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// What the location cannot do.
    #[error("{what} is not possible here")]
    Unsupported {
        /// What was asked.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Its answer.
        error: Arc<std::io::Error>,
    },
    /// The engine refused.
    #[error("{what}: {error}")]
    Engine {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        error: Cause,
    },
}

fn holder_text(holder: &Option<String>) -> String {
    holder.clone().unwrap_or_else(|| "another process".into())
}

impl StoreError {
    pub(crate) fn io(what: impl Into<String>, error: std::io::Error) -> StoreError {
        StoreError::Io { what: what.into(), error: Arc::new(error) }
    }

    pub(crate) fn io_at(what: &str, path: &Path, error: std::io::Error) -> StoreError {
        StoreError::io(format!("{what} {}", path.display()), error)
    }

    pub(crate) fn engine(
        what: &'static str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Engine { what, error: Arc::from(error.into()) }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { what: what.into() }
    }
}

impl From<StoreError> for yakumo_aws::Error {
    fn from(error: StoreError) -> yakumo_aws::Error {
        match &error {
            StoreError::Full { .. } | StoreError::Overloaded { .. } | StoreError::Closed => {
                yakumo_aws::Error::unavailable(error.to_string()).with_source(error)
            }
            StoreError::Contention { .. } => {
                let text = "The service is temporarily unable to handle the request. Please try again.";
                yakumo_aws::Error::unavailable(text).with_source(error)
            }
            // S3's own words: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
            StoreError::Away { .. } => {
                yakumo_aws::Error::unavailable("Service is unable to handle request.").with_source(error)
            }
            _ => yakumo_aws::Error::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: StoreError, status: u16, text: &str) {
        let answer = yakumo_aws::Error::from(error);
        assert_eq!(answer.status, status);
        assert!(answer.message.contains(text), "{}", answer.message);
    }

    #[test]
    fn a_full_disk_says_what_to_do_and_a_fault_says_nothing_of_the_inside() {
        let full = StoreError::Full { place: "/data".into(), available_bytes: 7, reserve_bytes: 9 };
        check(full, 503, "free space there");
        check(StoreError::Contention { attempts: 3 }, 503, "try again");
        check(StoreError::corrupt("block 9 of secret-file"), 500, "unknown error");
    }
}
