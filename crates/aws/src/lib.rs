//! The nouns that every crate shares: accounts, regions, ARNs, errors, points in time.
//!
//! Invariant: no IO, no clock, no randomness, and no knowledge of any single service.

mod account;
mod arn;
mod error;
pub mod hostnames;
mod region;
mod timestamp;

pub use account::AccountId;
pub use arn::{Arn, ArnError};
pub use error::{Error, Fault, Result};
pub use region::{Partition, Region};
pub use timestamp::Timestamp;
