//! The tasks behind `cargo xtask`, as a library so that tests can call them.
//!
//! Invariant: only `test` and `gen` reach for the network, and only `coverage`, `gen` and `new-service` write files.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the person who runs them")]

pub mod api;
pub mod coverage;
pub mod debian;
pub mod models;
pub mod new_service;
pub mod python;
pub mod rooms;
pub mod source;
pub mod summary;
pub mod test;
pub mod tidy;

pub mod workspace;
