//! THE list of services: every room of the cloud, and the seam between them.

use std::sync::{Arc, LazyLock};
use yakumo_room::{Base, World};
use yakumo_wire::router::Router;

static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(yakumo_models::services()));

/// Finds the operation of any request to any of AWS's services.
pub fn router() -> &'static Router {
    &ROUTER
}

/// Builds all rooms over a common ground.
pub fn world(base: Arc<Base>) -> Arc<World> {
    let rooms = vec![yakumo_sqs::room(&base)];
    World::new(base, Arc::new(Nobody), rooms)
}

/// Until the iam room is here, only the root users exist.
struct Nobody;

impl yakumo_room::Principals for Nobody {
    fn credentials<'a>(
        &'a self,
        _access_key_id: &'a str,
    ) -> futures_util::future::BoxFuture<'a, yakumo_aws::Result<Option<Arc<yakumo_room::Credentials>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
