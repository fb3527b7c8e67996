//! Turns a compact API model and a list of operations into Rust, for build scripts.
