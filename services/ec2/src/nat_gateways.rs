//! NAT gateways: the record, what the API shows of it, Describe.
//!
//! Invariant: an available gateway has an interface of its own, and a public one an Elastic IP that stands for it; both
//! are let go in the transaction that ends it.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html>

mod life;
mod work;

pub(crate) use work::tend;

use crate::access::{self, Asked};
use crate::elastic_ips::ElasticIp;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home};
use crate::pages::{Wanted, describe};
use crate::subnets::Subnet;
use crate::tags::{self, Tags};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use yakumo_api_ec2::{self as api, DescribeNatGatewaysInput, DescribeNatGatewaysOutput, NatGatewayAddress};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Room};

/// A NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NatGateway {
    /// `nat-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// The VPC of its subnet.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// The zone of its subnet.
    pub zone: String,
    /// Where it is in its life.
    pub state: State,
    /// The Elastic IP of a public one; `None` for a private one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<String>,
    /// The private address that it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Ipv4Addr>,
    /// What it has since it is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was deleted or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed: code and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<(String, String)>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// The address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    /// Its own interface.
    pub interface: String,
    /// Its private address.
    pub private: Ipv4Addr,
    /// The Elastic IP that stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Ipv4Addr>,
    /// The Elastic IP's association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association: Option<String>,
}

/// Where a gateway is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It has nothing yet.
    Pending,
    /// It never came up.
    Failed,
    /// It carries packets.
    Available,
    /// It is being let go.
    Deleting,
    /// It is only remembered.
    Deleted,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Failed => "failed",
            State::Available => "available",
            State::Deleting => "deleting",
            State::Deleted => "deleted",
        }
    }

    /// Whether routes may lead to it, and it counts.
    pub(crate) fn is_alive(self) -> bool {
        matches!(self, State::Pending | State::Available)
    }
}

noun!(
    NatGateway,
    table: "nat-gateways",
    type: "AWS::EC2::NatGateway",
    kind: "natgateway",
    prefix: "nat-",
    not_found: "NatGatewayNotFound",
    malformed: "NatGatewayMalformed",
    spoken: "NAT gateway",
    keys: |_| Vec::new(),
);

impl Filtered for NatGateway {
    const FILTERS: &'static [&'static str] = &["nat-gateway-id", "state", "subnet-id", "vpc-id"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "nat-gateway-id" => fact(self.id.clone()),
            "state" => fact(self.state.name().to_owned()),
            "subnet-id" => fact(self.subnet.clone()),
            _ => fact(self.vpc.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateNatGateway,
        access::needs("ec2:CreateNatGateway", |input: &api::CreateNatGatewayInput| {
            Asked::any()
                .and_maybe::<Subnet>(input.subnet_id.as_deref())
                .and_maybe::<ElasticIp>(input.allocation_id.as_deref())
                .making::<NatGateway>(input.tag_specifications.as_ref())
        }),
        life::create_nat_gateway,
    )
    .on(
        api::DeleteNatGateway,
        access::needs("ec2:DeleteNatGateway", |input: &api::DeleteNatGatewayInput| {
            Asked::on::<NatGateway>(&input.nat_gateway_id)
        }),
        life::delete_nat_gateway,
    )
    .on(api::DescribeNatGateways, access::reads("ec2:DescribeNatGateways"), describe_nat_gateways)
}

fn shown(gateway: &NatGateway) -> api::NatGateway {
    let (code, text) = gateway.failure.clone().unzip();
    api::NatGateway {
        create_time: Some(gateway.created),
        delete_time: gateway.ended,
        failure_code: code,
        failure_message: text,
        nat_gateway_addresses: Some(vec![shown_address(gateway)]),
        nat_gateway_id: Some(gateway.id.clone()),
        state: Some(gateway.state.name().to_owned()),
        subnet_id: Some(gateway.subnet.clone()),
        vpc_id: Some(gateway.vpc.clone()),
        tags: tags::shown(&gateway.tags),
        connectivity_type: Some(if gateway.allocation.is_some() { "public" } else { "private" }.into()),
        availability_mode: Some("zonal".into()),
        ..api::NatGateway::default()
    }
}

fn shown_address(gateway: &NatGateway) -> NatGatewayAddress {
    let address = gateway.address.as_ref();
    let wanted = gateway.wanted.map(|address| address.to_string());
    let status = match gateway.state {
        State::Pending => "associating",
        State::Failed => "failed",
        State::Available => "succeeded",
        State::Deleting | State::Deleted => "disassociating",
    };
    NatGatewayAddress {
        allocation_id: gateway.allocation.clone(),
        network_interface_id: address.map(|address| address.interface.clone()),
        private_ip: address.map(|address| address.private.to_string()).or(wanted),
        public_ip: address.and_then(|address| address.public).map(|address| address.to_string()),
        association_id: address.and_then(|address| address.association.clone()),
        is_primary: Some(true),
        failure_message: gateway.failure.as_ref().map(|(_, text)| text.clone()),
        status: Some(status.into()),
        ..NatGatewayAddress::default()
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html>
async fn describe_nat_gateways(
    ctx: Ctx,
    input: DescribeNatGatewaysInput,
) -> Result<DescribeNatGatewaysOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.nat_gateway_ids.as_ref(), "natGatewayIds");
    let see = std::convert::identity::<NatGateway>;
    let page = describe(&ctx, ids, input.filter.as_ref(), wanted, see).await?;
    Ok(DescribeNatGatewaysOutput {
        nat_gateways: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}
