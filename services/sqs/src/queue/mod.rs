//! The engine of a queue, free of AWS's wire types: where messages stand, how they are stored, how they move.
//!
//! `index` decides, without IO; `open` ties an index to the store; `sends`, `receives`, `receipts` and `transfers` are
//! what can be done with an open queue; `polls` waits for one; `registry` finds one.

mod attempts;
mod deduplication;
pub mod digest;
mod fifo;
pub mod index;
pub mod keys;
#[cfg(test)]
mod model_test;
pub mod open;
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
