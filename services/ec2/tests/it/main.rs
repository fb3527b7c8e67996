//! The room through the real pipeline: signed requests to a cloud in this process.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::disallowed_methods, reason = "a client that waits is no room")]

mod client;
mod default_vpcs;
mod networks;
