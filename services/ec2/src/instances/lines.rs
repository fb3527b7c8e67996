//! All instances of the cloud, for its owner: the control API has no accounts.

use super::{boot, seen::Surroundings, work};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_room::World;

/// An instance of any account and region.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceLine {
    /// `i-…`.
    pub id: String,
    /// The account that owns it.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its tag `Name`.
    pub name: Option<String>,
    /// `running`, `stopped` and so on.
    pub state: String,
    /// Why, when there is something to say.
    pub reason: Option<String>,
    /// Its type.
    pub kind: String,
    /// Its image.
    pub image: String,
    /// Its private IPv4 address.
    pub private_address: Option<String>,
    /// Its public IPv4 address.
    pub public_address: Option<String>,
    /// The name of its key pair.
    pub key_name: Option<String>,
    /// The user that its image lets in.
    pub user: String,
    /// When it was launched or started last, in milliseconds since 1970 of the cloud's clock.
    pub launched_ms: i64,
}

/// All instances, by account, region and id.
///
/// # Errors
/// When the store fails, or the cloud stops.
pub async fn instance_lines(world: &Arc<World>) -> Result<Vec<InstanceLine>> {
    let mut around: HashMap<(String, String), Surroundings> = HashMap::new();
    let mut lines = Vec::new();
    for instance in work::everywhere(&world.base).await? {
        let (account, region) = (instance.home.account.to_string(), instance.home.region.to_string());
        let place = (account.clone(), region.clone());
        if !around.contains_key(&place) {
            let ctx =
                work::context(world, instance.home).ok_or_else(|| Error::internal("the cloud stops"))?;
            around.insert(place.clone(), Surroundings::read(&ctx).await?);
        }
        let Some(shown) = around.get(&place).map(|around| around.shown(&instance)) else { continue };
        lines.push(InstanceLine {
            id: instance.id.clone(),
            account,
            region,
            name: instance.tags.get("Name").cloned(),
            state: instance.state.name().to_owned(),
            reason: instance.state_reason.clone().map(|(_, text)| text),
            kind: instance.kind.clone(),
            image: instance.image.clone(),
            private_address: shown.private_ip_address,
            public_address: shown.public_ip_address.filter(|address| !address.is_empty()),
            key_name: instance.key_name.clone(),
            user: boot::default_user(&instance.image_name).to_owned(),
            launched_ms: instance.launched.as_millis(),
        });
    }
    lines.sort_by(|one, other| {
        (&one.account, &one.region, &one.id).cmp(&(&other.account, &other.region, &other.id))
    });
    Ok(lines)
}
