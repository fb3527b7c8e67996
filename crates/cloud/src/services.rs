//! THE list of services: every room of the cloud, and the seam between them.

use std::sync::{Arc, LazyLock};
use yakumo_room::{Base, NoOrganizations, World};
use yakumo_wire::router::Router;

static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(yakumo_models::services()));

/// Finds the operation of any request to any of AWS's services.
pub fn router() -> &'static Router {
    &ROUTER
}

/// Builds all rooms over a common ground.
pub fn world(base: Arc<Base>) -> Arc<World> {
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let rooms = vec![iam, yakumo_sqs::room(&base), sts];
    World::new(base, principals, Arc::new(NoOrganizations), rooms)
}
