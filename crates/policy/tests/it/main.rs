//! AWS's policy evaluation logic as tables: who asks, which policies there are, and what comes out.
//! Each allowed case stands beside a refused one. from: docs, the pages on policy evaluation logic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail with a panic")]

mod cases;
mod evaluation;
mod explanation;
mod grants;
mod managed;
mod properties;
