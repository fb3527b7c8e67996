//! What instances may know of themselves: who asks, and what there is to read.
//!
//! Invariant: everything is read from the records as last committed; only credentials are remembered, until they are due.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html>

mod categories;
mod credentials;
mod tree;

use super::{Instance, work};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::Home;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use credentials::Delivered;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_room::{Base, Guest, Metadata, Record, World};

/// Interfaces whose owners are remembered at once.
const HOMES_MAX: usize = 10_000;

/// Tells instances about themselves.
#[derive(Default)]
pub(crate) struct Keeper {
    /// Where interfaces are: that never changes.
    homes: Mutex<HashMap<String, Home>>,
    delivered: Delivered,
}

async fn read<R: Record>(base: &Base, home: Home, id: &str) -> Result<Option<R>> {
    let bytes = base.store.get(&home.scope().record_key(R::TABLE, &[id])).await?;
    bytes.map(|bytes| R::from_bytes(&bytes).map_err(Error::internal)).transpose()
}

impl Keeper {
    async fn interface(&self, base: &Base, id: &str) -> Result<Option<NetworkInterface>> {
        let known = self.homes.lock().get(id).copied();
        if let Some(home) = known {
            return read(base, home, id).await;
        }
        for home in work::places(base).await? {
            if let Some(found) = read::<NetworkInterface>(base, home, id).await? {
                let mut homes = self.homes.lock();
                if homes.len() >= HOMES_MAX {
                    homes.clear();
                }
                homes.insert(id.to_owned(), home);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn found(&self, world: &World, vpc: &str, source: IpAddr) -> Result<Option<Guest>> {
        let topology = world.base.network.topology();
        let is_asking = |(_, interface): &(&String, &yakumo_net::topology::Interface)| {
            interface.has(source) && topology.vpc_of(interface) == Some(vpc)
        };
        let Some((id, _)) = topology.interfaces.iter().find(is_asking) else { return Ok(None) };
        let Some(interface) = self.interface(&world.base, id).await? else { return Ok(None) };
        let Some(id) = interface.instance() else { return Ok(None) };
        let found = read::<Instance>(&world.base, interface.home, id).await?;
        Ok(found.filter(|instance| instance.state.is_live()).map(|instance| guest(&instance)))
    }

    async fn told(
        &self,
        world: &Arc<World>,
        guest: &Guest,
        path: &str,
        with_token: bool,
    ) -> Result<Option<Vec<u8>>> {
        let home = Home { account: guest.account, region: guest.region };
        let Some(instance) = read::<Instance>(&world.base, home, &guest.instance).await? else {
            return Ok(None);
        };
        if path == "user-data" {
            return Ok(instance.user_data.as_ref().and_then(|text| STANDARD.decode(text).ok()));
        }
        let ctx = work::context(world, home).ok_or_else(|| Error::internal("the cloud stops"))?;
        let profile = match &instance.profile {
            Some(association) => association.resolve(&ctx).await?,
            None => None,
        };
        if let Some(role) = path.strip_prefix("meta-data/iam/security-credentials/") {
            let Some(profile) = profile else { return Ok(None) };
            let told = self.delivered.told(world, &ctx, &instance, &profile, role, with_token).await?;
            return Ok(told.map(String::into_bytes));
        }
        let tree = categories::of(&ctx, &instance, profile.as_ref()).await?;
        Ok(tree.read(path).map(String::into_bytes))
    }
}

fn guest(instance: &Instance) -> Guest {
    let options = &instance.metadata;
    Guest {
        account: instance.home.account,
        region: instance.home.region,
        instance: instance.id.clone(),
        enabled: options.enabled,
        ipv6: options.ipv6,
        tokens_required: options.tokens_required,
        hop_limit: u8::try_from(options.hop_limit).unwrap_or(1),
    }
}

impl Metadata for Keeper {
    fn guest<'a>(
        &'a self,
        world: &'a Arc<World>,
        vpc: &'a str,
        source: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Guest>>> {
        Box::pin(self.found(world, vpc, source))
    }

    fn read<'a>(
        &'a self,
        world: &'a Arc<World>,
        guest: &'a Guest,
        path: &'a str,
        with_token: bool,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        Box::pin(self.told(world, guest, path, with_token))
    }
}
