//! The front door from the outside: real sockets, raw bytes, real TLS, and botocore as the signing oracle.

mod botocore;
mod hostile;
mod listen;
mod serving;
mod stop;
mod tls;
