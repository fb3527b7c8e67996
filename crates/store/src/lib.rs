//! One ordered, transactional key-value space with a change feed, blobs and snapshots.
