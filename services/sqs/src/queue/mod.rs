//! The engine of a queue, free of AWS's wire types: where messages stand, how they are stored, what identifies them.

mod attempts;
mod deduplication;
pub mod digest;
mod fifo;
pub mod index;
#[cfg(test)]
mod model_test;
pub mod receipt;
pub mod record;
mod standard;
pub mod text;
