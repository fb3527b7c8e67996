//! The room through the real pipeline: signed requests, a cloud in this process, a clock that moves.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::disallowed_methods, reason = "a client that waits is a task of its own")]

mod access;
mod client;
mod dead_letters;
mod fifo;
mod identities;
mod messages;
mod polls;
mod queues;
mod restarts;
