//! The commit queue in front of every engine: order by arrival, merging, conflict detection.

mod conflicts;
mod feed;
mod group;
mod lead;
mod order;
mod queue;
#[cfg(test)]
mod tests;
mod ticket;

pub(crate) use conflicts::{OpenTransaction, ReadSet};
pub use order::Order;
pub(crate) use order::stored_ceiling;
pub(crate) use queue::{Committer, Mode};
pub use ticket::Ticket;
