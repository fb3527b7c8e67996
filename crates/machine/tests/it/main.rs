//! Sandboxes as they run: what they may, what they may not, and what is left of them. Needs root; says so otherwise.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

mod allowed;
mod bench;
mod confine;
mod escapes;
mod life;
mod limits;
mod moments;
mod networks;
mod remains;
