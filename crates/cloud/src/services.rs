//! THE list of services: every room of the cloud, and the seam between them.

use std::sync::Arc;
use yakumo_room::{Base, World};

/// Builds all rooms over a common ground.
pub fn world(base: Arc<Base>) -> Arc<World> {
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let rooms = vec![iam, sts, yakumo_sqs::room(&base)];
    World::new(base, principals, rooms)
}
