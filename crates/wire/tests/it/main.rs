//! The codecs from outside: AWS's protocol test vectors, AWS's words for refused input, round trips of random values.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod compare;
mod dynamic;
mod events;
mod hostile;
mod refusal;
mod round_trip;
mod targets;
mod vectors;
