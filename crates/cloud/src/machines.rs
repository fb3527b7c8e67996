//! The sandboxes of a cloud: where they lie, and whether they outlive it.

use crate::{Config, Location, kept};
use std::path::{Path, PathBuf};
use yakumo_machine::{Host, Sandboxes};
use yakumo_net::Network;
use yakumo_store::{Store, StoreError};

/// Where the sandboxes of a cloud without a directory lie, below the directory for temporary files that a restart of the host leaves.
pub const TEMPORARY: &str = "/var/tmp";
/// Where they lie in a cloud's directory.
pub const FOLDER: &str = "machines";

/// Where the sandboxes of a cloud lie: in its directory, or without one in a place for temporary files.
pub fn directory(own: Option<&Path>, cloud: &str) -> PathBuf {
    match own {
        Some(own) => own.join(FOLDER),
        None => PathBuf::from(TEMPORARY).join(format!("yakumo-{cloud}")),
    }
}

/// The sandboxes of a cloud. Nothing is made before the first of them is started. They need the networks: what runs without its
/// security groups would be open to everybody.
pub async fn open(store: &Store, config: &Config, network: &Network) -> Result<Sandboxes, StoreError> {
    let cloud = store.cloud().to_string();
    let root = directory(config.directory.as_deref(), &cloud);
    let host = match network.not_enforced() {
        Some(why) => Host::Nobody(why.to_owned()),
        None => config.sandboxes.clone(),
    };
    let sandboxes = Sandboxes::new(&cloud, root, host, !matches!(config.location, Location::Memory));
    if let Some(generation) = kept::disks(store).await? {
        sandboxes.set_generation(&generation);
    }
    Ok(sandboxes)
}
