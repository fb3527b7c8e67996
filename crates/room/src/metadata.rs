//! Instance metadata: what an instance may ask about itself at 169.254.169.254, and the seam to the room that keeps instances.
//!
//! Invariant: who asks is told by the network (the VPC that the question comes from, and the address there), never by the question.

use crate::World;
use futures_util::future::BoxFuture;
use std::net::IpAddr;
use std::sync::Arc;
use yakumo_aws::{AccountId, Region, Result};

/// The instance that asks, and how it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its owner.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// `i-…`.
    pub instance: String,
    /// `HttpEndpoint`: whether it may ask at all.
    pub enabled: bool,
    /// `HttpProtocolIpv6`: whether it may ask over IPv6.
    pub ipv6: bool,
    /// `HttpTokens`: whether it must show a token.
    pub tokens_required: bool,
    /// `HttpPutResponseHopLimit`: how many hops an answer with a token may go.
    pub hop_limit: u8,
}

/// Knows instances; implemented by the room that keeps them (see `Room::metadata`).
pub trait Metadata: Send + Sync {
    /// The running instance that has this address in this VPC.
    fn guest<'a>(
        &'a self,
        world: &'a Arc<World>,
        vpc: &'a str,
        source: IpAddr,
    ) -> BoxFuture<'a, Result<Option<Guest>>>;

    /// What is at a path below a version (`meta-data/ami-id`), or a directory's entries, one a line. `None` when there is
    /// nothing of that name. `with_token` is whether the question came with a valid token: credentials tell it
    /// (`ec2:RoleDelivery`).
    fn read<'a>(
        &'a self,
        world: &'a Arc<World>,
        guest: &'a Guest,
        path: &'a str,
        with_token: bool,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>>>;
}
