//! VPC endpoints: what a request that came through one brings with it, and the seam to the room that keeps them.
//!
//! Invariant: a request that came through an endpoint is judged by the endpoint's policy as it was last acknowledged.

use futures_util::future::BoxFuture;
use std::net::IpAddr;
use std::sync::Arc;
use yakumo_aws::{Region, Result};
use yakumo_policy::Attached;

/// A VPC endpoint, as far as requests through it need it.
#[derive(Debug)]
pub struct Endpoint {
    /// `vpce-…`: `aws:SourceVpce`.
    pub id: String,
    /// Its VPC: `aws:SourceVpc`.
    pub vpc: String,
    /// The only region that is asked through it.
    pub region: Region,
    /// The only service that is asked through it, by its name in signatures.
    pub signing_name: String,
    /// Its policy, which must allow everything that is asked through it.
    /// AWS: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>
    pub policy: Attached,
}

/// The endpoint that a request came through.
#[derive(Clone, Debug)]
pub struct Through {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// The private address that it came from: `aws:VpcSourceIp`.
    pub address: IpAddr,
}

/// Tells what endpoints are; implemented by the room that keeps VPCs (see `Room::endpoints`).
pub trait Endpoints: Send + Sync {
    /// The endpoint of that id; `None` when it is not available (any more).
    fn endpoint<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Endpoint>>>>;
}
