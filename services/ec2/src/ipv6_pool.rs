//! Amazon's pool of IPv6 blocks: a /56 for a VPC that asks for one.
//!
//! Invariant: no two VPCs of a cloud, of whatever account and region, have the same block, so that all of them can be
//! reached from outside. DIFFERS: the addresses are unique local ones (RFC 4193), because the host routes them into the
//! cloud; 255 VPCs can have a block.

use crate::cidr::Cidr;
use crate::defaults::Place;
use crate::error;
use crate::nouns::ALL;
use serde::{Deserialize, Serialize};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Record, Tx};

/// The length of the prefix that a VPC gets.
const PREFIX: u8 = 56;

/// A block that a VPC has.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Given {
    cidr: Cidr,
}

impl Record for Given {
    const TABLE: &'static str = "ipv6-blocks";
}

/// Takes a block out of the pool.
pub(crate) async fn take(tx: &Tx, ctx: &Ctx) -> Result<Cidr> {
    let range = ctx.base().network.ranges().v6;
    let range = Cidr::new(range.first(), range.prefix());
    let range = range.ok_or_else(|| Error::internal("the cloud has no IPv6 addresses"))?;
    let scope = Place::scope();
    let given: Vec<Given> = tx.list(&scope, &[], None, ALL).await?;
    // The first one is the network's own.
    let mut blocks = (1..256).filter_map(|index| range.part(PREFIX, index));
    let free = blocks.find(|block| given.iter().all(|given| given.cidr != *block));
    let cidr = free.ok_or_else(|| error::limit_exceeded("CidrLimitExceeded", "IPv6 CIDR blocks"))?;
    tx.put(&scope, &[&cidr.to_string()], &Given { cidr });
    Ok(cidr)
}

/// Gives a block back.
pub(crate) fn give_back(tx: &Tx, cidr: &Cidr) {
    tx.delete::<Given>(&Place::scope(), &[&cidr.to_string()]);
}
