//! The networks of a cloud: which public addresses are its own, and what becomes of them at its end.

use crate::{Config, Location, kept};
use yakumo_net::Network;
use yakumo_net::engine::{Ranges, SLICES};
use yakumo_net::network::{Host, claim};
use yakumo_store::{Store, StoreError};

/// Opens the networks of a cloud: nothing is made before an interface is live.
pub async fn open(store: &Store, config: &Config) -> Result<(Network, u8), StoreError> {
    let cloud = store.cloud().to_string();
    let before = kept::slice(store).await?;
    let first = before.unwrap_or_else(|| Ranges::preferred(&cloud));
    let (host, slice, claimed) = match &config.network {
        // Networks that are apart share no addresses with others.
        Host::Nobody(_) | Host::Agent { apart: true, .. } => (config.network.clone(), first, None),
        Host::Agent { run, .. } => {
            // Addresses that were handed out cannot become others.
            let choices: Vec<u8> = match before {
                Some(slice) => vec![slice],
                None => (0..SLICES).map(|n| (first + n) % SLICES).collect(),
            };
            match claim(run, &cloud, &choices) {
                Ok((slice, file)) => (config.network.clone(), slice, Some(file)),
                Err(why) => (Host::Nobody(why), first, None),
            }
        }
    };
    let ranges = Ranges::new(&cloud, slice);
    kept::keep_slice(store, slice, ranges).await?;
    let keeps = !matches!(config.location, Location::Memory);
    let network = Network::new(&cloud, ranges, host, keeps, claimed);
    network.set_plugs(kept::plugs(store).await?);
    Ok((network, slice))
}

/// Networks of a cloud that is kept stand until its next start; those of one that is not are gone with it.
pub async fn close(network: &Network, config: &Config) {
    if matches!(config.location, Location::Memory)
        && let Err(error) = network.clean().await
    {
        tracing::error!(%error, "networks are left on the host; `yakumo down --clean` removes them");
    }
}
