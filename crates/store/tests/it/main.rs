//! The store from outside: one behaviour suite over all engines, and what only some engines have to prove.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail with a panic and may say that it was skipped"
)]

mod behaviour;
mod blobs;
mod bucket;
mod dump;
mod engines;
mod full_disk;
mod kill;
mod postgres;
mod restart;
