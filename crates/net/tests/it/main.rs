//! Real packets through real networks, each allowed one beside its denied twin; and the model asked the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail with a panic")]

mod devices;
mod endpoints;
mod filters;
mod flows;
mod gateways;
mod kills;
mod lab;
mod random;
#[allow(dead_code, reason = "the tests beside the code use the rest")]
mod sample;
mod services;
mod transit;
