//! The resolver of a VPC: what it answers to whom. Pure; sockets are elsewhere.
//!
//! Invariant: it knows the topology, AWS's own names and nothing else: the Internet is this machine, so nothing is forwarded.
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html>
//!
//! DIFFERS: AWS drops what an interface asks beyond 1,024 packets a second; here nobody is counted.

mod message;
mod services;
mod zone;

pub use message::{Transport, answer};
pub use services::Services;
pub use zone::{Found, find};
