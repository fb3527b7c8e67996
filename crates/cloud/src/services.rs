//! THE list of services: every room of the cloud, and the seam between them.

use std::sync::{Arc, LazyLock};
use yakumo_room::{Base, World};
use yakumo_store::StoreError;
use yakumo_wire::router::Router;

static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(yakumo_models::services()));

/// Finds the operation of any request to any of AWS's services.
pub fn router() -> &'static Router {
    &ROUTER
}

/// What the names of all of AWS's services begin with: `sqs`, `api.ecr`.
pub fn prefixes() -> impl Iterator<Item = String> {
    yakumo_models::services().iter().map(|service| service.endpoint_prefix.to_owned())
}

/// Builds all rooms over a common ground.
///
/// # Errors
/// When a room cannot read what it keeps in memory.
pub async fn world(base: Arc<Base>) -> Result<Arc<World>, StoreError> {
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let (accounts, organizations) = yakumo_organizations::room(&base).await?;
    let (s3, s3_control) = yakumo_s3::rooms(&base);
    let rooms = vec![iam, accounts, yakumo_ec2::room(&base), s3, s3_control, yakumo_sqs::room(&base), sts];
    Ok(World::new(base, principals, organizations, rooms))
}
