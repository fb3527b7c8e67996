//! VPC endpoints: the record and how it is registered.
//!
//! Invariant: the routes of a gateway endpoint stand in route tables alone, and the interfaces of an interface endpoint
//! are made and removed in the transaction that changes it.
//! Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/concepts.html>

mod keeper;
mod life;
mod modify;
mod names;
mod parts;
mod policy;
mod seen;
mod services;
mod work;

pub(crate) use keeper::Keeper;
pub(crate) use names::{private_names, public_names};
pub(crate) use services::service;
pub(crate) use work::tend;

use crate::access::{self, Asked};
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home};
use crate::route_tables::RouteTable;
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use crate::tags::Tags;
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use yakumo_api_ec2 as api;
use yakumo_aws::Timestamp;
use yakumo_room::Room;

/// A VPC endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VpcEndpoint {
    /// `vpce-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// The service that it leads to: `com.amazonaws.us-east-1.s3`.
    pub service: String,
    /// What it is made of.
    pub kind: Kind,
    /// Where it is in its life.
    pub state: State,
    /// Its policy as the customer wrote it; `None` is the one that allows everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where an interface endpoint has an interface.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// The security groups of its interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Whether the service's own names lead to it inside of its VPC.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private_dns: bool,
    /// Whether they do so only for who asks through an inbound resolver endpoint: S3's alone, beside its gateway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inbound_only: bool,
    /// What its names have besides its id.
    pub mark: String,
    /// When it was made.
    pub created: Timestamp,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What an endpoint is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Routes.
    Gateway,
    /// Interfaces.
    Interface,
}

impl Kind {
    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Gateway => "Gateway",
            Kind::Interface => "Interface",
        }
    }
}

/// Where an endpoint is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It comes up.
    Pending,
    /// It leads to its service.
    Available,
    /// It is being let go.
    Deleting,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Available => "available",
            State::Deleting => "deleting",
        }
    }
}

/// An interface of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Its subnet.
    pub subnet: String,
    /// The subnet's zone.
    pub zone: String,
    /// `eni-…`.
    pub interface: String,
    /// Its address.
    pub address: Ipv4Addr,
}

noun!(
    VpcEndpoint,
    table: "vpc-endpoints",
    type: "AWS::EC2::VPCEndpoint",
    kind: "vpc-endpoint",
    prefix: "vpce-",
    not_found: "InvalidVpcEndpointId.NotFound",
    malformed: "InvalidVpcEndpointId.Malformed",
    spoken: "Vpc Endpoint Id",
    keys: |endpoint| services::keys(&endpoint.service, endpoint.home.region),
);

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = services::register(modify::register(room));
    room.on(
        api::CreateVpcEndpoint,
        access::looked_up("ec2:CreateVpcEndpoint", |ctx, input: &api::CreateVpcEndpointInput| {
            let service = input.service_name.clone().unwrap_or_default();
            let asked =
                Asked::on::<Vpc>(&input.vpc_id).making::<VpcEndpoint>(input.tag_specifications.as_ref());
            let asked =
                input.route_table_ids.iter().flatten().fold(asked, |asked, id| asked.and::<RouteTable>(id));
            let asked = input.subnet_ids.iter().flatten().fold(asked, |asked, id| asked.and::<Subnet>(id));
            let groups = input.security_group_ids.iter().flatten();
            let asked = groups.fold(asked, |asked, id| asked.and::<SecurityGroup>(id));
            let asked = services::keys(&service, ctx.region())
                .into_iter()
                .fold(asked, |asked, (key, values)| asked.with(&key, values));
            Box::pin(std::future::ready(Ok(asked)))
        }),
        life::create_vpc_endpoint,
    )
    .on(
        api::DeleteVpcEndpoints,
        access::needs("ec2:DeleteVpcEndpoints", |input: &api::DeleteVpcEndpointsInput| {
            let ids = input.vpc_endpoint_ids.iter();
            ids.fold(Asked::any(), |asked, id| asked.and::<VpcEndpoint>(id))
        }),
        life::delete_vpc_endpoints,
    )
    .on(
        api::DescribeVpcEndpoints,
        access::reads("ec2:DescribeVpcEndpoints"),
        seen::describe_vpc_endpoints,
    )
}
