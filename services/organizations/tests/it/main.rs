//! Organizations through a real client: what is allowed beside what is refused, with AWS's texts.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod accounts;
mod client;
mod delegation;
mod enforcement;
mod handshakes;
mod keeping;
mod organizations;
mod policies;
mod tag_policies;
mod units;
