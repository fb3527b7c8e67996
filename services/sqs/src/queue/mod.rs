//! The engine of a queue, free of AWS's wire types: where messages stand, how they are stored, how they move.
//!
//! `index` decides, without IO (`claims`, `held` and `forgetting` are parts of it); `open` ties an index to the store; `sends`, `receives`, `receipts` and `transfers` are
//! what can be done with an open queue; `polls` waits for one; `registry` finds one.

mod attempts;
pub mod body;
mod claims;
mod deduplication;
pub mod digest;
mod fifo;
mod forgetting;
mod held;
pub mod index;
pub mod keys;
#[cfg(test)]
mod model_test;
pub mod open;
pub mod outcomes;
pub mod polls;
pub mod receipt;
pub mod receipts;
pub mod receives;
pub mod record;
pub mod registry;
pub mod sends;
pub mod settings;
mod standard;
#[cfg(test)]
mod store_test;
pub mod text;
pub mod transfers;
