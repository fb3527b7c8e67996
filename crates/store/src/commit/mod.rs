//! The commit queue in front of every engine: order by arrival, merging, conflict detection.

mod conflicts;
mod feed;
mod group;
mod queue;
mod ticket;

pub(crate) use conflicts::{OpenTransaction, ReadSet};
pub(crate) use queue::{Committer, Mode, stored_ceiling};
pub use ticket::Ticket;

/// The place of a commit among all commits. It only grows; numbers may be skipped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Order(u64);

impl Order {
    /// Before every commit.
    pub const FIRST: Order = Order(0);

    /// From its number.
    pub fn from_u64(order: u64) -> Order {
        Order(order)
    }

    /// Its number.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}
