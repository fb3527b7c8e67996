//! Background work: moving messages for move tasks, and freeing the space of what is gone.
//!
//! Both read what to do from the store, in bounded steps, and can be stopped and begun again at any point.

mod clean_up;
mod moves;

use crate::queue::registry::Registry;
use crate::state::work;
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{Error, Result};
use yakumo_room::store::Range;
use yakumo_room::{Reconciler, Record};

/// The name of the reconciler that moves messages.
pub const MOVE_TASKS: &str = "sqs.message-move-tasks";
/// The name of the reconciler that frees space.
pub const CLEAN_UP: &str = "sqs.clean-up";

/// Moves messages for message move tasks.
pub fn move_tasks(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(MOVE_TASKS, Duration::from_secs(1), move |_| {
        let registry = registry.clone();
        async move { moves::run(&registry).await }
    })
}

/// Frees the space of deleted queues, purged and expired messages.
pub fn clean_up(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(CLEAN_UP, Duration::from_secs(30), move |_| {
        let registry = registry.clone();
        async move { clean_up::run(&registry).await }
    })
}

/// All records of a table of work.
async fn all<R: Record>(registry: &Registry) -> Result<Vec<R>> {
    let rows = registry.base().store.scan(Range::prefix(work().key(R::TABLE).build()), usize::MAX).await?;
    rows.iter().map(|(_, bytes)| R::from_bytes(bytes).map_err(Error::internal)).collect()
}
