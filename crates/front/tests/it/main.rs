//! The front door from the outside: real sockets, raw bytes, real TLS, and botocore as the signing oracle.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail with a panic and may say that it was skipped"
)]

mod botocore;
mod hostile;
mod listen;
mod serving;
mod stop;
mod tls;
