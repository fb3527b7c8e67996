//! How Elastic IPs come and go: out of the cloud's own public addresses, and back.
//!
//! Invariant: a note that all accounts share says who has an address; it comes and goes with the record.

use super::ElasticIp;
use crate::commit::{change, refuse};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{self, ALL, Home, Noun, new_id};
use crate::{error, network_interfaces, quotas, tags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use yakumo_api_ec2::{
    AllocateAddressInput, AllocateAddressOutput, ReleaseAddressInput, ReleaseAddressOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Record, Scope, Tx};

/// The first addresses of the cloud's public block are the network's own.
const NETWORKS_OWN: u64 = 16;

/// Who has a public address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublicAddress {
    address: Ipv4Addr,
    home: Home,
    allocation: String,
}

impl Record for PublicAddress {
    const TABLE: &'static str = "public-addresses";
}

fn shared() -> Scope {
    Scope { account: None, region: None, service: "ec2" }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html>
pub(super) async fn allocate_address(ctx: Ctx, input: AllocateAddressInput) -> Result<AllocateAddressOutput> {
    let own_pool = ["", "amazon"].contains(&input.public_ipv4_pool.as_deref().unwrap_or_default());
    refuse(&[
        ("Address", input.address.is_some()),
        ("PublicIpv4Pool", !own_pool),
        ("CustomerOwnedIpv4Pool", input.customer_owned_ipv4_pool.is_some()),
        ("IpamPoolId", input.ipam_pool_id.is_some()),
    ])?;
    if let Some(domain) = input.domain.as_deref().filter(|domain| *domain != "vpc") {
        return Err(error::invalid_value(domain, "domain", "The only domain is vpc."));
    }
    check_border_group(&ctx, input.network_border_group.as_deref())?;
    let tags = tags::at_creation(ElasticIp::KIND, input.tag_specifications.as_ref())?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, tags) = (&ctx, tags.clone());
        async move {
            let home = Home::of(ctx);
            let count = nouns::all::<ElasticIp>(&tx, home).await?.len();
            quotas::check(count + 1, quotas::ELASTIC_IPS, "AddressLimitExceeded", "addresses")?;
            let address = choose(&tx, ctx).await?;
            let made = ElasticIp { id: new_id(ctx, ElasticIp::PREFIX), home, address, link: None, tags };
            let note = PublicAddress { address, home, allocation: made.id.clone() };
            tx.put(&shared(), &[&address.to_string()], &note);
            nouns::put(&tx, None, &made);
            Ok(made)
        }
    })
    .await?;
    Ok(AllocateAddressOutput {
        allocation_id: Some(made.id),
        public_ipv4_pool: Some("amazon".into()),
        network_border_group: Some(made.home.region.to_string()),
        domain: Some("vpc".into()),
        public_ip: Some(made.address.to_string()),
        ..AllocateAddressOutput::default()
    })
}

fn check_border_group(ctx: &Ctx, wanted: Option<&str>) -> Result<()> {
    match wanted {
        Some(group) if group != ctx.region().as_str() => {
            Err(error::invalid_value(group, "networkBorderGroup", "Unknown network border group."))
        }
        _ => Ok(()),
    }
}

/// A free one of the cloud's public addresses, by chance: who gets an address must not guess the next one's.
async fn choose(tx: &Tx, ctx: &Ctx) -> Result<Ipv4Addr> {
    let taken: Vec<PublicAddress> = tx.list(&shared(), &[], None, ALL).await?;
    let taken: BTreeSet<Ipv4Addr> = taken.into_iter().map(|note| note.address).collect();
    let block = &ctx.base().network.ranges().v4;
    let addresses = (NETWORKS_OWN..).map_while(|index| block.nth(index));
    let free: Vec<Ipv4Addr> = addresses
        .filter_map(|address| match address {
            IpAddr::V4(address) if !taken.contains(&address) => Some(address),
            _ => None,
        })
        .collect();
    let mut random = [0; 8];
    ctx.base().ids.fill(&mut random);
    let count = u64::try_from(free.len()).unwrap_or(u64::MAX);
    let index = u64::from_be_bytes(random).checked_rem(count).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| free.get(index).copied()).ok_or_else(|| {
        let text = "Not enough available addresses to satisfy your request.";
        Error::sender("InsufficientAddressCapacity", text)
    })
}

/// Lends an interface a public address.
///
/// # Errors
/// InsufficientAddressCapacity.
pub(crate) async fn lend(tx: &Tx, ctx: &Ctx, interface: &NetworkInterface) -> Result<Ipv4Addr> {
    let address = choose(tx, ctx).await?;
    let note = PublicAddress { address, home: interface.home, allocation: interface.id.clone() };
    tx.put(&shared(), &[&address.to_string()], &note);
    Ok(address)
}

/// The key of a stored note of a public address, whose address is another one now; `None` when the key is no note's.
pub(crate) fn key_of_note(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let table = shared().record_key(PublicAddress::TABLE, &[]);
    let note = key.starts_with(&table).then(|| PublicAddress::from_bytes(bytes).ok())??;
    Some(shared().record_key(PublicAddress::TABLE, &[&note.address.to_string()]).to_vec())
}

/// Takes it back.
pub(crate) fn give_back(tx: &Tx, address: Ipv4Addr) {
    tx.delete::<PublicAddress>(&shared(), &[&address.to_string()]);
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html>
pub(super) async fn release_address(ctx: Ctx, input: ReleaseAddressInput) -> Result<ReleaseAddressOutput> {
    check_border_group(&ctx, input.network_border_group.as_deref())?;
    let id = match (&input.allocation_id, &input.public_ip) {
        (Some(id), _) => id,
        // AWS: by its public address only an address of EC2-Classic could be released.
        (None, Some(_)) => {
            let text = "You must specify an allocation id when releasing a VPC elastic IP address";
            return Err(error::invalid_parameter_value(text));
        }
        (None, None) => return Err(error::missing_parameter("allocationId")),
    };
    change(&ctx, input.dry_run, |tx| {
        let home = Home::of(&ctx);
        async move {
            let address: ElasticIp = nouns::find(&tx, home, id).await?;
            if address.link.is_some() {
                return Err(network_interfaces::in_use(&address.address.to_string()));
            }
            tx.delete::<PublicAddress>(&shared(), &[&address.address.to_string()]);
            nouns::delete(&tx, &address);
            Ok(())
        }
    })
    .await?;
    Ok(ReleaseAddressOutput {})
}
